"""The tool calls of a model, each told once, whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_REMEMBERED = 256
"""Calls of which a copy is known for one: more than come in the responses that have not ended."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What the model wants to have done. Its result goes to `Driver.continue_turn`, by `call_id`."""

    call_id: str
    """Its id on the server."""
    name: str
    """The tool's name."""
    arguments: str
    """As the model wrote them, which should be a JSON object, and need not be one."""


class ToolCalls:
    """Finds the calls in the events of one connection.

    Servers say a call in `response.output_item.done`, in `response.done`, or in both. One that was broken off with its
    response has half its arguments, and is none.
    """

    def __init__(self, tell: Callable[[ToolCall], None]) -> None:
        self._tell = tell
        self._told: dict[str, None] = {}

    def begin_connection(self) -> None:
        """Expect a server that may use the same ids for other calls."""
        self._told.clear()

    def receive(self, event: Mapping[str, Any]) -> None:
        """Take a server event, which may be about something else."""
        if event.get("type") == "response.output_item.done":
            self._take(event.get("item"))
        elif event.get("type") == "response.done":
            response = event.get("response")
            items = response.get("output") if isinstance(response, Mapping) else None
            for item in items if isinstance(items, list) else ():
                self._take(item)

    def _take(self, item: object) -> None:
        if not isinstance(item, Mapping) or item.get("type") != "function_call":
            return
        call_id, name, arguments = (item.get(field) for field in ("call_id", "name", "arguments"))
        if not (isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str)):
            return
        if item.get("status", "completed") != "completed" or call_id in self._told:
            return
        self._told[call_id] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._tell(ToolCall(call_id, name, arguments))
