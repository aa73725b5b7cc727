"""The messages that a server's responses make, as an onlooker of the wire tells them apart.

A server may use the ids of responses and of items again: each is another one all the same. As everywhere, the second
message that is called `item_1` has the name `item_1#2` (docs/openai-realtime.md, "Dialects"), also if the first was no
part of the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .conversation import MessageItem
from .wire_reading import content_index, sound, text_in

_CONTENT = frozenset({"audio", "output_audio", "text", "output_text"})
_AUDIO_CONTENT = frozenset({"audio", "output_audio"})


@dataclass(slots=True)
class Part:
    """One part of a message's content: its text, as far as it came."""

    finished: str = ""
    """What the server has said whole."""
    pieces: list[str] = field(default_factory=list)
    """What came in pieces since then."""

    @property
    def text(self) -> str:
        """The text that has come."""
        return self.finished + "".join(self.pieces)

    def finish(self, whole: str) -> None:
        """Take the text as the server says it whole: all of it, or all since it said so the last time."""
        is_all = whole.startswith(self.finished) and (len(whole) > len(self.finished) or not self.pieces)
        if whole:
            self.finished = whole if is_all else self.finished + whole
            self.pieces.clear()


@dataclass(slots=True)
class Generated:
    """A message that a response made."""

    item: MessageItem
    bytes_per_s: int
    response: tuple[str, int] | None
    """The response that made it: its id, and how many have had that until then. None if that was never said."""
    audio_bytes: dict[int, int] = field(default_factory=dict)
    """What was sent of each part that is audio, the latest last."""
    parts: dict[int, Part] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Under which name the deltas of each kind came first: a server that says everything under two says it once."""

    @property
    def sent_ms(self) -> int:
        """The audio of it that the server has sent, in whole milliseconds."""
        return self._ms(sum(self.audio_bytes.values()))

    def _ms(self, size: int) -> int:
        return size * 1000 // self.bytes_per_s

    def take_audio(self, index: int | None, size: int = 0) -> None:
        """Learn that a part of it is audio, by default the latest that was, and take some more of that."""
        if index is None:
            index = next(reversed(self.audio_bytes), 0)
        before = self.audio_bytes.pop(index, 0)
        self.audio_bytes[index] = before + size
        self.item.modality = "audio"
        # Pieces may end between two milliseconds.
        self.item.add_audio(self._ms(before + size) - self._ms(before), index)

    def take_text(self) -> None:
        """Learn that a part of it is text."""
        if not self.audio_bytes:
            self.item.modality = "text"

    def take_part(self, index: int, part: Mapping[str, Any]) -> None:
        """Take a part of its content, as the server describes it; of its text it may say nothing yet."""
        kind = part.get("type")
        if not isinstance(kind, str) or kind not in _CONTENT:
            return
        if kind in _AUDIO_CONTENT:
            self.take_audio(index)
        else:
            self.take_text()
        whole = text_in(part, "transcript") or text_in(part, "text")
        if whole:
            self.parts[index] = Part(sound(whole))

    def is_first_name(self, kind: str, event: Mapping[str, Any]) -> bool:
        """Whether an event has the name under which the first of its kind came, about its part."""
        name: str = event["type"]
        return self.names.setdefault(f"{kind} {content_index(event)}", name) == name


class WireMessages:
    """All messages that were generated, and the responses that made them."""

    def __init__(self) -> None:
        self.by_name: dict[str, Generated] = {}
        self.generating: set[str] = set()
        """The responses that have begun and not ended."""
        self._elsewhere: set[str] = set()
        """Responses that are no part of the conversation."""
        self._aside: dict[str, str] = {}
        """By item id, the response outside the conversation whose message had it last."""
        self._taken: set[str] = set()
        """Names that messages have or had, wherever they are."""
        self._begun: dict[str, int] = {}
        """How many responses had an id."""
        self._names: dict[str, str] = {}
        """What the latest message with an id is called, if another had it before."""

    def begin(self, response_id: str, *, is_elsewhere: bool) -> None:
        """Take the announcement of a response, of which something may have come before."""
        if is_elsewhere:
            self._elsewhere.add(response_id)
            self._aside = {item_id: of for item_id, of in self._aside.items() if of != response_id}
        elif response_id not in self.generating:
            self._elsewhere.discard(response_id)
            self._begun[response_id] = self._begun.get(response_id, 0) + 1
            self.generating.add(response_id)

    def is_elsewhere(self, response_id: str | None) -> bool:
        """Whether a response is no part of the conversation."""
        return response_id in self._elsewhere

    def name_of(self, item_id: str) -> str:
        """Return the name of the latest message that has this id."""
        return self._names.get(item_id, item_id)

    def find(self, response_id: str | None, item_id: str, *, is_listed: bool = False) -> Generated | None:
        """Return the message that something said of an item is about; None if that is a new one, or is elsewhere.

        What names a response that goes on is about a message of that, unless it only lists what there is.
        """
        there = self.by_name.get(self.name_of(item_id))
        if there is None or is_listed or response_id not in self.generating:
            return there
        return there if there.response == self._now(response_id) else None

    def add(self, response_id: str | None, item_id: str, bytes_per_s: int) -> Generated | None:
        """Return a message that is mentioned for the first time; None if it is elsewhere."""
        if response_id is not None and response_id in self._elsewhere:
            if self._aside.get(item_id) != response_id:
                self._aside[item_id] = response_id
                self._take_name(item_id)
            return None
        if response_id is not None:
            self.begin(response_id, is_elsewhere=False)
            self._aside.pop(item_id, None)
        if item_id in self._aside:
            return None
        name = self._names[item_id] = self._take_name(item_id)
        item = MessageItem(name, "assistant", "audio", "in_progress")
        return Generated(item, bytes_per_s, None if response_id is None else self._now(response_id))

    def _take_name(self, item_id: str) -> str:
        count, name = 1, item_id
        while name in self._taken:
            count += 1
            name = f"{item_id}#{count}"
        self._taken.add(name)
        return name

    def _now(self, response_id: str | None) -> tuple[str, int] | None:
        return None if response_id is None else (response_id, self._begun.get(response_id, 0))
