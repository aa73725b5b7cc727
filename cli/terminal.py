"""What comes from outside is text on the terminal, and never anything that the terminal or rich would obey.

Transcripts, ids and file names may hold escape sequences, which move the cursor, set the title or the clipboard, and
marks that turn the direction of what follows; and rich takes brackets and colons for markup.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of what follows
    "\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffb"  # other breaks and marks that are not seen
    "\ud800-\udfff"  # halves of surrogate pairs
    "\U000e0000-\U000e007f"  # tags
    "]"
)


def printable(text: str) -> str:
    r"""Return a text in which what would not be seen, and might be obeyed, is written out: `\x1b`, `\u202e`."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """Return the same without line breaks and tabs, for what is part of a line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


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
