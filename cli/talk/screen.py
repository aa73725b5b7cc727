"""What the terminal shows of a conversation: who has the floor, how loud it is, what was heard of each message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from ..terminal import one_line
from .card_place import CardPlace

_BAR = 24
_FLOORS = {
    "agent": "The agent has the floor.",
    "user": "You have the floor.",
    "nobody": "Nobody has the floor.",
}
_STATES = {
    "pending": "waits for its turn",
    "streaming": "plays",
    "draining": "plays, all is generated",
    "stopping": "stops",
    "played": "played",
    "partial": "heard in part",
    "skipped": "never heard",
}
_LOOKS = {
    "heard": ("{}", "bold"),
    "cut": ("~{}~", "strike red"),
    "unheard": ("({})", "strike dim"),
    "coming": ("{}", "dim"),
}
"""What is put around the words, for who sees no colours, and their style."""
LEGEND = Text.assemble(
    ("heard", "bold"), "   ", ("~cut off~", "strike red"), "   ", ("(never heard)", "strike dim"), style="dim"
)
KEYS = "space or Enter interrupts, or has the agent go on; q or Ctrl-C ends it"


class Screen:
    """A renderable of what there is to be shown now, as much of the latest as fits the terminal."""

    def __init__(self, place: CardPlace) -> None:
        self._place = place

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        place = self._place
        head: list[RenderableType] = [
            Text(_FLOORS.get(str(place.view.get("floor")), "One moment…"), style="bold"),
            Text(f"you    {place.user_level.bar(_BAR)}{'  no microphone' if place.no_microphone else ''}"),
            Text(f"agent  {place.agent_level.bar(_BAR)}"),
            LEGEND,
            Text(KEYS, style="dim"),
        ]
        yield from head
        room = (options.height or console.height) - len(head) - 1
        lines = [line for text in turns_of(place.view) for line in text.wrap(console, options.max_width)]
        yield from lines[-max(1, room) :]


def turns_of(view: Mapping[str, Any]) -> Iterator[Text]:
    """Yield what was said, each turn and message as a text."""
    for turn in view.get("turns", ()):
        if turn["who"] == "user":
            length = "speaking" if turn["ms"] is None else _seconds(turn["ms"])
            words = f" “{one_line(turn['text'])}”" if turn["text"] else ""
            yield Text.assemble(("you", "cyan"), f"  spoke ({length}){words}")
            continue
        for message in turn["messages"]:
            yield _message(message)
        if turn["why"]:
            yield Text.assemble(("agent", "magenta"), f"  failed: {one_line(turn['why'])}", style="red")


def _message(message: Mapping[str, Any]) -> Text:
    state = _STATES.get(message["state"], message["state"])
    reason = f", {message['reason'].replace('_', ' ')}" if message["reason"] not in ("", "finished", None) else ""
    heard = f"{_seconds(message['heard_ms'])} of {_seconds(message['received_ms'])}"
    text = Text.assemble(("agent", "magenta"), f"  {state}{reason}, {heard}: ")
    for index, (look, words) in enumerate(message["words"]):
        around, style = _LOOKS[look]
        text.append(" " if index else "")
        text.append(around.format(one_line(words)), style=style)
    return text


def accounts_of(view: Mapping[str, Any]) -> Iterator[Text]:
    """Yield what history and server say of each message that is over."""
    messages = [message for turn in view.get("turns", ()) if turn["who"] == "agent" for message in turn["messages"]]
    for message in messages:
        history, server = message["history"], message["server"]
        if message["reason"] in ("", None):
            continue
        said = "nothing" if history is None else f"“{one_line(history['text'])}”{', cut' if history['cut'] else ''}"
        if message["isLost"]:
            known = "is out of reach"
        elif server is None:
            known = "has forgotten it"
        else:
            known = f"remembers {_seconds(server['ms'])}" if server["ms"] is not None else "remembers its text"
        yield Text(f"  {_STATES[message['state']]}: history says {said}; the server {known}")


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.1f} s"
