"""Changes to a Definition: transitions, guards, actions and the effects that actions give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from speech_lifecycle.fsm.compile.definition import ChartName, Definition, Transition
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.run import Run
from speech_lifecycle.fsm.state import Speech

Change = Callable[[Definition], Definition]
Action = Callable[..., None]
Alter = Callable[[Speech, Any], tuple[Effect, ...]]
"""(speech, effect): what is given in its place."""


# Changes to transitions


def _chart(whole: Definition, chart: ChartName, **parts: Any) -> Definition:
    return replace(whole, **{chart: replace(getattr(whole, chart), **parts)})


def _chart_of(transition_id: str) -> ChartName:
    return "message" if transition_id.startswith("message.") else "speech"


def _transitions(transition_id: str, instead: Callable[[Transition], tuple[Transition, ...]]) -> Change:
    chart = _chart_of(transition_id)

    def change(whole: Definition) -> Definition:
        whole.transition(transition_id)
        transitions = getattr(whole, chart).transitions
        return _chart(
            whole,
            chart,
            transitions=tuple(
                new
                for transition in transitions
                for new in (instead(transition) if transition.id == transition_id else [transition])
            ),
        )

    return change


def transition(transition_id: str, **parts: Any) -> Change:
    """Change parts of a transition."""
    return _transitions(transition_id, lambda transition: (replace(transition, **parts),))


def without(transition_id: str, *actions: str) -> Change:
    """Leave out actions of a transition; the transition itself, if none are named."""
    if not actions:
        return _transitions(transition_id, lambda transition: ())
    return _transitions(
        transition_id,
        lambda transition: (replace(transition, actions=tuple(a for a in transition.actions if a not in actions)),),
    )


def also(transition_id: str, **parts: Any) -> Change:
    """Have a transition a second time, somewhere else."""
    return _transitions(
        transition_id, lambda transition: (transition, replace(transition, id=f"{transition.id}, again", **parts))
    )


# Changes to guards and actions


def guard(chart: ChartName, name: str, instead: Callable[..., bool]) -> Change:
    """Have this function in place of a guard."""
    return lambda whole: _chart(whole, chart, guards={**getattr(whole, chart).guards, name: instead})


def action(name: str, instead: Action) -> Change:
    """Have this function in place of an action, or as one more of the message chart."""

    def change(whole: Definition) -> Definition:
        chart: ChartName = "speech" if name in whole.speech.actions else "message"
        return _chart(whole, chart, actions={**getattr(whole, chart).actions, name: instead})

    return change


class _Altered:
    """A run whose effects are altered on their way out."""

    def __init__(self, run: Run, speech: Speech, alter: Alter, of: type) -> None:
        self._run, self._speech, self._alter, self._of = run, speech, alter, of
        self.raise_event, self.tell = run.raise_event, run.tell

    def emit(self, effect: Effect) -> None:
        for each in self._alter(self._speech, effect) if isinstance(effect, self._of) else (effect,):
            self._run.emit(each)


def gives(usual: Action, effect: type[Any], alter: Alter) -> Change:
    """Have other effects in place of those of one type that an action gives."""

    def altered(run: Run, speech: Speech, *rest: Any) -> None:
        usual(_Altered(run, speech, alter, effect), speech, *rest)

    return action(usual.__name__, altered)
