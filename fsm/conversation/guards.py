"""The guards of the conversation chart. Each reads as a sentence about the conversation, and changes nothing."""

from __future__ import annotations

from ..events import (
    Authorize,
    Event,
    Interrupt,
    RequestResponse,
    SessionLost,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResumed,
    TimerFired,
)
from ..state import Conversation, Speech
from ..values import STOPPABLE_SPEECH_STATES
from .internal_events import InternalEvent, ResponseOver, SpeechOver


def is_connected(conversation: Conversation, event: Event | None) -> bool:
    """There is a server to talk to, or is going to be, and the agent stays."""
    return conversation.connection in ("connected", "restoring")


def is_lost_for_good(conversation: Conversation, event: SessionLost) -> bool:
    """No other attempt to connect follows."""
    return not event.may_resume


def nothing_lost_is_left(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """Every speech that was lost with the connection is over."""
    for speech_id in conversation.live:
        if conversation.speeches[speech_id].session_is_lost:
            return False
    return True


def is_disconnected(conversation: Conversation, event: Event | None) -> bool:
    """The connection is gone."""
    return conversation.connection == "disconnected"


def conversation_is_kept(conversation: Conversation, event: SessionResumed) -> bool:
    """The server remembers what it did before the connection was lost."""
    return event.conversation_kept


def is_closed(conversation: Conversation, event: Event | None) -> bool:
    """The agent has left."""
    return conversation.connection == "closed"


def nothing_is_left(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """Every speech is over."""
    return not conversation.live


def something_is_left(conversation: Conversation, event: Event | None) -> bool:
    """Some speech is not over."""
    return bool(conversation.live)


# The user


def user_is_silent(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The user is not thought to speak."""
    return conversation.user == "silent"


def is_leaving(conversation: Conversation, event: Event | None) -> bool:
    """The agent is on its way out, or has left."""
    return conversation.connection in ("closing", "closed")


def barge_in_interrupts(conversation: Conversation, event: Event | None) -> bool:
    """The policy says that a user who speaks interrupts."""
    return conversation.policy.barge_in == "interrupt"


def barge_in_holds(conversation: Conversation, event: Event | None) -> bool:
    """The policy says that everything is held until the agent knows what the user wants."""
    return conversation.policy.barge_in == "pause"


def is_of_the_user(conversation: Conversation, event: TimerFired) -> bool:
    """It is the timer that ends the user's turn."""
    return event.timer == "user"


# The floor


def next_may_speak(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """A speech waits, the user is silent, and the floor is given without being asked for."""
    return _another_is_next(conversation) and conversation.policy.authorize_when_free


def is_waiting(conversation: Conversation, event: Authorize) -> bool:
    """The speech waits for the floor."""
    return event.speech_id in conversation.waiting


def something_waits(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """Some speech waits for the floor."""
    return bool(conversation.waiting)


def what_plays_can_be_held(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The speech that has the floor does not play, or the output can hold it."""
    return not _plays(conversation) or conversation.capabilities.can_pause


def something_can_be_held(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """Some speech waits for the floor, or the one that has it plays and the output can hold it."""
    return bool(conversation.waiting) or (_plays(conversation) and conversation.capabilities.can_pause)


def _plays(conversation: Conversation) -> bool:
    speech_id = conversation.floor_id
    return speech_id is not None and conversation.speeches[speech_id].state in ("waiting", "speaking")


def what_plays_is_held(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The speech that has the floor is paused."""
    speech_id = conversation.floor_id
    return speech_id is not None and conversation.speeches[speech_id].state == "paused"


def has_the_floor(conversation: Conversation, event: Authorize | SpeechOver) -> bool:
    """The speech is the one that may play."""
    return event.speech_id == conversation.floor_id


def floor_is_given_elsewhere(conversation: Conversation, event: Authorize) -> bool:
    """Who plays is not for the conversation to decide."""
    return conversation.policy.floor_is_given_elsewhere


def is_known_speech(conversation: Conversation, event: Authorize) -> bool:
    """There is, or was, such a speech."""
    return event.speech_id in conversation.speeches


def something_may_be_stopped(conversation: Conversation, event: Interrupt) -> bool:
    """Something plays or waits, and the policy allows to interrupt it, or it is forced (C7)."""
    for speech_id in conversation.live:
        if _may_be_stopped(conversation.speeches[speech_id], event.force):
            return True
    return False


def _may_be_stopped(speech: Speech, force: bool) -> bool:
    return speech.state in STOPPABLE_SPEECH_STATES and (speech.policy.interruptible or force)


def something_plays_or_waits(conversation: Conversation, event: Event | None) -> bool:
    """Some speech plays, or waits to."""
    for speech_id in conversation.live:
        if conversation.speeches[speech_id].state in STOPPABLE_SPEECH_STATES:
            return True
    return False


# Requests and responses


def is_new_speech(conversation: Conversation, event: RequestResponse) -> bool:
    """No other speech has this name."""
    return event.speech_id not in conversation.speeches


def next_may_be_requested(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """A request waits, and there is a server to send it to."""
    return bool(conversation.requests) and conversation.connection == "connected"


def is_out_of_band(conversation: Conversation, event: SessionResponseCreated) -> bool:
    """The response is no part of the conversation."""
    return event.is_out_of_band


def is_known_response(conversation: Conversation, event: SessionResponseCreated) -> bool:
    """It has been announced before."""
    return event.response_id in conversation.by_response


def answers_the_request(conversation: Conversation, event: SessionResponseCreated) -> bool:
    """The response says that it is the one that was asked for, and stands beside the conversation only if it may."""
    request_id = conversation.request_id
    return (
        request_id is not None
        and event.speech_id == request_id
        and event.response_id not in conversation.by_response
        and (not event.is_out_of_band or conversation.speeches[request_id].is_out_of_band)
    )


def is_the_servers_own(conversation: Conversation, event: SessionResponseCreated) -> bool:
    """The server began the response by itself, at the end of the user's turn."""
    return (
        _is_new_response(conversation, event)
        and event.speech_id == ""
        and is_connected(conversation, event)
        and (event.new_speech_id or event.response_id) not in conversation.speeches
    )


def is_unwanted(conversation: Conversation, event: SessionResponseCreated) -> bool:
    """Whoever asked for the response does not wait for it any more, or the agent is leaving."""
    return (
        _is_new_response(conversation, event)
        and conversation.connection != "closed"
        and (event.new_speech_id or event.response_id) not in conversation.speeches
    )


def _is_new_response(conversation: Conversation, event: SessionResponseCreated) -> bool:
    return not event.is_out_of_band and event.response_id not in conversation.by_response


def request_is_wanted(conversation: Conversation, event: Event | None) -> bool:
    """Nothing has stopped the speech whose request was sent, and it is for a response of the conversation.

    Otherwise the server's own response answers the user.
    """
    if conversation.request_id is None:
        return False
    speech = conversation.speeches[conversation.request_id]
    return speech.cause is None and not speech.is_out_of_band


def is_request_sent(conversation: Conversation, event: SessionRequestRefused | ResponseOver) -> bool:
    """It is about the request that was sent and not answered."""
    return conversation.request_id is not None and event.speech_id in ("", conversation.request_id)


def a_response_runs(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The server generates a response of which somebody still waits for the end."""
    for speech_id in conversation.generating_ids:
        speech = conversation.speeches.get(speech_id)
        if speech is not None and not speech.response_has_ended:
            return True
    return False


def something_is_generated(conversation: Conversation, event: Event | None) -> bool:
    """The server generates a response that it was not told to cancel."""
    for speech_id in conversation.generating_ids:
        speech = conversation.speeches.get(speech_id)
        if speech is not None and not speech.response_has_ended and not speech.cancel_was_sent:
            return True
    return False


def no_response_runs(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The server generates none."""
    return not a_response_runs(conversation, event)


# The agent


def is_audible(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The listener hears the agent."""
    return conversation.floor_id is not None and conversation.speeches[conversation.floor_id].agent_state == "speaking"


def is_preparing(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The speech that has the floor prepares to speak, or another one is next."""
    if conversation.floor_id is None:
        return conversation.floor == "free" and _another_is_next(conversation)
    speech = conversation.speeches[conversation.floor_id]
    return speech.agent_state == "thinking" or (
        conversation.floor == "taken"
        and speech.agent_state != "speaking"
        and speech.state != "paused"
        and _another_is_next(conversation)
    )


def _another_is_next(conversation: Conversation) -> bool:
    if conversation.user == "silent":
        for speech_id in conversation.waiting:
            # What stops several speeches tells one after the other: those that are stopped may not have left yet.
            if conversation.speeches[speech_id].cause is None:
                return True
    return False


def is_at_rest(conversation: Conversation, event: Event | InternalEvent | None) -> bool:
    """The agent is silent, and prepares nothing."""
    return not is_audible(conversation, event) and not is_preparing(conversation, event)
