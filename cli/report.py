"""`speech-lifecycle report`."""

from __future__ import annotations

from pathlib import Path

from speech_lifecycle.diagrams.render import RenderError
from speech_lifecycle.diagrams.report import write_report

from .errors import UsageError
from .printing import print_files
from .terminal import console


def write(traces: list[Path], output: Path) -> None:
    """Write the page of traces, and name what of them could not be read.

    Raises:
        UsageError: a trace cannot be opened, the page would take the place of one, or the renderer fails.
    """
    for path in traces:
        if output.exists() and path.exists() and output.samefile(path):
            raise UsageError(f"{output} is one of the traces: give another file with -o")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        notes = write_report(traces, output)
    except RenderError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{error.filename or output}: {error.strerror}") from None
    for note in notes:
        console.print(note, style="yellow", soft_wrap=True)
    print_files([output])
