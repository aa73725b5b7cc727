"""The scenarios that are played with LiveKit Agents: plain, watched and repaired."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from livekit.agents import Agent, RunContext, function_tool
from livekit.agents.llm import ChatContext

from .. import misbehaviour as bad
from ..scenario import Action, Scenario
from ..scenarios.making import (
    ANSWER,
    CALL,
    CLOSING,
    EMPTY,
    IN_ANSWER,
    IN_PREAMBLE,
    LATER,
    NEXT,
    PREAMBLE,
    SHOWN,
    SLOW,
    THREE,
    TWO,
)
from ..script import Pacing, ScriptedFunctionCall, ScriptedResponse, ServerBehaviour
from ..server_dialects import AZURE, BARE, CONTENTS, GATEWAY, LATE, XAI, ServerDialect
from .rehearsal import Staging, Watching, rehearse
from .rehearsed import Rehearsed

ONE = ScriptedResponse((PREAMBLE,))
FRAME_MS = 20


@dataclass(frozen=True)
class LiveKitScenario:
    """A scenario, and what of it is particular to LiveKit."""

    name: str
    summary: str
    scenario: Scenario
    bugs: tuple[str, ...] = ()
    """The field bugs that plain LiveKit Agents shows in it."""
    staging: Staging = field(default_factory=Staging)
    sweep_ms: int | None = None
    """Interrupted every 20 ms up to here, instead of what the scenario does."""

    def play(self, watched: Watching) -> Rehearsed:
        """Play it once."""
        return rehearse(self.scenario, replace(self.staging, watched=watched))

    def instants(self, step_ms: int = FRAME_MS) -> list[LiveKitScenario]:
        """Return the scenario itself, or one for each instant of its sweep."""
        if self.sweep_ms is None:
            return [self]
        return [
            replace(self, scenario=self.scenario.with_interruption(at_ms), sweep_ms=None)
            for at_ms in range(0, self.sweep_ms, step_ms)
        ]


class FrontDesk(Agent):
    """Passes the caller on."""

    @function_tool
    async def to_tickets(self, context: RunContext[None]) -> Agent:
        """Pass the caller on to the ticket desk."""
        return Agent(instructions="You sell tickets.", chat_ctx=self.copied_context())

    def copied_context(self) -> ChatContext:
        """Return what the next agent is given."""
        return self.chat_ctx


def _spoken(dialect: str, summary: str, server: ServerDialect) -> LiveKitScenario:
    """Return the scenario of a dialect: one response is interrupted in its first message, and the next one is not."""
    return _scenario(
        f"dialect-{dialect}",
        summary,
        THREE,
        NEXT,
        actions=(IN_PREAMBLE, Action(2_500, "request")),
        behaviour=ServerBehaviour(dialect=server),
    )


def _scenario(
    name: str,
    summary: str,
    *responses: ScriptedResponse,
    actions: tuple[Action, ...] = (),
    bugs: str = "",
    sweep_ms: int | None = None,
    staging: Staging | None = None,
    **rest: object,
) -> LiveKitScenario:
    scenario = Scenario(name, summary, responses or (TWO,), actions, **rest)  # type: ignore[arg-type]
    return LiveKitScenario(name, summary, scenario, tuple(bugs.split()), staging or Staging(), sweep_ms)


_ALL = (
    # Messages
    _scenario("one", "one message, played to its end", ONE),
    _scenario("two", "a preamble and an answer, played to their ends", TWO),
    _scenario("three", "three messages, played to their ends", THREE),
    _scenario("one-swept", "one message, interrupted every 20 ms", ONE, sweep_ms=1_800, bugs="M3"),
    _scenario("two-swept", "two messages, interrupted every 20 ms", TWO, sweep_ms=6_000, bugs="M2 M3"),
    _scenario("three-swept", "three messages, interrupted every 20 ms", THREE, sweep_ms=7_500, bugs="M2 M3"),
    _scenario(
        "slow-swept",
        "two messages that arrive hardly faster than they play, interrupted every 20 ms",
        SLOW,
        sweep_ms=6_000,
        bugs="M2 M3 C4",
    ),
    _scenario("in-first", "interrupted in the preamble", actions=(IN_PREAMBLE,), bugs="M2 M3"),
    _scenario("in-second", "interrupted in the answer", actions=(IN_ANSWER,)),
    _scenario(
        "between",
        "interrupted in the instant between the preamble and the answer",
        actions=(Action(1_800, "interrupt"),),
        bugs="M2 T3",
    ),
    _scenario(
        "before-first-frame",
        "interrupted before anything was heard",
        SLOW,
        actions=(Action(350, "interrupt", "request"),),
        output_latency_ms=400,
        bugs="M3",
    ),
    _scenario("at-first-frame", "interrupted in the instant of the first sound", actions=(Action(0, "interrupt"),)),
    _scenario(
        "late-items",
        "after the cancel, a whole new message still arrives",
        ScriptedResponse((PREAMBLE, ANSWER, CLOSING), pacing=Pacing(speed=3.0), late_deltas_after_cancel_ms=2_000),
        actions=(IN_PREAMBLE,),
        bugs="M2",
    ),
    _scenario(
        "user-speaks",
        "the server hears the user talk over the answer",
        SLOW,
        actions=(Action(2_400, "user_speaks"),),
        staging=Staging(turn="server_vad"),
    ),
    _scenario(
        "user-speaks-in-first",
        "the server hears the user talk over the preamble",
        actions=(Action(900, "user_speaks"),),
        staging=Staging(turn="server_vad"),
    ),
    # Speeches
    _scenario(
        "queued",
        "a second response, queued behind the first; the user interrupts both",
        TWO,
        NEXT,
        requests=2,
        actions=(IN_ANSWER,),
        bugs="M3 M8",
    ),
    _scenario("two-speeches", "two speeches, one after the other", ONE, NEXT, actions=(Action(100, "request"),)),
    _scenario(
        "second-interrupted",
        "two speeches, interrupted in the second",
        ONE,
        NEXT,
        actions=(Action(100, "request"), Action(2_500, "interrupt")),
    ),
    _scenario(
        "protected",
        "a speech is interrupted twice",
        actions=(Action(700, "interrupt"), Action(720, "force_interrupt")),
        bugs="C4",
    ),
    _scenario(
        "next-while-cancelling",
        "the next response is requested while the cancelled one has not ended",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2), late_deltas_after_cancel_ms=400),
        NEXT,
        actions=(Action(900, "interrupt"), Action(901, "request")),
        bugs="C1",
    ),
    _scenario(
        "given-up",
        "the response comes when the framework has given up its request",
        ScriptedResponse((PREAMBLE,), pacing=Pacing(start_delay_ms=12_000)),
    ),
    # Kinds of messages
    _scenario("text-shown", "a text message after an audio message", ScriptedResponse((PREAMBLE, SHOWN))),
    _scenario(
        "text-interrupted",
        "a text message, interrupted while it is written",
        ScriptedResponse((SHOWN,)),
        actions=(Action(60, "interrupt", "request"),),
        bugs="M3",
    ),
    _scenario(
        "text-unseen",
        "a text message after an audio message, and nothing that shows texts",
        ScriptedResponse((PREAMBLE, SHOWN)),
        staging=Staging(shows_text=False),
        bugs="N14",
    ),
    _scenario("empty", "a message without content between two others", ScriptedResponse((PREAMBLE, EMPTY, ANSWER))),
    _scenario(
        "empty-interrupted",
        "the same, interrupted in the preamble",
        ScriptedResponse((PREAMBLE, EMPTY, ANSWER)),
        actions=(IN_PREAMBLE,),
    ),
    _scenario("call-between", "a message, a function call, a message", ScriptedResponse((PREAMBLE, CALL, ANSWER))),
    _scenario(
        "call-interrupted",
        "the same, interrupted in the preamble",
        ScriptedResponse((PREAMBLE, CALL, ANSWER)),
        actions=(IN_PREAMBLE,),
    ),
    _scenario("no-output", "without an audio output, the text is what reaches the user", has_output=False),
    _scenario(
        "handed-over",
        "a tool hands over to another agent, with a copy of the context, while the preamble plays",
        ScriptedResponse((PREAMBLE, ScriptedFunctionCall("to_tickets", "{}"))),
        staging=Staging(agent=FrontDesk),
    ),
    # Pause and resume
    _scenario(
        "paused-resumed",
        "held in the answer, and resumed",
        actions=(Action(3_000, "pause"), Action(3_600, "resume")),
        misbehaviour=bad.StartsAgainOnResume(),
    ),
    _scenario(
        "paused-interrupted",
        "held in the answer, then interrupted",
        actions=(Action(3_000, "pause"), Action(3_600, "interrupt")),
    ),
    _scenario(
        "paused-before-first-frame",
        "held before the first sound, and resumed",
        SLOW,
        actions=(Action(320, "pause", "request"), Action(900, "resume", "request")),
        output_latency_ms=400,
    ),
    # Outputs
    _scenario(
        "raises",
        "capturing the answer's audio raises, while the preamble's end plays",
        ScriptedResponse((ANSWER, CLOSING)),
        staging=Staging(raise_after_ms=2_000),
        bugs="H12",
    ),
    _scenario(
        "breaks",
        "the output breaks in the answer, and reports that it was cut",
        misbehaviour=bad.OnlyFor(1, bad.FailsAfter(1_400)),
        bugs="H12",
    ),
    _scenario("silent", "the output never reports an end", staging=Staging(silent="always"), bugs="O3"),
    _scenario(
        "silent-after-clear",
        "the output never reports how far it got after a clear",
        actions=(IN_ANSWER,),
        staging=Staging(silent="after_clear"),
        bugs="O1 O2",
    ),
    _scenario(
        "silent-then-next",
        "the output falls silent on the first speech; a second follows",
        ONE,
        NEXT,
        actions=(Action(900, "interrupt"), Action(950, "request")),
        staging=Staging(silent="first"),
    ),
    _scenario(
        "cleared-from-outside",
        "somebody else clears the output in the preamble; the answer is played all the same",
        actions=(Action(900, "clear_from_outside"),),
        bugs="H13",
    ),
    _scenario(
        "over-reports",
        "interrupted; the output reports a minute more than it played, and the truth before",
        actions=(IN_ANSWER,),
        misbehaviour=bad.OverReports(by_ms=60_000),
        bugs="T10",
    ),
    _scenario(
        "not-a-number",
        "interrupted; the output reports no number",
        actions=(IN_ANSWER,),
        misbehaviour=bad.ReportsPosition(float("nan")),
        bugs="T12",
    ),
    _scenario(
        "negative",
        "interrupted; the output reports a negative position",
        actions=(IN_ANSWER,),
        misbehaviour=bad.ReportsPosition(-40.0),
        bugs="T13",
    ),
    _scenario(
        "zero",
        "interrupted; the output reports 0, though audio was heard",
        actions=(IN_ANSWER,),
        misbehaviour=bad.ReportsPosition(0.0),
        bugs="T14",
    ),
    _scenario(
        "no-transcript",
        "interrupted; the output synchronizes no text",
        actions=(IN_ANSWER,),
        staging=Staging(with_transcript=False),
        bugs="H1",
    ),
    _scenario(
        "no-word",
        "interrupted before the first word: the transcript is empty",
        actions=(Action(40, "interrupt"),),
        bugs="H2",
    ),
    _scenario(
        "start-never-reported",
        "the output never reports that playback began",
        actions=(Action(3_300, "interrupt"),),
        misbehaviour=bad.NeverReportsStarted(),
        bugs="H5",
    ),
    # Servers that can do less
    _scenario(
        "cannot-truncate",
        "interrupted; the server cannot truncate",
        actions=(IN_ANSWER,),
        staging=Staging(limits={"message_truncation": False}),
    ),
    _scenario(
        "cannot-remove",
        "interrupted in the preamble; the server's context cannot be changed",
        actions=(IN_PREAMBLE,),
        staging=Staging(limits={"mutable_chat_context": False}),
    ),
    # Servers of other dialects
    _spoken("azure", "a server with the event names of Azure Voice Live", AZURE),
    _spoken("xai", "a server that echoes no metadata, and answers deletions and refuses without naming the item", XAI),
    _spoken("gateway", "a gateway with every event under both names, that takes response.create only bare", GATEWAY),
    _spoken("bare", "a server that announces no items, and sends its transcript by sentences", BARE),
    _spoken("contents", "a server that announces neither responses nor items", CONTENTS),
    _spoken("late", "a server whose transcripts come only when an item is closed", LATE),
    # Ends
    _scenario(
        "session-lost",
        "the connection breaks while the answer is generated",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2), drop_connection_after_audio_ms=2_600),
    ),
    _scenario(
        "session-lost-later",
        "interrupted in the answer; the connection breaks in the next response",
        TWO,
        ScriptedResponse((LATER,), pacing=Pacing(speed=1.2), drop_connection_after_audio_ms=600),
        actions=(IN_ANSWER, Action(3_500, "request")),
    ),
    _scenario(
        "dropped-while-playing",
        "the connection breaks when the whole response has come, and its first message plays",
        actions=(Action(900, "drop"),),
    ),
    _scenario(
        "dropped-then-interrupted",
        "the same, and interrupted in the answer, when there is another connection",
        actions=(Action(900, "drop"), Action(3_400, "interrupt")),
    ),
    _scenario(
        "interrupted-then-dropped",
        "interrupted in the answer; the connection breaks when the server has answered",
        actions=(IN_ANSWER, Action(4_000, "drop")),
    ),
    _scenario(
        "requested-while-dropped",
        "the next response is requested while there is no connection",
        ONE,
        NEXT,
        actions=(Action(2_500, "drop"), Action(2_501, "request")),
    ),
    _scenario("closed", "the session is closed in the answer", actions=(Action(3_200, "close"),)),
    _scenario("closed-in-first", "the session is closed in the preamble", actions=(Action(900, "close"),)),
)

LIVEKIT_SCENARIOS = {scenario.name: scenario for scenario in _ALL}
"""By name, in the order in which they are listed."""
