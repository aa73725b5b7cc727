"""Every event that anybody could send, reduced to the arguments that guards can tell apart (spec, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import get_args

from speech_lifecycle.fsm.events import (
    Authorize,
    CancelGeneration,
    Close,
    DropRequest,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    Pause,
    Resume,
    SessionAudioReceived,
    SessionItemAdded,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionResumed,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import Reconciliation, Refusal, ResponseStatus, Timer

from .bounds import FOREIGN, RESPONSE_ID, WORDS, Bounds

NOT_A_NUMBER = float("nan")
BEYOND_MS = 1000
"""A position that no message of the exploration has."""


class Alphabet:
    """The events to try in a snapshot: all there are, but text only as often as the bounds allow."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._limit = len(WORDS) * bounds.texts
        self._known: dict[tuple[bool, ...], tuple[Event, ...]] = {}

    def of(self, speech: Speech) -> tuple[Event, ...]:
        """Return the events, always in the same order."""
        may_grow = tuple([len(message.text) < self._limit for message in speech.messages.values()])
        events = self._known.get(may_grow)
        if events is None:
            events = self._known[may_grow] = tuple(_events(self._bounds, may_grow))
        return events


def _events(bounds: Bounds, may_grow: tuple[bool, ...]) -> Iterator[Event]:
    yield from _about_the_speech(bounds)
    ids = bounds.message_ids
    if len(may_grow) < len(ids):
        for modalities in bounds.modalities:
            yield SessionMessageAdded(RESPONSE_ID, ids[len(may_grow)], modalities)
    for message_id, grows in zip(ids, may_grow, strict=False):
        if grows:
            yield SessionTextReceived(message_id, WORDS)
        yield from about_a_message(bounds, message_id)
    if bounds.detail != "minimal":
        yield from _out_of_place()
        if len(may_grow) < len(ids):
            yield SessionMessageAdded(FOREIGN, ids[len(may_grow)])


def _about_the_speech(bounds: Bounds) -> Iterator[Event]:
    yield from (Authorize(), Interrupt(), Pause(), Resume(), Close())
    yield SessionResponseCreated(RESPONSE_ID, is_out_of_band=bounds.out_of_band)
    # Only "failed" is told apart from the others.
    statuses: tuple[ResponseStatus, ...] = ("completed", "failed")
    yield from (SessionResponseEnded(RESPONSE_ID, status) for status in statuses)
    yield from (SessionLost(), SessionLost(may_resume=True), SessionResumed(), SessionResumed(conversation_kept=True))
    yield from (SessionRequestRefused(), DropRequest(), CancelGeneration())
    yield from (SessionItemAdded(RESPONSE_ID), SessionResponseProgressed(RESPONSE_ID))
    yield from (TimerFired(timer) for timer in get_args(Timer))


def _out_of_place() -> Iterator[Event]:
    yield from (Interrupt(force=True), SessionResponseCreated(FOREIGN), SessionResponseEnded(FOREIGN))
    yield from (SessionItemAdded(FOREIGN), SessionResponseProgressed(FOREIGN))
    yield from (OutputPlaybackFinished(FOREIGN, BEYOND_MS), SessionAudioReceived(FOREIGN, BEYOND_MS))


@cache
def about_a_message(bounds: Bounds, message_id: str) -> tuple[Event, ...]:
    """Return what can be said of one message that was announced, but for its text."""
    events: list[Event] = [
        SessionMessageEnded(message_id),
        OutputPlaybackStarted(message_id),
        OutputFailed(message_id),
        *_amounts(bounds, message_id),
        *_finishes(bounds, message_id),
    ]
    refusals: tuple[Refusal, ...] = ("already_shorter", "other")
    if bounds.detail != "minimal":
        refusals = get_args(Refusal)
        events += [SessionMessageAdded(RESPONSE_ID, message_id), SessionTextReceived(message_id, "")]
    operations: tuple[Reconciliation, ...] = get_args(Reconciliation)
    for operation in operations:
        events.append(SessionReconciliationAcknowledged(operation, message_id))
        events += [SessionReconciliationRefused(operation, message_id, refusal) for refusal in refusals]
    return tuple(events)


def _amounts(bounds: Bounds, message_id: str) -> Iterator[Event]:
    for ms in (*((0,) if bounds.detail != "minimal" else ()), *bounds.audio_ms):
        yield SessionAudioReceived(message_id, ms)
        yield OutputAudioHandedOver(message_id, ms)
    if bounds.detail == "fine":
        # More than was ever received: an output that counts its own silence.
        yield OutputAudioHandedOver(message_id, bounds.audio_ms[-1] + 50)


def _finishes(bounds: Bounds, message_id: str) -> Iterator[Event]:
    part_ms = bounds.positions_ms[0]
    if bounds.detail == "minimal":
        yield OutputPlaybackProgressed(message_id, part_ms)
        yield OutputPlaybackFinished(message_id, bounds.positions_ms[-1])
        for position_ms in (None, 0, part_ms, bounds.positions_ms[-1]):
            yield OutputPlaybackFinished(message_id, position_ms, interrupted=True)
        return
    unusable = (None, NOT_A_NUMBER, float("inf"), -5.0, BEYOND_MS) if bounds.detail == "fine" else (None,)
    for each_ms in (*unusable, 0, *bounds.positions_ms):
        yield OutputPlaybackProgressed(message_id, each_ms)
        yield OutputPlaybackFinished(message_id, each_ms)
        yield OutputPlaybackFinished(message_id, each_ms, interrupted=True)
    for transcript in ("", "one"):
        yield OutputPlaybackFinished(message_id, part_ms, True, transcript)
        if bounds.detail == "fine":
            yield OutputPlaybackFinished(message_id, part_ms, False, transcript)
