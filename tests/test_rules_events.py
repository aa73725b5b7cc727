"""What comes in: named, keyed, and answered in every state (spec, section 5)."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from helpers import Transcript, interrupted, only, queued, speaking, waiting
from msgspec.structs import fields

from speech_lifecycle import fsm
from speech_lifecycle.fsm.codec import dump_speech
from speech_lifecycle.fsm.effects import CancelResponse
from speech_lifecycle.fsm.events import (
    EVENT_TYPES,
    EVERY_EVENT_TYPE,
    SOURCE_OF,
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
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
    name_of,
)

CORE = ("machine", "compile.compiler", "copying", "state", "events", "effects", "values")
CORE += ("message.chart", "message.guards", "message.actions", "message.evidence", "message.reconciliation")
CORE += ("speech.chart", "speech.guards", "speech.actions", "speech.watchdog")


def test_facts_are_named_by_their_source_in_the_past_tense_and_commands_are_imperatives():
    sources = {name: source for name, source in SOURCE_OF.items() if source != "agent"}
    assert all(name.startswith(f"{source}_") for name, source in sources.items())
    assert {name.rsplit("_", 1)[-1] for name in sources} == {
        "created", "added", "received", "ended", "lost", "acknowledged", "refused",
        "over", "resumed", "speaking", "started", "progressed", "finished", "failed", "fired",
    }  # fmt: skip
    commands = {name for name, source in SOURCE_OF.items() if source == "agent"}
    assert commands == {
        "request_response", "authorize", "interrupt", "pause", "resume", "close", "drop_request",
        "change_output", "cancel_generation",
    }  # fmt: skip


def test_every_event_is_an_immutable_value():
    for event_type in EVENT_TYPES:
        event = event_type(*("x" for field in fields(event_type)))
        assert event == event_type(*("x" for field in fields(event_type)))
        for field in fields(event_type):
            with pytest.raises(AttributeError):
                setattr(event, field.name, "y")


def test_every_event_has_a_source_to_blame():
    assert {name_of(event_type) for event_type in EVERY_EVENT_TYPE} == set(SOURCE_OF)


def test_the_machine_reads_no_clock_and_does_no_input_or_output():
    forbidden = {"time", "datetime", "random", "uuid", "asyncio", "socket", "os", "sys", "logging", "threading"}
    for name in CORE:
        tree = ast.parse((Path(inspect.getfile(fsm)).parent / f"{name.replace('.', '/')}.py").read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {module.split(".")[0] for module in imported} & forbidden == set(), name


FOREIGN = [
    SessionTextReceived("x", "text"),
    SessionAudioReceived("x", 100),
    SessionMessageEnded("x"),
    OutputAudioHandedOver("x", 100),
    OutputPlaybackStarted("x"),
    OutputPlaybackProgressed("x", 100),
    OutputPlaybackFinished("x", 100),
    OutputFailed("x"),
]


@pytest.mark.parametrize("event", FOREIGN, ids=lambda event: name_of(type(event)))
def test_evidence_about_a_foreign_message_is_rejected_and_moves_nothing(event):
    transcript = speaking("a", "b")
    before = dump_speech(transcript.speech)
    reply = transcript.send(event)
    assert (reply.kind, reply.reason) == ("rejected", "unknown_message")
    assert reply.blame == SOURCE_OF[name_of(type(event))]
    assert dump_speech(transcript.speech) == before


LATE = [
    OutputAudioHandedOver("a", 2000),
    OutputPlaybackStarted("a"),
    OutputPlaybackProgressed("a", 100),
    OutputPlaybackFinished("a", 100, interrupted=True),
    OutputFailed("a"),
]


@pytest.mark.parametrize("event", LATE, ids=lambda event: name_of(type(event)))
def test_late_evidence_about_a_final_message_is_ignored_and_does_not_move_the_next(event):
    transcript = waiting("a", "b", response_ended=True)
    transcript.play("a")
    before = dump_speech(transcript.speech)
    reply = transcript.send(event)
    assert (reply.kind, reply.reason) == ("ignored", "already_final")
    assert dump_speech(transcript.speech) == before


@pytest.mark.parametrize(
    "event",
    [
        OutputAudioHandedOver("b", 100),
        OutputPlaybackStarted("b"),
        OutputPlaybackProgressed("b", 100),
        OutputPlaybackFinished("b", 100),
        OutputFailed("b"),
    ],
    ids=lambda event: name_of(type(event)),
)
def test_evidence_about_a_message_that_waits_its_turn_is_rejected(event):
    transcript = speaking("a", "b")
    reply = transcript.send(event)
    assert (reply.kind, reply.reason, reply.blame) == ("rejected", "not_forwarding", "output")


@pytest.mark.parametrize(
    "event",
    [
        OutputPlaybackStarted("a"),
        OutputPlaybackProgressed("a", 10),
        OutputPlaybackFinished("a", 10),
    ],
    ids=lambda event: name_of(type(event)),
)
def test_playback_of_what_was_never_handed_over_is_rejected(event):
    reply = waiting("a").send(event)
    assert (reply.kind, reply.reason) == ("rejected", "nothing_handed_over")


def test_a_duplicate_of_a_total_does_no_harm():
    transcript = speaking("a")
    before = transcript.message("a").received_ms, transcript.message("a").handed_over_ms
    transcript.tell(SessionAudioReceived("a", 1000), OutputAudioHandedOver("a", 1000))
    assert (transcript.message("a").received_ms, transcript.message("a").handed_over_ms) == before


@pytest.mark.parametrize("event", [SessionAudioReceived("a", 999), OutputAudioHandedOver("a", 999)])
def test_a_total_that_goes_backwards_is_rejected(event):
    reply = speaking("a").send(event)
    assert (reply.kind, reply.reason) == ("rejected", "audio_went_backwards")


def test_a_duplicate_start_is_ignored():
    assert speaking("a").send(OutputPlaybackStarted("a")).reason == "already_started"


def test_a_duplicate_announcement_is_ignored():
    assert queued("a").send(SessionMessageAdded("r", "a")).reason == "already_announced"


def test_a_duplicate_end_is_ignored():
    transcript = speaking("a")
    transcript.tell(SessionMessageEnded("a"))
    assert transcript.send(SessionMessageEnded("a")).reason == "already_ended"


def test_an_announcement_of_another_response_is_rejected():
    reply = queued("a").send(SessionMessageAdded("other", "b"))
    assert (reply.kind, reply.reason, reply.blame) == ("rejected", "foreign_response", "session")


def test_an_announcement_before_the_response_is_rejected():
    assert Transcript().send(SessionMessageAdded("r", "a")).reason == "foreign_response"


@pytest.mark.parametrize("event", [SessionResponseCreated("other"), SessionResponseEnded("other")])
def test_facts_about_another_response_are_rejected(event):
    assert speaking("a").send(event).reason == "foreign_response"


def test_the_end_of_a_response_that_was_never_created_is_rejected():
    assert Transcript().send(SessionResponseEnded("r")).reason == "foreign_response"


def test_answers_to_nothing_asked():
    assert speaking("a").send(SessionReconciliationAcknowledged("truncate", "a")).reason == "nothing_requested"
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.send(SessionReconciliationRefused("remove", "a")).reason == "not_awaited"


@pytest.mark.parametrize(
    ("transcript", "command", "reason"),
    [
        (lambda: speaking("a"), Authorize(), "already_authorized"),
        (lambda: interrupted("a"), Authorize(), "already_stopping"),
        (lambda: interrupted("a"), Interrupt(), "already_stopping"),
        (lambda: interrupted("a"), Close(), "already_stopping"),
        (lambda: interrupted("a"), Pause(), "already_stopping"),
        (lambda: interrupted("a"), Resume(), "already_stopping"),
        (lambda: queued("a"), Pause(), "nothing_to_hold"),
        (lambda: queued("a"), Resume(), "nothing_to_hold"),
        (lambda: speaking("a"), Resume(), "not_paused"),
    ],
)
def test_a_command_that_comes_too_late_or_twice_is_ignored(transcript, command, reason):
    reply = transcript().send(command)
    assert (reply.kind, reply.reason) == ("ignored", reason)


@pytest.mark.parametrize("event", [Interrupt(), Close(), Authorize(), TimerFired("stall"), SessionResponseEnded("r")])
def test_after_the_end_everything_is_ignored(event):
    transcript = waiting("a", response_ended=True)
    transcript.play("a")
    reply = transcript.send(event)
    assert (reply.kind, reply.reason) == ("ignored", "speech_is_over")


def test_a_rejection_names_event_transition_state_reason_and_blame():
    reply = speaking("a", "b").send(OutputPlaybackStarted("b"))
    assert reply.event == "output_playback_started"
    assert reply.answer == "message.pending.output_playback_started#not_forwarding"
    assert reply.state == "pending"
    assert str(reply) == "output_playback_started from the output rejected in pending: not_forwarding"


def test_the_response_may_be_created_while_it_waits_or_speaks():
    transcript = Transcript(Authorize(), SessionResponseCreated("r"))
    assert transcript.speech.response_id == "r"
    assert only(transcript.effects, CancelResponse) == []


@pytest.mark.parametrize(
    "event",
    [
        SessionTextReceived("a", None),
        SessionAudioReceived("a", "much"),
        OutputAudioHandedOver("a", None),
        SessionMessageAdded("r", "b", None),
        SessionMessageAdded("r", ["b"]),
        "authorize",
        None,
    ],
    ids=repr,
)
def test_a_malformed_event_is_rejected_and_changes_nothing(event):
    transcript = speaking("a")
    before = dump_speech(transcript.speech)
    reply = transcript.send(event)
    assert reply.kind == "rejected"
    assert reply.reason in ("malformed_event", "unknown_event")
    assert dump_speech(transcript.speech) == before


@pytest.mark.parametrize("code", [400, None, ("a", "b")])
def test_a_refusal_with_an_odd_code_leaves_the_same_behind_as_its_reply_says(code):
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    before = dump_speech(transcript.speech)
    reply = transcript.send(SessionReconciliationRefused("truncate", "a", "other", code, "in words"))
    assert (dump_speech(transcript.speech) == before) == (reply.kind != "handled")


@pytest.mark.parametrize("position_ms", [10**400, -(10**400), 1e308, "60", b"60", [60], True, 60 + 0j])
def test_no_position_makes_it_raise(position_ms):
    for event in (OutputPlaybackProgressed("a", position_ms), OutputPlaybackFinished("a", position_ms, True)):
        speaking("a").send(event)
        transcript = interrupted("a")
        transcript.send(event)
        assert 0 <= transcript.message("a").position_ms <= 1000
