"""`speech-lifecycle report`."""

from __future__ import annotations

from pathlib import Path

from speech_lifecycle.diagrams.animated import animated_svg
from speech_lifecycle.diagrams.files import replace_file
from speech_lifecycle.diagrams.render import RenderError
from speech_lifecycle.diagrams.report import write_report

from .errors import UsageError
from .printing import print_files
from .terminal import console
from .timeline import read_call_of


def animate(traces: list[Path], output: Path) -> None:
    """Write the animation of a call, one picture that needs no page: for a README.

    Raises:
        UsageError: there are several traces, or nothing of the one can be read.
    """
    if len(traces) != 1:
        raise UsageError("--animate is of one call: give one trace")
    picture = output.with_suffix(".svg")
    content = animated_svg(read_call_of(traces[0])).encode()
    picture.parent.mkdir(parents=True, exist_ok=True)
    replace_file(picture, content)
    print_files([picture])


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
