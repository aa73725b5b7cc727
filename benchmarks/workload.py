"""What every subject plays: four speeches, of which the last is interrupted.

Each has 20 events and three messages, and makes 24 effects; a guard is asked for nearly every event. The events are
made once and shared, so what is measured is the handling of events, not their making.
"""

from __future__ import annotations

from typing import Any

from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionReconciliationAcknowledged,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)

_BEGINNING: tuple[Event, ...] = (
    Authorize(),
    SessionResponseCreated("response"),
    SessionMessageAdded("response", "preamble"),
    SessionTextReceived("preamble", "Let me check."),
    SessionAudioReceived("preamble", 600),
    OutputAudioHandedOver("preamble", 600),
    OutputPlaybackStarted("preamble"),
    SessionMessageAdded("response", "answer"),
    SessionAudioReceived("answer", 1000),
    OutputPlaybackFinished("preamble", 600),
    OutputAudioHandedOver("answer", 1000),
    OutputPlaybackStarted("answer"),
    SessionMessageAdded("response", "question"),
    SessionAudioReceived("question", 1000),
    SessionResponseEnded("response"),
    OutputPlaybackProgressed("answer", 300.0),
)
COMPLETED: tuple[Event, ...] = (
    *_BEGINNING,
    OutputPlaybackFinished("answer", 1000.0),
    OutputAudioHandedOver("question", 1000),
    OutputPlaybackStarted("question"),
    OutputPlaybackFinished("question", 1000.0),
)
"""All three messages are played."""
INTERRUPTED: tuple[Event, ...] = (
    *_BEGINNING,
    Interrupt(),
    OutputPlaybackFinished("answer", 450.0, interrupted=True, transcript="It is"),
    SessionReconciliationAcknowledged("truncate", "answer"),
    SessionReconciliationAcknowledged("remove", "question"),
)
"""The first message is played, the second cut, the third never heard."""
SPEECHES = (COMPLETED, COMPLETED, COMPLETED, INTERRUPTED)
EVENTS_PER_SPEECH = len(COMPLETED)


def as_json() -> list[list[dict[str, Any]]]:
    """Return the speeches for Node."""
    return [[EVENTS.dump(event) for event in speech] for speech in SPEECHES]
