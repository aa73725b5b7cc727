"""Guards, actions and what they call are written in a subset of Python that can be exported as data."""

from __future__ import annotations

import ast
import dataclasses

import pytest

from speech_lifecycle.fsm.compile.definition import DefinitionError, definition
from speech_lifecycle.fsm.compile.subset import breaches_of, check_functions

FLUSH = "message.actions.flush"


def written(body: str, function: str = FLUSH, parameters: str = "run, speech, message, event"):
    """Return a function of the package with something else in it."""
    (tree,) = ast.parse(f"def f({parameters}):\n    {body}").body
    return dataclasses.replace(definition().functions[function], tree=tree)


def test_everything_that_the_lifecycle_does_keeps_to_the_subset():
    check_functions(definition())


def test_helpers_methods_and_properties_are_looked_at_too():
    assert {
        "message.evidence._word_prefix",
        "message.reconciliation.record_of",
        "speech.watchdog.start_timer",
        "state.Message.outgrew_its_record",
        "state.Speech.message_in_turn",
    } <= definition().functions.keys()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while message.text: break", "loop over messages with `for`"),
        ("try: speech.timer = None\n    except KeyError: pass", "ask before, with `if`"),
        ("raise KeyError(event)", "answer in the chart"),
        ("with speech: return", "hold no resources"),
        ("import math", "at the top of the module"),
        ("del message.text", "assign None"),
        ("global flush", "keep data in the speech"),
        ("pass", "assign, compare"),
        ("message.text", "does nothing"),
        ("message.text = speech.cause = None", "one after the other"),
        ("message = None", "the parameter 'message' assigned to"),
        ("a, *b = speech.awaited", "as a target"),
        ("message.received_ms *= 2", "write the operation out"),
        ("for each in speech.awaited: continue\n    else: return", "an `else` of a loop"),
        ("for each in range(3): continue", "loop over messages"),
        ("message.received_ms = message.received_ms / 2", "divide with //"),
        ("message.received_ms = message.received_ms ** 2", "add, subtract"),
        ("message.received_ms = 1.5", "the constant 1.5"),
        ("message.text = b'a'", "only text, integers"),
        ("message.text = message.text[1:]", "`[:count]`"),
        ("message.text = message.text[::2]", "`[:count]`"),
        ("message.text = f'{message.text!r}'", "a format in a text"),
        ("message.text = f'{message.received_ms:5}'", "a format in a text"),
        ("message.text = [a for b in speech.awaited for a in b]", "with several loops"),
        ("message.text = (lambda: '')()", "call a function by its name"),
        ("message.text = {}", "build a value with named fields"),
        ("message.text = {1}", "compare with a tuple"),
        ("message.text = print(1)", "a call of `print`"),
        ("message.text = sorted(speech.awaited)", "a call of `sorted`"),
        ("message.text = message.text.upper()", "the method 'upper'"),
        ("message.text = __debug__", "the builtin `__debug__`"),
        ("if (ms := message.received_ms): return", "a statement of its own"),
        ("run.stop()", "`run.stop`"),
        ("run.tell(speech, message, speech.cause)", "name the event in the call"),
        ("message.text = min(*speech.awaited)", "name every argument"),
        ("return (yield)", "return a list"),
    ],
)
def test_anything_else_is_refused_with_its_remedy(body, said):
    assert any(said in breach for breach in breaches_of(written(body))), breaches_of(written(body))


@pytest.mark.parametrize("parameters", ["*run", "**run", "run, *, speech", "run, speech=[]"])
def test_parameters_are_a_fixed_list(parameters):
    assert breaches_of(written("return", parameters=parameters))


def test_a_breach_names_file_line_construct_function_and_remedy():
    (breach,) = breaches_of(written("\n    speech.timer = None\n    del message.text"))
    assert breach.endswith(f"message/actions.py:4: `del message.text` in {FLUSH}; assign None")


def test_every_breach_of_every_function_is_listed():
    real = definition()
    (tree,) = ast.parse("def f(speech, message, event):\n    while True: pass").body
    ids = ("message.guards.is_new", "message.guards.is_spent")
    with pytest.raises(DefinitionError) as error:
        check_functions(dataclasses.replace(real, instead=dict.fromkeys(ids, tree)))
    assert [line.partition(" in ")[2].partition(";")[0] for line in str(error.value).splitlines()] == [*ids]


def test_what_a_function_touches_is_part_of_the_definition():
    announce = definition().functions["message.actions.announce"]
    assert announce.writes == (
        "Message.expects_audio",
        "Message.source_has_ended",
        "Speech.growing",
        "Speech.has_progressed",
        "Speech.messages",
    )
    assert "SessionMessageAdded.modalities" in announce.reads
    assert (announce.raises, announce.tells) == (("message_announced",), ("later_item_began",))
    assert definition().functions["message.actions.flush"].emits == ("FlushOutput",)


def test_guards_change_nothing():
    """Nor does anything that they call."""
    functions = definition().functions
    waiting = [name for name in functions if ".guards." in name]
    seen: set[str] = set()
    while waiting:
        function = functions[waiting.pop()]
        seen.add(function.id)
        assert (function.writes, function.emits, function.raises, function.tells) == ((), (), (), ()), function.id
        waiting += [called for called in function.calls if called not in seen]
    assert len(seen) > len(definition().message.guards)
