"""What is whole of a call, packed, on disk: a watch may go on for days."""

from __future__ import annotations

import tempfile


class Spool:
    """The sink of a call. Its file has no name, and is gone with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._places: dict[tuple[str, int], tuple[int, int]] = {}

    def page(self, number: int, data: bytes) -> None:
        """Take a page of steps."""
        self._write(("page", number), data)

    def speech(self, number: int, data: bytes) -> None:
        """Take a speech."""
        self._write(("speech", number), data)

    def read(self, kind: str, number: int) -> bytes | None:
        """Return what was taken, or None."""
        place = self._places.get((kind, number))
        if place is None:
            return None
        self._file.seek(place[0])
        return self._file.read(place[1])

    def close(self) -> None:
        """Throw it away."""
        self._file.close()

    def _write(self, key: tuple[str, int], data: bytes) -> None:
        begin = self._file.seek(0, 2)
        self._file.write(data)
        self._places[key] = (begin, len(data))
