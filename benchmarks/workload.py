"""What every subject plays: four speeches, of which the last is interrupted.

Each has 20 events and three messages, and makes 24 effects; a guard is asked for nearly every event. The events are
made once and shared, so what is measured is the handling of events, not their making.
"""

from __future__ import annotations

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

IDLE: tuple[Event, ...] = (
    Authorize(),
    SessionResponseCreated("response"),
    SessionMessageAdded("response", "preamble"),
    SessionMessageAdded("response", "answer"),
)
"""A speech with two messages that has nothing to play yet."""
