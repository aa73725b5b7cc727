"""What the machine calls messages and responses, by ids that a server may use again.

Servers that count, `resp_1`, `resp_2`, begin anew with every connection, and some call every message the same. In the
conversation each message and each response is another one: what has had its id before gets a name of its own.
"""

from __future__ import annotations

_KEPT = 1024
"""Ids that are remembered: far more than the speeches that a conversation remembers."""


class ReusedIds:
    """The names of things that a server has begun: their ids, as long as these are new."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        """How many things had an id, the latest last."""
        self._ids: dict[str, str] = {}
        """The ids of those that have a name of their own."""

    def begin(self, server_id: str) -> str:
        """Return the name of something new that has this id from now on."""
        count = self._counts.pop(server_id, 1 if server_id in self._ids else 0) + 1
        while count > 1 and (_name(server_id, count) in self._counts or _name(server_id, count) in self._ids):
            count += 1
        self._counts[server_id] = count
        name = self.name_of(server_id)
        if name != server_id:
            self._ids[name] = server_id
        if len(self._counts) > _KEPT:
            del self._counts[next(iter(self._counts))]
        if len(self._ids) > _KEPT:
            del self._ids[next(iter(self._ids))]
        return name

    def is_known(self, server_id: str) -> bool:
        """Whether something has had this id."""
        return server_id in self._counts

    def name_of(self, server_id: str) -> str:
        """Return what the latest thing with this id is called."""
        return _name(server_id, self._counts.get(server_id, 1))

    def id_of(self, name: str) -> str:
        """Return what the server calls it."""
        return self._ids.get(name, name)


def _name(server_id: str, count: int) -> str:
    return server_id if count == 1 else f"{server_id}#{count}"
