"""The actions of the speech chart. None of them decides anything: that is what the transitions are for."""

from __future__ import annotations

from ..effects import (
    AnnounceAgentState,
    CancelResponse,
    PauseOutput,
    RemoveMessages,
    ReportSpeechDone,
    ResumeOutput,
)
from ..events import (
    Close,
    Event,
    Interrupt,
    Pause,
    Resume,
    SessionLost,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    TimerFired,
)
from ..message.evidence import between, note_stop
from ..message.reconciliation import report_divergence
from ..run import Run
from ..state import Speech
from ..values import AgentState, Outcome, Reason
from .watchdog import cancel_timer, start_timer


def announce_thinking(run: Run, speech: Speech, event: Event | None) -> None:
    """Agent state: it prepares to speak."""
    _announce(run, speech, "thinking")


def announce_speaking(run: Run, speech: Speech, event: Event | None) -> None:
    """Agent state: the listener hears it."""
    speech.was_heard = True
    _announce(run, speech, "speaking")


def announce_listening(run: Run, speech: Speech, event: Event | None) -> None:
    """Agent state: it is silent, and the user may speak. Nothing to say if it never left that state."""
    if speech.agent_state is not None:
        _announce(run, speech, "listening")


def _announce(run: Run, speech: Speech, state: AgentState) -> None:
    if speech.agent_state != state:
        speech.agent_state = state
        run.emit(AnnounceAgentState(state))


