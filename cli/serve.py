"""`speech-lifecycle serve`."""

from __future__ import annotations

import sys

from speech_lifecycle.verification.conformance.serving import Server


def serve_stdio() -> None:
    """Answer commands from standard input, one line each, until there are no more."""
    for line in Server().answers(sys.stdin):
        print(line, flush=True)
