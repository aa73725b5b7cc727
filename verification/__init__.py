"""Every reachable configuration of a bounded speech, and what must hold there (spec, section 9)."""

# Importing them declares them.
from . import (  # noqa: F401
    configuration_properties,
    effect_properties,
    world_properties,
)
from .bounds import LARGE, REFERENCE, SMALL, Bounds
from .counterexample import Counterexample, ForeignCounterexampleError, load_counterexample, recheck
from .explorer import Exploration, Progress, configurations, explore
from .property import PROPERTIES, Property

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
