"""Random speeches for the onlooker: up to fifty messages, in any order, with numbers at their worst."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from onlooker import Onlooker
from possible_events import TIMERS, dubious_events, hostile_events, plausible_events, rare_events

from speech_lifecycle.fsm import Capabilities, Policy, Speech
from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
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
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.values import LARGEST

Choose = Callable[[Sequence[Any]], Any]
"""Takes one of several: `random.Random(seed).choice`, or a draw of hypothesis."""

HOSTILE = hostile_events()
MANY = 50
"""Messages of a long speech."""

POSITIONS: tuple[float | None, ...] = (
    float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 5e-324, -5e-324, 0.999, 1 - 2**-53, 1e308, 10**400, 2**63,
    2**53 + 1, -(2**63), -1, 0, 1, 99.99999, None,
)  # fmt: skip
"""What outputs may call a position. Integers may be too big for a float."""
AMOUNTS = (0, 1, -1, 2**31, LARGEST, LARGEST + 1, 10**400, -(10**400))
"""What may be called a total of milliseconds, rightly or wrongly."""
DELAYS = (0, 1, LARGEST)


def worst_events(speech: Speech, choose: Choose) -> list[Event]:
    """Facts about one of the messages there are, with numbers at their worst; amounts of audio grow for ever."""
    message = choose(list(speech.messages.values()))
    message_id, position_ms, amount = message.message_id, choose(POSITIONS), choose(AMOUNTS)
    return [
        SessionAudioReceived(message_id, amount),
        OutputAudioHandedOver(message_id, amount),
        OutputAudioHandedOver(message_id, message.received_ms),
        OutputPlaybackProgressed(message_id, position_ms),
        OutputPlaybackFinished(message_id, position_ms),
        OutputPlaybackFinished(message_id, position_ms, interrupted=True, transcript=choose(("", "word", None))),
    ]


def disordered_events(speech: Speech, choose: Choose) -> list[Event]:
    """Facts of every kind about any message, announced or not: late, early, twice, in the wrong order."""
    ids = [*speech.messages, f"m{len(speech.messages)}", "m0"]
    message_id = choose(ids)
    operation = choose(("truncate", "replace", "remove"))
    return [
        SessionMessageAdded("r", message_id, choose((("audio",), ("text",), (), ("audio", "text")))),
        SessionTextReceived(message_id, choose(("", "word ", "\U0001f600", "\x00"))),
        SessionMessageEnded(message_id),
        OutputPlaybackStarted(message_id),
        OutputFailed(message_id),
        SessionReconciliationAcknowledged(operation, message_id),
        SessionReconciliationRefused(operation, message_id, choose(("already_shorter", "unknown_message", "other"))),
        TimerFired(choose(TIMERS)),
        SessionResponseCreated(choose(("r", "other"))),
        SessionItemAdded(choose(("r", "other"))),
        SessionResponseProgressed(choose(("r", "other"))),
        SessionResponseEnded(choose(("r", "other")), choose(("completed", "cancelled", "failed", "incomplete"))),
        choose((Authorize(), Interrupt(), Pause(), Resume(), Close(), Interrupt(force=True))),
        SessionLost(),
    ]


def steady_events(speech: Speech, choose: Choose) -> list[Event]:
    """What brings a long speech forward: nobody stops, holds or ends it before its last message is announced."""
    stopping = Interrupt | Pause | OutputFailed | TimerFired
    if len(speech.messages) < MANY:
        stopping |= SessionResponseEnded
    return [event for event in plausible_events(speech, MANY) if not isinstance(event, stopping)]


def next_event(kind: str, speech: Speech, choose: Choose, messages: int = 8) -> Event:
    """Return what comes next, of one kind."""
    events: list[Event] = []
    if kind == "ending":
        events = rare_events()
    elif kind == "hostile":
        events = HOSTILE
    elif kind == "disordered":
        events = disordered_events(speech, choose)
    elif kind == "steady":
        events = steady_events(speech, choose)
    elif kind == "dubious":
        events = dubious_events(speech)
    elif kind == "worst" and speech.messages:
        events = worst_events(speech, choose)
    return choose(events or plausible_events(speech, messages))


def some_options(source: random.Random) -> tuple[Capabilities, Policy]:
    capabilities = Capabilities(*(source.random() < 0.75 for _ in Capabilities.__struct_fields__))
    delays = [source.choice(DELAYS) for _ in range(4)] if source.random() < 0.3 else []
    policy = Policy(source.random() < 0.8, source.random() < 0.5, source.choice((0, 20)), *delays)
    return capabilities, policy


USUAL = ("plausible",) * 40 + ("dubious",) * 15 + ("hostile",) * 4 + ("ending",)
MIXTURES = (
    ("plausible",),
    ("plausible",) * 60 + ("ending",),
    ("plausible",) * 3 + ("dubious",),
    ("plausible",) * 8 + ("worst",) * 2 + ("disordered",),
    ("plausible",) * 2 + ("disordered",),
    USUAL,
    USUAL + ("hostile",) * 9,
)


def walk(seed: int, length: int = 120) -> Onlooker:
    """A speech of a few messages, of which half are stopped early."""
    source = random.Random(seed)
    onlooker = Onlooker(*some_options(source), both_engines=seed % 10 == 0)
    kinds = source.choice(MIXTURES)
    left = length
    while left > 0:
        onlooker.send(next_event(source.choice(kinds), onlooker.machine.speech, source.choice))
        # What comes after the end is answered in one way only.
        left -= length // 10 if onlooker.is_over else 1
    onlooker.end_by_timers_alone()
    return onlooker


def long_walk(seed: int) -> Onlooker:
    """A speech of fifty messages, of which many are played; disturbed by bad facts, and at last stopped somehow."""
    source = random.Random(seed)
    onlooker = Onlooker(*some_options(source), both_engines=seed % 4 == 0)
    onlooker.send(SessionResponseCreated("r"))
    onlooker.send(Authorize())
    speech, until = onlooker.machine.speech, source.randrange(20, MANY)
    kinds = source.choice((("steady",), ("steady",) * 12 + ("worst",), ("steady",) * 12 + ("disordered", "dubious")))
    for _ in range(1500):
        if onlooker.is_over or (len(speech.messages) == MANY and len(onlooker.records) >= until):
            break
        onlooker.send(next_event(source.choice(kinds), speech, source.choice))
    for _ in range(60):
        onlooker.send(next_event(source.choice(USUAL), speech, source.choice, MANY))
    onlooker.end_by_timers_alone()
    return onlooker
