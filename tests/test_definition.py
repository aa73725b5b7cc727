"""The Definition is read rightly from the charts, and the house rules are kept."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest
from statemachine import State, StateChart
from statemachine.graph import iterate_states

from speech_lifecycle.fsm.answers import handled, ignored
from speech_lifecycle.fsm.compile import reader
from speech_lifecycle.fsm.compile.definition import Definition, DefinitionError, definition, guard_names
from speech_lifecycle.fsm.compile.digest import normalized
from speech_lifecycle.fsm.compile.functions import bare
from speech_lifecycle.fsm.compile.lint import check
from speech_lifecycle.fsm.compile.reader import read_chart
from speech_lifecycle.fsm.message.chart import MessageChart
from speech_lifecycle.fsm.naming import named
from speech_lifecycle.fsm.speech.chart import SpeechChart
from speech_lifecycle.fsm.trace import definition_digest


def is_open(speech, event):
    return True


def act(run, speech, event):
    return None


def compiled(chart, answers=(), events=("go",), guards=(is_open,), actions=(act,)):
    return read_chart(
        "speech",
        chart,
        answers,
        events,
        (),
        {guard.__name__: guard for guard in guards},
        {action.__name__: action for action in actions},
    )


def breaches(chart, **options) -> str:
    with pytest.raises(DefinitionError) as error:
        check(compiled(chart, **options))
    return str(error.value)


REST = ignored("over", "done", "go")


def test_transition_ids_are_unique_and_name_chart_state_and_event():
    transitions = [transition for chart in definition().charts for transition in chart.transitions]
    assert len({transition.id for transition in transitions}) == len(transitions)
    transition = definition().transition("message.draining.output_playback_finished#heard_whole")
    assert (transition.source, transition.cond, transition.target) == ("draining", "is_heard_to_the_end", "played")
    assert transition.actions == ("note_finish", "tell_heard", "because_finished", "settle_played")


def test_the_message_states_are_those_of_the_specification():
    chart = definition().message
    assert [node.id for node in chart.states if node.parent is None] == [
        "pending",
        "forwarding",
        "played",
        "partial",
        "skipped",
    ]
    assert [node.id for node in chart.states if node.parent == "forwarding"] == ["streaming", "draining", "stopping"]
    assert [node.id for node in chart.states if node.is_final] == ["played", "partial", "skipped"]
    assert chart.initial == "pending"
    assert chart.enter("forwarding") == "streaming"


def test_transitions_of_a_substate_come_before_those_of_its_parent_and_answers_last():
    kinds = [transition.id for transition in definition().message.cell("draining", "session_audio_received")]
    assert kinds == [
        "message.draining.session_audio_received",
        "message.forwarding.session_audio_received#first",
        "message.forwarding.session_audio_received",
        "message.forwarding.session_audio_received#audio_went_backwards",
    ]


@pytest.mark.parametrize("chart_name", ["message", "speech"])
@pytest.mark.parametrize(
    "change",
    [
        {"id": "another"},
        {"cond": "is_another"},
        {"target": "another"},
        {"actions": ("another",)},
        {"kind": "rejected"},
        {"reason": "another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_changes_with_any_transition(chart_name, change):
    real = definition()
    chart = getattr(real, chart_name)
    transitions = (*chart.transitions[:-1], dataclasses.replace(chart.transitions[-1], **change))
    assert transitions != chart.transitions
    changed = dataclasses.replace(real, **{chart_name: dataclasses.replace(chart, transitions=transitions)})
    assert changed.transitions_digest != real.transitions_digest
    assert changed.behaviour_digest != real.behaviour_digest


def test_the_digest_changes_with_the_order_of_transitions_and_is_the_same_for_the_same_transitions():
    real = definition()
    first, second, *rest = real.speech.transitions
    for transitions, is_same in (((first, second, *rest), True), ((second, first, *rest), False)):
        changed = dataclasses.replace(real, speech=dataclasses.replace(real.speech, transitions=tuple(transitions)))
        assert (changed.transitions_digest == real.transitions_digest) is is_same
        assert (changed.behaviour_digest == real.behaviour_digest) is is_same


def test_traces_name_the_definition_that_runs():
    assert definition_digest() == definition().behaviour_digest


def with_tree(name: str, text: str) -> Definition:
    (tree,) = ast.parse(text).body
    return dataclasses.replace(definition(), instead={name: tree})


@pytest.mark.parametrize(
    "name",
    [
        "message.guards.is_spent",
        "speech.actions.take_turn",
        "message.evidence._word_prefix",
        "state.Message.outgrew_its_record",
    ],
)
def test_the_digest_of_behaviour_changes_with_any_function_and_that_of_transitions_does_not(name):
    real = definition()
    changed = with_tree(name, "def f(): return None")
    assert changed.behaviour_digest != real.behaviour_digest
    assert changed.transitions_digest == real.transitions_digest


def test_the_digest_does_not_change_with_docstrings_annotations_comments_and_layout():
    def digest_of(text: str) -> str:
        return normalized(bare(ast.parse(text).body[0]))

    plain = digest_of("def f(a, b):\n    c = a\n    return c + b")
    assert (
        digest_of("def f(a: int, b: str) -> int:\n    'Says.'\n    c: int = a  # so\n\n    return (c +\n b)") == plain
    )
    assert digest_of("def f(a, b):\n    c = a\n    return c - b") != plain


@pytest.mark.parametrize("name", ["message_guards.SETTLED_SPEECH_STATES", "speech_guards.FAILURES"])
def test_the_digest_changes_with_a_constant(monkeypatch, name):
    real = definition()
    module, _, constant = name.partition(".")
    monkeypatch.setattr(getattr(reader, module), constant, frozenset({"completed"}))
    assert dataclasses.replace(real).behaviour_digest != real.behaviour_digest


def test_a_function_without_a_tree_is_told_from_another():
    real = definition()
    with_guard = [
        dataclasses.replace(
            real, speech=dataclasses.replace(real.speech, guards={**real.speech.guards, "was_heard": f})
        )
        for f in (lambda speech, event: True, lambda speech, event: not speech.was_heard)
    ]
    assert len({each.behaviour_digest for each in (real, *with_guard)}) == 3


def test_every_transition_of_the_charts_is_in_the_definition():
    """Counted in python-statemachine's own objects: one transition for each transition and each of its events."""
    for chart, chart_class in zip(definition().charts, (SpeechChart, MessageChart), strict=True):
        transitions = [t for s in iterate_states(chart_class.states) for t in s.transitions if not t.initial]
        declared = sum(len(list(transition.events)) or 1 for transition in transitions)
        of_answers = [
            transition
            for transition in chart.transitions
            if transition.kind == "handled" and chart.state[transition.source].is_final
        ]
        assert sum(transition.kind == "handled" for transition in chart.transitions) == declared + len(of_answers)


