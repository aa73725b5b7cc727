"""The explorer: what must hold does, and what does not hold is found, by the shortest way."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from speech_lifecycle.fsm.compile.definition import Definition, definition
from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.machine import SpeechMachine, machine_for
from speech_lifecycle.fsm.trace import TraceError
from speech_lifecycle.verification import (
    PROPERTIES,
    SMALL,
    Bounds,
    Exploration,
    ForeignCounterexampleError,
    explore,
    load_counterexample,
    recheck,
)
from speech_lifecycle.verification.agreement import Agreement, disagreements
from speech_lifecycle.verification.changes import without
from speech_lifecycle.verification.explorer import configurations
from speech_lifecycle.verification.keys import key_of
from speech_lifecycle.verification.speech_search import SpeechSearch

EXPLORED = json.loads((Path(__file__).parent.parent / "docs" / "explored.json").read_text(encoding="utf-8"))
ONE = Bounds("hostile", 1, "minimal")
ONE_FAITHFUL = Bounds("faithful", 1, faults=0, modalities=(("audio",),), texts=0)
TWO = Bounds("hostile", 2, "minimal", modalities=(("audio",),), texts=0)


@cache
def explored(name: str) -> Exploration:
    return explore(SMALL[name])


# What is explored


@pytest.mark.parametrize("name", SMALL)
def test_as_many_configurations_are_reachable_as_were_written_down(name):
    result = explored(name)
    assert result.is_complete
    found = {count: getattr(result, count) for count in ("configurations", "edges", "steps")}
    assert found == {count: EXPLORED[name][count] for count in found}, f"if it should, run tools/explore.py {name}"


@pytest.mark.parametrize("name", SMALL)
def test_every_property_holds(name):
    assert [violation.transcript() for violation in explored(name).violations] == []


def test_everything_that_should_be_possible_is():
    never_seen = set.intersection(*(set(explored(name).never_seen) for name in SMALL))
    assert never_seen == set()


def test_every_transition_is_taken():
    never_taken = set.intersection(*(set(explored(name).transitions_never_taken) for name in SMALL))
    assert never_taken == set()


def test_the_explorations_check_every_property():
    checked = {name for bounds in SMALL for name in explored(bounds).properties}
    assert checked == set(PROPERTIES)


def test_each_number_of_section_9_has_its_properties():
    cited = {number for each in PROPERTIES.values() for number in re.findall(r"9\.(\d+)", each.meaning)}
    assert cited == {str(number) for number in range(1, 15)}
    assert all(each.section in each.meaning for each in PROPERTIES.values())


@pytest.mark.parametrize("bounds", [ONE, SMALL["hostile-1-parts"]], ids=["whole", "in parts"])
def test_what_keys_leave_out_tells_no_configurations_apart(bounds):
    search = SpeechSearch(bounds, SpeechMachine, (), exact=True)
    found = set()
    while search.waiting:
        node = search.waiting[0].node
        found.add(key_of(node.speech, node.ledger))
        search.expand()
    merged = explore(bounds)
    assert len(found) == merged.configurations <= search.configurations


# That violations are found


def broken(transition_id: str, **parts) -> type[SpeechMachine]:
    """A machine in which one transition is different."""
    return machine_for(with_transition(transition_id, **parts))


def with_transition(transition_id: str, **parts) -> Definition:
    charts = {
        chart.name: replace(
            chart,
            transitions=tuple(
                replace(transition, **parts) if transition.id == transition_id else transition
                for transition in chart.transitions
            ),
        )
        for chart in definition().charts
    }
    return replace(definition(), **charts)


def actions_without(transition_id: str, action: str) -> tuple[str, ...]:
    return tuple(each for each in definition().transition(transition_id).actions if each != action)


def dropped(transition_id: str, action: str) -> type[SpeechMachine]:
    return broken(transition_id, actions=actions_without(transition_id, action))


BROKEN = {
    "what_is_stopped_is_cleared": (
        dropped("message.streaming.stop#on_the_output", "clear_output"),
        ONE,
        ["authorize", "session_response_created", "session_message_added", "session_audio_received",
         "output_audio_handed_over", "interrupt"],
    ),
    "clear_before_resume": (
        broken("speech.paused.close#generating", actions=("because_closed", "cancel_response", "resume_output",
                                                          "stop_message")),
        ONE,
        ["authorize", "session_response_created", "session_message_added", "session_audio_received",
         "output_audio_handed_over", "pause", "close"],
    ),
    "messages_are_what_was_reported": (
        dropped("speech.stopping.eventless", "skip_pending"),
        ONE,
        ["session_response_created", "session_message_added", "interrupt"],
    ),
    "ends_when_timers_fire": (
        dropped("speech.stopping.timer_fired", "time_out_message"),
        ONE,
        ["session_response_created", "session_message_added", "session_text_received", "authorize", "timer_fired",
         "timer_fired"],
    ),
    "timers_stop_only_silence": (
        broken("speech.active.timer_fired#progressed", cond="is_due"),
        ONE,
        ["authorize", "timer_fired"],
    ),
    "cancels_while_generating": (
        broken("speech.active.session_response_ended", actions=("cancel_response", "note_response_end",
                                                                    "cancel_response")),
        ONE,
        ["authorize", "session_response_created", "session_response_ended"],
    ),
    "settled_by_the_evidence": (
        broken("message.stopping.output_playback_finished#heard_partly", cond="is_on_the_output"),
        ONE,
        ["authorize", "session_response_created", "session_message_added", "session_audio_received",
         "output_audio_handed_over", "interrupt", "output_playback_finished"],
    ),
    "the_next_message_starts": (
        broken("speech.active.message_settled#message_left", actions=()),
        TWO,
        ["authorize", "session_response_created", "session_message_added", "session_message_added",
         "session_response_ended"],
    ),
    "the_server_remembers_what_was_heard": (
        machine_for(
            replace(
                definition(),
                speech=replace(
                    definition().speech,
                    actions={**definition().speech.actions, "bring_server_in_line": lambda run, speech, event: None},
                ),
            )
        ),
        ONE_FAITHFUL,
        [],
    ),
}  # fmt: skip
"""By property: a machine with something wrong, where to look, and the shortest way to see it."""


@pytest.mark.parametrize("name", BROKEN)
def test_a_violation_is_found_by_the_shortest_way(name):
    machine_type, bounds, way = BROKEN[name]
    by_name = {violation.violated: violation for violation in explore(bounds, machine_type=machine_type).violations}
    assert name in by_name
    if way:
        assert sorted(name_of(type(event)) for event in by_name[name].events) == sorted(way)


@pytest.mark.parametrize(
    ("transition", "bounds"),
    [
        ("message.played.session_audio_received", "faithful-2"),
        ("message.played.session_text_received", "faithful-2-text"),
        ("message.partial.session_text_received", "faithful-2-text"),
    ],
)
def test_a_machine_that_loses_sight_of_what_comes_late_is_found(transition, bounds):
    """The end of a message's source is a guess when the next one begins (spec, section 10)."""
    lossy = without(transition)(definition())
    result = explore(SMALL[bounds], machine_type=machine_for(lossy), of=lossy, stop_at_first=True)
    assert [violation.violated for violation in result.violations] == ["the_server_remembers_what_was_heard"]


