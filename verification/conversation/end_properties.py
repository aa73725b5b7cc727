"""What must hold when a conversation ends: after a close, a loss, a resumption."""

from __future__ import annotations

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.values import STOPPABLE_SPEECH_STATES

from ..property import Complaint
from .asking import live
from .declaring import StepTaken, of_configurations, of_engines, of_steps


@of_engines("9.20")
def everything_can_end() -> None:
    """Section 9.20: once nothing is held, timers alone lead to where no speech goes on."""


@of_steps("9.20")
def the_users_turn_has_its_timer(step: StepTaken) -> Complaint:
    """Section 9.20: while the user is thought to speak a timer runs that ends it, and no longer (N5)."""
    said = [effect for effect in step.reply.effects if isinstance(effect, fx.TimerEffect) and effect.timer == "user"]
    has_fired = type(step.event) is ev.TimerFired and step.event.timer == "user"
    runs = step.before.user == "talking" and not has_fired
    for effect in said:
        if type(effect) is fx.CancelTimer and not runs:
            return "it is stopped, and does not run"
        runs = type(effect) is fx.StartTimer
    talks = step.after.user == "talking"
    return None if runs == talks else f"it {'runs' if runs else 'does not run'} while the user is {step.after.user}"


@of_engines("9.21")
def closing_ends() -> None:
    """Section 9.21: after a close, timers alone lead to `closed`, whatever else does not come."""


@of_configurations("9.21")
def nothing_goes_on_after_a_close(conversation: Conversation) -> Complaint:
    """Section 9.21: while closing nothing plays, nothing waits and nothing is held back; closed, all are over."""
    if conversation.connection not in ("closing", "closed"):
        return None
    if conversation.connection == "closed" and conversation.live:
        return f"it is closed, and {[*conversation.live]} go on"
    if conversation.connection == "closing" and not conversation.live:
        return "nothing is left, and it is not closed"
    left = [name for name, speech in live(conversation) if speech.state in STOPPABLE_SPEECH_STATES]
    return f"{left} go on after a close" if left else None


@of_steps("9.21")
def nothing_holds_up_a_close(step: StepTaken) -> Complaint:
    """Section 9.21: what begins on the way out is over at once, so that the close waits for nothing new."""
    if step.before.connection not in ("closing", "closed"):
        return None
    new = [name for name, _ in live(step.after) if name not in step.before.live]
    return f"{new} begin on the way out, and go on" if new else None


@of_configurations("9.21")
def nothing_goes_on_after_a_loss(conversation: Conversation) -> Complaint:
    """Section 9.21: while disconnected nothing plays, and no response is awaited or generated (O6)."""
    if conversation.connection != "disconnected":
        return None
    left = [
        name for name, speech in live(conversation) if speech.cause is None and speech.state in STOPPABLE_SPEECH_STATES
    ]
    return f"{left} go on without a connection" if left else None


@of_steps("9.21", ev.SessionLost)
def a_loss_ends_every_response(step: StepTaken) -> Complaint:
    """Section 9.21: a loss stops every speech, and ends every response."""
    left = [
        name
        for name, speech in live(step.after)
        if speech.state in STOPPABLE_SPEECH_STATES or not speech.response_has_ended
    ]
    return f"{left} go on after a loss" if left else None


@of_steps("9.21")
def history_is_restored_once(step: StepTaken) -> Complaint:
    """Section 9.21: a server that begins anew is told what was heard, once, when all that was lost is settled."""
    told = [effect for effect in step.reply.effects if type(effect) is fx.RestoreHistory]
    must = step.before.connection in ("disconnected", "restoring") and step.after.connection == "connected"
    kept = type(step.event) is ev.SessionResumed and step.event.conversation_kept
    if len(told) != (must and not kept):
        return f"{step.before.connection} becomes {step.after.connection}, and history is restored {len(told)} times"
    left = [name for name, speech in live(step.after) if speech.session_is_lost]
    return f"history is restored while {left} are not settled" if told and left else None


@of_configurations("9.21")
def nothing_lost_is_left_when_restored(conversation: Conversation) -> Complaint:
    """Section 9.21: the history is restored as soon as every speech that was lost is over."""
    left = any(speech.session_is_lost for _, speech in live(conversation))
    return (
        "nothing lost is left, and history is not restored"
        if conversation.connection == "restoring" and not left
        else None
    )


@of_steps("9.21")
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
