"""The world beside the machine: what the server remembers, and what the listener hears (spec, sections 8 and 10)."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.values import MessageRecord

from .bounds import FRAME_MS


class Item(Struct, frozen=True, gc=False, cache_hash=True):
    """A message as the server has it."""

    has_audio: bool
    audio_ms: int = 0
    text: str = ""
    is_ended: bool = False
    counts_less_ms: int = 0
    """How much less audio the server counts than the client received (T8)."""
    truncated_at_ms: int | None = None
    replaced_by: str | None = None
    is_removed: bool = False

    @property
    def remembered_ms(self) -> int:
        """How much audio the server remembers."""
        counted_ms = max(0, self.audio_ms - self.counts_less_ms)
        return counted_ms if self.truncated_at_ms is None else self.truncated_at_ms

    @property
    def is_settled(self) -> bool:
        """Its content was cut or taken away, and nothing is added to it any more."""
        return self.is_removed or self.truncated_at_ms is not None or self.replaced_by is not None


class Track(Struct, frozen=True, gc=False, cache_hash=True):
    """A message as the output has it."""

    handed_over_ms: int = 0
    played_ms: int = 0
    """What really left the output: the listener has heard this much."""
    told_start: bool = False
    told_ms: int = 0
    """The last position that was reported."""
    owes: str = ""
    """"flush" or "clear" while the output has not reported it; "" otherwise.

    If it ended before it had all: "report" while that is on its way, "ended" after that, "refusal" once it is flushed
    again.
    """
    flushed_ms: int = 0
    is_over: bool = False
    """The output is done with it: it was cleared, played out, or broke."""


class Request(Struct, frozen=True, gc=False, cache_hash=True):
    """What the server was asked to do about an item."""

    operation: str
    item: int
    """Which one, by its place."""
    at_ms: int = 0
    text: str = ""


class World(Struct, frozen=True, gc=False, cache_hash=True):
    """The server and the output, between two steps of the machine."""

    response: str = ""
    """"", "generating" or "ended"."""
    is_cancelling: bool = False
    is_lost: bool = False
    items: tuple[Item, ...] = ()
    may_lag: bool = True
    """More of an item may still come once, after a later one has begun."""
    requests: tuple[Request, ...] = ()
    tracks: tuple[Track, ...] = ()
    current: int | None = None
    """The message that may be handed over."""
    is_held: bool = False
    faults: int = 0
    """How many are still allowed."""
    is_exact: bool = True
    """Everything that was played was reported before its message had to be final."""
    lie: str = ""
    """How a record differs from what was really played, if everything was reported."""

    def with_item(self, index: int, **parts: object) -> World:
        """Return the world with one item changed."""
        items = list(self.items)
        items[index] = replace(items[index], **parts)
        return replace(self, items=tuple(items))

    def with_track(self, index: int, **parts: object) -> World:
        """Return the world with one track changed."""
        tracks = list(self.tracks)
        tracks[index] = replace(tracks[index], **parts)
        return replace(self, tracks=tuple(tracks))

    def after_fault(self, is_exact: bool | None = None) -> World:
        """Return the world with one fault less to come; facts that are missing or wrong make it inexact."""
        exact = self.is_exact if is_exact is None else self.is_exact and is_exact
        return replace(self, faults=self.faults - 1, is_exact=exact)


def perform(world: World, effects: tuple[Effect, ...], ids: tuple[str, ...]) -> World:
    """Return the world after the driver has performed the effects, in order."""
    for effect in effects:
        world = _perform(world, effect, ids)
    return world


def _perform(world: World, effect: Effect, ids: tuple[str, ...]) -> World:
    if type(effect) is fx.StartHandover:
        return replace(world, current=ids.index(effect.message_id))
    if type(effect) is fx.FlushOutput:
        index = ids.index(effect.message_id)
        track = world.tracks[index]
        owes = "refusal" if track.owes == "ended" else "flush"
        return world.with_track(index, owes=owes, flushed_ms=track.handed_over_ms)
    if type(effect) is fx.ClearOutput:
        index = ids.index(effect.message_id)
        return replace(world.with_track(index, owes="clear"), current=None)
    if type(effect) is fx.PauseOutput:
        return replace(world, is_held=True)
    if type(effect) is fx.ResumeOutput:
        return replace(world, is_held=False)
    if type(effect) is fx.CancelResponse:
        return replace(world, is_cancelling=world.response == "generating")
    if type(effect) is fx.TruncateMessage:
        request = Request("truncate", ids.index(effect.message_id), at_ms=effect.audio_end_ms)
        return replace(world, requests=(*world.requests, request))
    if type(effect) is fx.ReplaceMessage:
        request = Request("replace", ids.index(effect.message_id), text=effect.text)
        return replace(world, requests=(*world.requests, request))
    if type(effect) is fx.RemoveMessages:
        requests = tuple(Request("remove", ids.index(message_id)) for message_id in effect.message_ids)
        return replace(world, requests=world.requests + requests)
    if type(effect) is fx.ReportMessageSettled:
        return _settle(world, effect.record, ids.index(effect.record.message_id))
    return world


def _settle(world: World, record: MessageRecord, index: int) -> World:
    """Compare the record with the track, which is forgotten unless the output goes on with it."""
    if world.current == index:
        world = replace(world, current=None)
    track = world.tracks[index]
    if world.is_exact and not world.lie and track.handed_over_ms > 0:
        played_ms = track.played_ms
        if record.state == "played" and played_ms < record.received_ms - FRAME_MS:
            world = replace(world, lie=f"{record.message_id} is played, but only {played_ms} ms of it were")
        elif record.state != "played" and record.heard_ms != played_ms:
            lie = f"{record.message_id} is {record.state} at {record.heard_ms} ms, played were {played_ms}"
            world = replace(world, lie=lie)
    if track.is_over:
        world = replace(
            world, tracks=tuple(Track(is_over=True) if i == index else t for i, t in enumerate(world.tracks))
        )
    return world
