"""The compiled table and python-statemachine's own engine agree, event by event, in all that they do."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest
from helpers import Transcript, speaking
from possible_events import hostile_events, plausible_events, rare_events

from speech_lifecycle.fsm import Capabilities, Policy, Rejected, SpeechMachine, step
from speech_lifecycle.fsm.codec import dump_speech, load_speech
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    Interrupt,
    OutputPlaybackFinished,
    OutputPlaybackStarted,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionResponseCreated,
    SessionTextReceived,
)
from speech_lifecycle.fsm.message.chart import MessageChart
from speech_lifecycle.fsm.speech.chart import SpeechChart
from speech_lifecycle.verification import SMALL, configurations
from speech_lifecycle.verification.alphabet import Alphabet
from speech_lifecycle.verification.reference import ReferenceMachine

WALKS = 200
WALK_LENGTH = 50
HOSTILE = hostile_events()
MISSED = [SMALL[name] for name in ("hostile-1-out-of-band", "hostile-1-parts", "hostile-1", "hostile-2")]
"""Where the transitions are that random walks seldom take: audio after a flush, failing outputs, timers."""
HANDLED_ROWS = {
    transition.id for chart in definition().charts for transition in chart.transitions if transition.kind == "handled"
}


class Pair:
    """Both engines, told the same."""

    def __init__(self, *options: Capabilities | Policy) -> None:
        self.compiled = SpeechMachine(*options)
        self.reference = ReferenceMachine(*options)

    def restart(self, snapshot: dict[str, Any]) -> None:
        """Go on with another speech, of which each has its own copy."""
        self.compiled.speech = load_speech(snapshot)
        self.reference.restart(load_speech(snapshot))

    def send(self, event: Event) -> tuple[str, ...]:
        """Send an event to both; return the transitions that both took."""
        reply, expected = self.compiled.send(event), self.reference.send(event)
        assert reply == expected
        assert type(reply) is type(expected)
        assert dump_speech(self.compiled.speech) == dump_speech(self.reference.speech)
        return reply.transitions


def some_capabilities(random_source: random.Random) -> Capabilities:
    return Capabilities(*(random_source.random() < 0.7 for _ in range(6)))


def some_policy(random_source: random.Random) -> Policy:
    return Policy(interruptible=random_source.random() < 0.8, estimate_heard_text=random_source.random() < 0.5)


def random_walk(seed: int, length: int) -> tuple[Pair, list[Event]]:
    """Return two fresh engines, and events to send them; a third of the walks is partly hostile."""
    random_source = random.Random(seed)
    options = some_capabilities(random_source), some_policy(random_source)
    machine = SpeechMachine(*options)
    walk: list[Event] = []
    for _ in range(length):
        events = plausible_events(machine.speech)
        if seed % 3 == 0 and random_source.random() < 0.3:
            events = HOSTILE
        elif random_source.random() < 0.05:
            events = rare_events()
        walk.append(random_source.choice(events))
        machine.send(walk[-1])
    return Pair(*options), walk


@cache
def transitions_compared() -> frozenset[str]:
    """Run random walks in both engines, then a step of each transition that those missed; return all transitions."""
    compared: set[str] = set()
    for seed in range(WALKS):
        pair, walk = random_walk(seed, WALK_LENGTH)
        for event in walk:
            compared.update(pair.send(event))
    pair = Pair()
    for bounds in MISSED:
        alphabet = Alphabet(bounds)
        for speech in configurations(bounds):
            if compared.issuperset(HANDLED_ROWS):
                break
            for event in alphabet.of(speech):
                if not compared.issuperset(step(speech, event)[1].transitions):
                    pair.restart(dump_speech(speech))
                    compared.update(pair.send(event))
    return frozenset(compared)


def test_both_engines_agree_over_random_walks():
    assert transitions_compared()


def test_every_transition_of_the_charts_was_compared():
    assert HANDLED_ROWS - transitions_compared() == set()


@pytest.mark.parametrize("seed", range(12))
def test_both_engines_agree_from_any_snapshot_on(seed):
    random_source = random.Random(seed)
    transcript = Transcript()
    for _ in range(seed * 4):
        transcript.send(random_source.choice(plausible_events(transcript.speech)))
    snapshot = dump_speech(transcript.speech)
    pair = Pair()
    for event in HOSTILE:
        pair.restart(snapshot)
        pair.send(event)


def test_a_refused_announcement_leaves_nothing_behind():
    pair = Pair()
    pair.send(SessionResponseCreated("r"))
    pair.send(SessionMessageAdded("other", "a"))
    pair.send(SessionMessageAdded("r", "a"))
    assert list(pair.reference.speech.messages) == ["a"]


def test_actions_see_the_state_that_the_transition_leaves():
    transcript = speaking("a")
    reference = ReferenceMachine(speech=load_speech(dump_speech(transcript.speech)))
    seen: list[str] = []
    emit = reference.emit
    reference.emit = lambda effect: (seen.append(reference.speech.messages["a"].state), emit(effect))
    reference.send(Interrupt())
    assert seen == ["streaming", "streaming", "streaming"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("not an event", "unknown_event"),
        (OutputPlaybackStarted("b"), "unknown_message"),
        (SessionTextReceived("a", None), "malformed_event"),
        (SessionAudioReceived("a", "much"), "malformed_event"),
        (SessionMessageAdded("r", ["a"]), "malformed_event"),
    ],
)
def test_both_engines_reject_what_belongs_to_no_cell(event, reason):
    snapshot = dump_speech(speaking("a").speech)
    pair = Pair()
    pair.restart(snapshot)
    reply = pair.compiled.send(event)
    assert isinstance(reply, Rejected)
    assert reply.reason == reason
    pair.send(event)
    assert dump_speech(pair.reference.speech) == snapshot


def test_the_comparison_notices_a_difference():
    pair = Pair()
    pair.reference = ReferenceMachine(policy=Policy(stall_timeout_ms=1))
    with pytest.raises(AssertionError):
        pair.send(Authorize())


def test_no_guard_or_action_is_named_like_something_of_its_chart():
    """python-statemachine looks names up on chart and model, and joins what it finds."""
    for chart, chart_class in zip(definition().charts, (SpeechChart, MessageChart), strict=True):
        names = [*chart.guards, *chart.actions]
        assert [name for name in names if hasattr(chart_class, name)] == []
        assert len(set(names)) == len(names)


def test_a_finished_machine_answers_like_the_compiled_one():
    pair = Pair()
    pair.restart(dump_speech(_finished().speech))
    for event in (Interrupt(), OutputPlaybackFinished("a", 5), SessionMessageAdded("r", "late")):
        pair.send(event)
    assert pair.reference.speech.messages["late"].state == "skipped"


def _finished() -> Transcript:
    transcript = speaking("a", response_ended=True)
    transcript.tell(OutputPlaybackFinished("a", 1000))
    assert transcript.state == "completed"
    return transcript
