"""What must hold of a conversation (spec, section 9): of each configuration, and of each handled step.

Each is judged by the speeches' own states, which are explored by themselves, and not by what the conversation writes
down about them: that is what is in question.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.values import STOPPABLE_SPEECH_STATES, Value

from ..bookkeeping import ACTIVE_STATES
from ..property import Complaint, Property

Check = TypeVar("Check", bound=Callable[..., Complaint])

CONVERSATION_PROPERTIES: dict[str, Property] = {}
"""All of them, in the order of their declaration."""


class StepTaken(Value, frozen=True):
    """One handled event, as a property sees it."""

    before: Conversation
    event: Any
    reply: Handled
    after: Conversation


def _of(kind: Any, section: str, events: tuple[type[Event], ...] = ()) -> Callable[[Check], Check]:
    def declare(check: Check) -> Check:
        CONVERSATION_PROPERTIES[check.__name__] = Property(check.__name__, section, kind, check, events)
        return check

    return declare


def _of_configurations(section: str) -> Callable[[Check], Check]:
    """Declare a property of every configuration: `check(conversation)`."""
    return _of("configuration", section)


def _of_steps(section: str, *events: type[Event]) -> Callable[[Check], Check]:
    """Declare a property of every handled step, or of those that some events cause: `check(step)`."""
    return _of("step", section, events)


def _of_engines(section: str) -> Callable[[Check], Check]:
    """Declare a property that the explorer itself judges; its function only says it in words."""
    return _of("engine", section)


def _live(conversation: Conversation) -> Iterator[tuple[str, Speech]]:
    for name in conversation.live:
        yield name, conversation.speeches[name]


def _has_no_answer(speech: Speech) -> bool:
    """It has no response, and one may still come."""
    return speech.response_id is None and not speech.response_has_ended


def _generates(speech: Speech) -> bool:
    return speech.response_id is not None and not speech.response_has_ended


# The floor


@_of_configurations("9.15")
def one_speech_has_the_floor(conversation: Conversation) -> Complaint:
    """Section 9.15: at most one speech has the floor, and only that one plays, is about to, or has the output."""
    floor_id = conversation.floor_id
    if (conversation.floor in ("taken", "suspended")) != (floor_id is not None):
        return f"the floor is {conversation.floor}, and {floor_id} has it"
    if floor_id is not None and floor_id not in conversation.live:
        return f"{floor_id} has the floor and is over"
    for name, speech in _live(conversation):
        has_output = speech.state in ACTIVE_STATES or speech.forwarding_id is not None
        if has_output and name != floor_id:
            return f"{name} is {speech.state} without the floor"
        if speech.state == "queued" and name == floor_id:
            return f"{name} has the floor and was not told"
    return None


@_of_configurations("9.16")
def what_waits_gets_the_floor(conversation: Conversation) -> Complaint:
    """Section 9.16: a speech that nothing stops waits, and gets the floor when that is free and the user silent."""
    queued = [
        name for name, speech in _live(conversation) if speech.state == "queued" and name != conversation.floor_id
    ]
    if sorted(queued) != sorted(conversation.waiting):
        return f"{queued} are queued, {[*conversation.waiting]} wait"
    if (
        conversation.waiting
        and conversation.floor == "free"
        and conversation.user == "silent"
        and conversation.policy.authorize_when_free
    ):
        return f"{[*conversation.waiting]} wait, though the floor is free"
    return None


@_of_steps("9.16")
def the_floor_is_given_in_order(step: StepTaken) -> Complaint:
    """Section 9.16: of those that wait, the first gets the floor, unless the agent names another one."""
    floor_id, before = step.after.floor_id, step.before
    if floor_id is None or floor_id == before.floor_id or type(step.event) is ev.Authorize:
        return None
    wants = [name for name, speech in _live(step.after) if speech.cause is None]
    first = next((name for name in before.waiting if name in wants), floor_id)
    return None if floor_id == first else f"{floor_id} gets the floor before {first}"


@_of_steps("9.16")
def the_floor_is_given_to_no_stopped_speech(step: StepTaken) -> Complaint:
    """Section 9.16: a speech that gets the floor is not being stopped."""
    floor_id = step.after.floor_id
    if floor_id is None or floor_id == step.before.floor_id:
        return None
    cause = step.after.speeches[floor_id].cause
    return None if cause is None else f"{floor_id} gets the floor, stopped because {cause}"


# Requests and responses


@_of_configurations("9.17")
def one_response_is_awaited(conversation: Conversation) -> Complaint:
    """Section 9.17: at most one request is sent and not answered, and the generation's state tells what runs (C1)."""
    request_id = conversation.request_id
    runs = [name for name, speech in conversation.speeches.items() if _generates(speech)]
    expected = "requested" if request_id is not None else "generating" if runs else "idle"
    if conversation.generation != expected:
        return f"the generation is {conversation.generation}; {request_id} is requested, {runs} run"
    if request_id is not None and (
        request_id not in conversation.live or not _has_no_answer(conversation.speeches[request_id])
    ):
        return f"the request of {request_id} is answered, and still awaited"
    return None


