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
from ..values import FINAL_SPEECH_STATES, SETTLED_SPEECH_STATES
from . import evidence
from .reconciliation import record_of


def is_new(speech: Speech, message: Message, event: Event | None) -> bool:
    """It has not been announced before."""
    return message.message_id not in speech.messages


def is_of_this_response(speech: Speech, message: Message, event: SessionMessageAdded) -> bool:
    """It is announced for the response that this speech plays (C6)."""
    return event.response_id == speech.response_id


def speech_is_settled(speech: Speech, message: Message, event: Event | None) -> bool:
    """All that was announced before it is final, and it comes too late to be played."""
    return speech.state in SETTLED_SPEECH_STATES


def speech_awaits_resumption(speech: Speech, message: Message, event: Event | None) -> bool:
    """The connection is gone, and there is nobody to ask."""
    return speech.awaits_resumption


def speech_is_over(speech: Speech, message: Message, event: Event | None) -> bool:
    """Nobody waits for an answer of the server any more."""
    return speech.state in FINAL_SPEECH_STATES


def nothing_waits(speech: Speech, message: Message, event: Event | None) -> bool:
    """No other message waits for its turn."""
    return speech.next_id is None


def output_is_paused(speech: Speech, message: Message, event: Event | None) -> bool:
    """The playback is held."""
    return speech.output_is_paused


def nothing_was_heard(speech: Speech, message: Message, event: Event | None) -> bool:
    """Nothing of the whole speech has reached the listener so far."""
    return not speech.was_heard


def received_more(speech: Speech, message: Message, event: SessionAudioReceived) -> bool:
    """The event adds audio to what was received."""
    return event.received_ms > message.received_ms


def received_no_less(speech: Speech, message: Message, event: SessionAudioReceived) -> bool:
    """The total received does not go backwards."""
    return event.received_ms >= message.received_ms


def brings_playable_audio(speech: Speech, message: Message, event: SessionAudioReceived) -> bool:
    """There is audio in it, and something to play it."""
    return event.received_ms > 0 and speech.capabilities.plays_audio


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


def nothing_was_shown(speech: Speech, message: Message, event: Event | None) -> bool:
    """Nobody has read anything of its text: there is none so far, or nothing to show it."""
    return not message.text or not speech.capabilities.shows_text


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


def output_has_failed(speech: Speech, message: Message, event: Event | None) -> bool:
    """The speech is stopped because its output broke."""
    return speech.cause == "output_failed"


def has_started(speech: Speech, message: Message, event: Event | None) -> bool:
    """The output has reported the start of its playback."""
    return message.has_started


def position_is_usable(speech: Speech, message: Message, event: OutputPlaybackProgressed) -> bool:
    """The reported position is a finite number, not below 0."""
    return evidence.is_usable(event)


def playback_was_interrupted(speech: Speech, message: Message, event: OutputPlaybackFinished) -> bool:
    """The output says that it did not play all it had."""
    return event.interrupted


def is_heard(speech: Speech, message: Message, event: Event | None) -> bool:
    """Something of it reached the user: its audio was heard, or its text was shown."""
    return evidence.is_heard(speech, message, event)


def is_heard_to_the_end(speech: Speech, message: Message, event: Event | None) -> bool:
    """All of it reached the listener."""
    return evidence.is_heard_to_the_end(speech, message, event)


def speech_is_out_of_band(speech: Speech, message: Message, event: Event | None) -> bool:
    """Its response is no part of the conversation: neither server nor history remembers anything of it."""
    return speech.is_out_of_band


def session_is_lost(speech: Speech, message: Message, event: Event | None) -> bool:
    """There is no server left to bring in line."""
    return speech.session_is_lost


def server_can_truncate(speech: Speech, message: Message, event: Event | None) -> bool:
    """The server can cut an audio message at a position."""
    return speech.capabilities.can_truncate


def server_truncates_by_itself(speech: Speech, message: Message, event: Event | None) -> bool:
    """The server knows what was heard of the audio, and need not be asked."""
    return speech.capabilities.truncates_by_itself


def server_can_remove(speech: Speech, message: Message, event: Event | None) -> bool:
    """Messages can be removed from the server's context, and texts replaced."""
    return speech.capabilities.can_remove


def outgrew_its_record(speech: Speech, message: Message, event: Event | None) -> bool:
    """All that had come of it was heard, if anything, and then more came: that was not its end (section 3)."""
    return message.outgrew_its_record


def has_heard_audio(speech: Speech, message: Message, event: Event | None) -> bool:
    """Its record says that 1 ms of its audio or more was heard: less cannot be kept (T1)."""
    return record_of(message).heard_ms >= 1


def server_has_what_was_shown(speech: Speech, message: Message, event: Event | None) -> bool:
    """The server generates no more of the text, and all of it was shown."""
    return message.source_has_ended and message.text == record_of(message).heard_text


def may_be_remembered(speech: Speech, message: Message, event: Event | None) -> bool:
    """The server had something of it when it settled: an item that ended empty is not a memory (section 2.5, R1)."""
    record = record_of(message)
    return record.reason != "no_content" or record.received_ms > 0 or bool(record.generated_text)
