"""Each chart by itself, as users of python-statemachine have theirs: what its guards and actions are bound to.

`MessageChart()` is a new message of a new speech, `SpeechChart()` a new speech. They take events by name, with an event
or its fields: `chart.send("session_audio_received", received_ms=100)`; ids that are left out are the chart's own. A
chart by itself takes its own transitions alone: what it emits, raises and tells others is collected in its model.
`SpeechMachine` runs all of them together.

A name that python-statemachine finds both on a chart and on its model counts twice. So guards and actions are on the
model alone, which has them from the modules of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .effects import Effect
from .events import EVENT_TYPES, Event, name_of
from .state import Message, Speech

if TYPE_CHECKING:
    from statemachine import StateChart
    from statemachine.event_data import EventData

    from .compile.definition import ChartName

M = TypeVar("M")
_TYPES = {name_of(event_type): event_type for event_type in EVENT_TYPES}


class ChartModel:
    """The data of a chart by itself, and what it has caused."""

    def __init__(self, speech: Speech | None = None, message: Message | None = None) -> None:
        """Begin with a speech, and with a message for its chart."""
        self.state: Any = None
        """Where python-statemachine keeps the configuration."""
        self.speech = Speech() if speech is None else speech
        self.message = message
        self.event: Event | None = None
        self.effects: list[Effect] = []
        self.raised: list[str] = []
        """Internal events for the speech chart."""
        self.told: list[tuple[str, str]] = []
        """Message ids, and the internal events for their charts."""

    @property
    def run(self) -> ChartModel:
        """What actions are given to act on others."""
        return self

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a guard is called with; an action gets the run before it."""
        return (self.speech, self.event) if self.message is None else (self.speech, self.message, self.event)

    def emit(self, effect: Effect, /) -> None:
        """Collect an effect."""
        self.effects.append(effect)

    def raise_event(self, event: str, /) -> None:
        """Collect an internal event of the speech chart."""
        self.raised.append(event)

    def tell(self, speech: Speech, message: Message, event: str, /) -> None:
        """Collect an internal event of a message's chart."""
        self.told.append((message.message_id, event))

    def prepare_event(self, event_data: EventData) -> dict[str, Any]:
        """Have the event at hand before python-statemachine asks a guard about it."""
        event_type = _TYPES.get(str(event_data.event))
        given = event_data.args[0] if event_data.args else None
        if event_type is None or isinstance(given, event_type):
            self.event = given
        else:
            known = {
                "message_id": self.message.message_id if self.message is not None else None,
                "response_id": self.speech.response_id,
            }
            fields = {name: known[name] for name in event_type.__struct_fields__ if known.get(name) is not None}
            self.event = msgspec.convert({**fields, **event_data.trigger_data.kwargs}, event_type)
        return {}

    def after_transition(self, machine: StateChart[Any]) -> None:
        """Mirror the state, which guards and actions read, when the actions are done: they still see the old one."""
        (leaf,) = (state.id for state in machine.configuration if state.is_atomic)
        (self.speech if self.message is None else self.message).state = leaf  # type: ignore[assignment]


def new_model(chart_name: ChartName) -> ChartModel:
    """Return what a chart is bound to if its user gives nothing else."""
    from .compile.definition import definition

    chart = getattr(definition(), chart_name)
    model_class = bound(ChartModel, chart_name, chart.guards, chart.actions)
    if chart_name == "message":
        return model_class(Speech(response_id="response"), Message("message"))
    return model_class()


def bound(
    base: type[M],
    chart_name: str,
    guards: Mapping[str, Callable[..., bool]],
    actions: Mapping[str, Callable[..., None]],
) -> type[M]:
    """Return a class of models with a chart's guards and actions as methods, for python-statemachine to find by name.

    `base` has what they are called with: `arguments`, and `run` for actions.
    """
    methods = {
        **{name: _guard(function) for name, function in guards.items()},
        **{name: _action(function) for name, function in actions.items()},
    }
    return type(f"{chart_name.title()}{base.__name__.lstrip('_')}", (base,), methods)


def _guard(function: Callable[..., bool]) -> Callable[[Any], bool]:
    def guard(self: Any) -> bool:
        return function(*self.arguments)

    return guard


def _action(function: Callable[..., None]) -> Callable[[Any], None]:
    def action(self: Any) -> None:
        function(self.run, *self.arguments)

    return action