@_of_steps("9.17")
def asks_while_nothing_is_generated(step: StepTaken) -> Complaint:
    """Section 9.17: a response is asked for only while none runs, for a speech that waits, in the order of requests."""
    asked = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.CreateResponse]
    if not asked:
        return None
    (name, *more) = asked
    after = step.after
    if more or after.request_id != name:
        return f"{asked} are asked for, {after.request_id} is awaited"
    if step.before.request_id in after.live and _has_no_answer(after.speeches[step.before.request_id]):
        return f"{name} is asked for, {step.before.request_id} is not answered"
    running = [each for each, speech in after.speeches.items() if _generates(speech)]
    if running:
        return f"{name} is asked for while {running} run"
    if name not in after.live or after.speeches[name].cause is not None:
        return f"{name} is stopped, and asked for"
    wants = [each for each, speech in _live(after) if speech.cause is None]
    first = next((each for each in step.before.requests if each in wants), name)
    return None if first == name else f"{name} is asked for before {first}"


@_of_configurations("9.17")
def what_can_be_asked_for_is(conversation: Conversation) -> Complaint:
    """Section 9.17: while the server is idle and connected, no request waits."""
    if conversation.requests and conversation.generation == "idle" and conversation.connection == "connected":
        return f"{[*conversation.requests]} wait to be sent"
    return None


@_of_configurations("9.18")
def nothing_is_requested_without_a_connection(conversation: Conversation) -> Complaint:
    """Section 9.18: while disconnected, closing or closed no request waits, and after a loss none is awaited."""
    if conversation.connection in ("connected", "restoring"):
        return None
    if conversation.requests:
        return f"{[*conversation.requests]} wait while {conversation.connection}"
    if conversation.connection == "disconnected" and conversation.request_id is not None:
        return f"{conversation.request_id} awaits an answer of a server that is gone"
    return None


@_of_steps("9.18")
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


@_of_configurations("9.19")
def every_request_has_its_place(conversation: Conversation) -> Complaint:
    """Section 9.19: a speech without a response waits to ask, or for the answer; none waits for what never comes."""
    unanswered = {name for name, speech in _live(conversation) if _has_no_answer(speech)}
    awaited = {*conversation.requests, *([conversation.request_id] if conversation.request_id else [])}
    if unanswered != awaited:
        return f"{sorted(unanswered)} have no answer, {sorted(awaited)} await one"
    if conversation.request_id in conversation.requests:
        return f"{conversation.request_id} is asked for, and waits to be"
    stopped = [name for name in conversation.requests if conversation.speeches[name].cause is not None]
    return f"{stopped} are stopped, and wait to be asked for" if stopped else None


@_of_steps("9.19", ev.SessionResponseCreated)
def a_response_has_its_speech(step: StepTaken) -> Complaint:
    """Section 9.19: a response belongs to the speech that asked for it, or to a new one; an unwanted one is stopped."""
    event, before = step.event, step.before
    name = step.after.by_response.get(event.response_id)
    if name is None:
        return "it belongs to nobody"
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


@_of_steps("9.19", ev.SessionRequestRefused)
def a_refusal_ends_its_request(step: StepTaken) -> Complaint:
    """Section 9.19: a refusal is told to the speech whose request was refused, which fails unless it was stopped."""
    request_id = step.before.request_id
    if type(step.event) is not ev.SessionRequestRefused or request_id is None:
        return None
    if step.after.request_id == request_id or request_id in step.after.live:
        return f"{request_id} still waits"
    return None


