"""What must hold (spec, section 9), checked by an onlooker who sees what goes in, what comes out, and the snapshot."""

from __future__ import annotations

from expectations import AGENT_STATES, STOPPABLE, cause_of, expected_answer, is_evidence, may_be_evidence
from settlement import check_end, check_record

from speech_lifecycle.fsm import Capabilities, Policy, SpeechMachine, step
from speech_lifecycle.fsm.codec import dump_speech
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CancelResponse,
    CancelTimer,
    ClearOutput,
    FlushOutput,
    PauseOutput,
    RemoveMessages,
    ReplaceMessage,
    ReportDivergence,
    ReportMessageSettled,
    ReportSpeechDone,
    ResumeOutput,
    SessionEffect,
    StartHandover,
    StartTimer,
    TruncateMessage,
)
from speech_lifecycle.fsm.events import (
    Command,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.values import SETTLED_SPEECH_STATES
from speech_lifecycle.verification.reference import ReferenceMachine


class Onlooker:
    """Runs one speech and checks every step from outside; with `both_engines`, in the reference as well."""

    def __init__(self, capabilities: Capabilities, policy: Policy, *, both_engines: bool = False) -> None:
        self.machine = SpeechMachine(capabilities, policy)
        self.reference = ReferenceMachine(capabilities, policy) if both_engines else None
        self.snapshot = dump_speech(self.machine.speech)
        self.announced: list[str] = []
        self.records: dict[str, ReportMessageSettled] = {}
        self.effects = []
        self.was_stopped = False
        self.generating: str | None = None
        self.is_lost = False
        self.complete: list[str] = []
        self.has_failed = False
        self.started: set[str] = set()
        self.is_over = False
        self.heard: set[str] = set()
        self.maybe_heard: set[str] = set()
        self.handed_over: dict[str, int] = {}
        self.received: dict[str, int] = {}
        self.text: dict[str, str] = {}
        self.flushed: dict[str, int] = {}
        self.finished_at: dict[str, int] = {}
        self.cleared: set[str] = set()
        self.is_paused = False
        self.timer: str | None = None
        self.has_progressed: bool | None = False
        self.progress_at_start: bool | None = False
        self.agent_state: str | None = None
        self.was_cancelled = False
        self.asked: set[tuple[str, str]] = set()
        self.open: set[tuple[str, str]] = set()
        self.unanswered: set[str] = set()
        self.diverged: set[str] = set()

    def send(self, event) -> None:
        speech, before = self.machine.speech, self.snapshot
        pure, pure_reply = step(speech, event)
        assert dump_speech(speech) == before, "9.14 step changed its argument"
        must_be = expected_answer(self, event)
        reply = self.machine.send(event)
        assert must_be in (None, reply.kind), f"{event} must be {must_be}, not {reply}"
        after = self.snapshot = dump_speech(self.machine.speech)
        assert reply == pure_reply
        assert after == dump_speech(pure), "9.14 the same gives the same"
        if self.reference is not None:
            assert self.reference.send(event) == reply
            assert dump_speech(self.reference.speech) == after, "both engines agree"
        if reply.kind != "handled":
            assert after == before, "9.13 a refused event changed something"
            assert reply.effects == ()
            return
        self._note(event)
        self._check_cause(event, before)
        if self.is_over and reply.effects:
            assert isinstance(event, SessionMessageAdded), f"9.11 {event} has effects after the end"
        for effect in reply.effects:
            self._check(effect)
            self.effects.append(effect)
        self._check_order(reply.effects)
        self._check_answer(event, reply.effects)
        if isinstance(event, SessionMessageAdded):
            self._check_announcement(event.message_id, before["state"])
        self._check_snapshot()

    def _note(self, event) -> None:
        """What an event causes is already true for its effects, which are checked after this."""
        if isinstance(event, SessionMessageAdded):
            self.announced.append(event.message_id)
        elif isinstance(event, SessionResponseCreated):
            self.generating = event.response_id
        elif isinstance(event, SessionResponseEnded):
            self.generating, self.complete = None, list(self.announced)
            self.has_failed = event.status == "failed"
        elif isinstance(event, SessionLost):
            self.generating, self.is_lost, self.complete = None, True, list(self.announced)
            self.open.clear()
        elif isinstance(event, SessionTextReceived):
            self.text[event.message_id] = self.text.get(event.message_id, "") + event.text
        elif isinstance(event, SessionAudioReceived):
            self.received[event.message_id] = event.received_ms
        elif isinstance(event, OutputAudioHandedOver):
            self.handed_over[event.message_id] = min(event.handed_over_ms, self.received.get(event.message_id, 0))
        elif isinstance(event, OutputPlaybackProgressed | OutputPlaybackFinished):
            self._note_position(event)
        elif isinstance(event, TimerFired):
            assert event.timer == self.timer, "a timer that does not run was taken"
            self.timer = None
            if event.timer == "reconcile":
                self.unanswered = {message_id for _, message_id in self.open}
                self.open.clear()
        elif isinstance(event, SessionReconciliationAcknowledged | SessionReconciliationRefused):
            self.open.discard((event.operation, event.message_id))
        if is_evidence(event) and self.handed_over.get(event.message_id, 0) > 0:
            self.heard.add(event.message_id)
        if may_be_evidence(event):
            self.maybe_heard.add(event.message_id)
        self.was_stopped = self.was_stopped or self.machine.speech.cause is not None

    def _note_position(self, event) -> None:
        """7: how far the output says that it got, once it has said that it is done."""
        message_id, is_finish = event.message_id, isinstance(event, OutputPlaybackFinished)
        flushed_ms = self.flushed.pop(message_id, 0) if is_finish else 0
        is_all = 0 < flushed_ms == self.received[message_id] and message_id not in self.cleared
        if is_all and not event.interrupted:
            self.finished_at[message_id] = flushed_ms
        elif is_evidence(event) and (is_finish or message_id in self.finished_at):
            self.finished_at[message_id] = min(int(event.position_ms), self.handed_over.get(message_id, 0))

    def _check_cause(self, event, before) -> None:
        """Why it is being stopped, and that a watchdog stops only what makes no progress."""
        cause, was_stoppable = self.machine.speech.cause, before["state"] in STOPPABLE
        if not was_stoppable:
            assert cause == before["cause"]
        elif isinstance(event, TimerFired):
            if self.has_progressed is not None:
                assert cause == (None if self.has_progressed else "timed_out"), "O1 a watchdog too eager, or too lazy"
        else:
            assert cause == cause_of(event, before["state"]), f"{event} stops it as {cause}"
        # An announcement may start the timer of the message before, and be counted as progress after that.
        self.has_progressed = self.has_progressed or not isinstance(event, Command)
        self.progress_at_start = None if isinstance(event, SessionMessageAdded) else False

    def _check(self, effect) -> None:
        if self.is_over:
            allowed = (ReportMessageSettled, RemoveMessages, ReportDivergence)
            assert isinstance(effect, allowed), f"9.11 {effect} after the end"
        assert not (self.is_lost and isinstance(effect, SessionEffect)), "a request to a session that is lost"
        match effect:
            case StartHandover(message_id):
                self.started.add(message_id)
                assert not self.was_stopped, "9.2 a message starts after the interruption"
                assert not self.is_paused, "9.2 a message starts while the speech is held"
            case FlushOutput(message_id):
                assert not self.flushed, "9.4 two flushes at once"
                self.flushed[message_id] = self.handed_over.get(message_id, 0)
            case ClearOutput(message_id):
                assert not self.cleared, "9.4 two clears"
                assert self.was_stopped, "9.4 a clear without an interruption"
                self.cleared.add(message_id)
            case PauseOutput() | ResumeOutput():
                assert self.is_paused == isinstance(effect, ResumeOutput), f"{effect} twice"
                self.is_paused = not self.is_paused
            case CancelResponse(response_id):
                assert response_id == self.generating, "9.10 cancel of what is not generating"
                assert not self.was_cancelled, "9.10 cancelled twice"
                self.was_cancelled = True
            case ReportMessageSettled(record):
                assert record.message_id not in self.records, "9.3 settled twice"
                check_record(self, record)
                self.records[record.message_id] = record
                self.flushed.pop(record.message_id, None)
            case TruncateMessage(message_id, audio_end_ms):
                record = self.records[message_id]
                if record.state == "played":
                    assert record.received_ms < self.received[message_id], "9.5 nothing came after it was played"
                    assert 1 <= audio_end_ms == record.received_ms, "9.5"
                else:
                    assert record.state == "partial", "9.5"
                    assert 1 <= audio_end_ms == record.heard_ms <= record.received_ms, "9.5"
                self._ask("truncate", message_id)
            case ReplaceMessage(message_id, text):
                record = self.records[message_id]
                assert record.state == "partial" or self.text[message_id] != record.generated_text
                assert text == record.heard_text
                self._ask("replace", message_id)
            case RemoveMessages(message_ids):
                assert message_ids, "9.6 a removal of nothing"
                for message_id in message_ids:
                    assert self.records[message_id].heard_ms == 0, "9.6 a heard message is removed"
                    assert self.records[message_id].state != "played", "9.6"
                    self._ask("remove", message_id)
            case ReportDivergence(message_id):
                self.diverged.add(message_id)
            case StartTimer(timer):
                self.timer, self.has_progressed = timer, self.progress_at_start
            case CancelTimer(timer):
                assert timer == self.timer, "a timer is cancelled that does not run"
                self.timer = None
            case AnnounceAgentState(state):
                if state == "speaking":
                    assert self.maybe_heard, "9.9 speaking before anything was heard"
                    assert not self.was_stopped, "P1 speaking after the interruption"
                assert self.agent_state != state, f"9.9 {state} announced twice"
                self.agent_state = state
            case ReportSpeechDone():
                check_end(self, effect)

    def _ask(self, operation: str, message_id: str) -> None:
        assert (operation, message_id) not in self.asked, f"9.5 {operation} twice for {message_id}"
        self.asked.add((operation, message_id))
        if not self.is_over:
            self.open.add((operation, message_id))

    def _check_order(self, effects) -> None:
        """P1: clear comes before resume. 9.10: what generates while it is being stopped is cancelled."""
        kinds = [type(effect) for effect in effects]
        if ClearOutput in kinds and ResumeOutput in kinds:
            assert kinds.index(ClearOutput) < kinds.index(ResumeOutput), "P1 resume before clear"
        if self.was_stopped and self.generating is not None:
            assert self.was_cancelled, "9.10 it goes on generating"

    def _check_answer(self, event, effects) -> None:
        """9.7: each request ends in an acknowledgement, a harmless refusal, or a divergence."""
        told = {effect.message_id for effect in effects if isinstance(effect, ReportDivergence)}
        if isinstance(event, SessionReconciliationRefused) and event.refusal == "other":
            assert event.message_id in told, "9.7 refused, and nobody told"
        if isinstance(event, TimerFired) and event.timer == "reconcile":
            assert self.unanswered <= told, "9.7 unanswered, and nobody told"

    def _check_announcement(self, message_id: str, state: str) -> None:
        """The end of the earlier messages that have begun (M5); and a late one is not remembered."""
        *earlier, message = self.machine.speech.messages.values()
        for begun in earlier:
            has_content = begun.received_ms > 0 if begun.expects_audio else bool(begun.text)
            assert begun.source_has_ended or begun.is_final or not has_content, "M5 a later message began"
        if state in SETTLED_SPEECH_STATES:
            assert message.state == "skipped", "9.2 too late to be played"
            is_told = ("remove", message_id) in self.asked or message_id in self.diverged
            is_nowhere = self.is_lost or self.machine.speech.is_out_of_band
            assert is_told or is_nowhere, "9.7 a late message is remembered"

    def _check_snapshot(self) -> None:
        speech = self.machine.speech
        assert speech.is_over == self.is_over, "over, and nobody told"
        awaited = {(operation, message_id) for message_id, operation in speech.awaited.items()}
        assert awaited == self.open, "9.7 it waits for other answers than it asked for"
        for message_id in self.complete:
            message = speech.messages[message_id]
            assert message.source_has_ended or message.is_final, "more is awaited than comes"
        if speech.state == "stopping":
            message = speech.forwarding_message()
            assert message is not None, "nothing is left to stop"
            assert message.state == "stopping", "it plays on"
            assert message.message_id in self.cleared or not message.expects_audio, "H7 it was never told to stop"
        for message_id, record in self.records.items():
            assert speech.messages[message_id].state == record.state, "the record says something else"
        forwarding = [message for message in speech.messages.values() if message.is_forwarding]
        assert len(forwarding) <= 1, "9.1 two messages are forwarded"
        final = [message.is_final for message in speech.messages.values()]
        assert final == sorted(final, reverse=True), "9.1 final out of order"
        assert list(self.records) == self.announced[: len(self.records)], "9.1 settled out of order"
        assert (speech.timer, speech.output_is_paused) == (self.timer, self.is_paused)
        if speech.state not in ("queued", "paused") and not speech.is_over:
            assert self.timer is not None, f"9.12 nothing runs in {speech.state}"
        expected = AGENT_STATES.get(speech.state)
        assert expected in (None, self.agent_state), f"9.9 {self.agent_state} while {speech.state}"
        assert not (self.heard and speech.state == "waiting"), "9.9 heard, and still not speaking"
        assert self.was_stopped or speech.state != "stopping", "it is being stopped for no reason"

    def end_by_timers_alone(self) -> None:
        """9.12: where the machine waits for session or output, its timer leads to the end."""
        for _ in range(8):
            speech = self.machine.speech
            if speech.is_over or speech.state in ("queued", "paused"):
                return
            self.send(TimerFired(speech.timer))
        raise AssertionError("9.12 timers alone do not end it")
