"""The charts at a glance, and how they talk to each other: derived, legible in a README, on light and dark pages."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from charts import CHARTS, charts
from typer.testing import CliRunner

from speech_lifecycle.cli.app import app
from speech_lifecycle.diagrams import exchanges, overview_dot, overview_of, palette, render, render_exchange
from speech_lifecycle.diagrams.theme import DARK, DARK_PAPER
from speech_lifecycle.fsm import effects, events
from speech_lifecycle.fsm.compile.definition import EVENTLESS

DOCS = Path(__file__).parent.parent / "docs"
SVG = "{http://www.w3.org/2000/svg}"
README_WIDTH = 838
LEAST_TEXT = 11
PICTURES = {
    **{
        f"{chart.name}-overview": lambda theme, chart=chart: render(
            chart, "svg", detail="overview", theme=theme, renderer="pure"
        )
        for chart in CHARTS
    },
    "exchange": lambda theme: render_exchange("svg", theme=theme, renderer="pure"),
}
pictures = pytest.mark.parametrize("name", PICTURES)


@pictures
@pytest.mark.parametrize(("suffix", "theme"), [("", "auto"), ("-dark", "dark")])
def test_golden_overviews(name, suffix, theme):
    drawn = DOCS / f"{name}{suffix}.svg"
    assert PICTURES[name](theme) == drawn.read_bytes(), "if it should change, run `make generated`"


@charts
def test_an_overview_has_every_state_and_every_event_that_leads_to_another(chart):
    leads = {
        (transition.event, transition.target)
        for transition in chart.transitions
        if transition.kind == "handled" and transition.target is not None
    }
    overview = overview_of(chart)
    assert overview.states == chart.states
    assert {(each.event.replace("(at once)", EVENTLESS), each.target) for each in overview.transitions} == leads
    keys = [(each.source, each.target, each.event) for each in overview.transitions]
    assert len(keys) == len(set(keys))
    svg = ElementTree.fromstring(render(chart, "svg", detail="overview", renderer="pure"))
    words = " ".join(element.text or "" for element in svg.iter(f"{SVG}text")).replace("_ \u00a0\u00a0", "_")
    for event, _ in leads - {(EVENTLESS, target) for _, target in leads}:
        assert event in words
    for node in chart.states:
        assert node.is_parallel or node.id in words


@charts
def test_what_leads_out_of_a_compound_starts_at_its_border(chart):
    for transition in overview_of(chart).transitions:
        left = set(chart.ancestry(transition.source)) - set(chart.ancestry(transition.target))
        assert left == {transition.source} or transition.source in chart.ancestry(transition.target)


@pictures
def test_text_is_legible_at_the_width_of_a_readme(name):
    root = ElementTree.fromstring(PICTURES[name]("auto"))
    width = float(root.get("viewBox").split()[2])
    smallest = min(float(element.get("font-size")) for element in root.iter(f"{SVG}text"))
    assert smallest * min(1, README_WIDTH / width) >= LEAST_TEXT


@pictures
def test_an_overview_has_no_ground_and_turns_light_where_the_page_is_dark(name):
    auto, dark = PICTURES[name]("auto").decode(), PICTURES[name]("dark").decode()
    assert palette.PAPER not in re.findall(r'<polygon fill="([^"]+)" stroke="none"', auto)
    assert "prefers-color-scheme:dark" in auto
    assert "prefers-color-scheme" not in dark
    body = auto.partition("</style>")[2]
    for light in DARK:
        assert light not in dark
        if f'"{light}"' in body:
            assert f'[fill="{light}"]' in auto
            assert f'[stroke="{light}"]' in auto
    on_page = {"none", "transparent", *DARK}
    fills = {palette.ON_FILL, *(palette.swatch(chart.name, node.id).fill for chart in CHARTS for node in chart.states)}
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', body)) <= on_page | fills, "no colour is forgotten"


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", DARK.values(), ids=DARK)
def test_what_lies_on_a_dark_page_can_be_seen(colour):
    """WCAG 2.1, success criterion 1.4.3: a contrast of at least 4.5."""
    assert (luminance(colour) + 0.05) / (luminance(DARK_PAPER) + 0.05) >= 4.5


@charts
def test_text_on_a_state_stays_dark(chart):
    assert palette.ON_FILL not in DARK
    for node in chart.states:
        fill = palette.swatch(chart.name, node.id).fill
        assert (luminance(fill) + 0.05) / (luminance(palette.ON_FILL) + 0.05) >= 4.5, node.id


def test_every_state_of_an_overview_can_be_highlighted():
    for chart in CHARTS:
        for node in chart.leaves:
            assert palette.HIGHLIGHT in overview_dot(chart, highlight=node.id)


# How the charts talk to each other


def test_every_event_and_effect_goes_from_somebody_to_somebody():
    said = {name for each in exchanges() for name in each.names}
    assert said >= {events.name_of(each) for each in events.EVERY_EVENT_TYPE}
    assert said >= {events.name_of(each) for each in effects.EVERY_EFFECT_TYPE}
    inner = {name for chart in CHARTS for name in chart.internal_events}
    own = {"hold", "user_unknown", "go_on"}
    assert inner - said == own, "what a chart raises for itself only"


def test_who_says_what_is_as_the_specification_has_it():
    said = {(each.sender, each.receiver): each.names for each in exchanges()}
    assert len(said) == len(exchanges())
    assert said["speech", "conversation"] == ("speech_stopped", "speech_resumed", "response_over", "speech_over")
    assert said["user", "conversation"] == ("user_started_speaking", "user_stopped_speaking")
    assert "forward" in said["speech", "message"]
    assert "message_settled" in said["message", "speech"]
    assert said["message", "output"] == ("start_handover", "flush_output", "clear_output")
    assert "session_request_refused" in said["conversation", "speech"]
    assert ("message", "conversation") not in said
    charts_ = {chart.name for chart in CHARTS}
    for sender, receiver in said:
        assert sender != receiver
        assert {sender, receiver} & charts_


def test_the_exchange_shows_each_name_where_it_is_said():
    root = ElementTree.fromstring(render_exchange("svg", renderer="pure"))
    words = [element.text for element in root.iter(f"{SVG}text")]
    for name in {name for each in exchanges() for name in each.names}:
        assert words.count(name) == sum(name in each.names for each in exchanges()), name


def test_the_command_draws_the_overviews(tmp_path):
    for file_format in ("svg", "mermaid", "dot"):
        done = CliRunner().invoke(
            app, ["draw", "--detail", "overview", "--format", file_format, "--output", str(tmp_path)]
        )
        assert done.exit_code == 0, done.output
    names = [*(f"{chart.name}-overview" for chart in CHARTS), "exchange"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.{ending}" for name in names for ending in ("svg", "mmd", "dot")
    )
