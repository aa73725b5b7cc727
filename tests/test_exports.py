"""`definition.json` says all there is, and can be read without this package."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest
from test_cli import run

from speech_lifecycle.exports import DefinitionFile, definition_file
from speech_lifecycle.exports.model import schema
from speech_lifecycle.exports.translation import body_of
from speech_lifecycle.fsm.compile.definition import DefinitionError, definition
from speech_lifecycle.verification.function_mutants import mutations


@pytest.fixture(scope="module")
def data():
    return definition_file().model_dump(mode="json")


def test_the_command_writes_the_file_and_its_schema(tmp_path):
    done = run("export", "json", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "out" / "definition.json").read_text(encoding="utf-8"))
    its_schema = json.loads((tmp_path / "out" / "definition.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(its_schema)
    jsonschema.Draft202012Validator(its_schema).validate(written)
    assert DefinitionFile.model_validate(written) == definition_file()


def test_a_format_that_does_not_exist_is_named(tmp_path):
    done = run("export", "cobol", cwd=tmp_path)
    assert done.returncode == 2
    assert "no format 'cobol'; there are json" in done.stderr


def test_a_missing_pydantic_is_named():
    code = "import sys; sys.modules['pydantic'] = None; import speech_lifecycle.exports"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[exports]'" in done.stderr


def test_the_schema_refuses_what_is_no_definition(data):
    validator = jsonschema.Draft202012Validator(schema())
    for path, wrong in (
        (("format",), "other"),
        (("functions", "message.actions.flush", "body", 0, "op"), "eval"),
        (("charts", "speech", "transitions", "speech.queued.close", "kind"), "perhaps"),
        (("events", "authorize", "source"), "nobody"),
    ):
        some = {name: each for name, each in data["functions"].items() if name in path}
        spoiled = json.loads(json.dumps(data | {"functions": some}))
        place = spoiled
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong
        assert list(validator.iter_errors(spoiled)), path


def test_every_transition_of_every_leaf_is_there_in_the_order_in_which_it_is_tried(data):
    for chart in definition().every_chart:
        exported = data["charts"][chart.name]
        assert list(exported["transitions"]) == [each.id for each in chart.transitions]
        for region, cells in zip(chart.regions, exported["regions"], strict=True):
            for leaf in region.leaves:
                for event in (*region.events, *region.internal_events):
                    ids = [each.id for each in region.cell(leaf.id, event)]
                    assert cells["cells"][leaf.id].get(event, []) == ids


def test_whatever_a_transition_names_is_there(data):
    for chart in data["charts"].values():
        for transition in chart["transitions"].values():
            assert set(transition["actions"]) <= set(chart["actions"])
        assert {*chart["guards"].values(), *chart["actions"].values()} <= set(data["functions"])
    for function in data["functions"].values():
        assert set(function["calls"]) <= set(data["functions"])
        assert set(function["emits"]) <= set(data["effects"])


def test_everything_has_a_doc(data):
    named = {**data["events"], **data["effects"], **data["structs"], **data["charts"]}
    named |= {name: each for name, each in data["functions"].items() if each["role"] != "helper"}
    assert [name for name, each in named.items() if not each["doc"]] == []


def test_a_function_says_what_it_touches(data):
    settle = data["functions"]["message.actions._settle"]
    assert settle["emits"] == ["commit_message", "report_message_settled"]
    assert settle["raises"] == ["message_settled"]
    assert "Message.record" in settle["writes"]
    assert "end_source" in data["functions"]["speech.actions._end_response"]["tells"]
    assert "session_lost" in data["functions"]["conversation.actions.lose_session"]["tells"]


def test_every_mutant_of_a_function_is_another_export():
    """Nothing that decides is left out: whatever is changed in a function changes its tree."""
    same, compared = [], 0
    for function in definition().functions.values():
        own = body_of(function)
        for mutation in mutations(function):
            if ast.dump(mutation.tree.args) != ast.dump(function.tree.args):
                continue  # a default, which is written where the function is called
            try:
                changed = body_of(replace(function, tree=mutation.tree))
            except DefinitionError:
                continue  # it uses what the file has no word for
            compared += 1
            if changed == own:
                same.append(mutation)
    assert same == []
    assert compared > 800


def test_what_has_no_word_is_named_with_its_place():
    function = definition().functions["message.actions.begin_to_grow"]
    changed = ast.parse(
        "def begin_to_grow(run, speech, message, event):\n    speech.growing = speech.growing * 2"
    ).body[0]
    assert isinstance(changed, ast.FunctionDef)
    with pytest.raises(DefinitionError, match=r"actions\.py:2: `speech\.growing` in message\.actions\.begin_to_grow"):
        body_of(replace(function, tree=changed))
