"""What the specification says of functions, timers and fields is what the definition has."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

from speech_lifecycle.exports import definition_file
from speech_lifecycle.exports.pseudocode import Pseudocode
from speech_lifecycle.exports.spec_tables import spec_tables
from speech_lifecycle.exports.translation import body_of
from speech_lifecycle.fsm.compile.definition import DefinitionError, definition
from speech_lifecycle.verification.function_mutants import mutations

SPEC = Path(__file__).parent.parent / "docs" / "spec.md"


def test_every_mutant_of_a_function_reads_differently():
    """Nothing that decides is left out of the pseudo code either."""
    words = Pseudocode(definition_file().functions)
    same, compared = [], 0
    for function in definition().functions.values():
        node = definition_file().functions[function.id]
        own = words.lines(node)
        for mutation in mutations(function):
            if ast.dump(mutation.tree.args) != ast.dump(function.tree.args):
                continue  # a default, which is written where the function is called
            try:
                changed = body_of(replace(function, tree=mutation.tree))
            except DefinitionError:
                continue
            compared += 1
            if words.lines(node.model_copy(update={"body": changed})) == own:
                same.append((function.id, mutation.what))
    assert same == []
    assert compared > 800


def test_every_guard_action_and_helper_is_in_the_specification():
    text = SPEC.read_text(encoding="utf-8")
    file = definition_file()
    words = Pseudocode(file.functions)
    for chart in file.charts.values():
        for name in (*chart.guards, *chart.actions):
            assert f"| `{name}` | " in text
    for name, function in file.functions.items():
        for line in words.lines(function):
            assert f"`{line}`".replace("|", "\\|") in text, name


def test_every_timer_has_its_delays():
    table = spec_tables(definition_file())["timers"]
    for timer in definition_file().enums["Timer"]:
        assert f"| `{timer}` | " in table
    assert "| `stall` | `await_source` | `speech.policy.stall_timeout_ms` |" in table


def test_what_an_action_reaches_by_what_it_calls_is_told():
    table = spec_tables(definition_file())["reaches"]
    assert "| `message: settle_skipped` | `commit_message`, `report_message_settled` | `message_settled` |  |" in table
    assert "| `speech: pass_turn` |  | `go_on` |  |" in table


def test_fields_have_their_ranges_and_first_values():
    tables = spec_tables(definition_file())
    assert "| `frame_ms` | integer, 0 to 2^53 - 1 | `20` |" in tables["options"]
    assert "| `live` | set of text, in order | `{}` |" in tables["snapshot"]


def test_every_constant_that_pseudo_code_names_has_its_value():
    file = definition_file()
    words = Pseudocode(file.functions)
    lines = [line for function in file.functions.values() for line in words.lines(function)]
    named = {name for line in lines for name in re.findall(r"\b[A-Z][A-Z_]{2,}\b", line)}
    table = spec_tables(file)["constants"]
    assert {"LARGEST", "SHORTEST_WORD_MS"} <= named
    assert {name for name in named if f"| `{name}` | " not in table} == set()
    assert "U+0085" in table


def test_every_event_says_by_what_it_finds_its_speech():
    table = spec_tables(definition_file())["routes"].splitlines()
    assert [line.split("`")[1] for line in table[2:]] == list(definition_file().events)
    assert "| `session_response_created` |  | the conversation's chart answers |" in table
    assert (
        '| `timer_fired` | the one that `speech_id` names, unless that is `""` | the conversation\'s chart answers |'
        in table
    )
    assert "| `session_item_added` | that of the response | rejected, `unknown_response` |" in table