# Ends


@_of_engines("9.20")
def everything_can_end() -> None:
    """Section 9.20: once the user is silent and nothing is held, timers alone lead to where no speech goes on."""


@_of_engines("9.21")
def closing_ends() -> None:
    """Section 9.21: after a close, timers alone lead to `closed`, whatever else does not come."""


@_of_configurations("9.21")
def nothing_goes_on_after_a_close(conversation: Conversation) -> Complaint:
    """Section 9.21: while closing nothing plays, nothing waits and nothing is held back; closed, all are over."""
    if conversation.connection not in ("closing", "closed"):
        return None
    if conversation.connection == "closed" and conversation.live:
        return f"it is closed, and {[*conversation.live]} go on"
    if conversation.connection == "closing" and not conversation.live:
        return "nothing is left, and it is not closed"
    left = [name for name, speech in _live(conversation) if speech.state in STOPPABLE_SPEECH_STATES]
    return f"{left} go on after a close" if left else None


@_of_configurations("9.21")
def nothing_goes_on_after_a_loss(conversation: Conversation) -> Complaint:
    """Section 9.21: while disconnected nothing plays, and no response is awaited or generated (O6)."""
    if conversation.connection != "disconnected":
        return None
    left = [
        name for name, speech in _live(conversation) if speech.cause is None and speech.state in STOPPABLE_SPEECH_STATES
    ]
    return f"{left} go on without a connection" if left else None


@_of_steps("9.21", ev.SessionLost)
def a_loss_ends_every_response(step: StepTaken) -> Complaint:
    """Section 9.21: a loss stops every speech, and ends every response."""
    left = [
        name
        for name, speech in _live(step.after)
        if speech.state in STOPPABLE_SPEECH_STATES or not speech.response_has_ended
    ]
    return f"{left} go on after a loss" if left else None


@_of_steps("9.21")
def history_is_restored_once(step: StepTaken) -> Complaint:
    """Section 9.21: a server that begins anew is told what was heard, once, when all that was lost is settled."""
    told = [effect for effect in step.reply.effects if type(effect) is fx.RestoreHistory]
    must = step.before.connection in ("disconnected", "restoring") and step.after.connection == "connected"
    kept = type(step.event) is ev.SessionResumed and step.event.conversation_kept
    if len(told) != (must and not kept):
        return f"{step.before.connection} becomes {step.after.connection}, and history is restored {len(told)} times"
    left = [name for name, speech in _live(step.after) if speech.session_is_lost]
    return f"history is restored while {left} are not settled" if told and left else None


@_of_configurations("9.21")
def nothing_lost_is_left_when_restored(conversation: Conversation) -> Complaint:
    """Section 9.21: the history is restored as soon as every speech that was lost is over."""
    left = any(speech.session_is_lost for _, speech in _live(conversation))
    return (
        "nothing lost is left, and history is not restored"
        if conversation.connection == "restoring" and not left
        else None
    )


@_of_steps("9.21")
def connection_is_announced(step: StepTaken) -> Complaint:
    """Section 9.21: each change of the connection is announced, in order and once; closed comes last of all."""
    said = [effect for effect in step.reply.effects if type(effect) is fx.AnnounceConnectionState]
    states = [effect.state for effect in said]
    before, after = step.before.connection, step.after.connection
    expected: list[str] = []
    if before not in ("closing", "closed") and after in ("closing", "closed"):
        expected = ["closing"]
    if after != before and after not in ("restoring", "closing"):
        expected = [*expected, after]
    if states != expected:
        return f"{before} becomes {after}, announced is {states}"
    kept = type(step.event) is ev.SessionResumed and step.event.conversation_kept
    if after == "connected" != before and said[0].conversation_kept != kept:
        return "it is not said whether the conversation was kept"
    last = [effect for effect in step.reply.effects if type(effect) is not fx.AnnounceAgentState][-1:]
    if after == "closed" != before and last != said[-1:]:
        return f"after `closed` there is {last}"
    return None


# The agent


