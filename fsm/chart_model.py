"""Each chart by itself, as users of python-statemachine have theirs: what its guards and actions are bound to.

`MessageChart()` is a new message of a new speech, `SpeechChart()` a new speech, `ConversationChart()` a conversation.
They take events by name, with an event or its fields: `chart.send("session_audio_received", received_ms=100)`; ids
that are left out are the chart's own. A chart by itself takes its own transitions alone: what it emits, raises and
tells others is collected in its model. `SpeechMachine` and `ConversationMachine` run the charts together.

A name that python-statemachine finds both on a chart and on its model counts twice. So guards and actions are on the
model alone, which has them from the modules of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .effects import Effect
from .events import EVERY_EVENT_TYPE, Event, SpeechEvent, name_of
from .state import Conversation, Message, Speech

if TYPE_CHECKING:
    from statemachine import StateChart
    from statemachine.event_data import EventData

    from .compile.definition import ChartName

M = TypeVar("M")
_TYPES = {name_of(event_type): event_type for event_type in EVERY_EVENT_TYPE}
REQUIRED_IDS = ("message_id", "response_id", "speech_id")
"""What an event need not say to a chart by itself."""


class ChartModel:
    """The data of a chart by itself, and what it has caused."""

    def __init__(self, *data: Conversation | Speech | Message) -> None:
        """Begin with what the guards and actions are about: a conversation, a speech, or a speech and its message."""
        self.data = data
        self.state: Any = None
        """Where python-statemachine keeps the configuration."""
        self.event: Any = None
        self.effects: list[Effect] = []
        self.raised: list[str] = []
        """Internal events for the speech's, or the conversation's own, chart."""
        self.told: list[tuple[str, str]] = []
        """Ids of messages or speeches, and the events for their charts."""

    @property
    def subject(self) -> Any:
        """The conversation, speech or message whose chart it is."""
        return self.data[-1]

    @property
    def run(self) -> ChartModel:
        """What actions are given to act on others."""
        return self

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a guard is called with; an action gets the run before it."""
        return (*self.data, self.event)

    def emit(self, effect: Effect, /) -> None:
        """Collect an effect."""
        self.effects.append(effect)

    def raise_event(self, event: str, /) -> None:
        """Collect an internal event."""
        self.raised.append(event)

    def tell(self, speech: Speech, message: Message, event: str, /) -> None:
        """Collect an internal event of a message's chart."""
        self.told.append((message.message_id, event))

    def tell_speech(self, conversation: Conversation, speech_id: str, event: SpeechEvent, /) -> None:
        """Collect an event for a speech."""
        self.told.append((speech_id, event.type))

    def prepare_event(self, event_data: EventData) -> dict[str, Any]:
        """Have the event at hand before python-statemachine asks a guard about it."""
        given = event_data.args[0] if event_data.args else None
        event_type = _TYPES.get(str(event_data.event))
        if event_type is None or given is not None:
            self.event = given
        else:
            ids = {name: self._id(name) for name in REQUIRED_IDS if name in _required(event_type)}
            self.event = msgspec.convert({**ids, **event_data.trigger_data.kwargs}, event_type)
        return {}

    def _id(self, name: str) -> str:
        """Return the id that is meant if none is given."""
        known = next((getattr(part, name, None) for part in reversed(self.data)), None)
        return known or name.removesuffix("_id")

    def after_transition(self, machine: StateChart[Any]) -> None:
        """Mirror the states, which guards and actions read, when the actions are done: they still see the old ones."""
        subject = self.subject
        for state in machine.configuration:
            if state.is_atomic:
                region = state.parent.id if isinstance(subject, Conversation) and state.parent else "state"
                setattr(subject, region, state.id)


def new_model(chart_name: ChartName) -> ChartModel:
    """Return what a chart is bound to if its user gives nothing else."""
    from .compile.definition import definition

    chart = getattr(definition(), chart_name)
    model_class = bound(ChartModel, chart_name, chart.guards, chart.actions)
    if chart_name == "conversation":
        return model_class(Conversation())
    if chart_name == "speech":
        return model_class(Speech())
    return model_class(Speech(response_id="response"), Message("message"))


def _required(event_type: type[Event]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(event_type) if field.required)


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
