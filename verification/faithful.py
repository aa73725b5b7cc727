"""What a real server and a real output can do next: honest, or with one of the listed faults.

Facts are taken when they are delivered: that an output or a server decided earlier shows as a report that lags
behind, or as a request that is carried out late. Requests are answered in any order, or never.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec.structs import replace

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.state import Speech

from .bounds import RESPONSE_ID, WORDS, Bounds, Fault
from .ledger import Ledger
from .world import Item, Request, Track, World

Move = tuple[Event | str, World]
"""An event for the machine, or in words what happens without it; and the world after it."""

BEYOND_MS = 1000
COUNTS_LESS_MS = 60
_MOST_KNOWN = 50_000
"""So many worlds are remembered with their moves: many configurations share one."""


@cache
def _event(event_type: type[Event], *arguments: Any) -> Event:
    """Return an event, the same object for the same arguments: explorations make few, but often."""
    return event_type(*arguments)


class Worlds:
    """The worlds around speeches within some bounds, and how they go on."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._ids = bounds.message_ids
        self._known: dict[tuple[World, bool], list[Move]] = {}

    def start(self) -> World:
        """Return the world before anything has happened."""
        return World(faults=self._bounds.faults)

    def moves(self, world: World, ledger: Ledger, speech: Speech) -> list[Move]:
        """Return everything that may happen next, always in the same order."""
        if ledger.outcome:
            # Only announcements that come too late are of interest now.
            return list(self._announcements(world)) if not world.is_lost else []
        moves = [*self._agent(world, ledger, speech)]
        key = world, speech.capabilities.plays_audio
        others = self._known.get(key)
        if others is None:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            others = self._known[key] = [*self._of_others(*key)]
        return moves + others

    def _of_others(self, world: World, plays_audio: bool) -> Iterator[Move]:
        if not world.is_lost:
            yield from self._server(world)
            yield from self._answers(world)
        if plays_audio:
            yield from self._output(world)

    def _may(self, world: World, fault: Fault) -> bool:
        return world.faults > 0 and fault in self._bounds.fault_kinds

    # The agent, and the timers

    def _agent(self, world: World, ledger: Ledger, speech: Speech) -> Iterator[Move]:
        if ledger.timer:
            owes = any(track.handed_over_ms > 0 and not track.is_over for track in world.tracks)
            yield _event(ev.TimerFired, ledger.timer), replace(world, is_exact=world.is_exact and not owes)
        if ledger.stopped_by or ledger.is_settled:
            return
        if not ledger.is_authorized:
            yield _event(ev.Authorize), world
        elif ledger.is_held:
            yield _event(ev.Resume), world
        elif speech.capabilities.can_pause:
            yield _event(ev.Pause), world
        yield _event(ev.Interrupt, not speech.policy.interruptible), world
        yield _event(ev.Close), world

    # The server

    def _announcements(self, world: World) -> Iterator[Move]:
        count = len(world.items)
        if world.response == "generating" and count < len(self._ids):
            for modalities in self._bounds.modalities:
                yield (
                    _event(ev.SessionMessageAdded, RESPONSE_ID, self._ids[count], modalities),
                    replace(world, items=(*world.items, Item("audio" in modalities)), tracks=(*world.tracks, Track())),
                )

    def _server(self, world: World) -> Iterator[Move]:
        if world.response == "":
            yield _event(ev.SessionResponseCreated, RESPONSE_ID), replace(world, response="generating")
        if world.response == "generating":
            yield from self._announcements(world)
            yield from self._content(world)
            yield from self._ends(world)
        if self._may(world, "session_lost"):
            yield _event(ev.SessionLost), replace(world.after_fault(), is_lost=True, requests=())

    def _content(self, world: World) -> Iterator[Move]:
        for index, item in enumerate(world.items):
            message_id = self._ids[index]
            is_last = index == len(world.items) - 1
            # Some servers end an item before they send what is in it.
            if item.is_ended and (item.audio_ms > 0 or item.text):
                continue
            if not item.is_ended:
                yield _event(ev.SessionMessageEnded, message_id), world.with_item(index, is_ended=True)
            if item.is_settled:
                continue
            # The transcript of an audio message may lag behind the next one; its audio and a text seldom do.
            if not (is_last or item.has_audio or world.may_lag):
                continue
            if len(item.text) < len(WORDS) * self._bounds.texts:
                may_lag = world.may_lag and (is_last or item.has_audio)
                yield (
                    _event(ev.SessionTextReceived, message_id, WORDS),
                    replace(world.with_item(index, text=item.text + WORDS), may_lag=may_lag),
                )
            if item.has_audio and (is_last or world.may_lag):
                total_ms = next((ms for ms in self._bounds.audio_ms if ms > item.audio_ms), None)
                if total_ms is not None:
                    yield (
                        _event(ev.SessionAudioReceived, message_id, total_ms),
                        replace(world.with_item(index, audio_ms=total_ms), may_lag=world.may_lag and is_last),
                    )

    def _ends(self, world: World) -> Iterator[Move]:
        ended = replace(
            world,
            response="ended",
            is_cancelling=False,
            items=tuple(replace(item, is_ended=True) for item in world.items),
        )
        status = "cancelled" if world.is_cancelling else "completed"
        yield _event(ev.SessionResponseEnded, RESPONSE_ID, status), ended
        if self._may(world, "response_failed"):
            yield _event(ev.SessionResponseEnded, RESPONSE_ID, "failed"), ended.after_fault()

    def _answers(self, world: World) -> Iterator[Move]:
        for request in world.requests:
            message_id = self._ids[request.item]
            operation = request.operation
            left = replace(world, requests=tuple(other for other in world.requests if other != request))
            refusal, done = _carry_out(left, request)
            if refusal:
                yield _event(ev.SessionReconciliationRefused, operation, message_id, refusal), left
            else:
                yield _event(ev.SessionReconciliationAcknowledged, operation, message_id), done
            if self._may(world, "refused"):
                refused = _event(ev.SessionReconciliationRefused, operation, message_id, "other", "some_code")
                yield refused, left.after_fault()
            if self._may(world, "unanswered"):
                yield f"the server does not answer: {operation} {message_id}", left.after_fault()
                yield f"the server does it, but does not answer: {operation} {message_id}", done.after_fault()
            # Of an item that still grows, what a refusal leaves out may come after it: nobody could know.
            if operation == "truncate" and left.items[request.item].is_ended and self._may(world, "counts_less"):
                less = left.with_item(request.item, counts_less_ms=COUNTS_LESS_MS)
                refusal, _ = _carry_out(less, request)
                if refusal:
                    refused = _event(ev.SessionReconciliationRefused, operation, message_id, refusal)
                    yield refused, less.after_fault()

    # The driver and the output

    def _output(self, world: World) -> Iterator[Move]:
        current = world.current
        if current is not None and not world.is_held and world.items[current].has_audio:
            received_ms = world.items[current].audio_ms
            if received_ms > world.tracks[current].handed_over_ms:
                track = world.tracks[current]
                handed_over = _event(ev.OutputAudioHandedOver, self._ids[current], received_ms)
                yield handed_over, world.with_track(current, handed_over_ms=received_ms, is_over=False)
                if track.owes == "flush" and track.played_ms == track.handed_over_ms:
                    # It has ended already, and its report is on the way: what comes now changes nothing.
                    yield handed_over, world.with_track(current, handed_over_ms=received_ms, owes="report")
        for index, track in enumerate(world.tracks):
            if track.is_over:
                yield from self._surplus(world, index, track)
            elif track.handed_over_ms > 0:
                yield from self._playback(world, index, track)
                yield from self._finishes(world, index, track)
                yield from self._failures(world, index, track)

    def _playback(self, world: World, index: int, track: Track) -> Iterator[Move]:
        message_id = self._ids[index]
        next_ms = next((ms for ms in self._bounds.positions_ms if ms > track.played_ms), BEYOND_MS)
        if next_ms <= track.handed_over_ms and track.owes not in ("report", "ended", "refusal"):
            obeys = not world.is_held and track.owes != "clear"
            if obeys or self._may(world, "disobeys"):
                played = world.with_track(index, played_ms=next_ms)
                yield f"the output plays {message_id} to {next_ms} ms", played if obeys else played.after_fault()
        if track.played_ms > 0 and not track.told_start:
            yield _event(ev.OutputPlaybackStarted, message_id), world.with_track(index, told_start=True)
        for position_ms in self._bounds.positions_ms:
            lags = position_ms < track.played_ms
            if track.told_ms < position_ms <= track.played_ms and not (lags and self._bounds.detail != "fine"):
                yield (
                    _event(ev.OutputPlaybackProgressed, message_id, position_ms),
                    world.with_track(index, told_ms=position_ms),
                )

    def _finishes(self, world: World, index: int, track: Track) -> Iterator[Move]:
        """Yield the reports that a flush, or a clear, may lead to."""
        message_id, played_ms = self._ids[index], track.played_ms
        done = world.with_track(index, owes="", is_over=True)
        has_played_out = 0 < track.flushed_ms <= played_ms
        said: list[bool] = []
        if track.owes == "report" or (track.owes == "flush" and has_played_out):
            said.append(False)
            if played_ms < track.handed_over_ms:
                # More came after the flush: some outputs answer each by itself, and go on.
                done = world.with_track(index, owes="" if track.owes == "flush" else "ended")
        elif track.owes == "refusal":
            said.append(True)
        elif track.owes == "clear":
            # It may have played out just before the clear came (H7).
            said += [True, False] if has_played_out or played_ms == track.handed_over_ms else [True]
        for interrupted in said:
            yield _event(ev.OutputPlaybackFinished, message_id, played_ms, interrupted), done
            if self._may(world, "mute_finish"):
                mute = _event(ev.OutputPlaybackFinished, message_id, None, interrupted)
                yield mute, done.after_fault(is_exact=False)
            if self._may(world, "wrong_position"):
                for wrong_ms in (0, BEYOND_MS):
                    wrong = _event(ev.OutputPlaybackFinished, message_id, wrong_ms, interrupted)
                    yield wrong, done.after_fault(is_exact=False)

    def _failures(self, world: World, index: int, track: Track) -> Iterator[Move]:
        message_id, played_ms = self._ids[index], track.played_ms
        done = world.with_track(index, owes="", is_over=True)
        if self._may(world, "cleared_outside") and track.owes != "clear":
            cleared = replace(done, current=None) if world.current == index else done
            yield _event(ev.OutputPlaybackFinished, message_id, played_ms, True), cleared.after_fault()
        if self._may(world, "ran_dry") and not track.owes and played_ms == track.handed_over_ms:
            yield _event(ev.OutputPlaybackFinished, message_id, played_ms, False), world.after_fault()
        if self._may(world, "output_failed"):
            # It may play on until it is cleared, and report then, or be gone.
            failed = replace(world, current=None).after_fault(is_exact=False)
            yield _event(ev.OutputFailed, message_id), failed
            yield _event(ev.OutputFailed, message_id), replace(done, current=None).after_fault(is_exact=False)

    def _surplus(self, world: World, index: int, track: Track) -> Iterator[Move]:
        """Yield what was said already, said again (O4, P2)."""
        if self._may(world, "duplicate"):
            message_id = self._ids[index]
            yield _event(ev.OutputPlaybackStarted, message_id), world.after_fault()
            yield _event(ev.OutputPlaybackFinished, message_id, track.played_ms, False), world.after_fault()


def _carry_out(world: World, request: Request) -> tuple[str, World]:
    """Return why the server refuses a request, "" if it does not, and the world after it."""
    item = world.items[request.item]
    if item.is_removed:
        return "unknown_message", world
    if request.operation == "remove":
        return "", world.with_item(request.item, is_removed=True)
    if request.operation == "replace":
        return "", world.with_item(request.item, replaced_by=request.text)
    if not item.has_audio or item.audio_ms == 0:
        return "other", world
    if request.at_ms > item.remembered_ms:
        return "already_shorter", world
    return "", world.with_item(request.item, truncated_at_ms=request.at_ms, text="")
