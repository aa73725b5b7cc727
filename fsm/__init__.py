"""The speech lifecycle: two declared charts, and the machine that runs them.

`SpeechMachine` runs one speech in place; `step` does the same as a pure function. Events go in, effects come out;
nothing here does I/O, reads a clock or knows a framework. The charts themselves, as data, are in `definition`.
"""

from .machine import SpeechMachine, step
from .replies import Handled, Ignored, Rejected, Reply
from .state import Message, Speech
from .values import Capabilities, MessageRecord, Policy

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
