"""What can be drawn besides whole charts: a call's way, what traces cover, one state, and a chart for a notebook."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections import Counter
from xml.etree import ElementTree

import graphviz
import pytest
from charts import CHARTS, charts
from typer.testing import CliRunner

from speech_lifecycle.cli.app import app
from speech_lifecycle.diagrams import (
    MissingExtraError,
    around,
    coverage_marks,
    d2,
    diagram,
    dot,
    mermaid,
    overview_dot,
    palette,
    path_marks,
    plantuml,
    render,
    render_source,
    taken_in,
    unknown_in,
)
from speech_lifecycle.diagrams.d2 import quoted
from speech_lifecycle.diagrams.plantuml import escape
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.trace import ConversationStep, Step, dump_record

SVG = "{http://www.w3.org/2000/svg}"
COMMENT = {plantuml: "'", d2: "#", mermaid: "%%"}
WRITERS = pytest.mark.parametrize("write", [dot, *COMMENT], ids=lambda write: write.__name__)


def ids_in(write, source):
    if write is dot:
        return re.findall(r'<TD [^>]*ID="([^"]+)"', source)
    return re.findall(rf"^ *{COMMENT[write]} ((?:{'|'.join(c.name for c in CHARTS)})\.\S+)$", source, re.M)


def handled(chart):
    return {transition.id for transition in chart.transitions if transition.kind == "handled"}


@WRITERS
@charts
def test_each_transition_stands_exactly_once(chart, write):
    found = ids_in(write, write(chart))
    assert len(found) == len(set(found))
    assert set(found) == handled(chart)


# A state and what is around it


@WRITERS
@charts
def test_a_state_is_drawn_with_what_leads_to_it_and_from_it(chart, write):
    for node in chart.states:
        if node.is_parallel:
            continue
        inside = {each.id for each in chart.states if node.id in chart.ancestry(each.id)}
        own = inside | set(chart.ancestry(node.id))
        expected = {
            each.id
            for each in chart.transitions
            if each.kind == "handled"
            and (each.source in own or (each.target is not None and chart.enter(each.target) in inside))
        }
        found = ids_in(write, write(around(chart, node.id)))
        assert len(found) == len(set(found))
        assert set(found) == expected


@charts
def test_every_neighbourhood_can_be_drawn(chart):
    for node in chart.states:
        for source in (dot(around(chart, node.id)), overview_dot(around(chart, node.id))):
            root = ElementTree.fromstring(render_source(source, "svg", renderer="pure"))
            assert node.is_parallel or node.id in [element.text for element in root.iter(f"{SVG}text")]
    with pytest.raises(LookupError, match="no state 'nowhere'"):
        around(chart, "nowhere")


# What traces say


def test_the_way_of_a_call_is_numbered_in_its_order(trace):
    taken = taken_in(trace.records)
    assert taken == [
        transition
        for record in trace.records
        if isinstance(record, Step | ConversationStep) and record.reply == "handled"
        for transition in record.transitions
    ]
    marks = path_marks(taken)
    assert set(marks) == set(taken)
    assert not unknown_in(marks)
    for transition, mark in marks.items():
        at = [number for number, each in enumerate(taken, 1) if each == transition]
        assert [int(number) for number in re.findall(r"\d+", mark.words)][: len(at)][:6] == at[:6]
    drawn = dot("message", marks=marks)
    words = next(marks[each].words for each in taken if each.startswith("message."))
    assert f"({words})" in drawn
    assert palette.HIGHLIGHT in drawn
    assert palette.LIT in drawn


@WRITERS
def test_coverage_counts_what_was_taken_and_names_what_never_was(trace, write):
    taken = taken_in(trace.records)
    marks = coverage_marks(taken)
    counts = Counter(taken)
    assert set(marks) == {each for chart in CHARTS for each in handled(chart)}
    for transition, mark in marks.items():
        count = counts[transition]
        assert mark.words == {0: "never", 1: "once"}.get(count, f"{count:,} times")
    for chart in CHARTS:
        source = write(chart, marks=marks)
        assert set(ids_in(write, source)) == handled(chart)
        never = sum(not counts[each] for each in handled(chart))
        assert source.count("(never)") == never
        assert source.count("(once)") == sum(counts[each] == 1 for each in handled(chart))


def test_what_is_taken_more_often_is_wider_and_darker():
    few, many = "message.pending.skip", "message.pending.forward"
    marks = coverage_marks([few, *[many] * 40])
    assert marks[few].width < marks[many].width
    assert int(marks[few].colour[1:3], 16) > int(marks[many].colour[1:3], 16)
    assert marks["message.draining.stop"].width < marks[few].width


def test_transitions_of_another_version_are_told():
    assert unknown_in(path_marks(["message.pending.skip", "message.gone.skip"])) == ["message.gone.skip"]


# The command


def run(*arguments):
    return CliRunner().invoke(app, ["draw", *map(str, arguments)])


def test_the_command_draws_a_way_a_coverage_and_a_state(tmp_path, trace):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{dump_record(each)}\n" for each in (trace.header, *trace.records)), encoding="utf-8")
    out = ("--format", "dot", "--output", tmp_path)
    assert run("--path", path, *out).exit_code == 0
    assert (tmp_path / "speech.dot").read_text() == dot("speech", marks=path_marks(taken_in(trace.records)))
    assert run("--coverage", path, "--coverage", path, *out).exit_code == 0
    assert (tmp_path / "speech.dot").read_text() == dot("speech", marks=coverage_marks(taken_in(trace.records) * 2))
    assert run("--state", "message.draining", *out).exit_code == 0
    assert (tmp_path / "message-draining.dot").read_text() == dot(around(definition().message, "draining"))


def test_the_command_refuses_in_words(tmp_path):
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text('{"a": 1}\n', encoding="utf-8")
    for arguments, said in {
        ("--state", "message.nowhere"): "no state 'message.nowhere'",
        ("--path", foreign): "not a trace of speech-lifecycle",
        ("--path", tmp_path / "none"): "No such file",
        ("--path", foreign, "--coverage", foreign): "give one of them",
        ("--detail", "overview", "--path", foreign): "--detail full",
    }.items():
        done = run(*arguments, "--output", tmp_path / "out")
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


# For notebooks


def test_a_diagram_is_a_source_of_graphviz(tmp_path):
    drawn = diagram("message", renderer="pure")
    assert isinstance(drawn, graphviz.Source)
    assert drawn.source == dot("message")
    assert drawn.pipe() == render("message", "svg", renderer="pure")
    assert drawn.pipe(format="png").startswith(b"\x89PNG")
    assert drawn._repr_mimebundle_() == {"image/svg+xml": drawn.pipe(encoding="utf-8")}
    written = drawn.render(directory=tmp_path, cleanup=True)
    assert [str(path) for path in tmp_path.iterdir()] == [written]
    assert drawn.render(outfile=tmp_path / "b.png") == str(tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == drawn.pipe("png")
    assert drawn.copy().source == drawn.source
    assert b"prefers-color-scheme" in diagram("exchange", renderer="pure").pipe()
    assert "draining" in diagram("message", state="draining", detail="overview").source
    with pytest.raises(ValueError, match="no format 'gif'"):
        drawn.pipe("gif")
    with pytest.raises(ValueError, match="drawn in full"):
        diagram("message", detail="overview", marks={})


def test_a_diagram_without_graphviz_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.delitem(sys.modules, "speech_lifecycle.diagrams.source", raising=False)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'speech-lifecycle[diagrams]'")):
        diagram("message")


# Text from outside

HOSTILE = [
    '"] evil [label="x',
    "<script>alert(1)</script>",
    "</TD></TR></TABLE>> evil",
    "a\n@enduml\n!include /etc/passwd",
    "}\nevil -> evil: x {",
    "${secret} $x \\n `code` |md # x |",
    "%% x\n    evil --> evil",
    "**bold** //it// __u__ [[http://x]] <b>",
    "\x1b[31m\x00\x07",
    "#quot;&amp;#0;",
]


def said_by(text):
    """Return a chart in which a transition between states and one that stays do what `text` says."""
    chart = definition().message
    seen = set()
    transitions = []
    for each in chart.transitions:
        kind = each.target is None
        hit = each.kind == "handled" and kind not in seen
        seen |= {kind} if hit else set()
        transitions.append(dataclasses.replace(each, actions=(text,)) if hit else each)
    return dataclasses.replace(chart, transitions=tuple(transitions))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_line_and_no_element(text):
    innocent, hostile = said_by("sing"), said_by(text)
    for write in (mermaid, plantuml, d2):
        assert len(write(hostile).splitlines()) == len(write(innocent).splitlines()), write.__name__
        assert ids_in(write, write(hostile)) == ids_in(write, write(innocent))
    drawn = [ElementTree.fromstring(render(chart, "svg", renderer="pure")) for chart in (innocent, hostile)]
    kinds = [Counter(e.tag for e in root.iter() if e.tag != f"{SVG}text") for root in drawn]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_has_no_meaning_and_says_the_same(text):
    for_plantuml = escape(text)
    back = re.sub(r"<U\+([0-9A-F]{4,6})>", lambda match: chr(int(match[1], 16)), for_plantuml)
    plain = "".join(each if each.isprintable() else "\ufffd" for each in text)
    assert back == plain
    assert not set(re.sub(r"<U\+[0-9A-F]{4,6}>", "", for_plantuml)) & set("<>!@#$%&*|~`\"'\\{}=.:;^\n\x1b")
    assert not re.search(r"//|__|\[\[|\]\]|--", for_plantuml)
    for_d2 = quoted(text)
    assert re.fullmatch(r'"(?:[^"\\$]|\\.)*"', for_d2)
    assert "\n" not in for_d2
    assert re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], for_d2[1:-1]) == "".join(
        each if each.isprintable() or each == "\n" else "\ufffd" for each in text
    )
