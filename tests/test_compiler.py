"""What runs is the Definition: compiled once into text, and the same when it is compiled anew."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys

import pytest
from helpers import waiting

from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.compile import compiled
from speech_lifecycle.fsm.compile.compiler import _deciding, compile_definition, is_source_of, source_of
from speech_lifecycle.fsm.compile.definition import Definition, Transition, definition
from speech_lifecycle.fsm.compile.folding import fold
from speech_lifecycle.fsm.effects import FlushOutput
from speech_lifecycle.fsm.events import Authorize, OutputAudioHandedOver
from speech_lifecycle.fsm.machine import machine_for


def with_guard(name: str, guard) -> Definition:
    chart = definition().message
    return dataclasses.replace(definition(), message=dataclasses.replace(chart, guards={**chart.guards, name: guard}))


def test_what_runs_is_compiled_from_the_charts_guards_and_actions_as_they_are():
    with open(compiled.__file__, encoding="utf-8") as file:
        assert is_source_of(file.read(), definition()), "fsm/compile/compiled.py is stale: run `make generated`"


def test_every_event_of_the_definition_is_a_function_and_no_other():
    speech, message = definition().speech, definition().message
    assert compiled.EVENTS.keys() == {*speech.events, *message.events}
    assert compiled.RAISED.keys() == {*speech.internal_events}
    assert compiled.TOLD.keys() == {*message.internal_events}


def test_importing_the_machine_imports_neither_the_charts_nor_their_library():
    code = "import sys, speech_lifecycle.fsm; print([m for m in sys.modules if m.startswith('statemachine')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_another_definition_runs_beside_the_own_one():
    speech = definition().speech
    transitions = tuple(
        transition for transition in speech.transitions if not transition.id.startswith("speech.queued.authorize")
    )
    lame = machine_for(dataclasses.replace(definition(), speech=dataclasses.replace(speech, transitions=transitions)))
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
    assert module.EVENTS.keys() == compiled.EVENTS.keys()
    assert module.DIGEST == compiled.DIGEST


def test_methods_are_inlined_and_what_a_run_is_asked_is_done_directly():
    text = source_of(definition())
    assert "forwarding_message()" not in text
    assert "run.emit(" not in text
    assert "run.tell(" not in text


def test_what_is_known_of_an_internal_event_is_worked_out():
    assert "None is not None" not in source_of(definition())


def transition(cond: str) -> Transition:
    return Transition(cond, "here", "eventless", cond, None)


@pytest.mark.parametrize(
    ("conds", "asked"),
    [
        (["a and b", "b"], ["b"]),
        (["a and b", "a and c"], ["a and b", "a and c"]),
        (["a or b and c", "c"], ["a or b and c", "c"]),
        (["a and (b or c)", "a"], ["a and (b or c)", "a"]),
    ],
)
def test_of_several_always_transitions_only_what_decides_is_asked(conds, asked):
    assert _deciding([transition(cond) for cond in conds]) == asked


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("x = 1 if 'a' == 'b' else 2", ["x = 2"]),
        ("if 'a' != 'a':\n    x = 1", []),
        ("if event is None:\n    x = 1\n    y = event", ["x = 1", "y = None"]),
        ("if x == 'a':\n    y = 'a' is not None", ["if x == 'a':\n    y = True"]),
        ("if x:\n    if event is not None:\n        y = 1", ["if x:\n    pass"]),
        ("for x in y:\n    if event is not None:\n        y = 1", ["for x in y:\n    pass"]),
        ("x = 0 < 1 <= y", ["x = 0 < 1 <= y"]),
    ],
)
def test_what_is_known_beforehand_is_folded(text, folded):
    (statement,) = ast.parse(text).body
    assert [ast.unparse(each) for each in fold(statement, {"event": None})] == folded
