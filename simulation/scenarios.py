"""The named scenarios: the field bugs that this wire can show, and the plain cases beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from speech_lifecycle.adapters.sessions.audio_format import AudioFormat
from speech_lifecycle.fsm.events import OutputPlaybackStarted
from speech_lifecycle.fsm.values import Capabilities, Policy

from . import misbehaviour as bad
from .scenario import Action, Scenario
from .script import AfterLoss, Pacing, ScriptedFunctionCall, ScriptedMessage, ScriptedResponse, ServerBehaviour
from .server_dialects import AZURE, BARE, CONTENTS, GATEWAY, LATE, XAI, ServerDialect

PREAMBLE = ScriptedMessage("Let me check the weather in London for you.", 1_800, message_id="preamble")
ANSWER = ScriptedMessage(
    "It is sunny in London today, with a light breeze from the west and no rain before the evening.",
    4_200,
    message_id="answer",
)
CLOSING = ScriptedMessage("Shall I look up tomorrow as well?", 1_500, message_id="closing")
LATER = ScriptedMessage("Tomorrow will be cloudy.", 1_400, message_id="later")
SHOWN = ScriptedMessage("Here is the forecast as a table.", modality="text", message_id="shown")
EMPTY = ScriptedMessage("", 0, message_id="empty")
CALL = ScriptedFunctionCall("get_weather", '{"city": "London"}')

TWO = ScriptedResponse((PREAMBLE, ANSWER))
THREE = ScriptedResponse((PREAMBLE, ANSWER, CLOSING))
SLOW = ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2, first_item_delay_ms=300))
NEXT = ScriptedResponse((LATER,))

IN_PREAMBLE = Action(900, "interrupt")
IN_ANSWER = Action(3_200, "interrupt")


def _scenario(name: str, summary: str, *responses: ScriptedResponse, bugs: str = "", **rest: object) -> Scenario:
    actions = rest.pop("actions", (IN_ANSWER,))
    return Scenario(name, summary, responses or (TWO,), actions=actions, bugs=tuple(bugs.split()), **rest)  # type: ignore[arg-type]


def _resumed(name: str, summary: str, drop: Action) -> Iterator[Scenario]:
    """Return a scenario whose connection is lost and comes back: to what the server remembers, and to nothing."""
    kinds: tuple[tuple[AfterLoss, str], ...] = (
        ("kept", "it comes back, and the server has kept the conversation"),
        ("gone", "it comes back, to an empty conversation that is told what was heard"),
    )
    for after_loss, what_comes in kinds:
        yield _scenario(
            f"{name}-{after_loss}",
            f"{summary}; {what_comes}",
            ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2)),
            NEXT,
            actions=(drop, Action(7_000, "request")),
            behaviour=ServerBehaviour(after_loss=after_loss),
            reconnects=True,
            synchronize_text=True,
        )


def _spoken(name: str, summary: str, dialect: ServerDialect, bugs: str) -> Scenario:
    """Return the scenario of a dialect: one response is interrupted in its first message, and the next one is not."""
    return _scenario(
        f"dialect-{name}",
        summary,
        THREE,
        ScriptedResponse((replace(LATER, text="Tomorrow will be cloudy. Take a coat!"),)),
        actions=(IN_PREAMBLE, Action(2_000, "request")),
        behaviour=ServerBehaviour(dialect=dialect),
        bugs=bugs,
    )


def _in_a_call() -> Iterator[Scenario]:
    """Return what happens to an answer that the server plays by itself, in a WebRTC or SIP call."""
    courses: tuple[tuple[str, str, tuple[Action, ...]], ...] = (
        ("played", "plays the answer to the end, and the next one", (Action(900, "request"),)),
        ("user-speaks", "cuts its answer when the user speaks, and says where", (Action(1_400, "user_speaks"),)),
        ("interrupted", "is told to be silent, and where to cut", (Action(1_400, "interrupt"),)),
    )
    for name, what, actions in courses:
        yield _scenario(
            f"call-{name}",
            f"a call in which the server plays by itself: it {what}",
            ScriptedResponse((ANSWER,)),
            NEXT,
            actions=actions,
            server_plays=True,
            capabilities=Capabilities(truncates_by_itself=True),
            policy=Policy(estimate_heard_text=True),
            bugs="N24",
        )


_ALL = (
    # Plain cases
    _scenario(
        "answer-interrupted",
        "a preamble and an answer, interrupted in mid-answer",
        synchronize_text=True,
        bugs="H1 M6 T15",
    ),
    _scenario("undisturbed", "a preamble and an answer, both played to the end", actions=(), bugs="M1 M5"),
    _scenario(
        "function-call-between",
        "a message, a function call, a message",
        ScriptedResponse((PREAMBLE, CALL, ANSWER)),
        bugs="M4",
    ),
    _scenario(
        "dones-per-item",
        "a server that ends each item before it begins the next",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(done_events="end_of_item")),
    ),
    *_in_a_call(),
    _scenario(
        "older-event-names",
        "a server with the event names of Azure Voice Live",
        behaviour=ServerBehaviour(dialect=AZURE),
    ),
    _spoken(
        "xai",
        "a server that echoes no metadata, and answers deletions and refuses without naming the item",
        XAI,
        bugs="N21",
    ),
    _spoken(
        "gateway",
        "a gateway that sends every event under both names, and takes response.create only bare",
        GATEWAY,
        bugs="N17 N18",
    ),
    _spoken(
        "bare",
        "a server that announces no items, and sends its transcript by sentences",
        BARE,
        bugs="N8 N20",
    ),
    _spoken(
        "contents",
        "a server that announces neither responses nor items: all that it sends are contents, and the end",
        CONTENTS,
        bugs="N8",
    ),
    _spoken(
        "late",
        "a server whose transcripts come only when an item is closed, with codes of its own",
        LATE,
        bugs="N20",
    ),
    _scenario(
        "dialect-xai-resumed",
        "the connection breaks with the interruption; the conversation goes on, its messages are texts with other ids",
        TWO,
        NEXT,
        actions=(Action(900, "interrupt_and_drop"), Action(7_000, "request")),
        behaviour=ServerBehaviour(dialect=XAI, after_loss="kept"),
        reconnects=True,
        synchronize_text=True,
    ),
    _scenario(
        "telephone-audio",
        "a server that sends G.711 mu-law, a byte a sample at 8 kHz, as telephones do",
        audio_format=AudioFormat("ulaw", 8_000),
        bugs="N4",
    ),
    _scenario(
        "telephone-audio-older-names",
        "the same in A-law, from a server with the older names",
        audio_format=AudioFormat("alaw", 8_000),
        behaviour=ServerBehaviour(dialect=AZURE),
        bugs="N4",
    ),
    _scenario(
        "wideband-audio",
        "a server that sends PCM at 16 kHz, as Azure Voice Live can",
        audio_format=AudioFormat("pcm", 16_000),
        behaviour=ServerBehaviour(dialect=AZURE),
        bugs="N4",
    ),
    _scenario("text-shown", "a text message after an audio message", ScriptedResponse((PREAMBLE, SHOWN)), actions=()),
    _scenario(
        "empty-message",
        "a message without any content between two others",
        ScriptedResponse((PREAMBLE, EMPTY, ANSWER)),
    ),
    _scenario(
        "text-unseen",
        "a text message, and an output without a screen: nobody could see it, and it is forgotten",
        ScriptedResponse((PREAMBLE, SHOWN)),
        actions=(),
        shows_text=False,
    ),
    _scenario("no-output", "without an audio output, the text is what reaches the user", actions=(), has_output=False),
    # Several messages in one response
    _scenario(
        "interrupted-before-second",
        "interrupted in the preamble: the answer was never played",
        actions=(IN_PREAMBLE,),
        bugs="M2 M3 M7",
    ),
    _scenario(
        "interrupted-between",
        "interrupted in the instant between the preamble and the answer",
        actions=(Action(1_800, "interrupt"),),
        bugs="M2",
    ),
    _scenario(
        "three-interrupted-in-first",
        "three messages, interrupted in the first",
        THREE,
        actions=(IN_PREAMBLE,),
        bugs="M7",
    ),
    _scenario(
        "interrupted-while-generating",
        "interrupted while the server still generates the answer",
        SLOW,
        bugs="M2 C6",
    ),
    _scenario(
        "second-response-queued",
        "two responses, the second queued behind the first; the user interrupts both",
        TWO,
        NEXT,
        requests=2,
        bugs="M8 M3",
    ),
    _scenario(
        "late-audio",
        "more of the preamble comes when it has been played and the answer is heard: the server forgets it",
        ScriptedResponse((replace(PREAMBLE, late_audio_ms=600), ANSWER), pacing=Pacing(speed=1.2)),
        actions=(),
        bugs="M5",
    ),
    # Where to truncate
    _scenario(
        "before-first-sound",
        "interrupted before anything was heard",
        SLOW,
        actions=(Action(350, "interrupt", "request"),),
        output_latency_ms=400,
        bugs="T1 T5 O1",
    ),
    _scenario(
        "at-first-sound",
        "interrupted in the instant of the first sound",
        actions=(Action(0, "interrupt"),),
        bugs="T1 T5",
    ),
    _scenario(
        "text-interrupted",
        "a text message, interrupted while it is written",
        ScriptedResponse((SHOWN,)),
        actions=(Action(60, "interrupt", "request"),),
        bugs="T2",
    ),
    _scenario(
        "at-the-end", "interrupted in the last frame of the answer", actions=(Action(5_990, "interrupt"),), bugs="T3"
    ),
    _scenario(
        "user-speaks",
        "the user talks over the answer: the server hears it and cancels by itself",
        SLOW,
        actions=(Action(3_200, "user_speaks"),),
        bugs="T6 C4",
    ),
    _scenario(
        "server-counts-less",
        "the server counts 85 ms less than it sent, and refuses to truncate beyond",
        ScriptedResponse((PREAMBLE, ANSWER), server_counts_ms_less=85),
        actions=(Action(5_950, "interrupt"),),
        bugs="T8 T9",
    ),
    _scenario(
        "position-not-a-number",
        "the output reports that it stopped at not-a-number",
        misbehaviour=bad.ReportsPosition(float("nan")),
        bugs="T12",
    ),
    _scenario(
        "position-missing",
        "the output does not say where it stopped",
        misbehaviour=bad.ReportsPosition(None),
        bugs="T12",
    ),
    _scenario(
        "position-negative",
        "the output reports a negative position",
        misbehaviour=bad.ReportsPosition(-40.0),
        bugs="T13",
    ),
    _scenario(
        "position-zero",
        "the output reports 0, though audio was heard",
        misbehaviour=bad.ReportsPosition(0.0),
        bugs="T14",
    ),
    _scenario(
        "position-too-far",
        "the output reports more than it was given",
        misbehaviour=bad.OverReports(by_ms=60_000),
        bugs="T4 T10",
    ),
    # What history says
    _scenario(
        "no-word-played",
        "interrupted before the first word: the output reports an empty transcript",
        actions=(Action(40, "interrupt"),),
        synchronize_text=True,
        bugs="H2",
    ),
    _scenario("heard-without-transcript", "an output without transcripts: heard, with unknown text", bugs="H3 H10"),
    _scenario(
        "text-estimated",
        "the same, with the policy that estimates the heard words",
        policy=Policy(estimate_heard_text=True),
        bugs="H3 H10",
    ),
    _scenario(
        "paused-before-first-sound",
        "held before the first sound and resumed: heard and recorded",
        SLOW,
        actions=(Action(320, "pause", "request"), Action(900, "resume", "request")),
        output_latency_ms=400,
        bugs="H4 P5",
    ),
    _scenario(
        "start-never-reported",
        "the output never reports that playback began",
        actions=(Action(3_300, "interrupt", "request"),),
        misbehaviour=bad.NeverReportsStarted(),
        bugs="H5",
    ),
    _scenario(
        "start-reported-late",
        "the start of playback is reported a second late",
        misbehaviour=bad.Late(1_000, (OutputPlaybackStarted,)),
        actions=(Action(3_300, "interrupt", "request"),),
        bugs="H5",
    ),
    _scenario(
        "closed-while-playing", "the agent shuts down in mid-answer", actions=(Action(3_200, "close"),), bugs="H6"
    ),
    _scenario(
        "interruption-denied",
        "the output says that it was not interrupted, after it was cleared",
        misbehaviour=bad.DeniesInterruption(),
        bugs="H7",
    ),
    _scenario(
        "facts-name-previous-message",
        "facts about the second message name the first",
        misbehaviour=bad.OnlyFor(1, bad.WrongMessageId(kinds=(OutputPlaybackStarted,))),
        bugs="H8 H9",
    ),
    _scenario(
        "output-fails",
        "the output breaks in mid-answer",
        actions=(),
        misbehaviour=bad.OnlyFor(1, bad.FailsAfter(1_400)),
        bugs="H12",
    ),
    _scenario(
        "cleared-from-outside",
        "another party clears the output in the preamble; the answer is played all the same",
        actions=(Action(900, "clear_from_outside"),),
        bugs="H13",
    ),
    # Cancelling
    _scenario(
        "next-response-while-cancelling",
        "the next response is requested while the cancelled one has not ended",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2), late_deltas_after_cancel_ms=400),
        NEXT,
        actions=(Action(900, "interrupt"), Action(901, "request")),
        bugs="C1 C6",
    ),
    _scenario(
        "interrupted-before-response",
        "interrupted before the server has begun the response",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(start_delay_ms=500)),
        actions=(Action(100, "interrupt", "request"),),
        bugs="C2 C3",
    ),
    _scenario(
        "late-items-after-cancel",
        "after the cancel, deltas and a whole new message still arrive",
        ScriptedResponse((PREAMBLE, ANSWER, CLOSING), pacing=Pacing(speed=3.0), late_deltas_after_cancel_ms=2_000),
        actions=(Action(900, "interrupt"),),
        bugs="C6 M2",
    ),
    _scenario("generation-already-ended", "interrupted when the server has long ended the response", bugs="C4 C5"),
    _scenario(
        "protected-withdrawn",
        "a speech that may not be interrupted, withdrawn by force",
        actions=(Action(700, "interrupt"), Action(900, "force_interrupt")),
        policy=Policy(interruptible=False),
        bugs="C7",
    ),
    # Outputs and dead ends
    _scenario(
        "silent-after-clear",
        "the output never reports how far it got after a clear",
        misbehaviour=bad.Silent(only_after_clear=True),
        bugs="O1 O2",
    ),
    _scenario(
        "finish-never-reported",
        "the output never reports that the preamble was played",
        actions=(),
        misbehaviour=bad.Silent(),
        bugs="O2 O3",
    ),
    _scenario(
        "surplus-finishes", "every finish is reported three times", misbehaviour=bad.SurplusFinishes(2, 30), bugs="O4"
    ),
    _scenario(
        "connection-dropped",
        "the connection breaks while the answer is generated",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2), drop_connection_after_audio_ms=2_600),
        actions=(),
        bugs="O6 O7",
    ),
    # A connection that comes back
    *_resumed("dropped-in-mid-speech", "the connection breaks in mid-answer", Action(3_200, "drop")),
    *_resumed("dropped-between-turns", "the connection breaks between two turns", Action(6_200, "drop")),
    *_resumed(
        "dropped-while-truncating",
        "the connection breaks when the user has interrupted and the truncation is under way",
        Action(3_200, "interrupt_and_drop"),
    ),
    # Pause and resume
    _scenario(
        "paused-then-interrupted",
        "held in mid-answer, then the interruption is confirmed",
        actions=(Action(3_000, "pause"), Action(3_600, "interrupt")),
        bugs="P1 P3",
    ),
    _scenario(
        "paused-then-resumed",
        "held in mid-answer, and it was no interruption",
        actions=(Action(3_000, "pause"), Action(3_600, "resume")),
        misbehaviour=bad.StartsAgainOnResume(),
        bugs="P2 P6",
    ),
    _scenario(
        "user-speaks-before-launch",
        "the user begins to speak before the first audio is there; it still arrives, and is not played",
        ScriptedResponse(
            (PREAMBLE,), pacing=Pacing(speed=1.2, first_item_delay_ms=300), late_deltas_after_cancel_ms=900
        ),
        actions=(Action(150, "user_speaks", "request"),),
        bugs="P4",
    ),
    # Servers that can do less
    _scenario(
        "truncation-refused",
        "the server refuses to truncate: the difference is reported",
        behaviour=ServerBehaviour(refuse_truncate="server_error"),
        bugs="T9 T10",
    ),
    _scenario(
        "never-answered",
        "the server never answers: the difference is reported",
        behaviour=ServerBehaviour(lost=frozenset({"conversation.item.truncate", "conversation.item.delete"})),
        actions=(IN_PREAMBLE,),
        bugs="T10",
    ),
    _scenario(
        "cannot-truncate",
        "a server without truncation: the difference is reported",
        capabilities=Capabilities(can_truncate=False),
    ),
    _scenario(
        "cannot-remove",
        "a server whose context cannot be changed: the difference is reported",
        actions=(IN_PREAMBLE,),
        capabilities=Capabilities(can_remove=False),
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in _ALL}
"""By name, in the order in which they are listed."""
