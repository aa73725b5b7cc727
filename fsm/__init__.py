"""The speech lifecycle: two declared charts, and the machine that runs them.

`SpeechMachine` runs one speech in place; `step` does the same as a pure function. Events go in, effects come out;
nothing here does I/O, reads a clock or knows a framework. The charts themselves, as data, are in `definition`.
"""

from speech_lifecycle.fsm.machine import SpeechMachine, step
from speech_lifecycle.fsm.replies import Handled, Ignored, Rejected, Reply
from speech_lifecycle.fsm.state import Message, Speech
from speech_lifecycle.fsm.values import Capabilities, MessageRecord, Policy

__all__ = [
    "Capabilities",
    "Handled",
    "Ignored",
    "Message",
    "MessageRecord",
    "Policy",
    "Rejected",
    "Reply",
    "Speech",
    "SpeechMachine",
    "step",
]
