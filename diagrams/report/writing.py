"""Writes a report: one file that opens from disk, with everything in it, while the traces are read."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from speech_lifecycle.fsm.events import SOURCE_OF
from speech_lifecycle.fsm.trace import TraceReader

from ..files import replacing_file
from .call_pages import CallPages
from .charts import lit_by_state
from .pages import packed
from .shell import shell
from .sound import sound_beside

_SPEC = "https://github.com/speech-lifecycle/speech-lifecycle/blob/main/docs/spec.md"
SECTIONS = {"message": "3-the-message", "speech": "4-the-speech", "conversation": "12-the-conversation"}
"""The section of the specification that has the transitions of each chart, as GitHub names it in addresses."""
_LONGEST_LINE = 1 << 24


def write_report(traces: Sequence[Path], output: Path) -> list[str]:
    """Write the report of traces, and return what of them could not be read, by file and line.

    Of a trace whose lines cannot all be read, the others are shown. What was heard, `heard.wav`, is taken along if it
    lies beside a trace.

    Raises:
        OSError: a trace cannot be opened, or the file cannot be written; it is replaced as a whole or not at all.
        MissingExtraError: what draws the charts is not installed.
        RenderError: it failed.
    """
    before, after = shell()
    notes: list[str] = []
    with replacing_file(output) as file:
        file.write(before.encode())
        calls = []
        for number, path in enumerate(traces):
            call = _write_call(file, number, path)
            notes += call["notes"]
            calls.append(call)
        _write_data(file, "index", packed(msgspec.json.encode(index_of(calls))))
        file.write(after.encode())
    return notes


def index_of(calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the index of a page, in JSON's own types."""
    return {
        "calls": calls,
        "lit": lit_by_state(),
        "sources": dict(SOURCE_OF),
        "sections": {name: f"{_SPEC}#{anchor}" for name, anchor in SECTIONS.items()},
    }


def _write_call(file: BinaryIO, number: int, path: Path) -> dict[str, Any]:
    pages = CallPages(path.name, _Embedded(file, number))
    with path.open("rb") as lines:
        pages.read(TraceReader(_bounded(lines), path.name, on_fault=pages.problem))
    pages.end()
    call = {**pages.index(), "key": str(number)}
    sound = sound_beside(path, pages.first_heard)
    if sound is not None:
        call["sound"] = sound.as_json()
        if sound.is_embedded:
            with _element(file, f"sound-{number}"):
                sound.write(file)
    return call


class _Embedded:
    """Writes what is whole into the page."""

    def __init__(self, file: BinaryIO, call: int) -> None:
        self._file = file
        self._call = call

    def page(self, number: int, data: bytes) -> None:
        _write_data(self._file, f"page-{self._call}-{number}", data)

    def speech(self, number: int, data: bytes) -> None:
        _write_data(self._file, f"speech-{self._call}-{number}", data)


def _write_data(file: BinaryIO, element_id: str, data: bytes) -> None:
    with _element(file, element_id):
        file.write(base64.b64encode(data))


@contextmanager
def _element(file: BinaryIO, element_id: str) -> Iterator[None]:
    """Write an element that holds data: its type keeps a browser from running it."""
    file.write(b'<script type="text/plain" id="%b">' % element_id.encode())
    yield
    file.write(b"</script>\n")


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines; of one that no trace has, only the beginning, which cannot be read."""
    while line := file.readline(_LONGEST_LINE):
        rest = line
        while len(rest) == _LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST_LINE)
        yield line if rest is line else line + b"\n"
