"""Numbers at their worst, wherever an event, or a policy, has one; and ids that look like something else."""

from __future__ import annotations

import math
from collections.abc import Iterator

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.state import DEFAULT_CAPABILITIES
from speech_lifecycle.fsm.values import LARGEST, Policy

from ..vectors import Vector, record
from .stories.story import CANCELLED, Events, cut, removed, speaking, waiting

_POSITIONS = {
    "none": None,
    "nan": math.nan,
    "inf": math.inf,
    "minus_inf": -math.inf,
    "minus_1": -1.0,
    "minus_0": -0.0,
    "0": 0.0,
    "least": 5e-324,
    "0_999": 0.999,
    "1": 1.0,
    "1_999": 1.999,
    "979_999": 979.999,
    "980": 980.0,
    "999_999": 999.999,
    "1000_5": 1000.5,
    "largest": float(LARGEST),
    "beyond": float(LARGEST + 1),
    "1e300": 1e300,
}
_AMOUNTS = {"0": 0, "1": 1, "999": 999, "1000": 1000, "1001": 1001, "largest": LARGEST}
_TIMES = {"0": 0, "1": 1, "before": 4_999, "at": 5_000, "after": 5_001, "largest": LARGEST}
_IDS = {
    "numbers": ("10", "9", "1"),
    "what_objects_have": ("constructor", "__proto__", "toString"),
    "empty": ("", " ", "null"),
    "not_ascii": ("\u00e9", "e\u0301", "\U0001f600"),
    "quoted": ('"', "\\", "\n"),
}
_TIMERS = ev.TimerFired("stop"), ev.TimerFired("reconcile")


def number_vectors() -> Iterator[Vector]:
    """Yield the vectors, each about one number in one place."""
    for name, position_ms in _POSITIONS.items():
        for place, events in _with_position(position_ms).items():
            yield _vector(f"position-{place}-{name}", "7", events)
    for name, amount in _AMOUNTS.items():
        for place, events in _with_amount(amount).items():
            yield _vector(f"amount-{place}-{name}", "7", events)
    for name, time in _TIMES.items():
        for place, events in _with_time(time).items():
            yield _vector(f"time-{place}-{name}", "7", events)
    for ms in (0, LARGEST):
        yield _vector(f"policy-{ms}", "4", _ENDED, _policy(ms))
        yield _vector(f"policy-{ms}-stopped", "4", (*speaking("A"), ev.Interrupt(), *_TIMERS), _policy(ms))
    for name, ids in _IDS.items():
        yield _vector(
            f"ids-{name}", "5", (*speaking(*ids), ev.Interrupt(), cut(ids[0], 400), CANCELLED, *removed(*ids))
        )
    yield _vector("estimate-largest", "7", _estimated(LARGEST, LARGEST - 1), Policy(estimate_heard_text=True))
    yield _vector("estimate-1", "7", _estimated(1000, 1), Policy(estimate_heard_text=True))


def _vector(name: str, section: str, events: Events, policy: Policy | None = None) -> Vector:
    harm = "A number that no test has thought of stalls a turn, or cuts a message where nobody stopped it."
    return record(f"numbers-{name}", (section,), DEFAULT_CAPABILITIES, policy or Policy(), events, harm)


def _policy(ms: int) -> Policy:
    return Policy(
        frame_ms=ms,
        stall_timeout_ms=ms,
        playout_margin_ms=ms,
        stop_timeout_ms=ms,
        reconcile_timeout_ms=ms,
        resume_timeout_ms=ms,
    )


_ENDED = (*speaking("A", "B", ended=True), ev.TimerFired("playout"), cut("A", 500), *_TIMERS)


def _with_position(position_ms: float | None) -> dict[str, Events]:
    progressed = ev.OutputPlaybackProgressed("A", position_ms)
    return {
        "progress": (*waiting("A"), ev.OutputAudioHandedOver("A", 1000), progressed, ev.Interrupt(), cut("A", None)),
        "cut": (*speaking("A"), ev.Interrupt(), cut("A", position_ms), CANCELLED),
        "cut_after_progress": (
            *speaking("A"),
            ev.OutputPlaybackProgressed("A", 320),
            ev.Interrupt(),
            cut("A", position_ms),
            CANCELLED,
        ),
        "finish": (*speaking("A", ended=True), ev.OutputPlaybackFinished("A", position_ms)),
        "finish_after_a_clear": (
            *speaking("A", ended=True),
            ev.Interrupt(),
            ev.OutputPlaybackFinished("A", position_ms),
        ),
        "finish_with_a_time": (
            *waiting("A"),
            ev.OutputAudioHandedOver("A", 1000, observed_ms=0),
            ev.OutputPlaybackStarted("A", observed_ms=100),
            ev.Interrupt(observed_ms=600),
            ev.OutputPlaybackFinished("A", position_ms, interrupted=True, observed_ms=650),
        ),
    }


def _with_amount(amount: int) -> dict[str, Events]:
    return {
        "received": (*speaking("A"), ev.SessionAudioReceived("A", amount), ev.SessionResponseEnded("r")),
        "handed_over": (
            *waiting("A", ended=True),
            ev.OutputAudioHandedOver("A", 500),
            ev.OutputAudioHandedOver("A", amount),
            ev.OutputPlaybackProgressed("A", 400),
            ev.Interrupt(),
            cut("A", None),
        ),
    }


def _with_time(time: int) -> dict[str, Events]:
    begun = (*waiting("A"), ev.OutputAudioHandedOver("A", 1000, observed_ms=4_900))
    started = (*begun, ev.OutputPlaybackStarted("A", observed_ms=5_000))
    stop = ev.Interrupt(observed_ms=5_300)
    unknown = ev.OutputPlaybackFinished("A", None, interrupted=True, observed_ms=5_400)
    return {
        "start": (*begun, ev.OutputPlaybackStarted("A", observed_ms=time), stop, unknown),
        "stop": (*started, ev.Interrupt(observed_ms=time), unknown),
        "finish": (*started, stop, ev.OutputPlaybackFinished("A", None, interrupted=True, observed_ms=time)),
        "progress": (*started, ev.OutputPlaybackProgressed("A", 200, observed_ms=time), stop, unknown),
        "hold": (*started, ev.Pause(observed_ms=5_000), ev.Resume(observed_ms=time), stop, unknown),
    }


def _estimated(received_ms: int, heard_ms: int) -> Events:
    return (
        ev.SessionResponseCreated("r"),
        ev.SessionMessageAdded("r", "A"),
        ev.SessionTextReceived("A", "one two three four five six seven"),
        ev.SessionAudioReceived("A", received_ms),
        ev.Authorize(),
        ev.OutputAudioHandedOver("A", received_ms),
        ev.OutputPlaybackStarted("A"),
        ev.Interrupt(),
        cut("A", heard_ms),
        CANCELLED,
    )
