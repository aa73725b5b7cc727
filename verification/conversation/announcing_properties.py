"""What must hold of what a conversation says: its effects, and the state of the agent."""

from __future__ import annotations

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.state import Conversation

from ..property import Complaint
from .asking import is_on_hold
from .declaring import StepTaken, of_configurations, of_engines, of_steps


@of_configurations("9.22")
def the_agents_state_is_true(conversation: Conversation) -> Complaint:
    """Section 9.22: `speaking` if the listener hears it, `thinking` if a speech is about to play, else `listening`."""
    floor = None if conversation.floor_id is None else conversation.speeches[conversation.floor_id]
    is_next = bool(conversation.waiting) and conversation.user == "silent"
    if floor is not None and floor.agent_state == "speaking":
        expected = "speaking"
    elif (floor is not None and floor.agent_state == "thinking") or (
        is_next and not is_on_hold(conversation) and (floor is None or floor.state != "paused")
    ):
        expected = "thinking"
    else:
        expected = "listening"
    return None if conversation.agent == expected else f"it is {conversation.agent}, and should be {expected}"


@of_steps("9.22")
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


_NO_SPEECH = ""
"""Whose timer is the user's."""


@of_steps("9.24")
def effects_name_what_is_known(step: StepTaken) -> Complaint:
    """Section 9.24: each effect names a speech, message or response that is known; a new speech is reported."""
    known = {*step.before.speeches, _NO_SPEECH}
    messages = {*step.before.by_message, *step.after.by_message}
    responses = {*step.before.by_response, *step.after.by_response, getattr(step.event, "response_id", None)}
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
        if named is not None and named not in responses:
            return f"{effect} names no response"
    new = {*step.after.speeches} - known
    return f"{sorted(new)} begin unreported" if new else None


@of_steps("9.24")
def each_end_is_reported_once(step: StepTaken) -> Complaint:
    """Section 9.24: the end of each speech is reported, once, when it is over."""
    before = step.before.live
    said = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.ReportSpeechDone]
    begun = [effect.speech_id for effect in step.reply.effects if type(effect) is fx.ReportSpeechBegun]
    ended = [name for name in (*before, *begun) if name not in step.after.live]
    return None if sorted(said) == sorted(ended) else f"{ended} are over, reported are {said}"


@of_engines("9.24")
def steps_add_up() -> None:
    """Section 9.24: what the speeches and the conversation did, one after the other, is all that was done."""