def test_the_page_of_older_names_says_what_each_is_now():
    page = (Path(__file__).parent.parent / "docs" / "transition-names.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if re.match(r"\| `.*#\d+` \|", line)]
    assert len({old for old, _ in rows}) == len(rows) == 216
    known = {transition.id for chart in definition().charts for transition in chart.transitions}
    assert {name for _, names in rows for name in re.findall("`(.+?)`", names)} <= known


def test_a_transition_between_two_others_leaves_their_ids_alone():
    def ids(*between):
        class Chart(StateChart):
            start = State(initial=True)
            done = State(final=True)
            named("open", start.to(done, event="go", cond="is_open", on="act"))
            for name in between:
                named(name, start.to(None, event="go", cond=f"not {name}"))
            start.to(done, event="go")

        return [transition.id for transition in compiled(Chart, answers=(REST,)).transitions]

    usual = ["speech.start.go#open", "speech.start.go", "speech.done.go#over"]
    assert ids() == usual
    assert [each for each in ids("is_open") if each != "speech.start.go#is_open"] == usual


def test_a_name_is_no_event_of_python_statemachine():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        named("open", start.to(done, event="go"))

    assert [event.id for event in Chart.events] == ["go"]


def test_lint_refuses_transitions_of_a_cell_without_names():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")
        start.to(None, event="go")

    assert "speech.start.go: two transitions have no name; give all but one a name" in breaches(Chart, answers=(REST,))


def test_lint_refuses_a_name_given_twice_in_a_cell():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        named("no", start.to(done, event="go", cond="is_open", on="act"))

    said = breaches(Chart, answers=(REST, ignored("no", "start", "go")))
    assert "speech.start.go#no: two transitions have this name; rename one" in said


@pytest.mark.parametrize("name", ["2", "Open", "is open", "a#b", "öffnen"])
def test_lint_refuses_a_name_that_is_none(name):
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        named(name, start.to(done, event="go", cond="is_open", on="act"))
        start.to(None, event="go")

    assert f"{name!r} is no name; write it in small letters" in breaches(Chart, answers=(REST,))


def test_lint_refuses_an_undefined_guard():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_opne", on="act")

    assert "guard 'is_opne' is not defined" in breaches(Chart, answers=(REST, ignored("no", "start", "go")))


def test_lint_refuses_an_undefined_action_and_names_the_unused_one():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="atc")

    said = breaches(Chart, answers=(REST, ignored("no", "start", "go")))
    assert "action 'atc' is not defined" in said
    assert "'act' is defined, but no transition uses it" in said


