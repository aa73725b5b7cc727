"""Keeps the generated parts of Markdown files up to date.

A part stands between `<!-- generated: NAME -->` and `<!-- end generated -->`; the names are those of `tables()`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .files import replace_file
from .tables import tables

_BEGIN = re.compile(r"<!-- generated: (\S+) -->")
_END = "<!-- end generated -->"


class MarkerError(SpeechLifecycleError, ValueError):
    """A marker names nothing that is generated, or has no end. The message gives its line."""


def refresh_text(text: str, texts: Mapping[str, str] | None = None) -> str:
    """Return Markdown whose generated parts are up to date; everything else stays as it is.

    Raises:
        MarkerError: a marker is wrong.
    """
    texts = tables() if texts is None else texts
    result: list[str] = []
    name: str | None = None
    began = 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        begin = _BEGIN.fullmatch(line.strip())
        is_end = line.strip() == _END
        if (begin and name is not None) or (is_end and name is None):
            place = "inside" if begin else "outside"
            raise MarkerError(f"line {number}: {line.strip()!r} stands {place} a generated part")
        if begin:
            name, began = begin[1], number
            if name not in texts:
                raise MarkerError(f"line {number}: nothing is generated as {name!r}; there are {', '.join(texts)}")
            result.append(line)
        elif is_end and name is not None:
            result += ["\n", texts[name], "\n\n", line]
            name = None
        elif name is None:
            result.append(line)
    if name is not None:
        raise MarkerError(f"line {began}: the generated part {name!r} has no {_END!r}")
    return "".join(result)


def is_stale(path: str | os.PathLike[str]) -> bool:
    """Whether a Markdown file has a generated part that is not up to date.

    Raises:
        MarkerError: a marker is wrong.
    """
    text = Path(path).read_text(encoding="utf-8")
    return refresh_text(text) != text


def refresh(path: str | os.PathLike[str]) -> bool:
    """Bring the generated parts of a Markdown file up to date; return whether that changed it.

    Raises:
        MarkerError: a marker is wrong; the file stays as it is.
    """
    text = Path(path).read_text(encoding="utf-8")
    fresh = refresh_text(text)
    if fresh == text:
        return False
    replace_file(Path(path), fresh.encode())
    return True
