"""The states of a speech, and its one way out (spec, section 4)."""

from __future__ import annotations

import pytest
from helpers import Transcript, interrupted, paused, queued, speaking, waiting

from speech_lifecycle.fsm import Policy, Speech
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CancelTimer,
    CommitMessage,
    ReportSpeechDone,
    StartHandover,
    StartTimer,
    TruncateMessage,
)
from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
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
    SessionReconciliationAcknowledged,
    SessionResponseCreated,
    SessionResponseEnded,
    TimerFired,
)


def test_the_states_are_those_of_the_domain():
    chart = definition().speech
    assert [node.id for node in chart.states if node.parent is None] == [
        "queued",
        "active",
        "stopping",
        "reconciling",
        "completed",
        "interrupted",
        "failed",
    ]
    assert [node.id for node in chart.states if node.parent == "active"] == ["waiting", "speaking", "paused"]
    assert [node.id for node in chart.states if node.is_final] == ["completed", "interrupted", "failed"]


def test_it_is_queued_until_it_is_authorized():
    transcript = queued("a", "b", response_ended=True)
    assert transcript.state == "queued"
    assert transcript.of(StartHandover) == []
    transcript.tell(Authorize())
    assert transcript.of(StartHandover) == [StartHandover("a")]


def test_it_waits_until_something_is_heard_then_speaks():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 500))
    assert transcript.state == "waiting"
    transcript.tell(OutputPlaybackStarted("a"))
    assert transcript.state == "speaking"


def test_a_position_above_zero_is_heard_too():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 500), OutputPlaybackProgressed("a", 0))
    assert transcript.state == "waiting"
    transcript.tell(OutputPlaybackProgressed("a", 20))
    assert transcript.state == "speaking"


def test_a_finish_may_be_the_first_evidence():
    transcript = waiting("a", "b", response_ended=True)
    transcript.tell(OutputAudioHandedOver("a", 1000), OutputPlaybackFinished("a", 1000))
    assert transcript.state == "speaking"


def test_paused_returns_to_speaking():
    transcript = paused("a")
    assert transcript.state == "paused"
    transcript.tell(Resume())
    assert transcript.state == "speaking"


def test_paused_returns_to_waiting_if_nothing_was_heard():
    transcript = waiting("a")
    transcript.tell(Pause())
    assert transcript.state == "paused"
    transcript.tell(Resume())
    assert transcript.state == "waiting"


def test_what_is_heard_while_paused_counts_on_resume():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 500), Pause(), OutputPlaybackStarted("a"))
    assert transcript.state == "paused"
    assert AnnounceAgentState("speaking") not in transcript.effects
    assert AnnounceAgentState("speaking") in transcript.tell(Resume())
    assert transcript.state == "speaking"


def test_no_message_starts_while_paused():
    transcript = paused("a", "b", response_ended=True)
    transcript.tell(OutputPlaybackFinished("a", 1000))
    assert transcript.states == {"a": "played", "b": "pending"}
    assert StartHandover("b") in transcript.tell(Resume())


def test_no_announced_message_starts_while_paused():
    transcript = waiting()
    transcript.tell(Pause(), SessionMessageAdded("r", "a"))
    assert transcript.states == {"a": "pending"}
    assert StartHandover("a") in transcript.tell(Resume())


def test_it_is_stopping_until_the_output_says_how_far_it_got():
    transcript = interrupted("a")
    assert transcript.state == "stopping"
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.state == "reconciling"


def test_it_is_reconciling_until_the_server_has_answered_and_its_response_has_ended():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    transcript.tell(SessionReconciliationAcknowledged("truncate", "a"))
    assert transcript.state == "reconciling"
    transcript.tell(SessionResponseEnded("r", "cancelled"))
    assert transcript.state == "interrupted"


def test_the_answer_may_come_after_the_response_has_ended():
    transcript = interrupted("a")
    transcript.tell(SessionResponseEnded("r", "cancelled"), OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.state == "reconciling"
    transcript.tell(SessionReconciliationAcknowledged("truncate", "a"))
    assert transcript.state == "interrupted"


def test_it_is_not_over_while_the_server_still_generates():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000), OutputPlaybackStarted("a"))
    assert transcript.state == "speaking"
    transcript.tell(SessionResponseEnded("r"))
    transcript.tell(OutputPlaybackFinished("a", 1000))
    assert transcript.outcome == "completed"


def test_a_response_without_messages_completes():
    transcript = waiting()
    transcript.tell(SessionResponseEnded("r"))
    assert transcript.outcome == "completed"


WAYS_OUT = ("interrupt", "interrupt while paused", "close", "failed output", "lost session", "silent output")


def ways_out() -> dict[str, tuple[Transcript, str]]:
    """Each way to end a speech of which 400 ms were heard, and the outcome."""
    report = OutputPlaybackFinished("a", 400, interrupted=True)
    ended = SessionResponseEnded("r", "cancelled")
    acknowledged = SessionReconciliationAcknowledged("truncate", "a")
    heard = OutputPlaybackProgressed("a", 400)
    ways: dict[str, tuple[Transcript, list, str]] = {
        "interrupt": (speaking("a"), [Interrupt(), report, ended, acknowledged], "interrupted"),
        "interrupt while paused": (paused("a"), [Interrupt(), report, ended, acknowledged], "interrupted"),
        "close": (speaking("a"), [Close(), report, ended, acknowledged], "interrupted"),
        "failed output": (speaking("a"), [OutputFailed("a"), report, ended, acknowledged], "failed"),
        "lost session": (speaking("a"), [SessionLost(), report], "failed"),
        "silent output": (
            speaking("a"),
            [heard, TimerFired("stall"), TimerFired("stall"), TimerFired("stop"), ended, acknowledged],
            "failed",
        ),
    }
    done = {}
    for name, (transcript, events, outcome) in ways.items():
        transcript.tell(*events)
        done[name] = transcript, outcome
    return done