def test_lint_refuses_a_dead_transition():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        named("first", start.to(done, event="go", on="act"))
        start.to(None, event="go", cond="is_open")

    assert "speech.start.go: never taken, speech.start.go#first comes first" in breaches(Chart, answers=(REST,))


def test_lint_refuses_a_transition_of_a_parent_that_all_children_cover():
    class Chart(StateChart):
        class both(State.Compound):  # noqa: N801
            one = State(initial=True)
            two = State()
            named("open", one.to(two, event="go", cond="is_open", on="act"))
            two.to(one, event="go")
            one.to(None, event="go")

        done = State(final=True)
        both.to(done, event="go")

    assert "speech.both.go: never taken" in breaches(Chart, answers=(REST,))


def test_lint_refuses_an_open_cell():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")

    assert "start on go: no answer if all guards fail" in breaches(Chart, answers=(REST,))


def test_lint_refuses_an_unknown_event():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="og", cond="is_open", on="act")

    assert "no such event 'og'" in breaches(Chart, answers=(REST, ignored("no", "start", "go")))


def test_lint_refuses_an_always_transition_that_never_ends():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")
        start.to(start, cond="is_open")

    said = breaches(Chart, answers=(REST, ignored("no", "start", "go")))
    assert "an eventless transition needs a condition and another state" in said


def test_lint_refuses_a_trap():
    class Chart(StateChart):
        start = State(initial=True)
        pit = State()
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")
        start.to(pit, event="go")
        pit.to(None, event="go")
        validate_final_reachability = False

    assert "pit: no way to a final state" in breaches(Chart, answers=(REST,))


def test_lint_refuses_an_always_transition_without_a_condition():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(None, event="go", cond="is_open", on="act")
        start.to(done)

    said = breaches(Chart, answers=(REST, ignored("no", "start", "go")))
    assert "speech.start.eventless: an eventless transition needs a condition" in said


def test_lint_refuses_a_transition_whose_condition_an_earlier_transition_has():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        named("open", start.to(done, event="go", cond="is_open", on="act"))
        named("open_too", start.to(None, event="go", cond="is_open"))
        start.to(None, event="go")

    said = breaches(Chart, answers=(REST,))
    assert "speech.start.go#open_too: never taken, speech.start.go#open comes first" in said