@_of_configurations("9.22")
def the_agents_state_is_true(conversation: Conversation) -> Complaint:
    """Section 9.22: `speaking` if the listener hears it, `thinking` if a speech is about to play, else `listening`."""
    floor = None if conversation.floor_id is None else conversation.speeches[conversation.floor_id]
    is_next = bool(conversation.waiting) and conversation.user == "silent"
    if floor is not None and floor.agent_state == "speaking":
        expected = "speaking"
    elif (floor is not None and floor.agent_state == "thinking") or (
        is_next and not _is_on_hold(conversation) and (floor is None or floor.state != "paused")
    ):
        expected = "thinking"
    else:
        expected = "listening"
    return None if conversation.agent == expected else f"it is {conversation.agent}, and should be {expected}"


@_of_steps("9.22")
def the_agents_state_is_announced_once(step: StepTaken) -> Complaint:
    """Section 9.22: each change of the agent's state is announced once; a step has one, unless a speech ends in it."""
    said = [effect.state for effect in step.reply.effects if type(effect) is fx.AnnounceAgentState]
    states = [step.before.agent, *said]
    is_true = states[-1] == step.after.agent and all(one != next for one, next in zip(states, said, strict=False))
    # One that has nothing to play is over as soon as it may begin, and the next one may then.
    ends = [effect for effect in step.reply.effects if type(effect) is fx.ReportSpeechDone]
    if is_true and (len(said) <= 1 or any(effect.outcome != "interrupted" for effect in ends)):
        return None
    return f"{step.before.agent} becomes {step.after.agent}, announced is {said}"


# Interruption and hold


@_of_steps("9.23", ev.Interrupt)
def interrupt_means_silence(step: StepTaken) -> Complaint:
    """Section 9.23: after `interrupt` without a name nothing plays, waits or is held that may be interrupted (M8)."""
    event = step.event
    if type(event) is not ev.Interrupt or event.speech_id:
        return None
    return _what_goes_on(step, force=event.force)


@_of_steps("9.23", ev.Interrupt)
def interrupt_by_name_stops_one(step: StepTaken) -> Complaint:
    """Section 9.23: an interruption that names a speech stops that one, and no other."""
    if type(step.event) is not ev.Interrupt or not step.event.speech_id:
        return None
    # One that is over at once may be forgotten at once.
    expected = [step.event.speech_id] if step.event.speech_id in step.after.speeches else []
    stopped = _stopped_in(step)
    return None if stopped == expected else f"{stopped} are stopped"


@_of_steps("9.23", ev.UserStartedSpeaking)
def barge_in_does_as_the_policy_says(step: StepTaken) -> Complaint:
    """Section 9.23: a user who begins to speak stops everything, has everything held, or changes nothing (M8)."""
    before, after = step.before, step.after
    policy = before.policy.barge_in
    if policy == "interrupt":
        return _what_goes_on(step)
    if stopped := _stopped_in(step):
        return f"{stopped} are stopped by a policy that does not"
    played = before.floor_id if before.floor_id in after.live else None
    if policy == "ignore":
        paused = played is not None and after.speeches[played].state != before.speeches[played].state
        return "what plays is held by a policy that does not" if paused else None
    if played is not None and before.capabilities.can_pause and after.speeches[played].state in ("waiting", "speaking"):
        return f"{played} is {after.speeches[played].state}, and should be held"
    if before.waiting and not _is_on_hold(after):
        return f"{[*before.waiting]} wait, and the floor is {after.floor}"
    return None


def _what_goes_on(step: StepTaken, force: bool = False) -> Complaint:
    left = [
        name
        for name, speech in _live(step.after)
        if speech.state in STOPPABLE_SPEECH_STATES and (speech.policy.interruptible or force)
    ]
    if left:
        return f"{left} go on"
    if _is_on_hold(step.before) and _is_on_hold(step.after) and type(step.event) is ev.Interrupt:
        return "the floor is still held"
    begun = [effect for effect in step.reply.effects if type(effect) is fx.StartHandover]
    return f"{begun} after an interruption" if begun else None


def _stopped_in(step: StepTaken) -> list[str]:
    before = step.before.speeches
    return [
        name
        for name, speech in step.after.speeches.items()
        if speech.cause is not None and (name not in before or before[name].cause is None)
    ]


