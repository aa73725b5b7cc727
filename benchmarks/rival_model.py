"""The lifecycle of the workload in plain Python: the data, guards and actions that every Python rival's charts name.

The rivals differ only in the library that finds a row, asks its guards and runs its actions. This is no second
implementation of the machine: it holds what the cells of `fsm/message.py` and `fsm/speech.py` need that the workload
enters, with every row of such a cell. Data is changed in place, without checks, which favours the rivals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.events import EVENT_TYPES, MESSAGE_EVENT_TYPES, SessionMessageAdded, name_of
from speech_lifecycle.fsm.values import MessageRecord

NAMES = {event_type: name_of(event_type) for event_type in EVENT_TYPES}
OF_MESSAGES = frozenset(MESSAGE_EVENT_TYPES)

FORWARDING = frozenset({"streaming", "draining", "stopping"})
FINAL = frozenset({"played", "partial", "skipped"})
FRAME_MS = 20
STALL_TIMEOUT_MS = 30_000
PLAYOUT_MARGIN_MS = 2_000
STOP_TIMEOUT_MS = 1_000
RECONCILE_TIMEOUT_MS = 5_000


class Message:
    """One message: what its chart's guards read and its actions change."""

    state = "pending"

    def __init__(self, speech: Speech, message_id: str) -> None:
        self.speech = speech
        self.message_id = message_id
        self.expects_audio = True
        self.received_ms = self.handed_over_ms = self.position_ms = 0
        self.started = self.source_ended = self.flushed = False
        self.text = ""
        self.transcript: str | None = None
        self.record: MessageRecord | None = None

    def deliver(self, name: str, fact: Any = None) -> None:
        """Have the library handle an event."""
        raise NotImplementedError

    # Guards

    def is_new(self, fact: Any = None) -> bool:
        return self.message_id not in self.speech.messages

    def is_of_this_response(self, fact: Any) -> bool:
        return bool(fact.response_id == self.speech.response_id)

    def received_more(self, fact: Any) -> bool:
        return bool(fact.received_ms > self.received_ms)

    def received_no_less(self, fact: Any) -> bool:
        return bool(fact.received_ms >= self.received_ms)

    def handed_over_no_less(self, fact: Any) -> bool:
        return bool(fact.handed_over_ms >= self.handed_over_ms)

    def source_is_open(self, fact: Any = None) -> bool:
        return not self.source_ended

    def has_no_content(self, fact: Any = None) -> bool:
        return self.received_ms == 0 if self.expects_audio else not self.text

    def has_content(self, fact: Any = None) -> bool:
        return not self.has_no_content()

    def is_text_only(self, fact: Any = None) -> bool:
        return not self.expects_audio

    def is_spent(self, fact: Any = None) -> bool:
        return (
            self.source_ended
            and not self.flushed
            and (not self.expects_audio or self.handed_over_ms == self.received_ms)
        )

    def is_on_the_output(self, fact: Any = None) -> bool:
        return self.handed_over_ms > 0

    def has_not_started(self, fact: Any = None) -> bool:
        return not self.started

    def position_is_usable(self, fact: Any) -> bool:
        return fact.position_ms is not None and 0 <= fact.position_ms < float("inf")

    def was_not_interrupted(self, fact: Any) -> bool:
        return not fact.interrupted

    def is_heard(self, fact: Any) -> bool:
        return self.started or self._position_ms(fact) > 0

    def is_heard_to_the_end(self, fact: Any) -> bool:
        return (
            self.source_ended
            and 0 < self.received_ms == self.handed_over_ms
            and self._position_ms(fact) >= self.handed_over_ms - FRAME_MS
        )

    def source_has_ended(self, fact: Any = None) -> bool:
        return self.source_ended

    def _position_ms(self, fact: Any) -> int:
        return min(int(fact.position_ms), self.handed_over_ms) if self.position_is_usable(fact) else self.position_ms

    # Actions

    def announce(self, fact: Any) -> None:
        self.expects_audio = "audio" in fact.modalities
        for earlier in self.speech.messages.values():
            earlier.deliver("later_message_began")
        self.speech.messages[self.message_id] = self
        self.speech.raised.append("message_announced")

    def collect_text(self, fact: Any) -> None:
        self.text += fact.text

    def count_received(self, fact: Any) -> None:
        self.received_ms = fact.received_ms

    def note_source_end(self, fact: Any = None) -> None:
        self.source_ended = True

    def start_handover(self, fact: Any = None) -> None:
        self.speech.effects.append(fx.StartHandover(self.message_id))

    def count_handed_over(self, fact: Any) -> None:
        self.handed_over_ms = min(fact.handed_over_ms, self.received_ms)

    def flush(self, fact: Any = None) -> None:
        self.flushed = True
        self.speech.effects.append(fx.FlushOutput(self.message_id))
        self.speech.start_timer("playout", self.handed_over_ms - self.position_ms + PLAYOUT_MARGIN_MS)

    def note_start(self, fact: Any = None) -> None:
        self.started = True
        self._tell_if_first_heard()

    def note_progress(self, fact: Any) -> None:
        self.position_ms = self._position_ms(fact)
        self._tell_if_first_heard()

    def note_finish(self, fact: Any) -> None:
        self.position_ms = self._position_ms(fact)
        self.transcript = fact.transcript
        self.flushed = False
        self._tell_if_first_heard()

    def note_whole(self, fact: Any = None) -> None:
        self.position_ms = self.handed_over_ms
        self.flushed = False
        self._tell_if_first_heard()

    def clear_output(self, fact: Any = None) -> None:
        self.speech.effects.append(fx.ClearOutput(self.message_id))

    def settle_played(self, fact: Any = None) -> None:
        self._settle("played", "finished", self.position_ms, self.text, "exact" if self.text else "unknown")

    def settle_cleared(self, fact: Any = None) -> None:
        self._settle_partial("cleared")

    def settle_stopped(self, fact: Any = None) -> None:
        self._settle_partial(self.speech.cause or "interrupted")

    def settle_skipped(self, fact: Any = None) -> None:
        self._settle("skipped", self.speech.cause or "cleared", 0, "", "exact")

    def settle_empty(self, fact: Any = None) -> None:
        self._settle("skipped", "no_content", 0, "", "exact")

    def _tell_if_first_heard(self) -> None:
        if not self.speech.was_heard and (self.started or self.position_ms > 0):
            self.speech.raised.append("message_heard")

    def _settle_partial(self, reason: str) -> None:
        status = "unknown" if self.transcript is None else "synchronized"
        self._settle("partial", reason, self.position_ms, self.transcript or "", status)

    def _settle(self, state: Any, reason: Any, heard_ms: int, heard_text: str, status: Any) -> None:
        record = MessageRecord(
            self.message_id, state, reason, heard_ms, self.received_ms, self.text, heard_text, status
        )
        self.record = record
        self.speech.effects.append(fx.ReportMessageSettled(record))
        if state != "skipped":
            self.speech.effects.append(fx.CommitMessage(self.message_id, heard_text, status, state == "partial"))
        self.speech.raised.append("message_settled")


