"""What comes from outside is shown as text, and never obeyed: not by a terminal, and not by what lays out a picture.

Transcripts, ids and file names may hold escape sequences, which move the cursor, set the title or the clipboard, and
marks that turn the direction of what follows.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of what follows
    "\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffb"  # other breaks and marks that are not seen
    "\ud800-\udfff"  # halves of surrogate pairs
    "\ufffe\uffff"  # what no XML may hold
    "\U000e0000-\U000e007f"  # tags
    "]"
)


def printable(text: str) -> str:
    r"""Return a text in which what would not be seen, and might be obeyed, is written out: `\x1b`, `\u202e`."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """Return the same without line breaks and tabs, for what is part of a line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")
