"""No machine takes an event with a field of a wrong type or out of its range: it is rejected, and nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import numpy as np
import pytest
from conversations import Talk
from helpers import Transcript, interrupted, paused, queued, speaking, text_message, waiting

from speech_lifecycle.fsm import SpeechMachine, step
from speech_lifecycle.fsm.codec import dump_speech
from speech_lifecycle.fsm.conversation.machine import ConversationMachine, step_conversation
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import (
    EVENT_TYPES,
    EVERY_EVENT_TYPE,
    SPEECH_EVENT_TYPES,
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
    RequestResponse,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.validity import hints_of, is_valid
from speech_lifecycle.fsm.values import LARGEST
from speech_lifecycle.verification import SMALL, configurations
from speech_lifecycle.verification.conversation.reference import ReferenceConversation
from speech_lifecycle.verification.reference import ReferenceMachine

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 150, -1, LARGEST, LARGEST + 1, 10**400, 150.5, 150.0, float("nan"), float("inf"), 60 + 0j,
    "", "m0", "yes", "audio", "truncate", "completed", "stall", "other", b"", b"m0", bytearray(b"m0"), (), ("audio",),
    ("video",), ("audio", 5), (("audio",),), [], ["audio"], {"audio"}, {}, {"m0": 1}, object(), str, Fraction(1, 2),
    np.int64(150), np.float32(150), np.str_("m0"), np.array([1]), Authorize(),
)  # fmt: skip
"""What a field may hold that nobody checks: some of it is right for one field and wrong for another."""
CORRECT: dict[type[Event], Event] = {
    type(event): event
    for event in (
        Interrupt(),
        SessionLost(),
        SessionResponseCreated("r"),
        SessionResponseEnded("r"),
        SessionMessageAdded("r", "new"),
        SessionReconciliationRefused("truncate", "m0"),
        SessionReconciliationAcknowledged("truncate", "m0"),
        SessionTextReceived("m0", "word "),
        SessionAudioReceived("m0", 2000),
        OutputAudioHandedOver("m0", 1000),
        OutputPlaybackProgressed("m0", 500),
        OutputPlaybackFinished("m0", 500),
        OutputFailed("m0"),
        TimerFired("stall"),
    )
}
"""An event of each type, as it should be. The others have no field but a message's id, or none at all."""


@dataclass(frozen=True)
class Wrong:
    """A field with a value that it must not have."""

    event: Event
    field: str

    def __repr__(self) -> str:
        return f"{type(self.event).__name__}-{self.field}-{getattr(self.event, self.field)!r}"[:80]


def is_wrong(hint: Any, value: object) -> bool:
    """Whether a value is wrong for a declared type. Written for this test, and apart from `is_valid`, in a list."""
    arguments, origin = get_args(hint), get_origin(hint)
    if hint is str:
        return type(value) not in (str, np.str_)
    if hint is bool:
        return type(value) is not bool
    if origin is Annotated:
        return type(value) is not int or value < 0 or value > 9007199254740991
    if origin is Literal:
        return type(value) is not str or value not in arguments
    if origin is tuple:
        return type(value) is not tuple or any(each not in ("audio", "text") for each in value)
    if arguments and get_origin(arguments[0]) is Annotated:
        return value is not None and is_wrong(arguments[0], value)
    if float in arguments:
        return type(value) not in (type(None), int, float, Fraction, np.int64, np.float32)
    return type(value) not in (type(None), str, np.str_)


def wrongs() -> list[Wrong]:
    """Return every field of every event with every value that is wrong for it."""
    found = []
    for event_type in EVERY_EVENT_TYPE:
        for field, hint in hints_of(event_type).items():
            correct = CORRECT.get(event_type) or event_type("m0")  # type: ignore[call-arg]
            found += [
                Wrong(msgspec.structs.replace(correct, **{field: value}), field)
                for value in VALUES
                if is_wrong(hint, value)
            ]
    return found


EVERY_WRONG = wrongs()
WRONGS = [wrong for wrong in EVERY_WRONG if type(wrong.event) in EVENT_TYPES]
"""Of events that a speech answers."""


def ended(transcript: Transcript) -> Transcript:
    transcript.tell(Interrupt(), OutputPlaybackFinished("m0", 500, interrupted=True))
    return transcript


STATES = {
    "nothing": Transcript(),
    "queued": queued("m0"),
    "waiting": waiting("m0", "m1"),
    "speaking": speaking("m0", "m1"),
    "paused": paused("m0"),
    "stopping": interrupted("m0", "m1"),
    "reconciling": ended(speaking("m0", "m1")),
    "draining": speaking("m0", response_ended=True),
    "text": Transcript(SessionResponseCreated("r"), Authorize(), *text_message("m0")),
    "over": Transcript(SessionResponseCreated("r"), Close()),
}


