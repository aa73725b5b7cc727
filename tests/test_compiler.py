"""What runs is the Definition: compiled once into text, and the same when it is compiled anew."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from helpers import waiting

from speech_lifecycle.fsm import SpeechMachine, compiled
from speech_lifecycle.fsm.compiler import _any_of, compile_definition, is_source_of
from speech_lifecycle.fsm.definition import ChartDefinition, Definition, definition
from speech_lifecycle.fsm.effects import FlushOutput
from speech_lifecycle.fsm.events import Authorize, OutputAudioHandedOver
from speech_lifecycle.fsm.machine import machine_for


def with_guard(name: str, guard) -> Definition:
    chart = definition().message
    return dataclasses.replace(definition(), message=dataclasses.replace(chart, guards={**chart.guards, name: guard}))


def test_what_runs_is_compiled_from_the_charts_guards_and_actions_as_they_are():
    with open(compiled.__file__, encoding="utf-8") as file:
        assert is_source_of(file.read(), definition()), "fsm/compiled.py is stale: run `make generated`"


@pytest.mark.parametrize("chart", definition().charts, ids=lambda chart: chart.name)
def test_every_cell_of_the_definition_is_a_function_and_no_other(chart: ChartDefinition):
    table = getattr(compiled, chart.name.upper())
    events = ("always", *chart.events, *chart.internal_events)
    cells = {(event, leaf.id) for event in events for leaf in chart.leaves if chart.cell(leaf.id, event)}
    assert {(event, state) for event, states in table.items() for state in states} == cells


def test_importing_the_machine_imports_neither_the_charts_nor_their_library():
    code = "import sys, speech_lifecycle.fsm; print([m for m in sys.modules if m.startswith('statemachine')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_another_definition_runs_beside_the_own_one():
    speech = definition().speech
    rows = tuple(row for row in speech.rows if not row.id.startswith("speech.queued.authorize"))
    lame = machine_for(dataclasses.replace(definition(), speech=dataclasses.replace(speech, rows=rows)))
    assert lame.definition_digest != SpeechMachine.definition_digest
    with pytest.raises(KeyError):
        lame().send(Authorize())
    assert SpeechMachine().send(Authorize()).kind == "handled"


def test_a_guard_that_stands_in_no_module_is_called():
    calls = []

    def is_spent(speech, message, event):
        calls.append(message.message_id)
        return False

    handed_over = OutputAudioHandedOver("a", 1000)
    own, other = waiting("a", response_ended=True), waiting("a", response_ended=True)
    machine = machine_for(with_guard("is_spent", is_spent))(speech=other.speech)
    assert FlushOutput("a") in own.send(handed_over).effects
    assert FlushOutput("a") not in machine.send(handed_over).effects
    assert set(calls) == {"a"}


def test_the_text_needs_nothing_but_its_own_imports():
    module = compile_definition(definition())
    assert module.MESSAGE.keys() == compiled.MESSAGE.keys()
    assert module.DIGEST == compiled.DIGEST


@pytest.mark.parametrize(
    ("conds", "asked"),
    [
        (["a and b", "b"], ["b"]),
        (["a and b", "a and c"], ["a and b", "a and c"]),
        (["a or b and c", "c"], ["a or b and c", "c"]),
        (["a and (b or c)", "a"], ["a and (b or c)", "a"]),
    ],
)
def test_of_several_always_rows_only_what_decides_is_asked(conds, asked):
    assert _any_of(conds) == asked
