"""What a driver tells the agent: the effects for it, what has changed, and what failed in its own code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from speech_lifecycle.fsm.effects import AgentEffect

from .changes import Change, ChangeListener, StateChanges
from .driven_speech import DrivenSpeech
from .faults import Faults, refuse_coroutine_function

EffectListener = Callable[[DrivenSpeech | None, AgentEffect], None]
"""Is given the speech that an effect is about; with the agent's or connection's state the latest, if there is one."""


class Telling:
    """The listeners, and what they have been told. One that raises is a fault, and the others are still called."""

    def __init__(self, logger: logging.Logger) -> None:
        self.faults = Faults(logger, self._tell)
        self._listeners: list[EffectListener] = []
        self._change_listeners: list[ChangeListener] = []
        self._changes = StateChanges()

    def listen(self, listener: EffectListener) -> None:
        """Have `listener` called with every effect for the agent.

        Raises:
            TypeError: it is a coroutine function.
        """
        refuse_coroutine_function(listener)
        self._listeners.append(listener)

    def on_change(self, listener: ChangeListener) -> None:
        """Have `listener` called with every change.

        Raises:
            TypeError: it is a coroutine function.
        """
        refuse_coroutine_function(listener)
        self._change_listeners.append(listener)

    @property
    def wants_changes(self) -> bool:
        """Whether anybody listens to changes."""
        return bool(self._change_listeners)

    def effect(self, speech: DrivenSpeech | None, effect: AgentEffect) -> None:
        """Tell of an effect."""
        for listener in tuple(self._listeners):
            self.faults.attempt("a listener failed on an effect", listener, speech, effect)

    @property
    def open_ids(self) -> list[str]:
        """The speeches of which it was not yet told that they are over."""
        return self._changes.open_ids

    def changes(self, speeches: Iterable[DrivenSpeech]) -> None:
        """Tell what has changed in some speeches since they were told of."""
        for speech in speeches:
            for change in self._changes.of(speech.snapshot):
                self._tell(change)

    def last_changes(self, speech: DrivenSpeech) -> None:
        """Tell what has changed in a speech of which nothing more will be told."""
        if self._change_listeners:
            self.changes((speech,))
            self._changes.forget(speech.id)

    def _tell(self, change: Change) -> None:
        for listener in tuple(self._change_listeners):
            self.faults.attempt("a listener of changes failed", listener, change)
