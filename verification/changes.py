"""Changes to a Definition: rows, guards, actions and the effects that actions give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from speech_lifecycle.fsm.compile.definition import ChartName, Definition, Row
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.run import Run
from speech_lifecycle.fsm.state import Speech

Change = Callable[[Definition], Definition]
Action = Callable[..., None]
Alter = Callable[[Speech, Any], tuple[Effect, ...]]
"""(speech, effect): what is given in its place."""


# Changes to rows


def _chart(whole: Definition, chart: ChartName, **parts: Any) -> Definition:
    return replace(whole, **{chart: replace(getattr(whole, chart), **parts)})


def _chart_of(row_id: str) -> ChartName:
    return "message" if row_id.startswith("message.") else "speech"


def _rows(row_id: str, instead: Callable[[Row], tuple[Row, ...]]) -> Change:
    chart = _chart_of(row_id)

    def change(whole: Definition) -> Definition:
        whole.row(row_id)
        rows = getattr(whole, chart).rows
        return _chart(
            whole, chart, rows=tuple(new for row in rows for new in (instead(row) if row.id == row_id else [row]))
        )

    return change


def row(row_id: str, **parts: Any) -> Change:
    """Change parts of a row."""
    return _rows(row_id, lambda row: (replace(row, **parts),))


def without(row_id: str, *actions: str) -> Change:
    """Leave out actions of a row; the row itself, if none are named."""
    if not actions:
        return _rows(row_id, lambda row: ())
    return _rows(row_id, lambda row: (replace(row, actions=tuple(a for a in row.actions if a not in actions)),))


def also(row_id: str, **parts: Any) -> Change:
    """Have a row a second time, somewhere else."""
    return _rows(row_id, lambda row: (row, replace(row, id=f"{row.id}, again", **parts)))


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
