"""Every reachable configuration of a bounded speech or conversation, and what must hold there (spec, section 9)."""

# Importing them declares them.
from . import (  # noqa: F401
    configuration_properties,
    effect_properties,
    world_properties,
)
from .bounds import LARGE, REFERENCE, SMALL, Bounds
from .counterexample import Counterexample
from .explorer import Exploration, Progress, configurations, explore
from .property import PROPERTIES, Property
from .speech_counterexample import ForeignCounterexampleError, SpeechCounterexample, load_counterexample, recheck

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
    "SpeechCounterexample",
    "configurations",
    "explore",
    "load_counterexample",
    "recheck",
]
