"""The actions of the conversation chart. None of them decides anything: that is what the transitions are for."""

from __future__ import annotations

from ..effects import (
    AnnounceAgentState,
    AnnounceConnectionState,
    CancelTimer,
    CreateResponse,
    ReportSpeechBegun,
    RestoreHistory,
    StartTimer,
)
from ..events import (
    Authorize,
    CancelGeneration,
    ChangeOutput,
    Close,
    DropRequest,
    Event,
    Interrupt,
    Pause,
    RequestResponse,
    Resume,
    SessionLost,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResumed,
    SpeechEvent,
    UserStartedSpeaking,
)
from ..state import Conversation, Speech
from ..values import Capabilities
from .internal_events import InternalEvent, SpeechOver, SpeechStopped
from .run import ConversationRun

# The connection


def lose_session(run: ConversationRun, conversation: Conversation, event: SessionLost) -> None:
    """Tell every speech that the connection is gone. A response in flight is over (O6), and so is the user's turn."""
    run.raise_event("user_unknown")
    _tell_all(run, conversation, SessionLost(event.may_resume, event.code, event.text, event.observed_ms))


def lose_session_for_good(run: ConversationRun, conversation: Conversation, event: SessionLost | Close) -> None:
    """Tell every speech that no other attempt follows."""
    _tell_all(run, conversation, SessionLost(observed_ms=event.observed_ms))


def resume_session(run: ConversationRun, conversation: Conversation, event: SessionResumed) -> None:
    """Tell every speech that there is a connection again, and whether the server remembers."""
    _tell_all(run, conversation, SessionResumed(event.conversation_kept))


def announce_disconnected(run: ConversationRun, conversation: Conversation, event: Event | None) -> None:
    """Say that there is no server to talk to."""
    run.emit(AnnounceConnectionState("disconnected"))


def announce_connected(
    run: ConversationRun, conversation: Conversation, event: SessionResumed | InternalEvent | None
) -> None:
    """Say that there is a server again, and whether it remembers the conversation."""
    kept = isinstance(event, SessionResumed) and event.conversation_kept
    run.emit(AnnounceConnectionState("connected", kept))


def restore_history(run: ConversationRun, conversation: Conversation, event: Event | None) -> None:
    """Have the session tell its server what was heard, of which it knows nothing."""
    run.emit(RestoreHistory())


def announce_closing(run: ConversationRun, conversation: Conversation, event: Event | None) -> None:
    """Say that nothing new begins."""
    run.emit(AnnounceConnectionState("closing"))