def note_heard(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that it was heard, without announcing it while it is held."""
    speech.was_heard = True


def note_response(run: Run, speech: Speech, event: SessionResponseCreated) -> None:
    """Remember the response's id, and whether the conversation has a part in it."""
    speech.response_id = event.response_id
    speech.is_out_of_band = event.is_out_of_band
    speech.has_progressed = True


def note_response_end(run: Run, speech: Speech, event: SessionResponseEnded) -> None:
    """Remember that the response has ended, and that no message of it will get any more."""
    speech.response_has_failed = event.status == "failed"
    _note_why(speech, event)
    speech.has_progressed = True
    _end_response(run, speech)


def note_refusal(run: Run, speech: Speech, event: SessionRequestRefused) -> None:
    """Remember that no response will come, and why the server refused it."""
    _note_why(speech, event)
    note_no_response(run, speech, event)


def note_why_lost(run: Run, speech: Speech, event: SessionLost) -> None:
    """Remember why the connection is gone."""
    _note_why(speech, event)


def _note_why(speech: Speech, event: SessionResponseEnded | SessionRequestRefused | SessionLost) -> None:
    speech.code = event.code
    speech.text = event.text


def note_no_response(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that no response will come."""
    speech.response_has_ended = True
    speech.has_progressed = True


def note_progress(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that the server works on the response."""
    speech.has_progressed = True


def note_item(run: Run, speech: Speech, event: Event | None) -> None:
    """Let the messages before it know that a later item has begun."""
    speech.has_progressed = True
    for message_id in speech.growing:
        run.tell(speech, speech.messages[message_id], "later_item_began")
    speech.growing = ()


def note_session_lost(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that nothing more comes from the server, and that it remembers nothing (O6)."""
    speech.session_is_lost = True
    speech.awaits_resumption = False
    speech.awaited.clear()
    _end_response(run, speech)


def await_resumption(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that nothing more comes of the response, and that it is open what the server remembers."""
    speech.awaits_resumption = True
    _end_response(run, speech)


def note_resumption(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that the server is there again, and has kept the conversation."""
    speech.awaits_resumption = False


def _end_response(run: Run, speech: Speech) -> None:
    speech.response_has_ended = True
    for message in speech.messages.values():
        run.tell(speech, message, "end_source")


def cancel_response(run: Run, speech: Speech, event: Event | None) -> None:
    """Stop the server's generating, by id (C3)."""
    assert speech.response_id is not None, "the server has not named the response"
    speech.cancel_was_sent = True
    run.emit(CancelResponse(speech.response_id))


def pass_turn(run: Run, speech: Speech, event: Event | None) -> None:
    """See whose turn it is, when all else about this event is done."""
    run.raise_event("go_on")


def take_turn(run: Run, speech: Speech, event: Event | None) -> None:
    """Have the message whose turn it is forwarded, if it is not yet, and watch over it: it may even settle at once."""
    message = speech.message_in_turn()
    run.tell(speech, message, "forward")
    run.tell(speech, message, "watch")


def stop_message(run: Run, speech: Speech, event: Interrupt | Close | SessionLost | TimerFired) -> None:
    """Stop the message that the output has: any other does not mind."""
    if event.observed_ms is not None:
        note_stop(speech, event.observed_ms)
    for message in speech.messages.values():
        run.tell(speech, message, "stop")


def time_out_message(run: Run, speech: Speech, event: Event | None) -> None:
    """Settle the message whose report did not come."""
    for message in speech.messages.values():
        run.tell(speech, message, "time_out")


def skip_pending(run: Run, speech: Speech, event: Event | None) -> None:
    """Settle every message that never had its turn (M2, M7, M8)."""
    for message in speech.messages.values():
        run.tell(speech, message, "skip")


def pause_output(run: Run, speech: Speech, event: Pause) -> None:
    """Have the output hold its playback."""
    speech.output_is_paused = True
    speech.held_since_ms = event.observed_ms
    run.emit(PauseOutput())


def count_hold(run: Run, speech: Speech, event: Resume) -> None:
    """Remember how long the playback was held: nobody heard anything meanwhile."""
    if event.observed_ms is not None and speech.held_since_ms is not None:
        speech.held_ms += between(speech.held_since_ms, event.observed_ms)
    speech.held_since_ms = None


def resume_output(run: Run, speech: Speech, event: Event | None) -> None:
    """End the hold."""
    speech.output_is_paused = False
    run.emit(ResumeOutput())


def because_never_authorized(run: Run, speech: Speech, event: Event | None) -> None:
    """Cause: it was interrupted before it had the floor."""
    _stop(speech, "never_authorized")


def because_interrupted(run: Run, speech: Speech, event: Event | None) -> None:
    """Cause: it was interrupted."""
    _stop(speech, "interrupted")


def because_closed(run: Run, speech: Speech, event: Event | None) -> None:
    """Cause: the agent shuts down."""
    _stop(speech, "closed")


def because_source_failed(run: Run, speech: Speech, event: Event | None) -> None:
    """Cause: the session is lost."""
    _stop(speech, "source_failed")


def because_output_failed(run: Run, speech: Speech, event: Event | None) -> None:
    """Cause: the output broke."""
    _stop(speech, "output_failed")


def because_timed_out(run: Run, speech: Speech, event: Event | None) -> None:
    """Cause: nothing was heard of session or output for too long."""
    _stop(speech, "timed_out")


def _stop(speech: Speech, cause: Reason) -> None:
    speech.cause = cause


def await_source(run: Run, speech: Speech, event: Event | None) -> None:
    """Start the timer for whatever the response brings next (O2)."""
    start_timer(run, speech, "stall", speech.policy.stall_timeout_ms)


def unwatch(run: Run, speech: Speech, event: Event | None) -> None:
    """Stop the timer."""
    cancel_timer(run, speech)


def note_timer(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that the timer is over."""
    speech.timer = None


def bring_server_in_line(run: Run, speech: Speech, event: Event | None) -> None:
    """Have the server remember what was heard, and no more: all messages are final.

    Those of which nothing was heard are forgotten by one request, behind all others.
    """
    for message in speech.messages.values():
        run.tell(speech, message, "reconcile")
    for message in speech.messages.values():
        run.tell(speech, message, "forget")
    _remove_unheard(run, speech)


def _remove_unheard(run: Run, speech: Speech) -> None:
    message_ids = [message_id for message_id, operation in speech.awaited.items() if operation == "remove"]
    if message_ids:
        run.emit(RemoveMessages(tuple(message_ids)))


def await_answers(run: Run, speech: Speech, event: Event | None) -> None:
    """Start the timer for the answers of the server, and for the end of its response."""
    start_timer(run, speech, "reconcile", speech.policy.reconcile_timeout_ms)


def bound_resumption(run: Run, speech: Speech, event: Event | None) -> None:
    """Start the timer for the session to resume."""
    start_timer(run, speech, "reconcile", speech.policy.resume_timeout_ms)


def bring_server_in_line_again(run: Run, speech: Speech, event: Event | None) -> None:
    """Ask about every message for what the server has not answered, or was not asked."""
    message_ids = tuple([each for each in speech.messages if each not in speech.answered])
    speech.awaited.clear()
    for message_id in message_ids:
        run.tell(speech, speech.messages[message_id], "reconcile")
    for message_id in message_ids:
        run.tell(speech, speech.messages[message_id], "forget")
    _remove_unheard(run, speech)
    for message_id in message_ids:
        run.tell(speech, speech.messages[message_id], "trim")


def await_answers_if_any(run: Run, speech: Speech, event: Event | None) -> None:
    """Start it if the server was asked anything. Else nothing is waited for any more."""
    if speech.awaited:
        await_answers(run, speech, event)
    else:
        cancel_timer(run, speech)


def trim_messages(run: Run, speech: Speech, event: Event | None) -> None:
    """Have the server forget what came of messages after all there was had been heard. No more will come."""
    for message in speech.messages.values():
        run.tell(speech, message, "trim")


def strike_request(
    run: Run, speech: Speech, event: SessionReconciliationAcknowledged | SessionReconciliationRefused
) -> None:
    """Wait no longer for this answer."""
    speech.awaited.pop(event.message_id)
    speech.answered += (event.message_id,)


def report_refusal(run: Run, speech: Speech, event: SessionReconciliationRefused) -> None:
    """Say that the server keeps what was not heard, in its own words."""
    detail = f"{event.code}: {event.text}" if event.code and event.text else f"{event.code or event.text}"
    report_divergence(run, speech.messages[event.message_id], "refused", detail)


def give_up(run: Run, speech: Speech, event: Event | None) -> None:
    """Report every request that was not answered in time."""
    for message_id in speech.awaited:
        run.tell(speech, speech.messages[message_id], "give_up_answer")
        speech.answered += (message_id,)
    speech.awaited.clear()


def give_up_response(run: Run, speech: Speech, event: Event | None) -> None:
    """Report what came late, and wait no longer for the response to end."""
    for message in speech.messages.values():
        run.tell(speech, message, "give_up_end")
    speech.response_has_ended = True


def report_completed(run: Run, speech: Speech, event: Event | None) -> None:
    """The speech is over: all that was said could be said."""
    _report_done(run, speech, "completed")


def report_interrupted(run: Run, speech: Speech, event: Event | None) -> None:
    """The speech is over: it was stopped."""
    _report_done(run, speech, "interrupted")


def report_failed(run: Run, speech: Speech, event: Event | None) -> None:
    """The speech is over: its output, its source or the watchdog ended it."""
    _report_done(run, speech, "failed")


def _report_done(run: Run, speech: Speech, outcome: Outcome) -> None:
    run.emit(ReportSpeechDone(outcome, speech.records, speech.speech_id, speech.code, speech.text))
