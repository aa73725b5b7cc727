"""What every state of both charts answers (spec, section 5): h handled, i ignored as a race, r rejected as a violation.

A fact is rejected if nobody honest says it there; what may be said a moment too late, or twice, is ignored.
"""

from __future__ import annotations

import pytest
from helpers import Transcript, interrupted, paused, queued, speaking, text_message, waiting

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    Pause,
    Resume,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.machine import SpeechMachine

KINDS = {"h": "handled", "i": "ignored", "r": "rejected"}


def reconciling() -> Transcript:
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 400, True))
    return speech


def over(*events: Event) -> Transcript:
    speech = speaking("A")
    speech.tell(*events)
    return speech


SPEECHES = {
    "queued": lambda: queued("A"),
    "waiting": lambda: waiting("A"),
    "speaking": lambda: speaking("A"),
    "paused": lambda: paused("A"),
    "stopping": lambda: interrupted("A"),
    "reconciling": reconciling,
    "completed": lambda: over(SessionResponseEnded("r"), OutputPlaybackFinished("A", 1000)),
    "interrupted": lambda: over(
        SessionResponseEnded("r"),
        Interrupt(),
        OutputPlaybackFinished("A", 400, True),
        SessionReconciliationAcknowledged("truncate", "A"),
    ),
    "failed": lambda: over(SessionLost(), OutputPlaybackFinished("A", 400, True)),
}
ANSWERS_OF_A_SPEECH = {
    # queued, waiting, speaking, paused; stopping, reconciling; completed, interrupted, failed
    Authorize(): "hiii ii iii",
    Interrupt(): "hhhh ii iii",
    Pause(): "ihhi ii iii",
    Resume(): "iiih ii iii",
    Close(): "hhhh ii iii",
    SessionResponseCreated("r"): "iiii ii iii",
    SessionResponseCreated("foreign"): "rrrr rr iii",
    SessionResponseEnded("r"): "hhhh hh iii",
    SessionResponseEnded("foreign"): "rrrr rr iii",
    SessionLost(): "hhhh hh iii",
    SessionReconciliationAcknowledged("truncate", "A"): "rrrr rh iii",
    SessionReconciliationAcknowledged("remove", "A"): "rrrr ri iii",
    SessionReconciliationRefused("truncate", "A"): "rrrr rh iii",
    SessionReconciliationRefused("remove", "A"): "rrrr ri iii",
    TimerFired("playout"): "iiii ii iii",
}


def settled(*events: Event) -> Transcript:
    """A message that is final, while the speech waits for the next."""
    speech = waiting("A")
    speech.tell(*events)
    return speech


MESSAGES = {
    "pending": lambda: queued("A"),
    "streaming": lambda: speaking("A"),
    "draining": lambda: speaking("A", response_ended=True),
    "stopping": lambda: interrupted("A"),
    "played": lambda: settled(
        SessionMessageEnded("A"), OutputAudioHandedOver("A", 1000), OutputPlaybackFinished("A", 1000)
    ),
    "partial": lambda: settled(OutputAudioHandedOver("A", 1000), OutputPlaybackFinished("A", 400, True)),
    "skipped": lambda: settled(OutputAudioHandedOver("A", 1000), OutputPlaybackFinished("A", 0, True)),
}
ANSWERS_OF_A_MESSAGE = {
    # pending; streaming, draining, stopping; played, partial, skipped
    SessionMessageAdded("r", "A"): "i iii iii",
    SessionTextReceived("A", "more"): "h hhh iii",
    SessionAudioReceived("A", 1200): "h hhh hii",
    SessionAudioReceived("A", 1000): "h hhh iii",
    SessionAudioReceived("A", 900): "r rrr iii",
    SessionMessageEnded("A"): "h hih iii",
    OutputAudioHandedOver("A", 1000): "r hhh iii",
    OutputAudioHandedOver("A", 900): "r rrr iii",
    OutputPlaybackStarted("A"): "r iii iii",
    OutputPlaybackProgressed("A", 500): "r hhh iii",
    OutputPlaybackProgressed("A", None): "r iii iii",
    OutputPlaybackFinished("A", 500): "r hhh iii",
    OutputFailed("A"): "r hhi iii",
}


def answers(speeches, event):
    kinds = []
    for state, speech in speeches.items():
        transcript = speech()
        assert state in (transcript.state, *transcript.states.values())
        kinds.append(SpeechMachine(speech=copy_speech(transcript.speech)).send(event).kind)
    return kinds


@pytest.mark.parametrize("event", ANSWERS_OF_A_SPEECH, ids=str)
def test_a_speech_answers_in_every_state(event):
    assert answers(SPEECHES, event) == [KINDS[kind] for kind in ANSWERS_OF_A_SPEECH[event].replace(" ", "")]


@pytest.mark.parametrize("event", ANSWERS_OF_A_MESSAGE, ids=str)
def test_a_message_answers_in_every_state(event):
    assert answers(MESSAGES, event) == [KINDS[kind] for kind in ANSWERS_OF_A_MESSAGE[event].replace(" ", "")]


@pytest.mark.parametrize("state", ["queued", "waiting", "speaking", "paused"])
def test_a_protected_speech_rejects_an_interruption(state):
    speech = {"queued": queued, "waiting": waiting, "speaking": speaking, "paused": paused}[state](
        "A", policy=Policy(interruptible=False)
    )
    assert speech.send(Interrupt()).kind == "rejected"
    assert speech.send(Interrupt(force=True)).kind == "handled"


@pytest.mark.parametrize("begin", [queued, waiting, speaking, paused, interrupted])
def test_the_end_of_a_response_may_be_said_twice(begin):
    assert begin("A", response_ended=True).send(SessionResponseEnded("r")).kind == "ignored"


def test_the_end_of_a_message_may_be_said_twice():
    speech = queued("A")
    speech.tell(SessionMessageEnded("A"))
    assert speech.send(SessionMessageEnded("A")).kind == "ignored"


def test_the_end_of_a_response_may_be_said_twice_while_the_server_is_asked():
    speech = reconciling()
    speech.tell(SessionResponseEnded("r"))
    assert speech.send(SessionResponseEnded("r")).kind == "ignored"


def test_a_session_may_be_lost_twice():
    speech = speaking("A")
    speech.tell(SessionLost())
    assert speech.send(SessionLost()).kind == "ignored"


@pytest.mark.parametrize("begin", [waiting, speaking])
def test_an_output_that_cannot_pause_is_not_paused(begin):
    assert begin("A", capabilities=Capabilities(can_pause=False)).send(Pause()).kind == "rejected"


@pytest.mark.parametrize("event", [OutputPlaybackStarted, OutputPlaybackProgressed, OutputPlaybackFinished])
def test_nothing_plays_of_what_was_not_handed_over(event):
    parts = () if event is OutputPlaybackStarted else (100,)
    assert waiting("A").send(event("A", *parts)).kind == "rejected"


@pytest.mark.parametrize("interrupted", [True, False])
def test_no_output_finishes_a_text(interrupted):
    speech = waiting()
    speech.tell(*text_message("A"), Interrupt())
    assert speech.send(OutputPlaybackFinished("A", 100, interrupted)).kind == "rejected"


def test_only_messages_of_the_own_response_are_announced():
    for begin in SPEECHES.values():
        assert begin().send(SessionMessageAdded("foreign", "B")).kind == "rejected"
