"""Numbers that a user gives: finite, and within what can be done with them."""

from __future__ import annotations

import math
from collections.abc import Callable

import typer


def number_between(least: float, most: float) -> Callable[[float | None], float | None]:
    """Return what checks an option; it says what would do."""

    def check(value: float | None) -> float | None:
        if value is not None and not (math.isfinite(value) and least <= value <= most):
            raise typer.BadParameter(f"{value:g} is not in the range {least:g} to {most:g}")
        return value

    return check