class Speech:
    """One speech: what its chart's guards read and its actions change, and the way of an event to its chart."""

    state = "queued"

    def __init__(self, new_message: Callable[[Speech, str], Message]) -> None:
        self.new_message = new_message
        self.messages: dict[str, Message] = {}
        self.effects: list[Any] = []
        self.raised: list[str] = []
        self.response_id: str | None = None
        self.response_ended = self.cancel_was_sent = self.was_heard = False
        self.cause: str | None = None
        self.agent_state: str | None = None
        self.timer: Any = None
        self.awaited: tuple[tuple[str, str], ...] = ()

    def deliver(self, name: str, fact: Any = None) -> None:
        """Have the library handle an event."""
        raise NotImplementedError

    def send(self, event: Any) -> list[Any]:
        """Give an event to the chart that it is about, then what was raised to the speech's. Return the effects."""
        self.effects = []
        event_type = type(event)
        if event_type in OF_MESSAGES:
            message = self.messages.get(event.message_id)
            if message is None:
                assert event_type is SessionMessageAdded, f"unknown message in {event}"
                message = self.new_message(self, event.message_id)
            message.deliver(NAMES[event_type], event)
        else:
            self.deliver(NAMES[event_type], event)
        if self.raised:
            for name in self.raised:  # grows while it is read
                self.deliver(name)
            self.raised.clear()
        return self.effects

    # Guards

    def has_no_response(self, fact: Any = None) -> bool:
        return self.response_id is None

    def is_generating_it(self, fact: Any) -> bool:
        return fact.response_id == self.response_id and not self.response_ended

    def output_is_free(self, fact: Any = None) -> bool:
        return self._forwarding_message() is None

    def may_interrupt(self, fact: Any = None) -> bool:
        return True

    def is_played_out(self, fact: Any = None) -> bool:
        return self.response_ended and all(message.state in FINAL for message in self.messages.values())

    def is_awaited(self, fact: Any) -> bool:
        return (fact.operation, fact.message_id) in self.awaited

    def is_reconciled(self, fact: Any = None) -> bool:
        return self.response_ended and not self.awaited

    def has_failed(self, fact: Any = None) -> bool:
        return self.cause in ("output_failed", "source_failed", "timed_out")

    def is_stopped(self, fact: Any = None) -> bool:
        return self.cause is not None

    def _forwarding_message(self) -> Message | None:
        for message in self.messages.values():
            if message.state in FORWARDING:
                return message
        return None

    # Actions

    def announce_thinking(self, fact: Any = None) -> None:
        self._announce("thinking")

    def announce_speaking(self, fact: Any = None) -> None:
        self.was_heard = True
        self._announce("speaking")

    def announce_listening(self, fact: Any = None) -> None:
        if self.agent_state is not None:
            self._announce("listening")

    def _announce(self, state: Any) -> None:
        if self.agent_state != state:
            self.agent_state = state
            self.effects.append(fx.AnnounceAgentState(state))

    def note_response(self, fact: Any) -> None:
        self.response_id = fact.response_id

    def note_response_end(self, fact: Any = None) -> None:
        self.response_ended = True
        for message in self.messages.values():
            message.deliver("end_source")

    def cancel_response(self, fact: Any = None) -> None:
        if self.response_id is not None and not self.response_ended and not self.cancel_was_sent:
            self.cancel_was_sent = True
            self.effects.append(fx.CancelResponse(self.response_id))

    def forward_next(self, fact: Any = None) -> None:
        if self._forwarding_message() is None:
            for message in self.messages.values():
                if message.state == "pending":
                    message.deliver("forward")
                    return

    def because_interrupted(self, fact: Any = None) -> None:
        self.cause = "interrupted"

    def stop_message(self, fact: Any = None) -> None:
        message = self._forwarding_message()
        if message is not None:
            message.deliver("stop")
            if message.state in FORWARDING:
                self.start_timer("stop", STOP_TIMEOUT_MS)

    def skip_pending(self, fact: Any = None) -> None:
        for message in self.messages.values():
            if message.state == "pending":
                message.deliver("skip")

    def watch(self, fact: Any = None) -> None:
        message = self._forwarding_message()
        if message is None:
            if self.response_ended:
                self.unwatch()
            else:
                self.start_timer("stall", STALL_TIMEOUT_MS)
            return
        unplayed_ms = message.handed_over_ms - message.position_ms
        if message.state == "draining":
            self.start_timer("playout", unplayed_ms + PLAYOUT_MARGIN_MS)
        else:
            self.start_timer("stall", unplayed_ms + STALL_TIMEOUT_MS)

    def unwatch(self, fact: Any = None) -> None:
        if self.timer is not None:
            self.effects.append(fx.CancelTimer(self.timer))
            self.timer = None

    def start_timer(self, timer: Any, delay_ms: int) -> None:
        self.timer = timer
        self.effects.append(fx.StartTimer(timer, delay_ms))

    def bring_server_in_line(self, fact: Any = None) -> None:
        unheard = []
        for message in self.messages.values():
            record = message.record
            if record is None or record.state == "played":
                continue
            if record.state == "skipped" or record.heard_ms < 1:
                unheard.append(message.message_id)
            else:
                self.awaited += (("truncate", message.message_id),)
                self.effects.append(fx.TruncateMessage(message.message_id, record.heard_ms))
        if unheard:
            self.awaited += tuple(("remove", message_id) for message_id in unheard)
            self.effects.append(fx.RemoveMessages(tuple(unheard)))
        if self.awaited or not self.response_ended:
            self.start_timer("reconcile", RECONCILE_TIMEOUT_MS)
        else:
            self.unwatch()

    def strike_request(self, fact: Any) -> None:
        done = (fact.operation, fact.message_id)
        self.awaited = tuple(request for request in self.awaited if request != done)

    def report_completed(self, fact: Any = None) -> None:
        self._report_done("completed")

    def report_interrupted(self, fact: Any = None) -> None:
        self._report_done("interrupted")

    def report_failed(self, fact: Any = None) -> None:
        self._report_done("failed")

    def _report_done(self, outcome: Any) -> None:
        records = tuple(message.record for message in self.messages.values() if message.record is not None)
        self.effects.append(fx.ReportSpeechDone(outcome, records))
