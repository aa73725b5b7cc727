"""Nothing that the embedder's code raises reaches the machines or the framework's loop."""

from __future__ import annotations

import asyncio
import functools
import logging
import traceback
from collections import Counter
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from ..watch_events import EmbedderFailed

logger = logging.getLogger(__name__)


class Safeguard:
    """Stands around what the embedder gave: listeners, and the trace."""

    def __init__(self, tell: Callable[[EmbedderFailed], None]) -> None:
        """Call `tell` with the first failure at each place."""
        self.failures: Counter[str] = Counter()
        """How often code of the embedder's failed, by its place."""
        self._tell = tell

    def around(self, what: str, function: Callable[..., Any]) -> Callable[..., None]:
        """Return a function that calls another one, and takes note of what it raises.

        Args:
            what: what the function is to the watch, for the log.
            function: the embedder's.
        """

        @functools.wraps(function)
        def guarded(*args: Any) -> None:
            try:
                result = function(*args)
            # Nothing is awaited here: a CancelledError is not of our task, but of a future that the function has asked.
            except (Exception, asyncio.CancelledError) as error:
                self._note(what, function, error)
                return
            if type(result) is CoroutineType:
                result.close()
                self._note(what, function, TypeError("it is a coroutine function, and nobody awaits it here"))

        return guarded

    def _note(self, what: str, function: Callable[..., Any], error: BaseException) -> None:
        place = _place_of(function, error)
        self.failures[place] += 1
        if self.failures[place] == 1:
            logger.error("%s failed at %s; further failures there are counted only", what, place, exc_info=error)
            self._tell(EmbedderFailed(place, repr(error), what))


def _place_of(function: Callable[..., Any], error: BaseException) -> str:
    """Return where in the embedder's function the error came up, or what was called, if it was not even entered."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return f"{frames[0].filename}:{frames[0].lineno}" if frames else repr(function)
