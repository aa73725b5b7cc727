"""`speech-lifecycle replay`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from speech_lifecycle.diagrams.files import replace_file
from speech_lifecycle.diagrams.timeline import timeline_svg
from speech_lifecycle.diagrams.trace_timeline import timeline_of
from speech_lifecycle.fsm.trace import dump_record
from speech_lifecycle.simulation.replay import Pace, ReplayError, load_source, replay

from .errors import UsageError
from .printing import console, print_files, print_report


def replay_files(
    files: list[Path], interrupt_at_ms: float | None, output: Path | None, delta_ms: int, event_interval_ms: float
) -> bool:
    """Replay files and print their reports. True if all accounts are the same in every one.

    Raises:
        UsageError: a file cannot be replayed. All are read before the first is played.
    """
    try:
        sources = [(path, load_source(path)) for path in files]
        is_equal = True
        for path, source in sources:
            console.print(f"[bold]{path.name}[/bold]\n")
            pace = Pace(event_interval_ms, delta_ms)
            replayed = asyncio.run(replay(source, interrupt_at_ms=interrupt_at_ms, pace=pace))
            print_report(replayed.report, replayed.trace)
            if output is not None:
                output.mkdir(parents=True, exist_ok=True)
                trace_path, timeline_path = output / f"{path.stem}.jsonl", output / f"{path.stem}.svg"
                lines = [dump_record(record) for record in (replayed.trace.header, *replayed.trace.records)]
                replace_file(trace_path, "".join(f"{line}\n" for line in lines).encode())
                replace_file(timeline_path, timeline_svg(timeline_of(replayed.trace)).encode())
                print_files([trace_path, timeline_path])
            console.print()
            is_equal = is_equal and replayed.report.is_equal
    except ReplayError as error:
        raise UsageError(str(error)) from None
    return is_equal
