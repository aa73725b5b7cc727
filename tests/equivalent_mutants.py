"""Mutants that do what the original does, each with the reason. `make mutants` fails if one is found after all."""

from __future__ import annotations

SWAPPED = "the two actions change different data, or give effects to different receivers"
"""Why actions in another order are the same, if nothing differs: the comparison shows it, there is no more to say."""

EQUIVALENT: dict[str, str] = {}
