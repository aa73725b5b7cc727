"""The guards of the message chart. Each reads as a sentence about the message, and changes nothing."""

from __future__ import annotations

from ..events import (
    Event,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    SessionAudioReceived,
    SessionMessageAdded,
)
from ..state import Message, Speech
from ..values import SETTLED_SPEECH_STATES
from . import evidence


def is_new(speech: Speech, message: Message, event: Event | None) -> bool:
    """It has not been announced before."""
    return message.message_id not in speech.messages


def is_of_this_response(speech: Speech, message: Message, event: SessionMessageAdded) -> bool:
    """It is announced for the response that this speech plays (C6)."""
    return event.response_id == speech.response_id


def speech_is_settled(speech: Speech, message: Message, event: Event | None) -> bool:
    """All that was announced before it is final, and it comes too late to be played."""
    return speech.state in SETTLED_SPEECH_STATES


def received_more(speech: Speech, message: Message, event: SessionAudioReceived) -> bool:
    """The event adds audio to what was received."""
    return event.received_ms > message.received_ms


def received_no_less(speech: Speech, message: Message, event: SessionAudioReceived) -> bool:
    """The total received does not go backwards."""
    return event.received_ms >= message.received_ms


def handed_over_no_less(speech: Speech, message: Message, event: OutputAudioHandedOver) -> bool:
    """The total handed over does not go backwards."""
    return event.handed_over_ms >= message.handed_over_ms


def source_has_ended(speech: Speech, message: Message, event: Event | None) -> bool:
    """No more of it will come from the server."""
    return message.source_has_ended


def response_has_ended(speech: Speech, message: Message, event: Event | None) -> bool:
    """The server has ended the response, or nobody waits for that any more."""
    return speech.response_has_ended


def is_text_only(speech: Speech, message: Message, event: Event | None) -> bool:
    """Its text is what reaches the user: it has no audio, or there is nothing to play audio (T2)."""
    return not message.expects_audio


def has_no_content(speech: Speech, message: Message, event: Event | None) -> bool:
    """What was expected of it never came."""
    return message.received_ms == 0 if message.expects_audio else not message.text


def is_spent(speech: Speech, message: Message, event: Event | None) -> bool:
    """All there will ever be of it is handed over, and the output owes no finish for an earlier flush."""
    return (
        message.source_has_ended
        and message.flushed_ms == 0
        and (not message.expects_audio or message.handed_over_ms == message.received_ms)
    )


def is_on_the_output(speech: Speech, message: Message, event: Event | None) -> bool:
    """The output has had audio of it."""
    return message.handed_over_ms > 0


def has_started(speech: Speech, message: Message, event: Event | None) -> bool:
    """The output has reported the start of its playback."""
    return message.has_started


def position_is_usable(speech: Speech, message: Message, event: OutputPlaybackProgressed) -> bool:
    """The reported position is a finite number, not below 0."""
    return evidence.usable_position_ms(event.position_ms, message.handed_over_ms) is not None


def playback_was_interrupted(speech: Speech, message: Message, event: OutputPlaybackFinished) -> bool:
    """The output says that it did not play all it had."""
    return event.interrupted


def is_heard(speech: Speech, message: Message, event: Event | None) -> bool:
    """Something of it reached the listener."""
    return evidence.is_heard(message, event)


def is_heard_to_the_end(speech: Speech, message: Message, event: Event | None) -> bool:
    """All of it reached the listener."""
    return evidence.is_heard_to_the_end(message, event, speech.policy.frame_ms)
