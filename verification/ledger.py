"""What really went in and out so far, written down beside the machine and without looking into it.

The properties are judged by this book, not by the machine's own fields: those may be wrong. `bookkeeping` writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from msgspec import Struct


class Entry(Struct, gc=False, array_like=True):
    """One message: what the session said of it, what the output said, and what the machine made of it."""

    message_id: str
    has_audio: bool
    """Its audio is what reaches the listener, not its text."""
    received_ms: int = 0
    text: str = ""
    source_has_ended: bool = False
    is_begun: bool = False
    """Its turn has come: `StartHandover` was given."""
    handed_over_ms: int = 0
    has_started: bool = False
    position_ms: int = 0
    transcript: str | None = None
    flushed_ms: int = 0
    """How much was flushed, while the output has not reported it."""
    is_cleared: bool = False
    played_out: bool = False
    """The output said, not interrupted, that it played what was flushed, and that was all of the message."""
    shown_text: str | None = None
    """Of a text: what had been shown when the speech was stopped."""
    settled: str = ""
    is_memory: bool = True
    """The server had something to remember of it when it settled."""
    heard_ms: int = 0
    heard_text: str = ""
    is_committed: bool = False
    request: str = ""
    """What the server was asked to do, or "diverged"."""
    is_answered: bool = False
    is_outgrown: bool = False
    """It settled as heard in full, or had come to nothing, and more of it came after that."""

    @property
    def was_heard_whole(self) -> bool:
        """It settled, and all that had come of it by then was heard. What comes after is not written into `text`."""
        if self.settled == "played":
            return True
        is_text = self.settled == "partial" and not self.has_audio
        return is_text and self.source_has_ended and self.text == self.heard_text

    @property
    def is_heard(self) -> bool:
        """Something of its audio reached the listener."""
        return self.has_started or self.position_ms > 0 or self.played_out


class Ledger(Struct, gc=False, array_like=True):
    """The whole book."""

    is_authorized: bool = False
    stopped_by: str = ""
    """The reason that messages stopped now have to give; "" while nothing stops the speech."""
    response: str = ""
    """"generating" or "ended"."""
    response_has_failed: bool = False
    is_out_of_band: bool = False
    """The response is in nobody's memory."""
    is_lost: bool = False
    may_resume: bool = False
    """The connection is gone, and it is open whether the server keeps the conversation."""
    is_settled: bool = False
    """All messages were final at some time; those announced later come too late."""
    cancels: int = 0
    is_held: bool = False
    agent_state: str = ""
    has_spoken: bool = False
    """Speaking was announced, and no pause came in between."""
    was_heard: bool = False
    timer: str = ""
    facts_since_timer: bool = False
    outcome: str = ""
    book: dict[str, Entry] = {}
    """The messages by id, in the order of their announcement."""

    @property
    def is_owed_answers(self) -> bool:
        """The server was asked for something, and has not answered."""
        return any(e.request not in ("", "diverged") and not e.is_answered for e in self.book.values())

    @property
    def first_open(self) -> Entry | None:
        """Return the first message that is not final, or None."""
        for entry in self.book.values():
            if not entry.settled:
                return entry
        return None

    @property
    def begun(self) -> Entry | None:
        """Return the message that the output has, or None."""
        for entry in self.book.values():
            if entry.is_begun and not entry.settled:
                return entry
        return None


# msgspec's types do not list the method (see `copying`).
_copy_entry = cast(Callable[[Entry], Entry], Entry.__copy__)  # type: ignore[attr-defined]
_copy_fields = cast(Callable[[Ledger], Ledger], Ledger.__copy__)  # type: ignore[attr-defined]


def copy_of(ledger: Ledger) -> Ledger:
    """Return a ledger with the same contents, to go on writing in."""
    copy = _copy_fields(ledger)
    copy.book = book = ledger.book.copy()
    for message_id, entry in book.items():
        book[message_id] = _copy_entry(entry)
    return copy
