"""The speech of the workload in plain Python: the data, guards and actions that every Python rival's chart names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rivals.message import FINAL, FORWARDING, PLAYOUT_MARGIN_MS, Message

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.events import EVENT_TYPES, MESSAGE_EVENT_TYPES, SessionMessageAdded, name_of

NAMES = {event_type: name_of(event_type) for event_type in EVENT_TYPES}
OF_MESSAGES = frozenset(MESSAGE_EVENT_TYPES)

MESSAGES_PER_SPEECH = 3
STALL_TIMEOUT_MS = 30_000
STOP_TIMEOUT_MS = 1_000
RECONCILE_TIMEOUT_MS = 5_000


class Speech:
    """One speech: what its chart's guards read and its actions change, and the way of an event to its chart."""

    state = "queued"

    def __init__(self, new_message: Callable[[Speech, str], Message]) -> None:
        # Built beforehand, because a library's chart can cost more than the events of its message.
        self.spare = [new_message(self, "") for _ in range(MESSAGES_PER_SPEECH)]
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
                message = self.spare.pop()
                message.message_id = event.message_id
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
