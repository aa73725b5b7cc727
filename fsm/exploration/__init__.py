"""Every reachable configuration of a bounded speech, and what must hold there (domain, section 9)."""

# Importing them declares them.
from speech_lifecycle.fsm.exploration import (  # noqa: F401
    configuration_properties,
    effect_properties,
    world_properties,
)
from speech_lifecycle.fsm.exploration.bounds import LARGE, REFERENCE, SMALL, Bounds
from speech_lifecycle.fsm.exploration.counterexample import (
    Counterexample,
    ForeignCounterexampleError,
    load_counterexample,
    recheck,
)
from speech_lifecycle.fsm.exploration.explorer import Exploration, Progress, configurations, explore
from speech_lifecycle.fsm.exploration.property import PROPERTIES, Property

__all__ = [
    "LARGE",
    "PROPERTIES",
    "REFERENCE",
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
    "recheck",
]