@_of_steps("9.23", ev.Resume)
def a_hold_ends_when_it_is_told(step: StepTaken) -> Complaint:
    """Section 9.23: what is held goes on when the agent says so (P6), and what waits then begins if it may."""
    if type(step.event) is not ev.Resume or step.event.speech_id:
        return None
    after = step.after
    if _is_on_hold(after):
        return "the floor is still held"
    if after.floor_id is not None and after.speeches[after.floor_id].state == "paused":
        return f"{after.floor_id} is still paused"
    return None


@_of_steps("9.23")
def what_is_held_does_not_begin(step: StepTaken) -> Complaint:
    """Section 9.23: a hold ends when the agent authorizes, resumes or asks for silence; nothing begins in it."""
    event, before = step.event, step.before
    ends = type(event) in (ev.Resume, ev.Authorize) or (type(event) is ev.Interrupt and not event.speech_id)
    if not _is_on_hold(before) or ends:
        return None
    if not _is_on_hold(step.after):
        return f"the floor was {before.floor}, and is {step.after.floor}"
    floor_id = step.after.floor_id
    return None if floor_id in (None, before.floor_id) else f"{floor_id} gets the floor"


@_of_steps("9.23", ev.Pause)
def a_hold_begins_when_it_is_told(step: StepTaken) -> Complaint:
    """Section 9.23: `pause` without a name holds the floor, whether a speech has it or not (N25)."""
    if type(step.event) is not ev.Pause or step.event.speech_id:
        return None
    floor = None if step.after.floor_id is None else step.after.speeches[step.after.floor_id]
    if floor is not None and floor.state in ("waiting", "speaking"):
        return "what plays is not held"
    return None if _is_on_hold(step.after) else f"the floor is {step.after.floor}"


def _is_on_hold(conversation: Conversation) -> bool:
    return conversation.floor in ("held", "suspended")


@_of_steps("9.23")
def what_is_stopped_does_not_begin(step: StepTaken) -> Complaint:
    """Section 9.23: a message begins only in a speech that has the floor, and that nothing has stopped."""
    for effect in step.reply.effects:
        if type(effect) is fx.StartHandover:
            name = step.after.by_message.get(effect.message_id)
            speech = None if name is None else step.after.speeches[name]
            # One without content is over at once, and if it is forgotten at once there is nothing to be said of it.
            if speech is not None and (speech.cause is not None or not (name == step.after.floor_id or speech.is_over)):
                return f"{effect.message_id} of {name} begins, {step.after.floor_id} has the floor"
    return None


# What it says, and what it writes down


@_of_steps("9.24")
def effects_name_what_is_known(step: StepTaken) -> Complaint:
    """Section 9.24: each effect names a speech, message or response that is known; a new speech is reported."""
    known = {*step.before.speeches}
    messages = {*step.before.by_message, *step.after.by_message}
    for effect in step.reply.effects:
        if type(effect) is fx.ReportSpeechBegun:
            if effect.speech_id in known:
                return f"{effect.speech_id} begins a second time"
            known.add(effect.speech_id)
        named = getattr(effect, "speech_id", None)
        if named is not None and named not in known:
            return f"{effect} names no speech"
        named = getattr(effect, "message_id", None)
        if named is not None and named not in messages:
            return f"{effect} names no message"
        named = getattr(effect, "response_id", None)
        if named is not None and named not in step.before.by_response and named not in step.after.by_response:
            return f"{effect} names no response"
    new = {*step.after.speeches} - known
    return f"{sorted(new)} begin unreported" if new else None


@_of_steps("9.24")
def each_end_is_reported_once(step: StepTaken) -> Complaint:
    """Section 9.24: the end of each speech is reported, once, when it is over."""
    before = step.before.live
    said = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.ReportSpeechDone]
    begun = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.ReportSpeechBegun]
    ended = [name for name in (*before, *begun) if name not in step.after.live]
    return None if sorted(said) == sorted(ended) else f"{ended} are over, reported are {said}"


@_of_engines("9.24")
def steps_add_up() -> None:
    """Section 9.24: what the speeches and the conversation did, one after the other, is all that was done."""


