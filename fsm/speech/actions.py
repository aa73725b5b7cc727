"""The actions of the speech chart. None of them decides anything: that is what the transitions are for."""

from __future__ import annotations

from ..effects import AnnounceAgentState, CancelResponse, PauseOutput, ReportSpeechDone, ResumeOutput
from ..events import (
    Event,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
)
from ..message.reconciliation import (
    cut_late_content,
    remove_messages,
    replace_message,
    report_divergence,
    report_late_content,
    truncate_message,
)
from ..run import Run
from ..state import Speech
from ..values import AgentState, Outcome, Reason
from .watchdog import cancel_timer, start_timer, unplayed_ms


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
    """Remember the response's id."""
    speech.response_id = event.response_id
    speech.has_progressed = True


def note_response_end(run: Run, speech: Speech, event: SessionResponseEnded) -> None:
    """Remember that the response has ended, and that no message of it will get any more."""
    speech.response_has_failed = event.status == "failed"
    speech.has_progressed = True
    _end_response(run, speech)


def note_no_response(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that no response will come: it was refused, or never asked for."""
    speech.response_has_ended = True
    speech.has_progressed = True


def note_session_lost(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that nothing more comes from the server, and that it remembers nothing (O6)."""
    speech.session_is_lost = True
    speech.awaited = ()
    _end_response(run, speech)


def _end_response(run: Run, speech: Speech) -> None:
    speech.response_has_ended = True
    for message in speech.messages.values():
        run.tell(speech, message, "end_source")


def cancel_response(run: Run, speech: Speech, event: Event | None) -> None:
    """Stop the server's generating, by id (C3), if it has begun and not ended (C4)."""
    if speech.response_id is not None and not speech.response_has_ended and not speech.cancel_was_sent:
        speech.cancel_was_sent = True
        run.emit(CancelResponse(speech.response_id))


def forward_next(run: Run, speech: Speech, event: Event | None) -> None:
    """Have the next message take its turn, if the output is free and there is one."""
    if speech.forwarding_id is None:
        for message in speech.messages.values():
            if message.state == "pending":
                run.tell(speech, message, "forward")
                break


def stop_message(run: Run, speech: Speech, event: Event | None) -> None:
    """Stop the message that the output has, and watch that it reports how far it got (O1)."""
    message = speech.forwarding_message()
    if message is not None:
        run.tell(speech, message, "stop")
        if message.is_forwarding:
            start_timer(run, speech, "stop", speech.policy.stop_timeout_ms)


def time_out_message(run: Run, speech: Speech, event: Event | None) -> None:
    """Settle the message whose report did not come."""
    message = speech.forwarding_message()
    if message is not None:
        run.tell(speech, message, "time_out")


def skip_pending(run: Run, speech: Speech, event: Event | None) -> None:
    """Settle every message that never had its turn (M2, M7, M8)."""
    for message in speech.messages.values():
        if message.state == "pending":
            run.tell(speech, message, "skip")


def pause_output(run: Run, speech: Speech, event: Event | None) -> None:
    """Have the output hold its playback."""
    speech.output_is_paused = True
    run.emit(PauseOutput())


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


def watch(run: Run, speech: Speech, event: Event | None) -> None:
    """Start the timer for whatever is awaited now: the source, or the end of what was flushed."""
    message = speech.forwarding_message()
    policy = speech.policy
    if message is None:
        if speech.response_has_ended:
            cancel_timer(run, speech)
        else:
            start_timer(run, speech, "stall", policy.stall_timeout_ms)
    elif message.state == "draining":
        start_timer(run, speech, "playout", unplayed_ms(message) + policy.playout_margin_ms)
    else:
        start_timer(run, speech, "stall", unplayed_ms(message) + policy.stall_timeout_ms)


def unwatch(run: Run, speech: Speech, event: Event | None) -> None:
    """Stop the timer."""
    cancel_timer(run, speech)


def note_timer(run: Run, speech: Speech, event: Event | None) -> None:
    """Remember that the timer is over."""
    speech.timer = None


def bring_server_in_line(run: Run, speech: Speech, event: Event | None) -> None:
    """Ask the server to remember what was heard, and no more. All messages are final (spec, section 8)."""
    if not speech.session_is_lost:
        unheard = []
        for message in speech.messages.values():
            record = message.record
            if record is None:
                continue
            if record.state == "played":
                # As long as the response runs, more may come: that waits for its end.
                if speech.response_has_ended:
                    cut_late_content(run, speech, message)
            elif record.state == "skipped" or (message.expects_audio and record.heard_ms < 1):
                unheard.append(message)
            elif message.expects_audio:
                truncate_message(run, speech, message, record.heard_ms)
            else:
                replace_message(run, speech, message, record.heard_text)
        if unheard:
            remove_messages(run, speech, unheard)
    if speech.awaited or not speech.response_has_ended:
        start_timer(run, speech, "reconcile", speech.policy.reconcile_timeout_ms)
    else:
        cancel_timer(run, speech)


def cut_what_came_late(run: Run, speech: Speech, event: Event | None) -> None:
    """Ask the server to forget what came of messages after they had settled as heard in full. No more will come."""
    awaited_before = speech.awaited
    for message in speech.messages.values():
        cut_late_content(run, speech, message)
    if speech.awaited != awaited_before:
        start_timer(run, speech, "reconcile", speech.policy.reconcile_timeout_ms)


def strike_request(
    run: Run, speech: Speech, event: SessionReconciliationAcknowledged | SessionReconciliationRefused
) -> None:
    """Wait no longer for this answer."""
    done = (event.operation, event.message_id)
    speech.awaited = tuple(request for request in speech.awaited if request != done)


def report_refusal(run: Run, speech: Speech, event: SessionReconciliationRefused) -> None:
    """Say that the server keeps what was not heard, in its own words."""
    detail = f"{event.code}: {event.text}" if event.code and event.text else f"{event.code or event.text}"
    report_divergence(run, speech.messages[event.message_id], "refused", detail)


def give_up(run: Run, speech: Speech, event: Event | None) -> None:
    """Report every request that was not answered in time, and wait no longer for the response to end."""
    for operation, message_id in speech.awaited:
        report_divergence(run, speech.messages[message_id], "unanswered", operation)
    if not speech.response_has_ended:
        for message in speech.messages.values():
            report_late_content(run, speech, message)
    speech.awaited = ()
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
    run.emit(ReportSpeechDone(outcome, speech.records, speech.speech_id))
