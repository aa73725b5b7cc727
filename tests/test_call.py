"""A call is made of a trace step by step: its states, what was heard and when, which words, and what cannot be read."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random

import pytest
from random_speeches import MIXTURES, next_event, some_options

from speech_lifecycle.diagrams import CallReading, call_of, read_call, words_of
from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.effects import ReportMessageSettled
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.trace import Header, SpeechBegun, Step, Trace, dump_record, step_of
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS


@functools.cache
def played(name):
    return asyncio.run(play(SCENARIOS[name]))[1]


def message_in(call, message_id):
    return next(message for message in call.messages if message.message_id == message_id)


def fates(message, call):
    words = words_of(message, call.to_ms)
    return {fate: [word.text for word in found] for fate, found in itertools.groupby(words, key=lambda word: word.fate)}


def lines_of(trace):
    return [f"{dump_record(record)}\n" for record in (trace.header, *trace.records)]


# States


def states_step_by_step(records):
    """What each message was in after every step: asked of all messages each time, which takes long."""
    machines, seen = {}, {}
    for record in records:
        if isinstance(record, SpeechBegun):
            machines[record.speech] = SpeechMachine(record.capabilities, record.policy)
        elif isinstance(record, Step):
            machines[record.speech].send(record.event)
            for message in machines[record.speech].speech.messages.values():
                courses = seen.setdefault((record.speech, message.message_id), [])
                if not courses or courses[-1] != message.state:
                    courses.append(message.state)
    return seen


def courses_in(call):
    return {
        (message.speech_id, message.message_id): [
            *(span.state for span in message.states),
            *([message.record.state] if message.record else []),
        ]
        for message in call.messages
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_states_are_those_of_the_machines(name):
    trace = played(name).trace
    call = call_of(trace)
    assert courses_in(call) == states_step_by_step(trace.records)
    for message in call.messages:
        ends = [(span.from_ms, span.to_ms) for span in message.states]
        assert all(before[1] == after[0] for before, after in itertools.pairwise(ends))
        assert not ends or ends[-1][1] == message.settled_ms, "what is final does not run on"


@pytest.mark.parametrize("seed", range(60))
def test_they_are_in_any_speech(seed):
    source = random.Random(seed)
    machine = SpeechMachine(*some_options(source))
    begun = SpeechBegun(0, "s", machine.speech.capabilities, machine.speech.policy)
    kinds, records, settled = source.choice(MIXTURES), [begun], {}
    for at_ms in range(150):
        event = next_event(source.choice(kinds), machine.speech, source.choice)
        reply = machine.send(event)
        records.append(step_of(at_ms, "s", event, reply))
        effects = reply.effects if isinstance(reply, Handled) else ()
        settled |= {each.record.message_id: each.record for each in effects if isinstance(each, ReportMessageSettled)}
    call = call_of(Trace(Header(), records))
    seen = states_step_by_step(records)
    found = courses_in(call)
    assert {message: course[-1] for message, course in found.items()} == {
        message: course[-1] for message, course in seen.items()
    }
    for message, course in seen.items():
        # What begins and ends within one step is not seen from outside, but in the call's record it may be.
        assert [state for state in found[message] if state in course] == course
    assert {m.message_id: m.record for m in call.messages if m.record is not None} == settled


# What was heard


def audible(message):
    return [(stretch.from_ms, stretch.to_ms) for stretch in message.heard]


@pytest.mark.parametrize("name", SCENARIOS)
def test_heard_is_what_the_listener_heard_one_message_at_a_time(name):
    world = played(name)
    call = call_of(world.trace)
    for message in call.messages:
        heard_ms = sum(to_ms - from_ms for from_ms, to_ms in audible(message))
        assert message.record is not None
        assert heard_ms == (message.record.heard_ms if message.has_audio else 0)
        end_ms = max((to_ms for _, to_ms in audible(message)), default=0)
        assert end_ms <= (message.settled_ms or 0)
    ordered = sorted(each for message in call.messages for each in audible(message))
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ordered))


def test_a_hold_is_a_gap_in_what_was_heard():
    call = call_of(played("paused-then-resumed").trace)
    assert audible(message_in(call, "answer")) == [(1800, 3000), (3600, 6600)]
    assert [(hold.from_ms, hold.to_ms) for hold in call.holds] == [(3000, 3600)]


def test_nothing_is_heard_from_a_hold_to_the_interruption():
    call = call_of(played("paused-then-interrupted").trace)
    assert audible(message_in(call, "answer")) == [(1800, 3000)]


# Words


def test_words_are_heard_cut_or_never_heard(trace):
    call = call_of(trace)
    assert fates(message_in(call, "preamble"), call) == {
        "heard": ["Let", "me", "check", "the", "weather", "in", "London", "for", "you."]
    }
    answer = fates(message_in(call, "answer"), call)
    assert answer["heard"] == ["It", "is", "sunny", "in", "London", "today,"]
    assert answer["cut"] == ["with"], "the audio ended within its share"
    assert answer["unheard"][0] == "a"
    assert list(fates(message_in(call, "later"), call)) == ["unheard"]


def test_words_are_heard_one_after_the_other_while_the_message_is(trace):
    call = call_of(trace)
    answer = message_in(call, "answer")
    timed = [word for word in words_of(answer, call.to_ms) if word.from_ms is not None]
    assert [word.fate for word in timed] == ["heard"] * 6 + ["cut"]
    assert (timed[0].from_ms, timed[-1].to_ms) == (1800, 3200)
    assert all(before.to_ms == after.from_ms for before, after in itertools.pairwise(timed))


def test_a_word_within_which_the_heard_text_ends_is_cut(trace):
    call = call_of(trace)
    answer = message_in(call, "answer")
    answer.record = type(answer.record)(
        "answer", "partial", "interrupted", 1400, 4200, answer.text, "It is sunny in Lon", "synchronized"
    )
    assert fates(answer, call)["cut"] == ["London"]


def test_writing_without_spaces_has_words_too(trace):
    call = call_of(trace)
    answer = message_in(call, "answer")
    answer.record = type(answer.record)(
        "answer", "partial", "interrupted", 1400, 4200, "今日は晴れです。", "今日は", "synchronized"
    )
    assert fates(answer, call)["heard"] == ["今", "日", "は"]


def test_while_a_message_plays_its_words_are_heard_or_open(trace):
    reading = CallReading()
    for record in trace.records:
        if record.at_ms > 2500:
            break
        reading(record)
    answer = message_in(reading.call, "answer")
    assert answer.record is None
    found = fates(answer, reading.call)
    assert set(found) == {"heard", "open"}
    assert found["heard"] == ["It", "is", "sunny"]


# Around the messages


def test_what_the_server_was_asked_and_answered_is_in_it(trace):
    requests = {
        message.message_id: [(each.operation, each.audio_end_ms, each.answered_ms) for each in message.server]
        for message in call_of(trace).messages
    }
    assert requests == {"preamble": [], "answer": [("truncate", 1400, 3200)], "later": [("remove", None, 3200)]}


def test_the_user_and_the_agent_are_in_it():
    call = call_of(played("call-user-speaks").trace)
    assert [(span.from_ms, span.to_ms) for span in call.user] == [(1400, None)]
    assert [span.state for span in call.agent] == ["thinking", "speaking", "listening"]
    assert [mark.label for mark in call.marks if mark.kind == "interrupt"] == ["interrupt"]


def test_a_refusal_and_a_divergence_are_in_it():
    call = call_of(played("truncation-refused").trace)
    answer = message_in(call, "answer")
    assert [request.is_refused for request in answer.server] == [True]
    assert answer.divergence is not None
    assert answer.divergence.cause == "refused"
    assert "divergence: refused" in [mark.label for mark in call.marks]


def test_what_the_output_was_told_and_said_is_in_it(trace):
    deeds = {message.message_id: [mark.deed for mark in message.output] for message in call_of(trace).messages}
    assert deeds["preamble"] == ["handover", "started", "flushed", "finished"]
    assert deeds["answer"] == ["handover", "flushed", "started", "cleared", "stopped"]
    assert deeds["later"] == []


# Files


def test_a_file_gives_the_same_call(trace):
    assert read_call(lines_of(trace), "call.jsonl") == call_of(trace)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("{not json\n", "call.jsonl, line 20, column 2: not JSON"),
        ('{"record": "stepp"}\n', "call.jsonl, line 20: trace: field 'record' is 'stepp'"),
        (b"\xff\n", "call.jsonl, line 20: not UTF-8"),
        (dump_record(Header()) + "\n", "call.jsonl, line 20: a second header"),
    ],
)
def test_of_a_trace_with_a_broken_line_the_rest_is_kept(trace, broken, problem):
    whole = lines_of(trace)
    call = read_call([*whole[:19], broken, *whole[19:]], "call.jsonl")
    assert (call.problem_count, len(call.problems)) == (1, 1)
    assert call.problems[0].startswith(problem)
    assert list(call.messages) == list(call_of(trace).messages)


def test_a_trace_that_was_broken_off_says_so(trace):
    whole = lines_of(trace)
    call = read_call([*whole[:100], whole[100][:40]], "call.jsonl")
    assert call.problems == ["call.jsonl: its last line was broken off, and is left out"]
    assert list(call.messages)


def test_a_trace_without_its_beginning_is_shown_from_there(trace):
    whole = lines_of(trace)
    call = read_call(whole[2:], "call.jsonl")
    assert call.problems[0].startswith("call.jsonl, line 1: not a trace of speech-lifecycle")
    assert "speech 'speech_1', which the trace does not begin" in call.problems[1]
    records = {message.message_id: message.record for message in call_of(trace).messages}
    assert {message.message_id: message.record for message in call.messages} == records


@pytest.mark.parametrize("lines", [[], ["\n"], ["a: yaml\n", "file: 1\n"], ['{"some": "json"}\n'], ["[1, 2]\n"]])
def test_a_file_that_is_no_trace_is_empty_and_named(lines):
    call = read_call(lines, "call.jsonl")
    assert call.is_empty
    assert call.problems[0].startswith("call.jsonl, line 1")


def test_of_many_problems_the_first_are_kept_and_all_are_counted(trace):
    call = read_call([*lines_of(trace), *["broken\n"] * 100], "call.jsonl")
    assert (len(call.problems), call.problem_count) == (20, 100)


def test_a_trace_of_another_version_or_definition_is_read_as_far_as_it_can_be(trace):
    header = '{"record": "header", "version": 99, "format": "speech-lifecycle-trace"}\n'
    call = read_call([header, *lines_of(trace)[1:]], "call.jsonl")
    assert "call.jsonl, line 1: field 'version' is 99" in call.problems[0]
    assert list(call.messages) == list(call_of(trace).messages)
    other = call_of(Trace(Header(definition="other"), trace.records))
    assert "made with another definition" in other.problems[0]


def test_a_clock_that_goes_back_ends_nothing_before_it_began(trace):
    source = random.Random(1)
    shaken = [type(r)(*(source.uniform(-1e15, 1e15) if n == "at_ms" else getattr(r, n) for n in r.__struct_fields__))
              for r in trace.records]  # fmt: skip
    call = call_of(Trace(Header(), shaken))
    spans = [*call.agent, *call.user, *(span for message in call.messages for span in message.states)]
    assert all(span.to_ms is None or span.from_ms <= span.to_ms for span in spans)


def test_a_driver_may_be_watched_while_it_runs():
    reading = CallReading()
    asyncio.run(play(SCENARIOS["answer-interrupted"], on_record=reading))
    assert [message.state for message in reading.call.messages] == ["played", "partial"]
