"""Timelines show what a call was: legible in a README and on a terminal, whatever stands in it, however long it is."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import wave
from pathlib import Path
from xml.etree import ElementTree

import pytest
from long_calls import trace_of_many
from msgspec.structs import replace

from speech_lifecycle.diagrams import (
    Call,
    CallReading,
    SoundError,
    call_of,
    palette,
    read_envelope,
    sequence,
    steps_of,
    timeline_svg,
    timeline_text,
)
from speech_lifecycle.diagrams.drawing import SIZE, WIDTH, width_of
from speech_lifecycle.diagrams.theme import DARK, DARK_PAPER
from speech_lifecycle.fsm.trace import Header, Trace
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

SVG = "{http://www.w3.org/2000/svg}"
DOCS = Path(__file__).parent.parent / "docs"
HOSTILE = [
    "<script>alert(1)</script>",
    "</text></svg>",
    "]]><!--",
    "&amp;&lt;",
    "\x1b[2J\x1b]0;owned\x07",
    "\x00\ud800\ufffe",
    "\u202egnp.exe\u202c",
    "[laughs] :smile: [bold]",
    "lines\nof\ttheir\u2028own",
    "日本語です",
    "z" * 5_000,
]


@functools.cache
def call(name):
    return call_of(asyncio.run(play(SCENARIOS[name]))[1].trace)


def texts_in(svg):
    return list(ElementTree.fromstring(svg).iter(f"{SVG}text"))


def words_in(svg):
    return [element.text or "" for element in texts_in(svg)]


def hostile_trace(trace, text):
    """A trace in which ids, words and what the server says are hostile."""
    renamed = []
    for record in trace.records:
        event = getattr(record, "event", None)
        changes = {}
        if getattr(event, "message_id", None) == "preamble":
            changes["message_id"] = text
        if isinstance(getattr(event, "text", None), str):
            changes["text"] = text
        if changes:
            record = replace(record, event=replace(event, **changes))
        effects = tuple(
            replace(effect, record=replace(effect.record, message_id=text, generated_text=text, heard_text=text))
            if getattr(getattr(effect, "record", None), "message_id", None) == "preamble"
            else replace(effect, message_id=text)
            if getattr(effect, "message_id", None) == "preamble"
            else effect
            for effect in getattr(record, "effects", ())
        )
        renamed.append(replace(record, effects=effects) if effects else record)
    return Trace(trace.header, renamed)


# What is in it


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_message_its_end_and_its_words_are_in_the_picture_and_on_the_terminal(name):
    shown, said = words_in(timeline_svg(call(name))), timeline_text(call(name))
    for message in call(name).messages:
        assert message.message_id in shown
        assert message.message_id in said
        assert any(words.startswith(message.record.state) for words in shown)
        for word in message.text.split():
            assert word in shown
            assert word in said


def test_the_picture_has_its_lanes_ticks_and_marks(trace):
    shown = words_in(timeline_svg(call_of(trace)))
    assert {"agent", "server", "output", "0 s", "1 s", "3 s"} <= set(shown)
    assert "interrupt, session lost" in shown
    assert "1400 of 4200 ms" in shown
    assert any(words.startswith("answer truncated to 1400 ms") for words in shown)
    assert "user" in words_in(timeline_svg(call("user-speaks")))
    assert any("refused" in words for words in words_in(timeline_svg(call("truncation-refused"))))


def test_words_heard_cut_and_never_heard_look_different_without_colour(trace):
    looks = {element.text: element.get("style") for element in texts_in(timeline_svg(call_of(trace)))}
    assert looks["sunny"] is None
    assert "underline" in looks["with"]
    assert "line-through" in looks["breeze"]
    assert len({looks["sunny"], looks["with"], looks["breeze"]}) == 3


def test_heard_words_stand_where_they_were_heard(trace):
    places = {}
    for element in texts_in(timeline_svg(call_of(trace))):
        places.setdefault(element.text, (float(element.get("x")), float(element.get("y"))))
    first, last = places["Let"][0], places["you."][0]
    middle = places["It"][0]
    assert first < places["check"][0] < places["weather"][0] < last < middle < places["sunny"][0] < places["today,"][0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_bar_of_a_message_runs_on_after_its_end(name):
    svg = ElementTree.fromstring(timeline_svg(call(name)))
    titles = [element.text or "" for element in svg.iter(f"{SVG}title")]
    for message in call(name).messages:
        ends = [
            int(found[1])
            for title in titles
            if (found := re.fullmatch(rf"{message.message_id} (?:\w+), \d+ to (\d+) ms", title))
            and " generated" not in title
        ]
        assert all(end <= message.settled_ms for end in ends)


def test_golden_timelines(trace):
    for name, theme in (("timeline", "auto"), ("timeline-dark", "dark")):
        drawn = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
        assert timeline_svg(call("answer-interrupted"), theme=theme) == drawn, "if it should change, `make generated`"


def test_while_a_call_goes_on_it_is_shown_until_now(trace):
    reading = CallReading()
    for count, record in enumerate(trace.records):
        reading(record)
        if count % 10 == 0:
            ElementTree.fromstring(timeline_svg(reading.call))
            timeline_text(reading.call)
    assert "3200 ms: interrupt" in timeline_text(reading.call)


def test_what_could_not_be_read_is_named_in_it():
    empty = Call(problems=["call.jsonl, line 3: not JSON"], problem_count=7)
    shown = words_in(timeline_svg(empty))
    assert "call.jsonl, line 3: not JSON" in shown
    assert "and 6 problems more" in shown
    assert "call.jsonl, line 3: not JSON" in timeline_text(empty)


def test_a_trace_that_does_not_say_how_its_messages_ended_is_shown(trace):
    silent = [replace(record, effects=()) if hasattr(record, "effects") else record for record in trace.records]
    without = call_of(Trace(trace.header, silent))
    assert all(message.record is None for message in without.messages)
    assert "sunny" in words_in(timeline_svg(without))
    assert "draining" in timeline_text(without)


# How it looks


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_as_wide_as_a_readme_and_no_text_is_small_or_runs_out(name):
    svg = timeline_svg(call(name))
    root = ElementTree.fromstring(svg)
    assert float(root.get("width")) == WIDTH == 838
    assert float(root.get("font-size")) == SIZE >= 11
    assert svg.count("font-size") == 1
    for element in texts_in(svg):
        is_bold = element.get("font-weight") == "bold" or "bold" in (element.get("style") or "")
        wide = width_of(element.text or "", is_bold=is_bold)
        x = float(element.get("x")) - wide * {"end": 1, "middle": 0.5}.get(element.get("text-anchor"), 0)
        assert x >= 0
        assert x + wide <= WIDTH + 0.5, element.text
        assert float(element.get("y")) < float(root.get("height"))


@pytest.mark.parametrize("name", ["answer-interrupted", "second-response-queued", "user-speaks", "truncation-refused"])
def test_no_text_lies_on_another(name):
    drawn = []
    for element in texts_in(timeline_svg(call(name))):
        is_bold = element.get("font-weight") == "bold" or "bold" in (element.get("style") or "")
        wide = width_of(element.text or "", is_bold=is_bold)
        x = float(element.get("x")) - wide * {"end": 1, "middle": 0.5}.get(element.get("text-anchor"), 0)
        y = float(element.get("y"))
        for other, other_x, other_wide, other_y in drawn:
            apart = abs(y - other_y) >= SIZE or x >= other_x + other_wide - 0.2 or other_x >= x + wide - 0.2
            assert apart, (element.text, other)
        drawn.append((element.text, x, wide, y))


def test_it_follows_the_page_or_has_a_ground_of_its_own(trace):
    of = {theme: timeline_svg(call_of(trace), theme=theme) for theme in ("auto", "light", "dark")}
    assert "prefers-color-scheme:dark" in of["auto"]
    assert f'fill="{palette.PAPER}"' not in of["auto"]
    assert f'height="{ElementTree.fromstring(of["dark"]).get("height")}" fill="{DARK_PAPER}"' in of["dark"]
    assert f'[fill="{palette.INK}"]{{fill:{DARK[palette.INK]}}}' in of["dark"]
    assert "<style>" not in of["light"]


def test_colours_are_those_of_the_charts(trace):
    svg = timeline_svg(call_of(trace))
    for state in ("draining", "played", "partial", "skipped"):
        assert palette.MESSAGE[state].fill in svg


# Whatever stands in it


@pytest.mark.parametrize("text", HOSTILE)
def test_what_stands_in_a_trace_is_text_in_the_picture_and_on_the_terminal(trace, text):
    hostile = call_of(hostile_trace(trace, text))
    svg, said = timeline_svg(hostile), timeline_text(hostile)
    root = ElementTree.fromstring(svg)
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "g", "title", "style", "rect", "line", "path", "text")
    }
    for unseen in ("\x1b", "\x07", "\x00", "\u202e", "\u2028"):
        assert unseen not in svg
        assert unseen not in said
    assert "\n".join(said.splitlines()) + "\n" == said
    assert max(map(len, said.splitlines())) < 300


# However long it is


def test_of_a_long_call_each_word_is_shown_once():
    long = call_of(trace_of_many(60))
    svg = timeline_svg(long)
    spoken = sum(len(message.text.split()) for message in long.messages)
    assert sum(words in ["The", "weather", "is", "fine", "and", "warm", "today."] for words in words_in(svg)) == spoken
    assert float(ElementTree.fromstring(svg).get("width")) == WIDTH


def test_a_picture_grows_with_the_call_and_not_with_its_square():
    few, many = (call_of(trace_of_many(count)) for count in (50, 200))
    assert len(timeline_svg(many)) < 5 * len(timeline_svg(few))
    assert len(timeline_text(many)) < 5 * len(timeline_text(few))


def test_one_that_has_all_its_messages_waiting_does_neither():
    few, many = (call_of(trace_of_many(count, at_once=count)) for count in (50, 200))
    assert len(timeline_svg(many)) < 5 * len(timeline_svg(few))


def test_a_clock_gone_wild_takes_no_more_room(trace):
    wild = [replace(record, at_ms=record.at_ms * 1e11) for record in trace.records]
    svg = timeline_svg(call_of(Trace(Header(), wild)))
    ElementTree.fromstring(svg)
    assert len(svg) < 10 * len(timeline_svg(call_of(trace)))


# How loud it was


def test_a_sound_file_gives_the_strip_its_shape(trace, tmp_path):
    with wave.open(str(tmp_path / "heard.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(1000)
        quiet, loud = (1000).to_bytes(2, "little", signed=True), (-30000).to_bytes(2, "little", signed=True)
        sound.writeframes(quiet * 900 + loud * 900)
    messages = [{"message_id": "preamble", "begins_at_ms": 0, "ends_at_ms": 1800}]
    (tmp_path / "heard.json").write_text(json.dumps({"messages": messages}), encoding="utf-8")
    svg = timeline_svg(call_of(trace), envelope=read_envelope(tmp_path / "heard.wav"))
    shape = next(
        element
        for element in ElementTree.fromstring(svg).iter(f"{SVG}path")
        if any("preamble heard" in (title.text or "") for title in element)
    )
    points = [tuple(map(float, pair.split())) for pair in shape.get("d")[1:-1].split("L")]
    upper = points[: len(points) // 2]
    middle = (min(y for _, y in points) + max(y for _, y in points)) / 2
    heights = [middle - y for _, y in upper]
    assert max(heights[: len(heights) // 2 - 3]) < 1
    assert min(heights[len(heights) // 2 + 3 : -2]) > 7


def test_of_a_sound_file_with_the_user_the_users_voice_is_shown(tmp_path):
    both = call("call-user-speaks")
    first = next(message.message_id for message in both.messages if message.heard)
    with wave.open(str(tmp_path / "heard.wav"), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(1000)
        sound.writeframes(((20_000).to_bytes(2, "little") + bytes(2)) * 700)
        sound.writeframes((bytes(2) + (20_000).to_bytes(2, "little")) * 700)
    messages = [{"message_id": first, "begins_at_ms": 0}]
    (tmp_path / "heard.json").write_text(json.dumps({"messages": messages}), encoding="utf-8")
    svg = timeline_svg(both, envelope=read_envelope(tmp_path / "heard.wav"))
    shape = next(
        element
        for element in ElementTree.fromstring(svg).iter(f"{SVG}path")
        if any("user's voice" in (title.text or "") for title in element)
    )
    ys = [float(pair.split()[1]) for pair in shape.get("d")[1:-1].split("L")]
    upper = ys[: len(ys) // 2]
    quiet, loud = upper[5 : len(upper) // 2 - 5], upper[len(upper) // 2 + 5 : -5]
    assert len(set(quiet)) == len(set(loud)) == 1
    assert quiet[0] - loud[0] > 7


@pytest.mark.parametrize(
    ("sound", "described"),
    [
        (b"", '{"messages": []}'),
        (b"RIFFnothing", '{"messages": []}'),
        (b"", "[]"),
        (b"", "{"),
        (b"", '{"messages": [{"message_id": "m", "begins_at_ms": Infinity}]}'),
    ],
)
def test_what_is_no_sound_file_is_refused_by_name(tmp_path, sound, described):
    (tmp_path / "heard.wav").write_bytes(sound)
    (tmp_path / "heard.json").write_text(described, encoding="utf-8")
    with pytest.raises(SoundError, match="heard"):
        read_envelope(tmp_path / "heard.wav")


# The steps, one by one


def test_the_sequence_diagram_has_every_event_and_effect(trace):
    lines = sequence(steps_of(trace)).splitlines()
    arrows = [line for line in lines if "->>" in line]
    events = [record for record in trace.records if getattr(record, "event", None) is not None]
    assert len(arrows) == len(events) + len(trace.effects)
    assert any("session->>speech: session_message_added" in line for line in arrows)
    assert any("speech-->>output: clear_output" in line for line in arrows)
