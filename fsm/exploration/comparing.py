"""A machine compared with the package's own, step by step, in every reachable configuration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import Any

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.definition import definition
from speech_lifecycle.fsm.effects import AgentEffect, Effect, OutputEffect, SessionEffect, TimerEffect
from speech_lifecycle.fsm.events import Event, name_of
from speech_lifecycle.fsm.exploration.alphabet import Alphabet
from speech_lifecycle.fsm.exploration.bounds import Bounds
from speech_lifecycle.fsm.exploration.explorer import configurations
from speech_lifecycle.fsm.exploration.mutants import Cell
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Message, Speech


def difference(machine_type: type[SpeechMachine], bounds: Bounds, cell: Cell | None = None) -> str:
    """Return the first step that a machine takes differently from the package's own, or "".

    Different are steps with another kind of answer, another reason, or other effects, now or later. Not different
    are those that only cite another row, or give the effects to different receivers in another order: output,
    session, agent and timer each get the same then.

    Args:
        machine_type: the machine to compare.
        bounds: whose configurations are walked, and whose events are sent in each.
        cell: the only cell that is not the original's, if it is known: nothing else needs to be compared.
    """
    original, other = SpeechMachine(), machine_type()
    data_differ = False
    for speech, event in _steps(bounds, cell):
        original.speech, other.speech = copy_speech(speech), copy_speech(speech)
        told_apart = _told_apart(original.send(event), other, event)
        if told_apart:
            return f"{event} in {speech.state}: {told_apart}"
        data_differ = data_differ or original.speech != other.speech
    return _in_lockstep(machine_type, bounds) if data_differ else ""


def _steps(bounds: Bounds, cell: Cell | None) -> Iterator[tuple[Speech, Event]]:
    """Yield every step that can get to the cell."""
    alphabet = Alphabet(bounds)
    charts = {chart.name: chart for chart in definition().charts}
    is_outer = cell is not None and cell.event in charts[cell.chart].events
    for speech in _all_configurations(bounds):
        for event in alphabet.of(speech):
            if cell is not None and is_outer:
                if name_of(type(event)) != cell.event:
                    continue
                about = speech.messages.get(event.message_id) if cell.chart == "message" else speech  # type: ignore[union-attr]
                state = about.state if about is not None else charts[cell.chart].initial
                if cell.source not in charts[cell.chart].ancestry(state):
                    continue
            yield speech, event


@cache
def _all_configurations(bounds: Bounds) -> tuple[Speech, ...]:
    return tuple(configurations(bounds))


def _told_apart(expected: Reply, other: SpeechMachine, event: Event) -> str:
    try:
        reply = other.send(event)
    except Exception as error:
        return f"raises {error!r}"
    for name in ("kind", "reason"):
        wanted, given = getattr(expected, name, None), getattr(reply, name, None)
        if wanted != given:
            return f"{name} {given} instead of {wanted}"
    if reply.effects != expected.effects and _by_receiver(reply.effects) != _by_receiver(expected.effects):
        return f"effects {reply.effects} instead of {expected.effects}"
    return ""


def _by_receiver(effects: tuple[Effect, ...]) -> list[list[Effect]]:
    return [
        [effect for effect in effects if isinstance(effect, receives)]
        for receives in (OutputEffect, SessionEffect, AgentEffect, TimerEffect)
    ]


def _in_lockstep(machine_type: type[SpeechMachine], bounds: Bounds) -> str:
    """Run both from the start, each on its own data: does what is written differently ever show?"""
    alphabet = Alphabet(bounds)
    waiting = deque((Speech(*options), Speech(*options)) for options in bounds.options)
    seen = set()
    original, other = SpeechMachine(), machine_type()
    while waiting:
        here, there = waiting.popleft()
        for event in alphabet.of(here):
            original.speech, other.speech = copy_speech(here), copy_speech(there)
            reply = original.send(event)
            told_apart = _told_apart(reply, other, event)
            if told_apart:
                return f"{event} in {here.state}, later: {told_apart}"
            if reply.kind == "handled":
                pair = (_data(original.speech), _data(other.speech))
                if pair not in seen:
                    seen.add(pair)
                    waiting.append((original.speech, other.speech))
    return ""


_of_speech = attrgetter(*(name for name in Speech.__struct_fields__ if name != "messages"))
_of_message = attrgetter(*Message.__struct_fields__)


def _data(speech: Speech) -> tuple[Any, ...]:
    return _of_speech(speech), tuple(_of_message(message) for message in speech.messages.values())
