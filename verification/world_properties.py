"""What must be true of server, history and listener when a faithful speech is over (spec, section 9.7)."""

from __future__ import annotations

from speech_lifecycle.fsm.state import Speech

from .expected import kept_ms_of
from .ledger import Entry, Ledger
from .property import Complaint, of_worlds
from .world import Item, World


@of_worlds("9.7")
def the_server_remembers_what_was_heard(ledger: Ledger, world: World, speech: Speech) -> Complaint:
    """Section 9.7: the server's items are what was heard, or a divergence was reported for the difference."""
    if world.is_lost:
        return None
    if len(ledger.book) != len(world.items):
        return f"the server announced {len(world.items)} messages, {len(ledger.book)} of them were taken"
    asked = {request.item for request in world.requests if request.operation == "remove"}
    for index, (entry, item) in enumerate(zip(ledger.book.values(), world.items, strict=True)):
        if entry.request == "diverged":
            continue
        removed = item.is_removed or index in asked
        complaint = _difference(entry, item, removed, speech)
        if complaint:
            return f"{entry.message_id} is {entry.settled}: {complaint}"
    return None


def _difference(entry: Entry, item: Item, is_removed: bool, speech: Speech) -> Complaint:
    text = item.text if item.replaced_by is None else item.replaced_by
    if entry.settled == "skipped" or (entry.settled == "partial" and entry.has_audio and entry.heard_ms == 0):
        is_empty = item.audio_ms == 0 and not text
        return None if is_removed or is_empty else "nothing was heard, but the server remembers it"
    if is_removed:
        return "it was heard, but the server forgot it"
    if not entry.has_audio:
        return None if text == entry.heard_text else f"the server remembers {text!r}, shown was {entry.heard_text!r}"
    if entry.settled == "played" and not entry.is_outgrown:
        heard_ms = entry.received_ms - item.counts_less_ms
        exact = item.remembered_ms == heard_ms
        return None if exact else f"the server remembers {item.remembered_ms} ms, heard were {heard_ms}"
    if speech.capabilities.truncates_by_itself:
        return None
    heard_ms = kept_ms_of(entry)
    exact = item.remembered_ms == heard_ms or (item.counts_less_ms > 0 and item.remembered_ms < heard_ms)
    return None if exact else f"the server remembers {item.remembered_ms} ms, heard were {heard_ms}"


@of_worlds("9.8")
def history_is_what_was_played(ledger: Ledger, world: World, speech: Speech) -> Complaint:
    """Sections 1 and 9.8: if nothing was lost or late, the records say what really left the output."""
    return world.lie or None
