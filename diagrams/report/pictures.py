"""The timeline of a speech, as a report has it: with what else happened in the call meanwhile."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace

from ..call import Call, CallSpeech, Span
from ..timeline_svg import timeline_svg


def picture_of(call: Call, speech: CallSpeech, end_ms: int) -> str:
    """Return the timeline of a speech as SVG, to this time at least."""
    begin_ms, end_ms = speech.begun_ms, max(speech.begun_ms, end_ms)
    excerpt = replace(
        call,
        from_ms=begin_ms,
        to_ms=end_ms,
        user=_within(call.user, begin_ms, end_ms),
        agent=_within(call.agent, begin_ms, end_ms),
        connection=_within(call.connection, begin_ms, end_ms),
        holds=_within(call.holds, begin_ms, end_ms),
        speeches=[speech],
        marks=call.marks_in(begin_ms, end_ms),
        problems=[],
        problem_count=0,
    )
    return timeline_svg(excerpt)


def _within(spans: Sequence[Span], begin_ms: int, end_ms: int) -> list[Span]:
    """Return the spans that touch a time; they are in order, and none begins before the one before it has ended."""
    first = max(0, bisect.bisect_left(spans, begin_ms, key=lambda span: span.from_ms) - 1)
    last = bisect.bisect_right(spans, end_ms, key=lambda span: span.from_ms)
    return [span for span in spans[first:last] if span.to_ms is None or span.to_ms >= begin_ms]
