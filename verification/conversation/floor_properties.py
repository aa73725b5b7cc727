"""What must hold of the floor: one speech has it, and it is given in order."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.state import Conversation

from ..bookkeeping import ACTIVE_STATES
from ..property import Complaint
from .asking import live
from .declaring import StepTaken, of_configurations, of_steps


@of_configurations("9.15")
def one_speech_has_the_floor(conversation: Conversation) -> Complaint:
    """Section 9.15: at most one speech has the floor, and only that one plays, is about to, or has the output.

    Where the floor is given elsewhere, those that had it may still settle.
    """
    floor_id = conversation.floor_id
    if (conversation.floor in ("taken", "suspended")) != (floor_id is not None):
        return f"the floor is {conversation.floor}, and {floor_id} has it"
    if floor_id is not None and floor_id not in conversation.live:
        return f"{floor_id} has the floor and is over"
    for name, speech in live(conversation):
        has_output = speech.state in ACTIVE_STATES or speech.forwarding_id is not None
        if has_output and name != floor_id and not conversation.policy.floor_is_given_elsewhere:
            return f"{name} is {speech.state} without the floor"
        if speech.state == "queued" and name == floor_id:
            return f"{name} has the floor and was not told"
    return None


@of_configurations("9.16")
def what_waits_gets_the_floor(conversation: Conversation) -> Complaint:
    """Section 9.16: a speech that nothing stops waits, and gets the floor when that is free and the user silent."""
    queued = [name for name, speech in live(conversation) if speech.state == "queued" and name != conversation.floor_id]
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


@of_steps("9.16")
def the_floor_is_given_in_order(step: StepTaken) -> Complaint:
    """Section 9.16: of those that wait, the first gets the floor, unless the agent names another one."""
    floor_id, before = step.after.floor_id, step.before
    if floor_id is None or floor_id == before.floor_id or type(step.event) is ev.Authorize:
        return None
    wants = [name for name, speech in live(step.after) if speech.cause is None]
    first = next((name for name in before.waiting if name in wants), floor_id)
    return None if floor_id == first else f"{floor_id} gets the floor before {first}"


@of_steps("9.16")
def the_floor_is_given_to_no_stopped_speech(step: StepTaken) -> Complaint:
    """Section 9.16: a speech that gets the floor is not being stopped."""
    floor_id = step.after.floor_id
    if floor_id is None or floor_id == step.before.floor_id:
        return None
    cause = step.after.speeches[floor_id].cause
    return None if cause is None else f"{floor_id} gets the floor, stopped because {cause}"