@pytest.mark.parametrize("way", WAYS_OUT)
def test_there_is_one_way_out(way):
    """Settle messages, commit history, reconcile the server, derive the agent's state, release the floor."""
    transcript, outcome = ways_out()[way]
    assert transcript.outcome == outcome
    assert transcript.record("a").heard_ms == 400
    order = [
        type(effect)
        for effect in transcript.effects
        if isinstance(effect, CommitMessage | TruncateMessage | ReportSpeechDone)
        or effect == AnnounceAgentState("listening")
    ]
    if way == "interrupt while paused":
        assert order.pop(0) is AnnounceAgentState  # it became silent when it was held
        assert order == [CommitMessage, TruncateMessage, ReportSpeechDone]
    elif way == "lost session":
        assert order == [CommitMessage, AnnounceAgentState, ReportSpeechDone]
    else:
        assert order == [CommitMessage, TruncateMessage, AnnounceAgentState, ReportSpeechDone]


@pytest.mark.parametrize("way", WAYS_OUT)
def test_the_floor_is_released_last(way):
    transcript, _ = ways_out()[way]
    assert isinstance(transcript.effects[-1], ReportSpeechDone)


def test_finishing_takes_the_same_way():
    transcript = waiting("a", response_ended=True)
    effects = transcript.play("a")
    assert [type(e) for e in effects[-3:]] == [CancelTimer, AnnounceAgentState, ReportSpeechDone]
    assert transcript.outcome == "completed"


def test_a_response_that_failed_on_the_server_fails_the_speech_after_what_came_was_played():
    transcript = waiting("a")
    transcript.tell(SessionResponseEnded("r", "failed"))
    transcript.play("a")
    assert transcript.record("a").state == "played"
    assert transcript.outcome == "failed"


def test_an_interrupted_speech_is_interrupted_whatever_the_server_says():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True), SessionResponseEnded("r", "failed"))
    transcript.tell(SessionReconciliationAcknowledged("truncate", "a"))
    assert transcript.outcome == "interrupted"


def test_the_agent_of_a_speech_that_never_had_the_floor_says_nothing_of_its_state():
    transcript = queued("a")
    transcript.tell(Interrupt(), SessionResponseEnded("r", "cancelled"))
    transcript.tell(SessionReconciliationAcknowledged("remove", "a"))
    assert transcript.outcome == "interrupted"
    assert transcript.of(AnnounceAgentState) == []


def test_an_unforced_interrupt_of_an_uninterruptible_speech_is_rejected_and_a_forced_one_is_not():
    transcript = speaking("a", policy=Policy(interruptible=False))
    reply = transcript.send(Interrupt())
    assert (reply.kind, reply.reason) == ("rejected", "not_interruptible")
    assert transcript.state == "speaking"
    transcript.tell(Interrupt(force=True))
    assert transcript.state == "stopping"


def test_close_needs_no_force():
    transcript = speaking("a", policy=Policy(interruptible=False))
    transcript.tell(Close())
    assert transcript.state == "stopping"


# The watchdog


def test_the_watchdog_waits_as_long_as_facts_come():
    transcript = speaking("a")
    for received_ms in (1100, 1200, 1300):
        transcript.tell(SessionAudioReceived("a", received_ms), TimerFired("stall"))
        assert transcript.state == "speaking"
    transcript.tell(TimerFired("stall"))
    assert transcript.state == "stopping"


def test_the_watchdog_allows_for_the_audio_that_is_still_to_be_played():
    transcript = waiting("a", response_ended=True, policy=Policy(playout_margin_ms=500))
    assert StartTimer("playout", 1500) in transcript.tell(OutputAudioHandedOver("a", 1000))


def test_the_watchdog_stops_what_does_not_end():
    transcript = speaking("a", response_ended=True)
    transcript.tell(TimerFired("playout"))
    assert transcript.state == "speaking"  # the start was reported since
    transcript.tell(TimerFired("playout"))
    assert transcript.state == "stopping"
    transcript.tell(TimerFired("stop"))
    assert transcript.record("a").reason == "timed_out"


def test_queued_and_paused_wait_for_the_agent_without_a_timer():
    assert queued("a").speech.timer is None
    transcript = paused("a")
    assert transcript.speech.timer is None
    assert isinstance(transcript.of(StartTimer, CancelTimer)[-1], CancelTimer)


@pytest.mark.parametrize("timer", ["stall", "playout", "stop", "reconcile"])
def test_a_timer_that_does_not_run_moves_nothing(timer):
    transcript = queued("a")
    assert transcript.send(TimerFired(timer)).reason == "stale_timer"


def test_a_speech_begins_queued_and_empty():
    assert Speech().state == definition().speech.initial == "queued"
    assert Transcript(SessionResponseCreated("r")).effects == []


def test_what_starts_a_timer_is_no_progress_since_its_start():
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionAudioReceived("a", 100), OutputAudioHandedOver("a", 100))
    transcript.tell(SessionMessageAdded("r", "b"))
    assert transcript.effects[-1] == StartTimer("playout", 2100)
    transcript.tell(TimerFired("playout"))
    assert transcript.speech.cause == "timed_out"
