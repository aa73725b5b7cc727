"""What comes from outside is text on the terminal, and never anything that the terminal or rich would obey.

Transcripts, ids and file names may hold escape sequences (`diagrams.shown`), and rich takes brackets and colons for
markup.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from speech_lifecycle.diagrams.shown import one_line, printable

__all__ = ["complain", "console", "one_line", "prepare_streams", "printable"]


class _PlainConsole(Console):
    """Prints text as it is: no markup, no emoji codes, and nothing that the terminal would obey."""

    def render_str(self, text: str, *, style: str | Style = "", **options: Any) -> Text:
        options.update(markup=False, emoji=False, highlight=False)
        return super().render_str(printable(text), style=style, **options)


# A file or a pipe has no width of its own, and 80 columns break every table.
console = _PlainConsole(
    highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
)


def complain(text: str) -> None:
    """Say on stderr what is wrong."""
    print(f"speech-lifecycle: {printable(text)}", file=sys.stderr)


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def prepare_streams() -> None:
    """Have streams write out what their encoding cannot hold, and logs what a terminal would obey."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler()
    handler.setFormatter(_PrintableFormatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
