"""One message of the workload in plain Python: the data, guards and actions that every Python rival's chart names.

The rivals differ only in the library that finds a transition, asks its guards and runs its actions. This is no second
implementation of the machine: it holds what the cells of `fsm/message/chart.py` need that the workload enters, with
every transition of such a cell. Data is changed in place, without checks, which favours the rivals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.values import MessageRecord

if TYPE_CHECKING:
    from rivals.speech import Speech

FORWARDING = frozenset({"streaming", "draining", "stopping"})
FINAL = frozenset({"played", "partial", "skipped"})
FRAME_MS = 20
PLAYOUT_MARGIN_MS = 2_000


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
