"""Sequence diagrams and animations of calls, and the command that writes them."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from long_calls import trace_of_many
from test_cli import run
from test_timeline import HOSTILE, hostile_trace

from speech_lifecycle.diagrams import (
    MissingExtraError,
    animated_svg,
    call_mermaid,
    call_of,
    call_sequence_svg,
    png_of,
    said_in,
    timeline_svg,
)
from speech_lifecycle.diagrams.drawing import WIDTH, width_of
from speech_lifecycle.diagrams.render import RenderError
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.trace import dump_record
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

SVG = "{http://www.w3.org/2000/svg}"
NODE = Path(__file__).parent / "node"
NAMES = ["answer-interrupted", "paused-then-resumed", "truncation-refused", "call-user-speaks", "text-shown"]


@functools.cache
def trace_of(name):
    return asyncio.run(play(SCENARIOS[name]))[1].trace


def written(trace, path):
    path.write_text("".join(f"{dump_record(each)}\n" for each in (trace.header, *trace.records)), encoding="utf-8")
    return path


# Sequence diagrams


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_effect_is_said_once_and_every_event_that_came_from_outside(name):
    records = trace_of(name).records
    said = list(said_in(records))
    told = [name_of(type(effect)) for effect in _effects(records) if not isinstance(effect, fx.TimerEffect)]
    effects = [each.name for each in said if each.sender == "lifecycle" and each.name != "timer_fired"]
    assert sorted(effects) == sorted(told)
    for fact in ("output_playback_finished", "session_message_added", "session_response_ended"):
        happened = [r for r in records if name_of(type(getattr(r, "event", None))) == fact and r.reply == "handled"]
        assert len([each for each in said if each.name == fact]) == len(happened)


def _effects(records):
    return [effect for r in records if getattr(r, "reply", "") == "handled" for effect in r.effects]


def test_what_comes_piece_by_piece_is_one_line():
    said = list(said_in(trace_of("answer-interrupted").records))
    texts = [each for each in said if each.name == "session_text_received"]
    assert sum(each.count for each in texts) == 9 + 19, "a piece for each word"
    assert len(texts) < 6
    assert [each.name for each in said].count("interrupt") == 1, "what the conversation tells its speech is left out"


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_has_the_lines_of_the_diagram_and_none_runs_out(name):
    records = trace_of(name).records
    root = ElementTree.fromstring(call_sequence_svg(records))
    words = [element.text or "" for element in root.iter(f"{SVG}text")]
    for each in said_in(records):
        assert any(text.startswith(each.name) for text in words)
    assert len(list(root.iter(f"{SVG}path"))) == len(list(said_in(records)))
    for element in root.iter(f"{SVG}text"):
        middle = element.get("text-anchor") == "middle"
        wide = width_of(element.text or "", is_bold=element.get("font-weight") == "bold")
        assert float(element.get("x")) + wide / (2 if middle else 1) <= WIDTH


def test_a_long_diagram_says_how_much_it_leaves_out():
    records = trace_of_many(40).records
    lines = len(list(said_in(records)))
    assert f"and {lines - 30} more" in call_mermaid(records, most=30)
    assert f"and {lines - 30} more" in call_sequence_svg(records, most=30)


def test_mermaid_itself_reads_the_sequence_diagrams_of_calls(tmp_path, trace):
    if shutil.which("node") is None and not os.environ.get("CI"):
        pytest.skip("Node.js is not installed, and Mermaid's parser needs it")
    assert (NODE / "node_modules").is_dir(), "run `make node` to install Mermaid"
    sources = {f"{name}.mmd": call_mermaid(trace_of(name).records) for name in NAMES}
    sources |= {f"hostile-{n}.mmd": call_mermaid(hostile_trace(trace, text).records) for n, text in enumerate(HOSTILE)}
    sources["cut.mmd"] = call_mermaid(trace.records, most=5)
    for name, source in sources.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["node", str(NODE / "check_mermaid.mjs"), *sources], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert dict(line.split() for line in done.stdout.splitlines()) == dict.fromkeys(sources, "sequence")


# Animation


def lit_at(svg, percent):
    """The classes that are seen at a time, by the rules of CSS: the last frame that has begun holds."""
    style = re.search(r"<style>(.*?)</style>", svg, re.S)[1]
    seen = {}
    for name, body in re.findall(r"@keyframes (k\d+)\{((?:[^{}]*\{[^{}]*\})*)\}", style):
        frames = sorted(
            (float(at), float(found[1]))
            for ats, rules in re.findall(r"([^{}]+)\{([^{}]*)\}", body)
            for at in re.findall(r"([\d.]+)%", ats)
            if (found := re.search(r"opacity:(\d)", rules))
        )
        if frames:
            assert frames[0][0] == 0
            seen[name] = [opacity for at, opacity in frames if at <= percent][-1]
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_at_every_time_the_state_that_a_message_was_in_is_lit_and_no_other(name):
    call = call_of(trace_of(name))
    svg = animated_svg(call)
    whole_s = float(re.search(r"animation:([\d.]+)s", svg)[1])
    groups = [(g.get("class"), g.find(f"{SVG}text").text, float(g.find(f"{SVG}rect").get("y")))
              for g in ElementTree.fromstring(svg).iter(f"{SVG}g")]  # fmt: skip
    rows = sorted({y for _, _, y in groups})[1:]
    for at_ms in range((call.from_ms or 0) + 3, call.to_ms, 171):
        seen = lit_at(svg, at_ms / 10 / whole_s)
        for y, message in zip(rows, call.messages, strict=True):
            lit = [state for kind, state, place in groups if place == y and seen[kind]]
            was = [s.state for s in message.states if s.from_ms + 2 < at_ms < s.to_ms - 2]
            is_over = message.settled_ms + 2 < at_ms
            if was or is_over:
                assert lit == (was or [message.record.state])


def test_an_animation_has_no_script_and_ends_as_the_call_did_where_nothing_may_move(trace):
    svg = animated_svg(call_of(trace))
    assert "script" not in svg
    assert "prefers-reduced-motion:reduce" in svg
    groups = [(g.get("opacity"), g.find(f"{SVG}text").text) for g in ElementTree.fromstring(svg).iter(f"{SVG}g")]
    still = [text for opacity, text in groups if opacity is None]
    assert sorted(still) == ["listening", "partial", "played", "skipped"]


def test_a_long_call_is_shown_faster_and_in_part():
    svg = animated_svg(call_of(trace_of_many(60)))
    assert float(re.search(r"animation:([\d.]+)s", svg)[1]) == 22
    assert "and 48 messages more" in svg
    assert "times as fast" in svg


@pytest.mark.parametrize("text", HOSTILE)
def test_what_stands_in_a_trace_is_text_in_all_of_them(trace, text):
    hostile = hostile_trace(trace, text)
    for svg in (animated_svg(call_of(hostile)), call_sequence_svg(hostile.records)):
        tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
        assert tags <= {"svg", "title", "style", "rect", "line", "path", "text", "g", "circle"}
        assert not {"\x1b", "\x00", "\u202e"} & set(svg)
    assert "\x1b" not in call_mermaid(hostile.records)


# PNG


def test_a_png_is_twice_as_fine_as_the_picture(trace):
    svg = timeline_svg(call_of(trace), theme="light")
    png = png_of(svg)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 2 * WIDTH
    height = float(ElementTree.fromstring(svg).get("height"))
    assert abs(int.from_bytes(png[20:24], "big") - 2 * height) <= 2


def test_a_missing_rasterizer_names_the_extra(trace, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'speech-lifecycle[diagrams]'")):
        png_of(timeline_svg(call_of(trace)))


def test_what_is_too_high_for_a_png_is_refused():
    with pytest.raises(RenderError, match="too high for a PNG: write it as SVG"):
        png_of(timeline_svg(call_of(trace_of_many(1000)), theme="light"))


# The command


def test_the_command_prints_a_timeline_and_writes_every_picture(tmp_path, trace):
    written(trace, tmp_path / "call.jsonl")
    done = run("timeline", "call.jsonl", "--output", "out", "--format", "all", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "It is sunny" in done.stdout
    names = ["animated.svg", "sequence.mmd", "sequence.png", "sequence.svg", "timeline.png", "timeline.svg"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"call-{name}" for name in names]


def test_of_a_broken_trace_the_rest_is_shown_and_what_is_broken_is_named(tmp_path, trace):
    path = written(trace, tmp_path / "call.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:50], "broken \x1b[2J", *lines[50:]]), encoding="utf-8")
    done = run("timeline", "call.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    assert "call.jsonl, line 51, column 1: not JSON" in done.stdout
    assert "It is sunny" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("content", ["", "a: yaml\n", '{"other": "json"}\n'])
def test_what_is_no_trace_is_refused_by_name(tmp_path, content):
    (tmp_path / "call.jsonl").write_text(content, encoding="utf-8")
    done = run("timeline", "call.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "call.jsonl, line 1" in done.stderr
