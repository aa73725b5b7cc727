"""Every step of a driver's machine as records of the trace."""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.effects import ReportSpeechBegun
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.trace import Record, SpeechBegun, records_of

from .elapsed import Elapsed
from .faults import Faults, refuse_coroutine_function


class Tracing:
    """Gives the records of each step to the agent's trace."""

    def __init__(
        self, trace: Callable[[Record], None], machine: ConversationMachine, elapsed: Elapsed, faults: Faults
    ) -> None:
        """Begin.

        Raises:
            TypeError: the trace is a coroutine function.
        """
        refuse_coroutine_function(trace)
        self._trace = trace
        self._machine = machine
        self._elapsed = elapsed
        self._faults = faults

    def record(self, event: Event, reply: Reply) -> None:
        """Record a step that the machine has just taken."""
        at_ms, conversation = self._elapsed.now_ms(), self._machine.conversation
        for record in records_of(at_ms, self._machine.speech_of(event), event, reply):
            for effect in getattr(record, "effects", ()):
                if isinstance(effect, ReportSpeechBegun):
                    policy = conversation.policy.speech
                    self._write(SpeechBegun(at_ms, effect.speech_id, conversation.capabilities, policy))
            self._write(record)

    def _write(self, record: Record) -> None:
        self._faults.attempt("the trace failed on a record", self._trace, record)
