"""What a replay needs of a trace: what came from the server and from the agent, and when. The rest is not kept."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.trace import ConversationStep, Record, Step

SESSION_FACTS = (
    ev.SessionResponseCreated,
    ev.SessionItemAdded,
    ev.SessionResponseProgressed,
    ev.SessionMessageAdded,
    ev.SessionTextReceived,
    ev.SessionMessageEnded,
    ev.SessionResponseEnded,
)
"""What a trace's server said by itself. Its answers are given anew."""
_COMMANDS = (ev.Interrupt, ev.Pause, ev.Resume, ev.Close)
_CONNECTION = (ev.SessionLost, ev.SessionResumed, ev.SessionAudioReceived)

_LONGEST_MESSAGE_MS = 600_000
"""Ten minutes: a message of a trace that says it is longer is a broken one, and would only fill the memory."""
_LATEST_MS = 86_400_000.0
"""A day: no trace is longer, and times far beyond it are too coarse to play by."""


class ReplayError(SpeechLifecycleError, ValueError):
    """A file cannot be replayed. The message names it and says why."""


class Happened(NamedTuple):
    """An event of a trace that is played once more."""

    at_ms: float
    speech: str
    event: ev.Event


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """The events of a trace that are played once more, in order of time."""

    events: tuple[Happened, ...]
    is_cut_off: bool = False
    """Whether the end of the file was broken off."""


def happened_in(records: Iterable[Record], name: str = "trace") -> tuple[Happened, ...]:
    """Return what is to be played of the records of a trace, which may be read while this goes on.

    Raises:
        ReplayError: a time or a length cannot be played.
    """
    found: list[Happened] = []
    steps = (record for record in records if isinstance(record, Step | ConversationStep))
    for number, step in enumerate(steps, 1):
        if not 0 <= step.at_ms <= _LATEST_MS:
            raise ReplayError(f"{name}, step {number}: field 'at_ms' is {step.at_ms}, expected 0 to {_LATEST_MS:.0f}")
        event = step.event
        if isinstance(event, ev.SessionAudioReceived) and event.received_ms > _LONGEST_MESSAGE_MS:
            raise ReplayError(
                f"{name}, step {number}: field 'event.received_ms' is more than the {_LONGEST_MESSAGE_MS} ms that a "
                "replayed message may have"
            )
        own = (*SESSION_FACTS, *_COMMANDS) if isinstance(step, Step) else ()
        if event is not None and isinstance(event, (*own, *_CONNECTION)):
            speech = sys.intern(step.speech) if isinstance(step, Step) else ""
            found.append(Happened(step.at_ms, speech, event))
    found.sort(key=lambda each: each.at_ms)
    return tuple(found)
