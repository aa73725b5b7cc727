"""What the parts on a realtime session are given by whoever watches it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from .facts import Report
from .forwarding import Forwarding
from .gate import Gate


@dataclass(frozen=True)
class Observer:
    """Where to report, what to ask, and what is shared with the outputs."""

    report: Report
    gate: Gate
    forwarding: Forwarding
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    """For the names of responses that have none."""
