"""The charts as SCXML and as XState's configurations are the charts: real tools take the same transitions."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from chart_cases import Case, ancestry, cases, state_value
from statemachine.io import load
from statemachine.orderedset import OrderedSet

from speech_lifecycle.exports import definition_file, export

TESTS = Path(__file__).parent
XSTATE = TESTS.parent / "benchmarks" / "node" / "node_modules"
EVERY_CASE = list(cases(definition_file()))
CHARTS = list(definition_file().charts)


def test_every_transition_that_an_event_may_bring_is_taken_in_some_case():
    taken = {name for case in EVERY_CASE for name in case.transitions}
    every = {name: each for chart in definition_file().charts.values() for name, each in chart.transitions.items()}
    assert {name for name in every.keys() - taken if every[name].event} == set()
    # What needs no event is taken after one here only if its guard does not begin to hold by what the event does.
    assert len({name for name in taken if not every[name].event}) > 10
    assert len(EVERY_CASE) > 600


def noting(what: str) -> property:
    """A field that notes what it is given."""

    def note(model: Model, value: str | None) -> None:
        if value is not None:
            model.log.append((what, value))

    return property(lambda model: None, note)


class Model:
    """What python-statemachine runs a chart of SCXML with: guards that hold or not, and a log."""

    def __init__(self, guards: frozenset[str], configuration: list[str]) -> None:
        self.state: Any = OrderedSet(configuration)
        self.guards: frozenset[str] = frozenset()
        self.to_hold = guards
        self.log: list[tuple[str, str]] = []

    taken, performed, answered = noting("taken"), noting("performed"), noting("answered")


@pytest.fixture(scope="module")
def scxml(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scxml")
    export("scxml", folder)
    return {name: load(folder / f"{name}.scxml") for name in CHARTS}


def model_for(chart: str, case: Case) -> Model:
    guards = definition_file().charts[chart].guards
    methods = {name: (lambda self, name=name: name in self.guards) for name in guards}
    around = [each for state in case.states.values() for each in ancestry(definition_file().charts[chart], state)]
    return type("ItsModel", (Model,), methods)(case.guards, list(dict.fromkeys(around)))


@pytest.mark.parametrize("chart", CHARTS)
def test_python_statemachine_takes_the_transitions_of_the_scxml(scxml, chart):
    for case in (case for case in EVERY_CASE if case.chart == chart):
        model = model_for(chart, case)
        machine = scxml[chart](model)
        assert model.log == [], "nothing is taken without an event when no guard holds"
        model.guards = model.to_hold
        machine.send(case.event)
        assert [name for what, name in model.log if what == "taken"] == list(case.transitions), case
        assert [name for what, name in model.log if what != "taken"] == list(case.done), case
        leaves = {state.id for state in machine.configuration if state.is_atomic}
        assert leaves == set(case.leads_to.values()), case


@pytest.mark.skipif(shutil.which("node") is None or not XSTATE.exists(), reason="XState is not installed: make node")
def test_xstate_takes_the_transitions_of_its_configurations(tmp_path):
    export("xstate", tmp_path)
    (tmp_path / "node_modules").symlink_to(XSTATE)
    charts = definition_file().charts
    given = [
        {
            "chart": case.chart,
            "value": state_value(charts[case.chart], case.states),
            "event": case.event,
            "guards": sorted(case.guards),
        }
        for case in EVERY_CASE
    ]
    done = subprocess.run(
        ["node", TESTS / "node" / "play_charts.mjs", tmp_path],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for case, got in zip(EVERY_CASE, json.loads(done.stdout), strict=True):
        assert got["transitions"] == list(case.transitions), case
        assert got["done"] == list(case.done), case
        assert got["value"] == state_value(charts[case.chart], case.leads_to), case


def test_statelys_format_is_plain_data_with_names(tmp_path):
    export("xstate", tmp_path)
    for chart in CHARTS:
        config = json.loads((tmp_path / f"{chart}.json").read_text(encoding="utf-8"))
        assert config["id"] == f"{chart}_chart"
        assert "definition.json" in config["description"]


def test_what_the_formats_cannot_say_is_said_in_the_files(tmp_path):
    export("scxml", tmp_path)
    export("xstate", tmp_path)
    for name in ("speech.scxml", "speech.json"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "note_session_lost tells end_source." in text
        assert "pass_turn raises go_on." in text
    root = ET.parse(tmp_path / "conversation.scxml").getroot()
    assert root.tag == "{http://www.w3.org/2005/07/scxml}scxml"
