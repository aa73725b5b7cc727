"""The command line: `speech-lifecycle`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Its parts are optional, so say which extra is missing."""
    try:
        from .app import app
        from .terminal import prepare_streams
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(
            f"speech-lifecycle: {error.name} is not installed. Install it with: pip install 'speech-lifecycle[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    prepare_streams()
    app()
