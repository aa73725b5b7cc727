"""Every reachable configuration of a bounded speech, and what must hold there (domain, section 9)."""

from speech_lifecycle.fsm.exploration.bounds import LARGE, SMALL, Bounds
from speech_lifecycle.fsm.exploration.counterexample import (
    Counterexample,
    ForeignCounterexampleError,
    load_counterexample,
)
from speech_lifecycle.fsm.exploration.explorer import Exploration, Progress, configurations, explore
from speech_lifecycle.fsm.exploration.property import PROPERTIES, Property

__all__ = [
    "LARGE",
    "PROPERTIES",
    "SMALL",
    "Bounds",
    "Counterexample",
    "Exploration",
    "ForeignCounterexampleError",
    "Progress",
    "Property",
    "configurations",
    "explore",
    "load_counterexample",
]