def announce_closed(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Say that everything is settled."""
    run.emit(AnnounceConnectionState("closed"))


def close_all(run: ConversationRun, conversation: Conversation, event: Close) -> None:
    """Have every speech settle what was heard (H6). Nobody will say when the user has stopped."""
    run.raise_event("user_unknown")
    _tell_all(run, conversation, Close(observed_ms=event.observed_ms))


def _tell_all(run: ConversationRun, conversation: Conversation, event: SpeechEvent) -> None:
    for speech_id in tuple(conversation.live):
        run.tell_speech(conversation, speech_id, event)


# The user, and the agent's commands


def watch_user(run: ConversationRun, conversation: Conversation, event: UserStartedSpeaking) -> None:
    """Start the timer that ends the user's turn if nobody else does."""
    run.emit(StartTimer("user", conversation.policy.user_timeout_ms))


def unwatch_user(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Stop that timer."""
    run.emit(CancelTimer("user"))


def interrupt_all(run: ConversationRun, conversation: Conversation, event: Interrupt | UserStartedSpeaking) -> None:
    """Interrupt what plays, what is queued and what is only requested (M8)."""
    force = isinstance(event, Interrupt) and event.force
    _tell_all(run, conversation, Interrupt(force, observed_ms=event.observed_ms))


def hold_all(run: ConversationRun, conversation: Conversation, event: UserStartedSpeaking) -> None:
    """Hold what plays, and keep what waits where it is."""
    conversation.held_at_ms = event.observed_ms
    run.raise_event("hold")


def pause_speech(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Hold the speech that has the floor."""
    since_ms = event.observed_ms if isinstance(event, Pause) else conversation.held_at_ms
    if conversation.floor_id is not None:
        run.tell_speech(conversation, conversation.floor_id, Pause(observed_ms=since_ms))


def resume_speech(run: ConversationRun, conversation: Conversation, event: Resume) -> None:
    """Let the speech go on that has the floor."""
    if conversation.floor_id is not None:
        run.tell_speech(conversation, conversation.floor_id, Resume(observed_ms=event.observed_ms))


# The floor


def give_floor_to_next(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Let the speech play that has waited longest."""
    for speech_id in conversation.waiting:
        if conversation.speeches[speech_id].cause is None:
            _give_floor(run, conversation, speech_id)
            break


def give_floor(run: ConversationRun, conversation: Conversation, event: Authorize) -> None:
    """Let the named speech play."""
    _give_floor(run, conversation, event.speech_id)


def _give_floor(run: ConversationRun, conversation: Conversation, speech_id: str) -> None:
    conversation.floor_id = speech_id
    conversation.waiting.pop(speech_id)
    run.tell_speech(conversation, speech_id, Authorize())


def interrupt_what_is_held(run: ConversationRun, conversation: Conversation, event: Authorize) -> None:
    """Stop the speech that has the floor, whatever the policy says of interruptions."""
    if conversation.floor_id is not None:
        run.tell_speech(conversation, conversation.floor_id, Interrupt(force=True))


def note_output(run: ConversationRun, conversation: Conversation, event: ChangeOutput) -> None:
    """Remember what the output can do, for the speeches that begin from here on."""
    before = conversation.capabilities
    conversation.capabilities = Capabilities(
        before.can_truncate,
        before.can_remove,
        before.truncates_by_itself,
        event.plays_audio,
        event.can_pause,
        event.shows_text,
    )


def release_floor(run: ConversationRun, conversation: Conversation, event: SpeechOver) -> None:
    """Remember that nobody has the floor."""
    conversation.floor_id = None


def withdraw(run: ConversationRun, conversation: Conversation, event: SpeechStopped) -> None:
    """Keep no place for a speech that was stopped. A request that was not sent is never sent, and nobody waits."""
    conversation.waiting.pop(event.speech_id, None)
    if event.speech_id in conversation.requests:
        conversation.requests.pop(event.speech_id)
        run.tell_speech(conversation, event.speech_id, DropRequest())


def keep_for_late_facts(run: ConversationRun, conversation: Conversation, event: SpeechOver) -> None:
    """Remember a speech that is over, for facts that come late, and forget the oldest of those that are too many."""
    conversation.live.pop(event.speech_id)
    conversation.over[event.speech_id] = None
    if len(conversation.over) > conversation.policy.speeches_kept:
        for speech_id in conversation.over:
            _forget(conversation, speech_id)
            break


def _forget(conversation: Conversation, speech_id: str) -> None:
    conversation.over.pop(speech_id)
    speech = conversation.speeches.pop(speech_id)
    # Its name may be given again, to a speech that generates nothing yet.
    conversation.generating_ids = tuple([each for each in conversation.generating_ids if each != speech_id])
    for message_id in speech.messages:
        conversation.by_message.pop(message_id, None)
    if speech.response_id is not None:
        conversation.by_response.pop(speech.response_id, None)


# Requests and responses


def begin_request(run: ConversationRun, conversation: Conversation, event: RequestResponse) -> None:
    """Begin the speech, and have it wait for its response and for the floor."""
    _begin(run, conversation, event.speech_id, event.is_out_of_band)
    conversation.waiting[event.speech_id] = None
    conversation.requests[event.speech_id] = None


def begin_lost_speech(run: ConversationRun, conversation: Conversation, event: RequestResponse) -> None:
    """Begin the speech, and end it at once: there is nobody to ask."""
    _begin(run, conversation, event.speech_id, event.is_out_of_band)
    run.tell_speech(conversation, event.speech_id, SessionLost(code="not_connected"))


def begin_closed_speech(run: ConversationRun, conversation: Conversation, event: RequestResponse) -> None:
    """Begin the speech, and end it at once: nothing is asked for on the way out."""
    _begin(run, conversation, event.speech_id, event.is_out_of_band)
    run.tell_speech(conversation, event.speech_id, Close())
    run.tell_speech(conversation, event.speech_id, DropRequest())


def _begin(run: ConversationRun, conversation: Conversation, speech_id: str, is_out_of_band: bool) -> None:
    conversation.speeches[speech_id] = Speech(
        conversation.capabilities, conversation.policy.speech, speech_id=speech_id, is_out_of_band=is_out_of_band
    )
    conversation.live[speech_id] = None
    run.emit(ReportSpeechBegun(speech_id))


def send_request(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Ask for the response that has waited longest."""
    for speech_id in conversation.requests:
        conversation.request_id = speech_id
        conversation.requests.pop(speech_id)
        run.emit(CreateResponse(speech_id, conversation.speeches[speech_id].is_out_of_band))
        break


def begin_response_asked_for(run: ConversationRun, conversation: Conversation, event: SessionResponseCreated) -> None:
    """Give the response to the speech that waits for one."""
    speech_id = conversation.request_id
    conversation.request_id = None
    if speech_id is not None:
        _begin_response(run, conversation, speech_id, event)


def begin_own_response(run: ConversationRun, conversation: Conversation, event: SessionResponseCreated) -> None:
    """Begin a speech for a response that nobody asked for."""
    speech_id = event.new_speech_id or event.response_id
    _begin(run, conversation, speech_id, False)
    conversation.waiting[speech_id] = None
    _begin_response(run, conversation, speech_id, event)


def begin_unwanted_response(run: ConversationRun, conversation: Conversation, event: SessionResponseCreated) -> None:
    """Begin a speech for a response that nobody wants any more, and stop it before it is heard."""
    _begin_unwanted(run, conversation, event.new_speech_id or event.response_id, event)


def begin_response_too_late(run: ConversationRun, conversation: Conversation, event: SessionResponseCreated) -> None:
    """Do the same, and do not wait for the end of the response, which is cancelled."""
    speech_id = event.new_speech_id or event.response_id
    _begin_unwanted(run, conversation, speech_id, event)
    run.tell_speech(conversation, speech_id, SessionResponseEnded(event.response_id, "cancelled"))


def _begin_unwanted(
    run: ConversationRun, conversation: Conversation, speech_id: str, event: SessionResponseCreated
) -> None:
    _begin(run, conversation, speech_id, False)
    _begin_response(run, conversation, speech_id, event)
    run.tell_speech(conversation, speech_id, Interrupt(force=True))


def _begin_response(
    run: ConversationRun, conversation: Conversation, speech_id: str, event: SessionResponseCreated
) -> None:
    response_id = event.response_id
    conversation.by_response[response_id] = speech_id
    conversation.generating_ids = _still_generating(conversation) + (speech_id,)
    run.tell_speech(conversation, speech_id, SessionResponseCreated(response_id, is_out_of_band=event.is_out_of_band))


def _still_generating(conversation: Conversation) -> tuple[str, ...]:
    speeches = conversation.speeches
    return tuple(
        [each for each in conversation.generating_ids if each in speeches and not speeches[each].response_has_ended]
    )


def refuse(run: ConversationRun, conversation: Conversation, event: SessionRequestRefused) -> None:
    """Tell the speech that waits for a response that there will be none."""
    speech_id = conversation.request_id
    conversation.request_id = None
    if speech_id is not None:
        run.tell_speech(conversation, speech_id, SessionRequestRefused(speech_id, event.code, event.text))


def give_request_up(run: ConversationRun, conversation: Conversation, event: InternalEvent) -> None:
    """Expect no response to the request that was sent."""
    conversation.request_id = None


def cancel_responses(run: ConversationRun, conversation: Conversation, event: CancelGeneration) -> None:
    """Have the speeches whose responses the server generates cancel them, and play what has come."""
    for speech_id in conversation.generating_ids:
        if speech_id in conversation.speeches:
            run.tell_speech(conversation, speech_id, CancelGeneration())


# The agent


def announce_listening(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Agent state: it is silent, and the user may speak."""
    run.emit(AnnounceAgentState("listening"))


def announce_thinking(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Agent state: it prepares to speak."""
    run.emit(AnnounceAgentState("thinking"))


def announce_speaking(run: ConversationRun, conversation: Conversation, event: Event | InternalEvent | None) -> None:
    """Agent state: the listener hears it."""
    run.emit(AnnounceAgentState("speaking"))
