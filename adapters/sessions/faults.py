"""What other people's code raises: it is logged and counted, and whoever called it goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

V = TypeVar("V")

_PLACES_LOGGED = 256
"""No more are logged, so that code made at run time fills no memory; a program has fewer places that raise."""


class Faults:
    """Counts every fault, and logs it the first time that a place in the code raises it.

    A listener that fails on each of a thousand events a minute says so once.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.count = 0
        self._logger = logger
        self._logged: set[tuple[str, str, int]] = set()

    def call(self, what: str, function: Callable[[V], object], value: V) -> None:
        """Call a function, and note as `what` whatever it raises."""
        try:
            function(value)
        # Nothing is awaited here: a CancelledError is not of our task, but of a future that the function has asked.
        except (Exception, asyncio.CancelledError) as error:
            self.note(what, error)

    def note(self, what: str, error: BaseException) -> None:
        """Count a fault; log it with its traceback if it comes from a new place."""
        self.count += 1
        place = _place_of(error)
        if place not in self._logged and len(self._logged) < _PLACES_LOGGED:
            self._logged.add(place)
            _, file, line = place
            self._logger.error("%s, at %s:%d; from there it is logged only once", what, file, line, exc_info=error)


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """Return the kind of error, and file and line that raised it."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error).__name__, "", 0
    return type(error).__name__, traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