def with_guard(name: str, guard) -> type[SpeechMachine]:
    message = definition().message
    return machine_for(replace(definition(), message=replace(message, guards={**message.guards, name: guard})))


def test_a_rejection_that_changes_something_is_found():
    def meddles(speech, message, event):
        if event.received_ms < message.received_ms:
            message.text += "!"
            return False
        return True

    machine_type = with_guard("received_no_less", meddles)
    bounds = replace(ONE, detail="coarse", texts=0, modalities=(("audio",),))
    result = explore(bounds, machine_type=machine_type, stop_at_first=True)
    assert "rejected_changes_nothing" in [violation.violated for violation in result.violations]


def test_an_answer_that_is_not_the_same_again_is_found():
    calls = []

    def wavers(speech, message, event):
        calls.append(event)
        return len(calls) % 3 > 0

    result = explore(ONE, machine_type=with_guard("has_started", wavers), stop_at_first=True)
    assert "same_again" in [violation.violated for violation in result.violations]


def test_an_event_that_raises_is_found():
    def raises(speech, message, event):
        raise ZeroDivisionError

    result = explore(ONE, machine_type=with_guard("received_no_less", raises), stop_at_first=True)
    assert [violation.violated for violation in result.violations] == ["every_event_is_answered"]
    assert result.violations[0].transcript(with_guard("received_no_less", raises)).endswith("no answer\n")


