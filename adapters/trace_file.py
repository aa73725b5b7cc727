"""Writes a trace to a file, line by line."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from speech_lifecycle.fsm.trace import Header, Record, definition_digest, dump_record


class TraceFile:
    """A trace file that is open for writing: give it to a driver as its `trace`.

    Every line is written whole and at once, so what a crash or Ctrl-C leaves can be read.
    """

    def __init__(self, path: Path, *, sample_rate: int = 24_000) -> None:
        """Create the file, or replace the one there, and write the header.

        Raises:
            OSError: the file cannot be written.
        """
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self(Header(definition=definition_digest(), sample_rate=sample_rate))

    def __call__(self, record: Record) -> None:
        """Write a record."""
        self._file.write(dump_record(record) + "\n")

    def __enter__(self) -> TraceFile:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()
