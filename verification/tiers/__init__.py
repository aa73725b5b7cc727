"""Which vectors there are: each tier is a file of `vectors/`, and what it is for."""

from __future__ import annotations

TIERS: dict[str, str] = {
    "transitions": "each transition and each answer of the three charts",
    "guards": "each guard of each condition, when it holds and when it does not",
    "stories": "the bugs of the field, each with the harm that it does",
    "mutants": "as few courses as tell every mutant of charts and functions from the original",
    "malformed": "what is no event: unknown, of a wrong type, out of range",
    "numbers": "numbers at their worst, wherever an event has one, and ids that look like something else",
    "random": "random speeches and conversations",
}
"""By name, in the order in which a port is asked."""
