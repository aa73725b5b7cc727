"""Prints what an event costs through a ConversationMachine, beside a bare SpeechMachine in the same run.

`python benchmarks/conversation.py`: a minute of speech as it arrives and plays, the short speeches of the workload,
many requests that end at a barge-in, and what an idle conversation holds.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

from playing import seconds_for
from workload import SPEECHES

from speech_lifecycle.fsm import ConversationMachine, SpeechMachine
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    RequestResponse,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    UserStartedSpeaking,
)


def a_minute() -> list[Event]:
    """Return a minute of speech: audio and transcript in pieces of 100 ms, a report of progress for each."""
    events: list[Event] = [Authorize(), SessionResponseCreated("r"), SessionMessageAdded("r", "m")]
    for ms in range(100, 60_001, 100):
        events += [SessionTextReceived("m", "word "), SessionAudioReceived("m", ms), OutputAudioHandedOver("m", ms)]
        if ms == 100:
            events.append(OutputPlaybackStarted("m"))
        events.append(OutputPlaybackProgressed("m", ms / 2))
    events.append(SessionResponseEnded("r"))
    events += [OutputPlaybackProgressed("m", ms) for ms in range(30_100, 60_001, 100)]
    return [*events, OutputPlaybackFinished("m", 60_000)]


def in_a_conversation(events: Sequence[Event]) -> list[Event]:
    """Return the same with a speech that the conversation begins and authorizes."""
    adapted: list[Event] = []
    for event in events:
        if isinstance(event, SessionResponseCreated):
            adapted.append(SessionResponseCreated(event.response_id, new_speech_id="s"))
        elif not isinstance(event, Authorize):
            adapted.append(event)
    return adapted


def requests_and_a_barge_in(count: int) -> list[Event]:
    """Return so many requests, and a user who interrupts them all."""
    return [*(RequestResponse(str(number)) for number in range(count)), UserStartedSpeaking()]


def main() -> None:
    """Print a line for each."""
    workloads = {"a minute of speech": [a_minute()], "short speeches": [list(events) for events in SPEECHES]}
    for name, speeches in workloads.items():
        bare = sum(seconds_for(SpeechMachine, events) for events in speeches)
        count = sum(map(len, speeches))
        through = sum(seconds_for(ConversationMachine, in_a_conversation(events)) for events in speeches)
        print(
            f"{name:28} {bare / count * 1e9:6.0f} ns per event bare, {through / bare:.2f} times that in a conversation"
        )
    smallest = 0.0
    for number in (250, 4_000):
        cost = seconds_for(ConversationMachine, requests_and_a_barge_in(number)) / number
        smallest = smallest or cost
        print(
            f"{number:5} requests, then a barge-in: {cost * 1e6:.1f} us each, {cost / smallest:.2f} times the smallest"
        )
    tracemalloc.start()
    kept = [ConversationMachine() for _ in range(1000)]
    print(f"an idle conversation holds {tracemalloc.get_traced_memory()[0] // len(kept)} bytes")


if __name__ == "__main__":
    main()
