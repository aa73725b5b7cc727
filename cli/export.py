"""`speech-lifecycle export`."""

from __future__ import annotations

from pathlib import Path

import typer

from speech_lifecycle.exports import FORMATS, export

from .errors import UsageError


def export_files(format_name: str, output: Path) -> None:
    """Write one format, and print what was written.

    Raises:
        UsageError: there is no such format.
    """
    if format_name not in FORMATS:
        raise UsageError(f"no format {format_name!r}; there are {', '.join(FORMATS)}")
    for path in export(format_name, output):
        typer.echo(f"wrote {path}")