@_of_configurations("9.25")
def bookkeeping_is_consistent(conversation: Conversation) -> Complaint:
    """Section 9.25: what is written down of the speeches is what they are, and no more is kept than was said."""
    speeches = conversation.speeches
    if speeches.keys() != {*conversation.live, *conversation.over} or conversation.live.keys() & conversation.over:
        return f"{[*speeches]} are known, {[*conversation.live]} go on, {[*conversation.over]} are over"
    wrong = [name for name, speech in speeches.items() if speech.is_over != (name in conversation.over)]
    if wrong:
        return f"{wrong} are wrongly said to be over, or not to be"
    if len(conversation.over) > conversation.policy.speeches_kept:
        return f"{[*conversation.over]} are kept"
    responses = {speech.response_id: name for name, speech in speeches.items() if speech.response_id is not None}
    if responses != conversation.by_response:
        return f"responses are of {responses}, written down is {conversation.by_response}"
    messages = {message_id: name for name, speech in speeches.items() for message_id in speech.messages}
    if messages != conversation.by_message:
        return f"messages are of {messages}, written down is {conversation.by_message}"
    misnamed = [name for name, speech in speeches.items() if speech.speech_id != name]
    return f"{misnamed} have another name" if misnamed else None


@_of_configurations("9.25")
def what_runs_is_written_down(conversation: Conversation) -> Complaint:
    """Section 9.25: every response that runs is known to, and nothing that is forgotten."""
    runs = {name for name, speech in conversation.speeches.items() if _generates(speech)}
    missing = runs - {*conversation.generating_ids}
    if missing:
        return f"{sorted(missing)} run, and nobody knows"
    forgotten = {*conversation.generating_ids} - conversation.speeches.keys()
    return f"{sorted(forgotten)} are forgotten, and said to run" if forgotten else None


# Every step


@_of_engines("9.13")
def nothing_changes_unless_handled() -> None:
    """Section 9.13: an event that is rejected or ignored changes nothing in the conversation and its speeches."""


@_of_engines("9.14")
def pure_and_in_place_agree() -> None:
    """Section 9.14: the same snapshot and event give the same result, in place and as a pure function."""


@_of_engines("9.26")
def every_event_has_its_answer() -> None:
    """Section 9.26: every event is handled, ignored or rejected in every configuration, and none raises."""


def what_does_not_add_up(reply: Handled) -> Complaint:
    """Return what is wrong with the steps of a reply that has them: its effects, or what a speech is told."""
    if not reply.steps:
        return None
    effects = [effect for each in reply.steps for effect in each.reply.effects]
    transitions = [transition for each in reply.steps for transition in each.reply.transitions]
    if effects != list(reply.effects) or transitions != list(reply.transitions):
        return "the steps do not add up to the reply"
    for each in reply.steps:
        if each.reply.kind == "rejected" and each.reply.reason not in ("not_interruptible", "output_cannot_pause"):
            return f"a speech is told what it rejects: {each}"
    return None


class ConversationJudge:
    """The properties to check, sorted by what they are about."""

    def __init__(self, names: Collection[str]) -> None:
        chosen = [CONVERSATION_PROPERTIES[name] for name in names]
        self._of_steps = {
            event_type: [
                (each.name, each.check)
                for each in chosen
                if each.kind == "step" and (not each.about or event_type in each.about)
            ]
            for event_type in ev.EVERY_EVENT_TYPE
        }
        self._of_configurations = [(each.name, each.check) for each in chosen if each.kind == "configuration"]

    def step(self, step: StepTaken) -> Iterator[tuple[str, str]]:
        """Yield the properties that fail in a step, each with the complaint."""
        return _faults(self._of_steps[type(step.event)], step)

    def configuration(self, conversation: Conversation) -> Iterator[tuple[str, str]]:
        """Yield the properties that fail in a configuration, each with the complaint."""
        return _faults(self._of_configurations, conversation)


def _faults(checks: list[tuple[str, Callable[..., Complaint]]], subject: object) -> Iterator[tuple[str, str]]:
    for name, check in checks:
        try:
            complaint = check(subject)
        except (LookupError, AttributeError, TypeError) as error:
            complaint = f"cannot be judged: {error!r}"
        if complaint is not None:
            yield name, complaint
