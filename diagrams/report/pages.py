"""Pages: so many steps of a trace together, packed, and with all that is needed to show the first of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable

STEPS_PER_PAGE = 200
_LEVEL = 4


class Pager:
    """Gathers steps into pages. `on_page` is given each that is full, packed, by its number."""

    def __init__(self, on_page: Callable[[int, bytes], None]) -> None:
        self._on_page = on_page
        self.places: list[tuple[int, float]] = []
        """The first step of each page, and its time in milliseconds."""
        self.steps = 0
        self._start = b""
        self._steps: list[bytes] = []

    @property
    def needs_start(self) -> bool:
        """Whether the next step begins a page."""
        return not self._steps

    def begin(self, at_ms: float, start: bytes) -> None:
        """Begin a page: `start` is, as JSON, how everything is before its first step."""
        self.places.append((self.steps, at_ms))
        self._start = start

    def add(self, step: bytes) -> None:
        """Add a step, as JSON."""
        self._steps.append(step)
        self.steps += 1
        if len(self._steps) == STEPS_PER_PAGE:
            self.flush()

    def open_page(self) -> bytes:
        """Return the page that is not full yet, packed."""
        return packed(b'{"start":' + self._start + b',"steps":[' + b",\n".join(self._steps) + b"]}")

    def flush(self) -> None:
        """End the page, if there is one."""
        if self._steps:
            self._on_page(len(self.places) - 1, self.open_page())
            self._steps = []


def packed(data: bytes) -> bytes:
    """Return data as a zlib stream: what a browser unpacks as `deflate`."""
    return zlib.compress(data, _LEVEL)
