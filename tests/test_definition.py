"""The Definition is read rightly from the charts, and the house rules are kept."""

from __future__ import annotations

import dataclasses

import pytest
from statemachine import State, StateChart

from speech_lifecycle.fsm import DefinitionError, definition
from speech_lifecycle.fsm.answers import ignored
from speech_lifecycle.fsm.definition import compile_chart, guard_names
from speech_lifecycle.fsm.lint import check
from speech_lifecycle.fsm.trace import definition_digest


def is_open(speech, event):
    return True


def act(run, speech, event):
    return None


def compiled(chart, answers=(), events=("go",), guards=(is_open,), actions=(act,)):
    return compile_chart(
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


def test_row_ids_are_unique_and_name_chart_state_and_event():
    rows = [row for chart in definition().charts for row in chart.rows]
    assert len({row.id for row in rows}) == len(rows)
    row = definition().row("message.draining.output_playback_finished#2")
    assert (row.source, row.cond, row.target) == ("draining", "is_heard_to_the_end", "played")
    assert row.actions == ("note_finish", "because_finished", "settle_played")


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


def test_rows_of_a_substate_come_before_those_of_its_parent_and_answers_last():
    kinds = [row.id for row in definition().message.cell("draining", "session_audio_received")]
    assert kinds == [
        "message.draining.session_audio_received#1",
        "message.forwarding.session_audio_received#1",
        "message.forwarding.session_audio_received#2",
    ]


def test_the_digest_changes_with_any_row(monkeypatch):
    before = definition_digest()
    real = definition()
    rows = (dataclasses.replace(real.message.rows[0], target="played"), *real.message.rows[1:])
    changed = dataclasses.replace(real, message=dataclasses.replace(real.message, rows=rows))
    monkeypatch.setattr("speech_lifecycle.fsm.trace.definition", lambda: changed)
    assert definition_digest() != before


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
    assert "'act' is defined, but no row uses it" in said


def test_lint_refuses_a_dead_row():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", on="act")
        start.to(None, event="go", cond="is_open")

    assert "speech.start.go#2: never taken, speech.start.go#1 comes first" in breaches(Chart, answers=(REST,))


def test_lint_refuses_a_row_of_a_parent_that_all_children_cover():
    class Chart(StateChart):
        class both(State.Compound):  # noqa: N801
            one = State(initial=True)
            two = State()
            one.to(two, event="go", cond="is_open", on="act")
            two.to(one, event="go")
            one.to(None, event="go")

        done = State(final=True)
        both.to(done, event="go")

    assert "speech.both.go#1: never taken" in breaches(Chart, answers=(REST,))


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


def test_lint_refuses_an_always_row_that_never_ends():
    class Chart(StateChart):
        start = State(initial=True)
        done = State(final=True)
        start.to(done, event="go", cond="is_open", on="act")
        start.to(start, cond="is_open")

    said = breaches(Chart, answers=(REST, ignored("no", "start", "go")))
    assert "an `always` row needs a condition and another state" in said


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


@pytest.mark.parametrize("when", ["before", "after", "validators"])
def test_callbacks_outside_the_row_are_refused(when):
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
