"""`speech-lifecycle timeline`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from rich.text import Text

from speech_lifecycle.diagrams.animated import animated_svg
from speech_lifecycle.diagrams.call import Call
from speech_lifecycle.diagrams.call_reading import read_call
from speech_lifecycle.diagrams.call_sequence import call_mermaid, call_sequence_svg
from speech_lifecycle.diagrams.envelope import Envelope, SoundError, read_envelope
from speech_lifecycle.diagrams.files import replace_file
from speech_lifecycle.diagrams.raster import png_of
from speech_lifecycle.diagrams.render import RenderError
from speech_lifecycle.diagrams.timeline_svg import timeline_svg
from speech_lifecycle.diagrams.timeline_text import timeline_text
from speech_lifecycle.fsm.trace import Record, TraceReader

from .errors import UsageError
from .printing import print_files
from .terminal import console

Pictures = dict[str, Callable[[], bytes]]
"""What is written, by the end of its name."""


def show_calls(files: list[Path], output: Path | None, file_format: str, sound: Path | None) -> None:
    """Print the timelines of traces, and write their pictures.

    Raises:
        UsageError: nothing of a trace can be read, or a picture cannot be made.
    """
    if sound is not None and len(files) > 1:
        raise UsageError("--sound is of one call: give one trace")
    stems = [file.stem for file in files]
    if output is not None and len(set(map(str.casefold, stems))) < len(stems):
        raise UsageError("two of the traces have the same name: give them one after the other, each its --output")
    for file in files:
        call = read_call_of(file)
        console.print(f"{file}\n", style="bold")
        console.print(Text(timeline_text(call, width=max(40, min(console.width, 120) - 40)).rstrip()), soft_wrap=True)
        console.print()
        if output is None:
            continue
        output.mkdir(parents=True, exist_ok=True)
        try:
            pictures = _pictures(file, call, _envelope(file, sound))
            names = [name for name in pictures if file_format == "all" or name.endswith(_ENDS[file_format])]
            contents = {output / f"{file.stem}-{name}": pictures[name]() for name in names}
        except RenderError as error:
            raise UsageError(str(error)) from None
        for path, content in contents.items():
            replace_file(path, content)
        print_files(list(contents))


_ENDS = {"svg": ".svg", "png": ".png", "mermaid": ".mmd"}


def read_call_of(file: Path) -> Call:
    """Read the call of a trace.

    Raises:
        UsageError: it cannot be opened, or nothing of it can be read.
    """
    try:
        with file.open("rb") as lines:
            call = read_call(lines, str(file))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    if call.is_empty:
        raise UsageError(call.problems[0] if call.problems else f"{file}: nothing happened in it")
    return call


def _pictures(file: Path, call: Call, envelope: Envelope | None) -> Pictures:
    def sequence(draw: Callable[[Iterator[Record]], str]) -> str:
        # What cannot be read was told of before.
        with file.open("rb") as lines:
            return draw(iter(TraceReader(lines, str(file), on_fault=lambda fault: None)))

    return {
        "timeline.svg": lambda: timeline_svg(call, envelope=envelope).encode(),
        "sequence.svg": lambda: sequence(call_sequence_svg).encode(),
        "animated.svg": lambda: animated_svg(call).encode(),
        "timeline.png": lambda: png_of(timeline_svg(call, envelope=envelope, theme="light")),
        "sequence.png": lambda: png_of(sequence(lambda records: call_sequence_svg(records, theme="light"))),
        "sequence.mmd": lambda: sequence(call_mermaid).encode(),
    }


def _envelope(file: Path, sound: Path | None) -> Envelope | None:
    """Read the sound of a call: the file given, or else what lies beside the trace, if it can be used."""
    try:
        if sound is not None:
            return read_envelope(sound)
    except OSError as error:
        raise UsageError(f"{error.filename or sound}: {error.strerror}") from None
    except SoundError as error:
        raise UsageError(str(error)) from None
    with suppress(OSError, SoundError):
        return read_envelope(file.with_name("heard.wav"))
    return None
