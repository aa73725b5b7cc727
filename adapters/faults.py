"""What other people's code raises: it is logged, counted and told, and whoever called it goes on."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from .changes import EmbedderFailed

_PLACES_LOGGED = 256
"""No more are logged, so that code made at run time fills no memory; a program has fewer places that raise."""


class Faults:
    """Counts every fault, and logs and tells it the first time that a place in the code raises it.

    A listener that fails on each of a thousand events a minute says so once.
    """

    def __init__(self, logger: logging.Logger, tell: Callable[[EmbedderFailed], object] | None = None) -> None:
        """Call `tell` with the first fault at each place."""
        self.count = 0
        self._logger = logger
        self._tell = tell
        self._logged: set[tuple[str, str, int]] = set()
        self._exit: BaseException | None = None

    def call(self, what: str, function: Callable[..., object], *values: Any) -> BaseException | None:
        """Call a function, note as `what` whatever it raises, and return that. What ends the program is raised."""
        error = self.attempt(what, function, *values)
        self.leave()
        return error

    def attempt(self, what: str, function: Callable[..., object], *values: Any) -> BaseException | None:
        """Do the same, and keep what ends the program for `leave`: what was begun is brought to its end first."""
        try:
            result = function(*values)
        # Nothing is awaited here: a CancelledError is not of our task, but of a future that the function has asked.
        except (Exception, asyncio.CancelledError) as error:
            self.note(what, error)
            return error
        except BaseException as error:
            self._exit = self._exit or error
            return error
        if type(result) is CoroutineType:
            result.close()
            never_awaited = TypeError(f"{_name_of(function)} is a coroutine function, and nobody awaits it here")
            self.note(what, never_awaited)
            return never_awaited
        return None

    def leave(self) -> None:
        """Raise what was kept, such as a KeyboardInterrupt."""
        if self._exit is not None:
            kept, self._exit = self._exit, None
            raise kept

    def note(self, what: str, error: BaseException) -> None:
        """Count a fault; log it with its traceback, and tell it, if it comes from a new place."""
        self.count += 1
        place = _place_of(error)
        if place in self._logged or len(self._logged) >= _PLACES_LOGGED:
            return
        self._logged.add(place)
        _, file, line = place
        self._logger.error("%s, at %s:%d; from there it is logged only once", what, file, line, exc_info=error)
        if self._tell is not None:
            self._tell(EmbedderFailed(f"{file}:{line}" if file else what, repr(error), what))


def refuse_coroutine_function(function: Callable[..., object]) -> None:
    """Refuse a function whose calls would have to be awaited.

    Raises:
        TypeError: it is one.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        raise TypeError(
            f"{_name_of(function)} is a coroutine function, and nobody awaits it here: take a plain function, "
            "which may start a task"
        )


def _name_of(function: Callable[..., object]) -> str:
    return getattr(function, "__qualname__", None) or repr(function)


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """Return the kind of error, and file and line that raised it."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return f"{type(error).__name__} {error}"[:200], "", 0
    return type(error).__name__, traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
