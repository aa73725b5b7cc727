"""Trace files (fsm/trace.py): JSON lines.

What loads dumps to lines that load to the same, and can be replayed or is refused in words. Of what does not load, what
can be read is shown.
"""

from __future__ import annotations

import io
from xml.etree import ElementTree

from fuzz.oracles import load_or_refuse, plays_or_is_refused

from speech_lifecycle.diagrams import (
    animated_svg,
    call_mermaid,
    call_sequence_svg,
    read_call,
    timeline_svg,
    timeline_text,
)
from speech_lifecycle.fsm.trace import TraceError, TraceReader, dump_record, load_trace

NAME = "call.jsonl"


def check(data: bytes) -> None:
    is_shown(data)
    lines = io.StringIO(data.decode(errors="replace"))
    trace = load_or_refuse(lambda: load_trace(lines, NAME), TraceError, f"{NAME}, line ")
    if trace is None:
        return
    dumped = [dump_record(record) for record in (trace.header, *trace.records)]
    "\n".join(dumped).encode()
    again = load_trace(dumped, NAME)
    assert [dump_record(record) for record in (again.header, *again.records)] == dumped
    plays_or_is_refused(trace)


def is_shown(data: bytes) -> None:
    """Whatever it is, it gives a call, and all pictures of that are what they say."""
    call = read_call(io.BytesIO(data), NAME)
    assert not call.is_empty or call.problems or data.count(b"\n") <= 1, "nothing is shown, and nothing is said"
    records = list(TraceReader(io.BytesIO(data), NAME, on_fault=lambda fault: None))
    for svg in (timeline_svg(call), animated_svg(call), call_sequence_svg(records)):
        ElementTree.fromstring(svg)
    for text in (timeline_text(call), call_mermaid(records)):
        assert "\x1b" not in text
