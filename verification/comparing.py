"""A machine compared with the package's own, step by step, in every reachable configuration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import AgentEffect, CreateResponse, Effect, OutputEffect, SessionEffect, TimerEffect
from speech_lifecycle.fsm.events import Event, name_of
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Message, Speech

from .alphabet import Alphabet
from .bounds import Bounds
from .explorer import configurations
from .mutants import Cell


def difference(machine_type: type[SpeechMachine], bounds: Bounds, cell: Cell | None = None) -> str:
    """Return the first step that a machine takes differently from the package's own, or "".

    Different are steps with another kind of answer, another reason, or other effects, now or later. Not different
    are those that only cite another transition, or give the effects to different receivers in another order: output,
    session, agent and timer each get the same then.

    Args:
        machine_type: the machine to compare.
        bounds: whose configurations are walked, and whose events are sent in each.
        cell: the only cell that is not the original's, if it is known: nothing else needs to be compared.
    """
    original, other = SpeechMachine(), machine_type()
    apart: dict[Any, tuple[Speech, Speech]] = {}
    for speech, events in _steps(bounds, cell):
        original.speech = copy_speech(speech)
        for event in events:
            reply = original.send(event)
            if reply.kind == "handled" or _is_outer(cell):
                other.speech = copy_speech(speech)
                told_apart = told_apart_by(reply, other, event)
                if told_apart:
                    return f"{event} in {speech.state}: {told_apart}"
                if original.speech != other.speech:
                    pair = original.speech, copy_speech(other.speech)
                    apart.setdefault(_data_of(pair), pair)
                    original.speech = copy_speech(speech)
            if reply.kind == "handled":
                original.speech = copy_speech(speech)
    return _in_lockstep(machine_type, bounds, apart)


def _is_outer(cell: Cell | None) -> bool:
    """Whether events from outside come to this cell at once. To any other they come only by way of a handled one."""
    return cell is None or cell.event in _CHARTS[cell.chart].events


def _steps(bounds: Bounds, cell: Cell | None) -> Iterator[tuple[Speech, Iterable[Event]]]:
    """Yield every configuration, with the events that may get to the cell."""
    alphabet = Alphabet(bounds)
    for speech in _all_configurations(bounds):
        events = alphabet.of(speech)
        if cell is not None and _is_outer(cell):
            yield speech, [event for event in events if _is_of(cell, speech, event)]
        else:
            yield speech, events


def _is_of(cell: Cell, speech: Speech, event: Any) -> bool:
    if name_of(type(event)) != cell.event:
        return False
    chart = _CHARTS[cell.chart]
    state: str = speech.state
    if cell.chart == "message":
        message = speech.messages.get(event.message_id)
        state = chart.initial if message is None else message.state
    return cell.source in chart.ancestry(state)


_CHARTS = {chart.name: chart for chart in definition().charts}


@cache
def _all_configurations(bounds: Bounds) -> tuple[Speech, ...]:
    return tuple(configurations(bounds))


def told_apart_by(expected: Reply, other: SpeechMachine | ConversationMachine, event: Event) -> str:
    """Send an event to a machine, and return how its reply differs from the expected one, or ""."""
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
        for receives in (OutputEffect, SessionEffect | CreateResponse, AgentEffect, TimerEffect)
    ]


def _in_lockstep(machine_type: type[SpeechMachine], bounds: Bounds, apart: dict[Any, tuple[Speech, Speech]]) -> str:
    """Go on from where the data differ, each machine on its own: does it ever show, before they are the same again?"""
    alphabet = Alphabet(bounds)
    original, other = SpeechMachine(), machine_type()
    seen = {data for data in apart if data[0] != data[1]}
    waiting = deque(apart[data] for data in seen)
    while waiting:
        here, there = waiting.popleft()
        for event in alphabet.of(here):
            original.speech, other.speech = copy_speech(here), copy_speech(there)
            reply = original.send(event)
            told_apart = told_apart_by(reply, other, event)
            if told_apart:
                return f"{event} in {here.state}, later: {told_apart}"
            pair = original.speech, other.speech
            data = _data_of(pair)
            if data[0] != data[1] and data not in seen:
                seen.add(data)
                waiting.append(pair)
    return ""


def _data_of(pair: tuple[Speech, Speech]) -> tuple[Any, Any]:
    return _data(pair[0]), _data(pair[1])


_of_speech = attrgetter(*(name for name in Speech.__struct_fields__ if name not in ("messages", "awaited")))
_of_message = attrgetter(*Message.__struct_fields__)
_of_final_message = attrgetter(
    "state", "record", "reason", "expects_audio", "source_has_ended", "received_ms", "text", "shown_text"
)


def _data(speech: Speech) -> tuple[Any, ...]:
    """Return all that is read later; of a final message that is what its reconciliation asks for."""
    return (*_of_speech(speech), *speech.awaited.items()), tuple(
        _of_final_message(message) if message.is_final else _of_message(message) for message in speech.messages.values()
    )
