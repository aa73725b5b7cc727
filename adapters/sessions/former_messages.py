"""What the messages of earlier connections are called on this one.

xAI announces them anew when a conversation goes on, as texts and under other ids: a request by the old id would be
refused as being about an unknown item, though the server remembers the message.
"""

from __future__ import annotations

_KEPT = 128
"""Messages that are recognized when a conversation goes on. What was said before them has long been settled."""


class FormerMessages:
    """Recognizes messages by their order and their text."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        """What each message said, by the id that it had first, in order."""
        self._names: dict[str, str] = {}
        """What the server calls them on this connection."""
        self._awaited: list[str] = []
        """Those that were not recognized on this connection."""
        self._is_one_unknown = False
        """Whether something was announced that is none of them, by what it says."""

    def note(self, message_id: str, words: str) -> None:
        """Remember what a message says that is complete."""
        self._texts[message_id] = words
        if len(self._texts) > _KEPT:
            del self._texts[next(iter(self._texts))]

    def forget(self, message_id: str) -> None:
        """The server has it no more."""
        self._texts.pop(message_id, None)

    def begin_connection(self) -> None:
        """Expect everything to be announced once more, or nothing."""
        self._names.clear()
        self._awaited = list(self._texts)
        self._is_one_unknown = False

    def recognize(self, item_id: str, words: str) -> str | None:
        """Take an assistant's message that the server announces complete; return which one it is, by its first id."""
        if not self._awaited or item_id in self._texts:
            return None
        spoken = words.split()
        found = next((each for each in self._awaited if self._texts.get(each, "").split() == spoken), None)
        if found is None:
            self._is_one_unknown = True
            return None
        self._awaited.remove(found)
        self._names[found] = item_id
        return found

    def name_of(self, message_id: str) -> str:
        """Return what the server calls a message."""
        return self._names.get(message_id, message_id)

    def may_be_there(self, message_id: str) -> bool:
        """Whether a message that the server does not know by its id may be there under another all the same."""
        return message_id in self._names or (self._is_one_unknown and message_id in self._awaited)