# Counterexamples


def counterexample_of(name: str):
    machine_type, bounds, _ = BROKEN[name]
    result = explore(bounds, machine_type=machine_type)
    return next(violation for violation in result.violations if violation.violated == name)


@pytest.mark.parametrize(
    "name", ["clear_before_resume", "ends_when_timers_fire", "the_server_remembers_what_was_heard"]
)
def test_a_counterexample_is_saved_loaded_and_replayed(name):
    machine_type = BROKEN[name][0]
    saved = counterexample_of(name)
    loaded = load_counterexample(saved.dump(machine_type).splitlines())
    assert (loaded.violated, loaded.events, loaded.options) == (saved.violated, saved.events, saved.options)
    assert loaded.replay(machine_type) == saved.replay(machine_type)
    assert recheck(loaded, machine_type) == saved.complaint
    assert recheck(loaded) is None


def test_a_counterexample_of_another_definition_is_refused_with_both_named():
    saved = replace(counterexample_of("clear_before_resume"), definition="0123456789abcdef")
    with pytest.raises(ForeignCounterexampleError, match=r"0123456789abcdef.*this is [0-9a-f]{16}.*explore again"):
        load_counterexample(saved.dump().splitlines())


def test_a_trace_of_something_else_is_refused():
    saved = replace(counterexample_of("clear_before_resume"), violated="speech-1")
    with pytest.raises(TraceError, match="'speech-1', which is no property"):
        load_counterexample(saved.dump().splitlines())


# Limits


def test_an_exploration_that_is_stopped_says_what_it_has_covered():
    def watch(progress):
        return "it is enough" if progress.configurations > 1000 else ""

    result = explore(ONE, watch=watch)
    assert not result.is_complete
    assert result.stopped == "it is enough"
    assert 1000 < result.configurations < explore(ONE).configurations
    assert 0 < result.waiting < result.configurations
    assert "ends_when_timers_fire" not in [violation.violated for violation in result.violations]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"mode": "friendly"}, "'hostile' or 'faithful', not 'friendly'"),
        ({"messages": 4}, "0 to 3, not 4"),
        ({"detail": "finest"}, "one of minimal, coarse, fine, not 'finest'"),
        ({"audio_parts": 3}, "1 or 2, not 3"),
        ({"options": ()}, "at least one combination"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        Bounds(**wrong)


# The reference engine


def test_python_statemachines_engine_agrees_in_every_configuration():
    compared = Agreement()
    assert list(disagreements(ONE, compared)) == []
    assert not compared.stopped
    assert compared.configurations == len(list(configurations(ONE))) > 1_000
    assert compared.steps > 40_000


def test_a_table_that_differs_from_the_engine_is_found():
    machine_type = BROKEN["clear_before_resume"][0]
    first = next(disagreements(ONE, machine_type=machine_type))
    assert name_of(type(first.event)) == "close"
    assert first.snapshot.state == "paused"
