"""Trace files (fsm/trace.py): JSON lines.

What loads dumps to lines that load to the same, and can be replayed or is refused in words.
"""

from __future__ import annotations

import io

from fuzz.oracles import load_or_refuse, plays_or_is_refused

from speech_lifecycle.fsm.trace import TraceError, dump_record, load_trace

NAME = "call.jsonl"


def check(data: bytes) -> None:
    lines = io.StringIO(data.decode(errors="replace"))
    trace = load_or_refuse(lambda: load_trace(lines, NAME), TraceError, f"{NAME}, line ")
    if trace is None:
        return
    dumped = [dump_record(record) for record in (trace.header, *trace.records)]
    "\n".join(dumped).encode()
    again = load_trace(dumped, NAME)
    assert [dump_record(record) for record in (again.header, *again.records)] == dumped
    plays_or_is_refused(trace)
