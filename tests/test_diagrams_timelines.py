"""Timelines and sequence diagrams tell what a trace tells: no more is drawn as heard than was."""

from __future__ import annotations

import asyncio
import itertools
from xml.etree import ElementTree

import pytest

from speech_lifecycle.diagrams import (
    MessageSpan,
    Timeline,
    palette,
    sequence,
    steps_of,
    timeline_of,
    timeline_svg,
    timeline_text,
)
from speech_lifecycle.diagrams.timeline import Mark
from speech_lifecycle.fsm.trace import SpeechBegun, Trace, TraceError
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

SVG = "{http://www.w3.org/2000/svg}"


def test_the_timeline_tells_what_was_heard_of_each_message(trace):
    timeline = timeline_of(trace)
    assert timeline.message_ids == ("preamble", "answer", "later")
    parts = {part.message_id: (part.heard_ms, part.received_ms) for part in timeline.parts}
    assert parts == {"preamble": (1800, 1800), "answer": (1400, 4200), "later": (0, 1400)}
    heard = {interval.message_id: interval.to_ms - interval.from_ms for interval in timeline.heard}
    assert heard == {"preamble": 1800, "answer": 1400}
    assert [(mark.at_ms, mark.label) for mark in timeline.marks] == [(3200, "interrupt")]
    last = {span.message_id: span.state for span in timeline.spans}
    assert last == {"preamble": "played", "answer": "partial", "later": "skipped"}


def test_a_hold_is_a_gap_in_what_was_heard():
    trace = asyncio.run(play(SCENARIOS["paused-then-resumed"]))[1].trace
    heard = [(i.from_ms, i.to_ms) for i in timeline_of(trace).heard if i.message_id == "answer"]
    assert heard == [(1800, 3000), (3600, 6600)]


def test_nothing_is_heard_from_a_hold_to_the_interruption():
    trace = asyncio.run(play(SCENARIOS["paused-then-interrupted"]))[1].trace
    heard = [(i.from_ms, i.to_ms) for i in timeline_of(trace).heard if i.message_id == "answer"]
    assert heard == [(1800, 3000)]


@pytest.mark.parametrize("name", ["silent-after-clear", "finish-never-reported"])
def test_waiting_for_the_output_is_not_hearing_it(name):
    timeline = timeline_of(asyncio.run(play(SCENARIOS[name]))[1].trace)
    for part in timeline.parts:
        assert sum(i.to_ms - i.from_ms for i in timeline.heard if i.message_id == part.message_id) == part.heard_ms


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_more_is_drawn_as_heard_than_the_record_says_and_one_message_at_a_time(name):
    trace = asyncio.run(play(SCENARIOS[name]))[1].trace
    timeline = timeline_of(trace)
    for part in timeline.parts:
        heard = [i for i in timeline.heard if i.message_id == part.message_id]
        assert sum(i.to_ms - i.from_ms for i in heard) <= part.heard_ms
        assert bool(heard) or not part.heard_ms
    ordered = sorted(timeline.heard, key=lambda interval: interval.from_ms)
    assert all(before.to_ms <= after.from_ms for before, after in itertools.pairwise(ordered))
    assert timeline_of(trace) == timeline


def test_a_message_without_audio_has_its_end_but_no_heard_part():
    timeline = timeline_of(asyncio.run(play(SCENARIOS["text-shown"]))[1].trace)
    assert [part.message_id for part in timeline.parts] == ["preamble"]
    assert timeline_text(timeline).count("heard ") == 1 + len(timeline.parts)
    assert timeline_svg(timeline).count(">played<") == 2


def test_a_step_of_an_unknown_speech_is_refused(trace):
    headless = Trace(trace.header, [record for record in trace.records if not isinstance(record, SpeechBegun)])
    with pytest.raises(TraceError, match="is of speech 'speech_1', which the trace does not begin"):
        timeline_of(headless)


def test_the_timeline_is_an_svg_with_every_message(trace):
    root = ElementTree.fromstring(timeline_svg(timeline_of(trace)))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"preamble", "answer", "later"} <= set(texts)


def test_the_timeline_names_the_end_of_each_message_even_if_it_lasts_no_time(trace):
    svg = timeline_svg(timeline_of(trace))
    assert "partial, heard 1400 of 4200 ms" in svg
    assert "skipped, heard 0 of 1400 ms" in svg


def test_ids_from_outside_cannot_break_the_svg():
    hostile = 'm<1>&"\x00\ud800'
    timeline = Timeline((MessageSpan(hostile, "pending", 0, 10),), marks=(Mark(5, hostile),))
    texts = [element.text or "" for element in ElementTree.fromstring(timeline_svg(timeline)).iter(f"{SVG}text")]
    assert 'm<1>&"\ufffd\ufffd' in texts


def test_the_sequence_diagram_has_every_event_and_effect(trace):
    lines = sequence(steps_of(trace)).splitlines()
    arrows = [line for line in lines if "->>" in line]
    events = [record for record in trace.records if getattr(record, "event", None) is not None]
    assert len(arrows) == len(events) + len(trace.effects)
    assert any("session->>speech: session_message_added" in line for line in arrows)
    assert any("speech-->>output: clear_output" in line for line in arrows)


def test_the_timeline_has_the_colours_of_the_chart(trace):
    svg = timeline_svg(timeline_of(trace))
    for state in ("draining", "played", "partial", "skipped"):
        assert palette.MESSAGE[state].fill in svg
