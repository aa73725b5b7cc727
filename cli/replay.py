"""`speech-lifecycle replay`."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import ExitStack
from pathlib import Path

from speech_lifecycle.diagrams.call_reading import CallReading
from speech_lifecycle.diagrams.files import replace_file, replacing_file
from speech_lifecycle.diagrams.timeline_svg import timeline_svg
from speech_lifecycle.fsm.trace import Record, dump_record
from speech_lifecycle.simulation.recording import Recording
from speech_lifecycle.simulation.replay import Pace, load_source, replay
from speech_lifecycle.simulation.report import Report
from speech_lifecycle.simulation.stored_trace import ReplayError, StoredTrace

from .errors import UsageError
from .printing import print_files, print_report
from .terminal import console


def replay_files(
    files: list[Path], interrupt_at_ms: float | None, output: Path | None, delta_ms: int, event_interval_ms: float
) -> bool:
    """Replay files and print their reports. True if all accounts are the same in every one.

    Raises:
        UsageError: a file cannot be replayed. All are read before the first is played.
    """
    try:
        sources = [(path, load_source(path)) for path in files]
        places = output_paths(files, output) if output is not None else [None] * len(files)
        is_equal = True
        for (path, source), place in zip(sources, places, strict=True):
            console.print(f"{path.name}\n", style="bold")
            if isinstance(source, StoredTrace) and source.is_cut_off:
                console.print("its last line was broken off, and is left out\n", style="yellow")
            pace = Pace(event_interval_ms, delta_ms)
            report = _replay_file(source, interrupt_at_ms, pace, place)
            console.print()
            is_equal = is_equal and report.is_equal
    except ReplayError as error:
        raise UsageError(str(error)) from None
    return is_equal


def output_paths(files: list[Path], output: Path) -> list[Path]:
    """Return where the new trace of each file goes: each into a file of its own, and none into one that was given.

    Its timeline goes beside it.
    """
    places: list[Path] = []
    taken: set[str] = set()
    for path in files:
        for number in itertools.count(1):
            stem = path.stem if number == 1 else f"{path.stem}-{number}"
            written = (output / f"{stem}.jsonl", output / f"{stem}.svg")
            if stem.casefold() not in taken and not any(_is_same_file(new, old) for new in written for old in files):
                break
        taken.add(stem.casefold())
        places.append(written[0])
    return places


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _replay_file(
    source: Recording | StoredTrace, interrupt_at_ms: float | None, pace: Pace, place: Path | None
) -> Report:
    reading = CallReading()
    with ExitStack() as exit_stack:
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            file = exit_stack.enter_context(replacing_file(place))

        def on_record(record: Record) -> None:
            reading(record)
            if place is not None:
                file.write(dump_record(record).encode() + b"\n")

        replayed = asyncio.run(
            replay(source, interrupt_at_ms=interrupt_at_ms, pace=pace, on_record=on_record, keep_trace=False)
        )
    print_report(replayed.report, reading.call)
    if place is not None:
        picture = place.with_suffix(".svg")
        replace_file(picture, timeline_svg(reading.call).encode())
        print_files([place, picture])
    return replayed.report
