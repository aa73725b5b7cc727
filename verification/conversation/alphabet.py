"""Every event to try in a conversation, reduced to the arguments that guards can tell apart (spec, section 5)."""

from __future__ import annotations

from collections.abc import Iterator

from speech_lifecycle.fsm.events import (
    Authorize,
    CancelGeneration,
    ChangeOutput,
    Close,
    DropRequest,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackStarted,
    Pause,
    RequestResponse,
    Resume,
    SessionAudioReceived,
    SessionItemAdded,
    SessionLost,
    SessionMessageAdded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionResumed,
    TimerFired,
    UserStartedSpeaking,
    UserStoppedSpeaking,
)
from speech_lifecycle.fsm.state import Conversation, Message, Speech

from .bounds import ConversationBounds

AUDIO_MS = 100
CUT_MS = 60
NOBODY = "nobody"
"""The name of a speech, message or response that there never was."""

_ALWAYS: tuple[Event, ...] = (
    Interrupt(),
    Interrupt(force=True),
    Pause(),
    Resume(),
    Close(),
    SessionLost(),
    SessionResumed(conversation_kept=True),
    UserStartedSpeaking(),
    UserStoppedSpeaking(),
    TimerFired("user"),
    SessionRequestRefused(),
    SessionRequestRefused(NOBODY),
    SessionResponseCreated(NOBODY, is_out_of_band=True),
    Authorize(NOBODY),
    CancelGeneration(),
)
_ALSO: tuple[Event, ...] = (
    Authorize(),
    DropRequest(),
    TimerFired("stall"),
    Interrupt(speech_id=NOBODY),
    Pause(NOBODY),
    TimerFired("stall", NOBODY),
    SessionResponseEnded(NOBODY),
    SessionMessageAdded(NOBODY, NOBODY),
    SessionAudioReceived(NOBODY, AUDIO_MS),
)


def events_in(conversation: Conversation, bounds: ConversationBounds) -> list[Event]:
    """Return the events to try, always in the same order."""
    events = [*_ALWAYS, _same_output(conversation), *(_ALSO if bounds.detail != "minimal" else ())]
    if bounds.resumes:
        events += [SessionLost(may_resume=True), SessionResumed(conversation_kept=False)]
    speeches = conversation.speeches
    may_begin = len(conversation.live) < bounds.live
    fresh = _first_not_in(speeches, "s")
    if may_begin:
        events.append(RequestResponse(fresh))
        if bounds.detail != "minimal":
            events.append(RequestResponse(fresh, is_out_of_band=True))
    events += _responses(conversation, fresh, may_begin)
    for name, speech in speeches.items():
        events += _about(name, speech, bounds)
    for name in speeches:
        # One that exists: it makes no difference which.
        events += [
            RequestResponse(name),
            SessionResponseCreated(_first_not_in(conversation.by_response, "r"), "", name),
        ]
        break
    return events


def _same_output(conversation: Conversation) -> ChangeOutput:
    """What else an output could do makes conversations that are explored by themselves."""
    capabilities = conversation.capabilities
    return ChangeOutput(capabilities.plays_audio, capabilities.can_pause, capabilities.shows_text)


def _first_not_in(known: dict[str, object] | dict[str, Speech] | dict[str, str], letter: str) -> str:
    number = 1
    while f"{letter}{number}" in known:
        number += 1
    return f"{letter}{number}"


def _responses(conversation: Conversation, fresh: str, may_begin: bool) -> Iterator[Event]:
    """Yield the beginnings of responses: asked for, the server's own, late, and repeated."""
    response_id = _first_not_in(conversation.by_response, "r")
    request_id = conversation.request_id
    is_wanted = request_id is not None and conversation.speeches[request_id].cause is None
    if request_id is not None:
        is_out_of_band = conversation.speeches[request_id].is_out_of_band
        yield SessionResponseCreated(response_id, request_id, fresh, is_out_of_band)
        yield SessionRequestRefused(request_id)
    if may_begin or is_wanted:
        yield SessionResponseCreated(response_id, "", fresh)
    if may_begin:
        # The answer to a request that was given up, whether its speech is remembered or not.
        yield SessionResponseCreated(response_id, NOBODY, fresh)
    for known in conversation.by_response:
        yield SessionResponseCreated(known, "", fresh)
        break


def _about(name: str, speech: Speech, bounds: ConversationBounds) -> Iterator[Event]:
    yield Authorize(name)
    if speech.response_id is not None:
        if len(speech.messages) < bounds.messages:
            yield SessionMessageAdded(speech.response_id, f"m{name[1:]}")
        if not speech.response_has_ended:
            yield SessionResponseEnded(speech.response_id)
            if bounds.detail != "minimal":
                yield SessionResponseEnded(speech.response_id, "failed")
                yield SessionItemAdded(speech.response_id)
                yield SessionResponseProgressed(speech.response_id)
    if not speech.is_over or bounds.detail != "minimal":
        yield from (Interrupt(speech_id=name), Pause(name), Resume(name), Close(name), DropRequest(name))
    if not speech.policy.interruptible:
        yield Interrupt(force=True, speech_id=name)
    if speech.timer is not None:
        yield TimerFired(speech.timer, name)
    for message in speech.messages.values():
        yield from _about_message(message, speech, bounds)
    for message_id, operation in speech.awaited.items():
        yield SessionReconciliationAcknowledged(operation, message_id)
        yield SessionReconciliationRefused(operation, message_id)


def _about_message(message: Message, speech: Speech, bounds: ConversationBounds) -> Iterator[Event]:
    """Yield what an honest server and output may say of a message next."""
    message_id = message.message_id
    if message.is_final:
        if bounds.detail != "minimal" and message.received_ms == AUDIO_MS and not speech.response_has_ended:
            yield SessionAudioReceived(message_id, 2 * AUDIO_MS)
        return
    if message.received_ms == 0:
        if not speech.response_has_ended:
            yield SessionAudioReceived(message_id, AUDIO_MS)
    elif message.handed_over_ms == 0 and message is speech.message_to_hand_over():
        yield OutputAudioHandedOver(message_id, message.received_ms)
    if not message.is_forwarding:
        return
    if message.handed_over_ms > 0:
        if not message.has_started:
            yield OutputPlaybackStarted(message_id)
        if message.state == "draining":
            yield OutputPlaybackFinished(message_id, message.handed_over_ms)
    if message.state == "stopping" or (bounds.detail != "minimal" and message.handed_over_ms > 0):
        yield OutputPlaybackFinished(message_id, CUT_MS if message.handed_over_ms else 0, interrupted=True)
    if bounds.detail != "minimal":
        yield OutputFailed(message_id)
