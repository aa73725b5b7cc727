"""The Python subjects: how each builds a speech, and how it plays one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

from speech_lifecycle.fsm import Speech, SpeechMachine, step
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.verification.reference import ReferenceMachine

Play = Callable[[Any, Sequence[Event]], None]
IN_PLACE, PURE = "speech-lifecycle, in place", "speech-lifecycle, pure step"
FLAT = "python-statemachine, flat charts"


@dataclass(frozen=True)
class Subject:
    """Something that plays speeches."""

    name: str
    distribution: str
    build: Callable[[], Any]
    """Make one speech that has not begun."""
    play: Play
    """Have it handle events. This is what is timed."""
    show: Callable[[Sequence[Event]], list[Effect]]
    """Return the effects of a speech, for the test that all subjects play the same."""

    @property
    def version(self) -> str:
        """The version of the library."""
        return version(self.distribution)


def play_in_place(speech: Any, events: Sequence[Event]) -> None:
    """Send the events to an object that changes."""
    send = speech.send
    for event in events:
        send(event)


def play_pure(speech: Speech, events: Sequence[Event]) -> None:
    """Go from snapshot to snapshot."""
    for event in events:
        speech, _ = step(speech, event)


def _show_pure(events: Sequence[Event]) -> list[Effect]:
    speech, effects = Speech(), []
    for event in events:
        speech, reply = step(speech, event)
        effects += reply.effects
    return effects


def _in_place(name: str, distribution: str, build: Callable[[], Any]) -> Subject:
    def show(events: Sequence[Event]) -> list[Effect]:
        speech = build()
        replies = [speech.send(event) for event in events]
        return [effect for reply in replies for effect in getattr(reply, "effects", reply)]

    return Subject(name, distribution, build, play_in_place, show)


RIVALS = (
    (FLAT, "python-statemachine", "rivals.statemachine_charts", "StatemachineSpeech"),
    ("transitions", "transitions", "rivals.transitions_charts", "TransitionsSpeech"),
    ("Automat", "automat", "rivals.automat_charts", "AutomatSpeech"),
    ("sismic", "sismic", "rivals.sismic_charts", "SismicSpeech"),
)
"""Name, distribution, module and class of each."""


def rival(name: str) -> Subject:
    """Return a rival by its name.

    Raises:
        ImportError: its library is not installed.
    """
    distribution, module, speech_class = next(rest for known, *rest in RIVALS if known == name)
    return _in_place(name, distribution, getattr(import_module(module), speech_class))


OURS = (
    _in_place(IN_PLACE, "speech-lifecycle", SpeechMachine),
    Subject(PURE, "speech-lifecycle", Speech, play_pure, _show_pure),
    _in_place("python-statemachine, our charts", "python-statemachine", ReferenceMachine),
)
