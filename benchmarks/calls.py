"""Prints what it takes to read and draw calls of 1,000 and 10,000 messages: `python benchmarks/calls.py`.

Ten times as many messages should take about ten times as long.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from long_calls import trace_of_many

from speech_lifecycle.diagrams import (
    CallReading,
    animated_svg,
    call_mermaid,
    call_sequence_svg,
    timeline_svg,
    timeline_text,
)
from speech_lifecycle.fsm.trace import Trace

COUNTS = (1_000, 10_000)


def main() -> None:
    """Print a line for each step of the work."""
    traces = [trace_of_many(count) for count in COUNTS]
    print(f"{'':22}{''.join(f'{count:>14,} messages' for count in COUNTS)}{'ratio':>10}")
    print(f"{'records':22}{''.join(f'{len(trace.records):>23,}' for trace in traces)}")
    calls = _row("read a call", traces, _read)
    for name, draw in (("timeline", timeline_svg), ("on the terminal", timeline_text), ("animated", animated_svg)):
        _row(name, calls, draw)
    for name, draw in (("sequence", call_sequence_svg), ("sequence, Mermaid", call_mermaid)):
        _row(name, [trace.records for trace in traces], draw)
    tracemalloc.start()
    megabytes = []
    for trace in traces:
        before, _ = tracemalloc.get_traced_memory()
        call = _read(trace)
        megabytes.append((tracemalloc.get_traced_memory()[0] - before) / 1e6)
        del call
    cells = "".join(f"{each:>20.1f} MB" for each in megabytes)
    print(f"{'memory of a call':22}{cells}{megabytes[1] / megabytes[0]:>10.1f}")


def _read(trace: Trace) -> Any:
    reading = CallReading()
    for record in trace.records:
        reading(record)
    return reading.call


def _row(name: str, subjects: list[Any], work: Callable[[Any], Any]) -> list[Any]:
    made, seconds = [], []
    for subject in subjects:
        begin = time.process_time()
        made.append(work(subject))
        seconds.append(time.process_time() - begin)
    print(f"{name:22}{''.join(f'{each:>21.3f} s' for each in seconds)}{seconds[1] / seconds[0]:>10.1f}")
    return made


if __name__ == "__main__":
    main()
