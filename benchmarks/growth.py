"""Prints what an event costs in place in small and large speeches: `python benchmarks/growth.py`.

A cost that grows with the length of a text, or with the messages of a response, shows as a ratio above 1.
"""

from __future__ import annotations

from collections.abc import Callable

from playing import seconds_for

from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionReconciliationAcknowledged,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)

BEGINNING: tuple[Event, ...] = (Authorize(), SessionResponseCreated("r"))


def one_after_the_other(count: int) -> list[Event]:
    """Return a speech of messages that are each played before the next is announced."""
    events = [*BEGINNING]
    for number in range(count):
        events += [*_announced(number), *_played(number)]
    return events


def all_at_once(count: int) -> list[Event]:
    """Return a speech whose messages have all arrived before the first is played."""
    announced = [event for number in range(count) for event in _announced(number)]
    return [*BEGINNING, *announced, SessionResponseEnded("r"), *(e for n in range(count) for e in _played(n))]


def announced_first(count: int) -> list[Event]:
    """Return a speech whose messages are all announced before the first has content."""
    added = [SessionMessageAdded("r", str(number)) for number in range(count)]
    content = [event for number in range(count) for event in _announced(number)[1:]]
    return [*BEGINNING, *added, *content]


def interrupted(count: int) -> list[Event]:
    """Return a speech that is interrupted before anything was played; the server confirms each removal."""
    announced = [event for number in range(count) for event in _announced(number)]
    confirmed = [SessionReconciliationAcknowledged("remove", str(number)) for number in range(count)]
    return [*BEGINNING, *announced, Interrupt(), *confirmed, SessionResponseEnded("r", "cancelled")]


def text(count: int) -> list[Event]:
    """Return a message of so many pieces of transcript."""
    return [*BEGINNING, SessionMessageAdded("r", "0"), *([SessionTextReceived("0", "some words ")] * count)]


def _announced(number: int) -> list[Event]:
    message_id = str(number)
    return [
        SessionMessageAdded("r", message_id),
        SessionTextReceived(message_id, "Hello."),
        SessionAudioReceived(message_id, 500),
    ]


def _played(number: int) -> list[Event]:
    message_id = str(number)
    return [OutputAudioHandedOver(message_id, 500), OutputPlaybackFinished(message_id, 500)]


def main() -> None:
    """Print a line for each size."""
    kinds: list[tuple[Callable[[int], list[Event]], tuple[int, ...]]] = [
        (one_after_the_other, (3, 100, 1000)),
        (all_at_once, (3, 100, 1000)),
        (announced_first, (3, 100, 1000)),
        (interrupted, (3, 100, 1000)),
        (text, (100, 5000, 50_000)),
    ]
    for make, sizes in kinds:
        smallest = 0.0
        for size in sizes:
            events = make(size)
            cost = seconds_for(SpeechMachine, events) / len(events) * 1e9
            smallest = smallest or cost
            print(f"{make.__name__:20} {size:6}  {cost:8.0f} ns per event  {cost / smallest:6.2f} times the smallest")


if __name__ == "__main__":
    main()