def test_lint_refuses_an_answer_that_no_event_can_get():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        named("open", start.to(done, event="go", cond="is_open", on="act"))
        start.to(None, event="go")

    said = breaches(Chart, answers=(REST, ignored("no", "start", "go")))
    assert "speech.start.go#no: never taken, speech.start.go comes first" in said


def test_lint_refuses_an_answer_in_a_state_that_there_is_not():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")

    said = breaches(Chart, answers=(REST, ignored("no", "start strat", "go")))
    assert "no such state 'strat'" in said


def test_lint_refuses_a_guard_that_no_transition_uses():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", on="act")

    assert "'is_open' is defined, but no transition uses it" in breaches(Chart, answers=(REST,))


def rebuilt(chart, **changes):
    """Return a chart that python-statemachine itself would refuse to declare."""
    return dataclasses.replace(chart, **changes)


def test_lint_refuses_a_final_state_with_a_way_out():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")

    chart = compiled(Chart, answers=(ignored("no", "start", "go"),))
    back = dataclasses.replace(chart.transitions[0], id="speech.done.go", source="done", cond="", target="start")
    with pytest.raises(DefinitionError, match="done: it is final, but has a way out"):
        check(rebuilt(chart, transitions=(*chart.transitions, back)))


def test_a_final_state_handles_by_an_answer_and_stays():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go")

    chart = compiled(Chart, answers=(handled("done", "go", cond="is_open", on="act", name="opened"), REST))
    check(chart)
    transition, rest = chart.cell("done", "go")
    assert (transition.id, transition.kind, transition.target, transition.actions) == (
        "speech.done.go#opened",
        "handled",
        None,
        ("act",),
    )
    assert (rest.id, rest.kind) == ("speech.done.go#over", "ignored")


def test_any_other_state_handles_by_the_transitions_of_its_chart():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open")

    with pytest.raises(DefinitionError, match="start: only a final state handles by an answer"):
        compiled(Chart, answers=(REST, handled("start", "go", on="act")))


def test_lint_refuses_a_state_that_is_never_reached():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")

    chart = compiled(Chart, answers=(REST, ignored("no", "start island", "go")))
    island = dataclasses.replace(chart.state["start"], id="island", is_initial=False)
    with pytest.raises(DefinitionError, match="island: never reached; delete it"):
        check(rebuilt(chart, states=(*chart.states, island)))


def test_lint_lists_every_breach_with_its_chart():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_opne", on="atc")

    said = breaches(Chart, answers=(REST,)).splitlines()
    assert all(line.startswith("speech chart: ") for line in said)
    assert len(said) == 5, "two names undefined, two unused, one cell open"


def test_lint_accepts_a_chart_that_keeps_the_rules():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")

    check(compiled(Chart, answers=(REST, ignored("no", "start", "go"))))


@pytest.mark.parametrize("when", ["before", "after", "validators"])
def test_callbacks_outside_the_transition_are_refused(when):
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", **{when: "act"})

    with pytest.raises(DefinitionError, match="name every action in `on`"):
        compiled(Chart)


def test_entry_actions_are_refused():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True, enter="act")
        start.to(done, event="go")

    with pytest.raises(DefinitionError, match="name every action in `on`"):
        compiled(Chart)


def test_unnamed_callbacks_are_refused():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond=lambda: True)

    with pytest.raises(DefinitionError, match="has no name"):
        compiled(Chart)


def test_internal_transitions_are_refused():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(start, event="go", internal=True)
        start.to(done, event="go")

    with pytest.raises(DefinitionError, match="internal=True"):
        compiled(Chart)


@pytest.mark.parametrize("cond", ["a == b", "a()", "a.b", "1"])
def test_conditions_are_guard_names_joined_by_and_or_not(cond):
    with pytest.raises(DefinitionError, match="only guard names"):
        guard_names(cond)


def test_the_package_leaves_no_second_copies_behind():
    import sys

    assert not {"fsm", "adapters", "diagrams", "cli"} & set(sys.modules)
