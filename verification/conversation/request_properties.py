"""What must hold of requests and responses."""

from __future__ import annotations

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.values import STOPPABLE_SPEECH_STATES

from ..property import Complaint
from .asking import generates, has_no_answer, live
from .declaring import StepTaken, of_configurations, of_steps


@of_configurations("9.17")
def one_response_is_awaited(conversation: Conversation) -> Complaint:
    """Section 9.17: at most one request is sent and not answered, and the generation's state tells what runs (C1)."""
    request_id = conversation.request_id
    runs = [name for name, speech in conversation.speeches.items() if generates(speech)]
    expected = "requested" if request_id is not None else "generating" if runs else "idle"
    if conversation.generation != expected:
        return f"the generation is {conversation.generation}; {request_id} is requested, {runs} run"
    if request_id is not None and (
        request_id not in conversation.live or not has_no_answer(conversation.speeches[request_id])
    ):
        return f"the request of {request_id} is answered, and still awaited"
    return None


@of_steps("9.17")
def asks_while_nothing_is_generated(step: StepTaken) -> Complaint:
    """Section 9.17: a response is asked for only while none runs, for a speech that waits, in the order of requests."""
    asked = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.CreateResponse]
    if not asked:
        return None
    (name, *more) = asked
    after = step.after
    if more or after.request_id != name:
        return f"{asked} are asked for, {after.request_id} is awaited"
    if step.before.request_id in after.live and has_no_answer(after.speeches[step.before.request_id]):
        return f"{name} is asked for, {step.before.request_id} is not answered"
    running = [each for each, speech in after.speeches.items() if generates(speech)]
    if running:
        return f"{name} is asked for while {running} run"
    if name not in after.live or after.speeches[name].cause is not None:
        return f"{name} is stopped, and asked for"
    wants = [each for each, speech in live(after) if speech.cause is None]
    first = next((each for each in step.before.requests if each in wants), name)
    return None if first == name else f"{name} is asked for before {first}"


@of_configurations("9.17")
def what_can_be_asked_for_is(conversation: Conversation) -> Complaint:
    """Section 9.17: while the server is idle and connected, no request waits."""
    if conversation.requests and conversation.generation == "idle" and conversation.connection == "connected":
        return f"{[*conversation.requests]} wait to be sent"
    return None


@of_configurations("9.18")
def nothing_is_requested_without_a_connection(conversation: Conversation) -> Complaint:
    """Section 9.18: while disconnected, closing or closed no request waits, and after a loss none is awaited."""
    if conversation.connection in ("connected", "restoring"):
        return None
    if conversation.requests:
        return f"{[*conversation.requests]} wait while {conversation.connection}"
    if conversation.connection == "disconnected" and conversation.request_id is not None:
        return f"{conversation.request_id} awaits an answer of a server that is gone"
    return None


@of_steps("9.18")
def nothing_is_asked_without_a_connection(step: StepTaken) -> Complaint:
    """Section 9.18: nothing is asked for while disconnected, closing or closed; who asks then is told of the end."""
    asks = any(type(effect) is fx.CreateResponse for effect in step.reply.effects)
    if asks and step.after.connection != "connected":
        return f"a response is asked for while {step.after.connection}"
    if type(step.event) is ev.RequestResponse and step.before.connection not in ("connected", "restoring"):
        speech = step.after.speeches.get(step.event.speech_id)
        if speech is not None and not speech.is_over:
            return f"{step.event.speech_id} is {speech.state}, and should have failed"
    return None


@of_configurations("9.19")
def every_request_has_its_place(conversation: Conversation) -> Complaint:
    """Section 9.19: a speech without a response waits to ask, or for the answer; none waits for what never comes."""
    unanswered = {name for name, speech in live(conversation) if has_no_answer(speech)}
    awaited = {*conversation.requests, *([conversation.request_id] if conversation.request_id else [])}
    if unanswered != awaited:
        return f"{sorted(unanswered)} have no answer, {sorted(awaited)} await one"
    if conversation.request_id in conversation.requests:
        return f"{conversation.request_id} is asked for, and waits to be"
    stopped = [name for name in conversation.requests if conversation.speeches[name].cause is not None]
    return f"{stopped} are stopped, and wait to be asked for" if stopped else None


@of_steps("9.19", ev.SessionResponseCreated)
def a_response_has_its_speech(step: StepTaken) -> Complaint:
    """Section 9.19: a response belongs to the speech that asked for it, or to a new one; an unwanted one is stopped."""
    event, before = step.event, step.before
    name = step.after.by_response.get(event.response_id)
    if name is None:
        # It came on the way out, and its speech is over and forgotten already.
        new = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.ReportSpeechBegun]
        return None if new and new[0] not in step.after.speeches else "it belongs to nobody"
    speech, request_id = step.after.speeches[name], before.request_id
    if speech.response_id != event.response_id:
        return f"it belongs to {name}, which has {speech.response_id}"
    is_own = event.speech_id == "" and before.connection in ("connected", "restoring")
    is_for_request = request_id is not None and (
        event.speech_id == request_id or (is_own and before.speeches[request_id].cause is None)
    )
    if (name == request_id) != is_for_request or (name != request_id and name in before.speeches):
        return f"it belongs to {name}, awaited was that of {request_id}"
    if not is_for_request and not is_own and speech.state in STOPPABLE_SPEECH_STATES:
        return f"nobody wants it, and {name} is {speech.state}"
    if not is_for_request and is_own and speech.cause is not None:
        return f"the server's own answer is stopped at once, because {speech.cause}"
    return None


@of_steps("9.19", ev.SessionRequestRefused)
def a_refusal_ends_its_request(step: StepTaken) -> Complaint:
    """Section 9.19: a refusal is told to the speech whose request was refused, which fails unless it was stopped."""
    request_id = step.before.request_id
    if type(step.event) is not ev.SessionRequestRefused or request_id is None:
        return None
    if step.after.request_id == request_id or request_id in step.after.live:
        return f"{request_id} still waits"
    return None