def test_there_are_wrong_values_for_every_field():
    fields = {(type(wrong.event), wrong.field) for wrong in WRONGS}
    assert fields == {(event_type, field) for event_type in EVENT_TYPES for field in hints_of(event_type)}
    assert len(WRONGS) > 1_000


@pytest.mark.parametrize("state", STATES)
def test_a_wrong_type_is_rejected_and_changes_nothing(state):
    speech = STATES[state].speech
    before = dump_speech(speech)
    for wrong in WRONGS:
        machine = SpeechMachine(speech=copy_speech(speech))
        reply = machine.send(wrong.event)
        assert (reply.kind, reply.reason) == ("rejected", "malformed_event"), wrong
        assert machine.speech == speech, wrong
        assert (machine.effects, machine.raised, machine.transitions) == ([], [], []), wrong
        after, pure = step(speech, wrong.event)
        assert after is speech
        assert pure == reply
    assert dump_speech(speech) == before


TALKS = {
    "nothing": Talk(),
    "requested": Talk().tells(RequestResponse("m0")),
    "speaking": Talk().speak("m0"),
    "held": Talk().tells(Pause()),
    "disconnected": Talk().speak("m0").tells(SessionLost(may_resume=True)),
    "closed": Talk().tells(Close()),
}


@pytest.mark.parametrize("state", TALKS)
def test_a_conversation_rejects_a_wrong_type_and_changes_nothing(state):
    conversation = TALKS[state].now
    before = msgspec.json.encode(conversation)
    reference = ReferenceConversation(conversation)
    for wrong in EVERY_WRONG:
        reply = ConversationMachine(conversation=conversation).send(wrong.event)
        assert (reply.kind, reply.reason) == ("rejected", "malformed_event"), wrong
        after, pure = step_conversation(conversation, wrong.event)
        assert after is conversation
        assert pure == reference.send(wrong.event) == reply
    assert msgspec.json.encode(conversation) == before


@pytest.mark.parametrize("state", STATES)
def test_the_reference_rejects_the_same(state):
    reference = ReferenceMachine()
    speech = STATES[state].speech
    for wrong in WRONGS[::7]:
        reference.restart(copy_speech(speech))
        assert reference.send(wrong.event) == SpeechMachine(speech=copy_speech(speech)).send(wrong.event), wrong
        assert reference.speech == speech, wrong


def test_in_every_configuration_a_wrong_type_is_rejected():
    for number, speech in enumerate(configurations(SMALL["hostile-1"])):
        machine = SpeechMachine(speech=copy_speech(speech))
        for wrong in WRONGS[number % 251 :: 251]:
            assert machine.send(wrong.event).reason == "malformed_event", wrong
        assert machine.speech == speech


def test_what_is_not_wrong_is_valid_and_taken_for_what_it_is():
    for event_type in EVENT_TYPES:
        for field, hint in hints_of(event_type).items():
            correct = CORRECT.get(event_type) or event_type("m0")  # type: ignore[call-arg]
            for value in VALUES:
                if not is_wrong(hint, value):
                    event = msgspec.structs.replace(correct, **{field: value})
                    assert is_valid(event), event
                    for transcript in STATES.values():
                        reply, _ = step(transcript.speech, event)[1], event
                        assert getattr(reply, "reason", "") != "malformed_event", event


class Milliseconds(IntEnum):
    """A subclass of int."""

    SOME = 1500


def test_an_integer_of_a_subclass_is_an_integer():
    transcript = speaking("a")
    transcript.tell(SessionAudioReceived("a", Milliseconds.SOME))
    assert transcript.message("a").received_ms == 1500
    assert dump_speech(transcript.speech)["messages"]["a"]["received_ms"] == 1500


def test_an_event_about_no_announced_message_is_looked_at_too():
    machine = SpeechMachine()
    assert machine.send(OutputPlaybackStarted("nobody")).reason == "unknown_message"
    assert machine.send(OutputPlaybackStarted(5)).reason == "malformed_event"
    assert machine.send(SessionAudioReceived("nobody", 1.5)).reason == "malformed_event"


def test_every_event_of_the_speech_chart_is_checked_by_the_table_itself():
    """What only the lookup of a message would notice is not noticed for events that name none."""
    assert {type(wrong.event) for wrong in WRONGS} >= {kind for kind in SPEECH_EVENT_TYPES if hints_of(kind)}
