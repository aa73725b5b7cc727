"""What must hold of interruption and hold."""

from __future__ import annotations

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import STOPPABLE_SPEECH_STATES

from ..property import Complaint
from .asking import is_on_hold, live
from .declaring import StepTaken, of_steps


@of_steps("9.23", ev.Interrupt)
def interrupt_means_silence(step: StepTaken) -> Complaint:
    """Section 9.23: after `interrupt` without a name nothing plays, waits or is held that may be interrupted (M8)."""
    event = step.event
    if type(event) is not ev.Interrupt or event.speech_id:
        return None
    return _what_goes_on(step, force=event.force)


@of_steps("9.23", ev.Interrupt)
def interrupt_by_name_stops_one(step: StepTaken) -> Complaint:
    """Section 9.23: an interruption that names a speech stops that one, and no other."""
    if type(step.event) is not ev.Interrupt or not step.event.speech_id:
        return None
    # One that is over at once may be forgotten at once.
    expected = [step.event.speech_id] if step.event.speech_id in step.after.speeches else []
    stopped = _stopped_in(step)
    return None if stopped == expected else f"{stopped} are stopped"


@of_steps("9.23", ev.UserStartedSpeaking)
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
    if before.waiting and not is_on_hold(after):
        return f"{[*before.waiting]} wait, and the floor is {after.floor}"
    return None


def _what_goes_on(step: StepTaken, force: bool = False) -> Complaint:
    left = [
        name
        for name, speech in live(step.after)
        if speech.state in STOPPABLE_SPEECH_STATES and (speech.policy.interruptible or force)
    ]
    if left:
        return f"{left} go on"
    if is_on_hold(step.before) and is_on_hold(step.after) and type(step.event) is ev.Interrupt:
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


@of_steps("9.23", ev.Resume)
def a_hold_ends_when_it_is_told(step: StepTaken) -> Complaint:
    """Section 9.23: what is held goes on when the agent says so (P6), and what waits then begins if it may."""
    if type(step.event) is not ev.Resume or step.event.speech_id:
        return None
    after = step.after
    if is_on_hold(after):
        return "the floor is still held"
    if after.floor_id is not None and after.speeches[after.floor_id].state == "paused":
        return f"{after.floor_id} is still paused"
    return None


@of_steps("9.23")
def what_is_held_does_not_begin(step: StepTaken) -> Complaint:
    """Section 9.23: a hold ends when the agent authorizes, resumes or asks for silence; nothing begins in it."""
    event, before = step.event, step.before
    ends = type(event) in (ev.Resume, ev.Authorize) or (type(event) is ev.Interrupt and not event.speech_id)
    if not is_on_hold(before) or ends:
        return None
    if not is_on_hold(step.after):
        return f"the floor was {before.floor}, and is {step.after.floor}"
    floor_id = step.after.floor_id
    return None if floor_id in (None, before.floor_id) else f"{floor_id} gets the floor"


@of_steps("9.23", ev.Pause)
def a_hold_begins_when_it_is_told(step: StepTaken) -> Complaint:
    """Section 9.23: `pause` without a name holds the floor, whether a speech has it or not (N25)."""
    if type(step.event) is not ev.Pause or step.event.speech_id:
        return None
    floor = None if step.after.floor_id is None else step.after.speeches[step.after.floor_id]
    if floor is not None and floor.state in ("waiting", "speaking"):
        return "what plays is not held"
    return None if is_on_hold(step.after) else f"the floor is {step.after.floor}"


@of_steps("9.23")
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
