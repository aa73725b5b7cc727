"""How much of a message was heard: the one place that decides it (spec, section 7; field bugs T3 to T14).

Only the output's own reports count, and only those about this message. Time bounds them, and stands in for one that is
missing: nobody can have heard more than the time since playback began, without the holds.
"""

from __future__ import annotations

import math

from ..events import Event, OutputPlaybackFinished, OutputPlaybackProgressed
from ..state import Message, Speech
from ..values import HeardMsStatus, HeardTextStatus

_INFINITE = math.inf

_SHORTEST_WORD_MS = 200
"""On average, no voice takes less for a word: 300 words a minute.

People converse with 150 to 200; OpenAI's voices speak at most 1.5 times as fast as usual.
"""


def is_usable(event: OutputPlaybackProgressed | OutputPlaybackFinished) -> bool:
    """Whether the position of a report is evidence: there is one, finite and not negative (T12, T13)."""
    return event.position_ms is not None and 0 <= event.position_ms < _INFINITE


def clamped_ms(position_ms: float, handed_over_ms: int) -> int:
    """Return a usable position in whole milliseconds, and no more than what was handed over."""
    return int(position_ms) if position_ms < handed_over_ms else handed_over_ms


def usable_position_ms(event: OutputPlaybackProgressed | OutputPlaybackFinished, handed_over_ms: int) -> int | None:
    """Return the position of a report in whole milliseconds, clamped to what was handed over; None if it is none."""
    if event.position_ms is None or not is_usable(event):
        return None
    return clamped_ms(event.position_ms, handed_over_ms)


# Time


def playing_ms(speech: Speech, observed_ms: int) -> int:
    """Return a time without the holds before it: it stands still while the playback is held."""
    held_since_ms = speech.held_since_ms
    until_ms = observed_ms if held_since_ms is None else min(observed_ms, held_since_ms)
    return until_ms - speech.held_ms


def most_ms(message: Message, at_ms: int) -> int:
    """Return the most of a message that can have been heard by a time, as far as times are known."""
    if message.most_at_ms is None:
        return message.handed_over_ms
    return min(message.most_ms + between(message.most_at_ms, at_ms), message.handed_over_ms)


def between(from_ms: int, to_ms: int) -> int:
    """Return how much later the second time is."""
    return to_ms - from_ms if to_ms > from_ms else 0


def bound_by_handover(speech: Speech, message: Message, observed_ms: int) -> None:
    """Remember that nothing but what was handed over before can have been heard by now."""
    at_ms = playing_ms(speech, observed_ms)
    message.most_ms = most_ms(message, at_ms)
    message.most_at_ms = at_ms


def bound_by_start(speech: Speech, message: Message, observed_ms: int) -> None:
    """Remember that nothing was heard before now, unless a start is reported late, after progress."""
    if message.position_ms == 0:
        message.most_ms = 0
        message.most_at_ms = playing_ms(speech, observed_ms)


def note_stop(speech: Speech, observed_ms: int) -> None:
    """Remember when the output was told to stop."""
    speech.stopped_at_ms = playing_ms(speech, observed_ms)


def _reckoned(message: Message, at_ms: int | None) -> tuple[int, HeardMsStatus]:
    """Return how far the output got by a time, if it has played since its last report; without times, that report."""
    last_ms = message.position_ms
    if at_ms is None or message.most_at_ms is None:
        return last_ms, "reported" if last_ms > 0 else "estimated"
    if message.position_at_ms is None:
        return most_ms(message, at_ms), "estimated"
    # What it still played after it was told to stop counts, if it says so.
    since_ms = between(message.position_at_ms, at_ms)
    return min(last_ms + since_ms, most_ms(message, message.position_at_ms + since_ms)), "estimated"


def _has_just_begun(speech: Speech, message: Message, at_ms: int | None) -> bool:
    """Return whether the output can still be at the beginning, give or take two frames: who has begun does not stay."""
    if message.position_ms > 0:
        return False
    if not message.has_started or at_ms is None or message.most_at_ms is None:
        return True
    return most_ms(message, at_ms) <= 2 * speech.policy.frame_ms


# Positions


def position(speech: Speech, message: Message, event: Event | None) -> tuple[int, HeardMsStatus]:
    """Return how far the output got, `event` included, and how that is known.

    A report without a usable position, or at 0 after progress had been reported, is a gap (T14); one where the output
    cannot be by now, further than time allows or still at 0, is none. Time stands in then, or without times the last
    progress. But an output that measures nothing is taken at its word that it played out what was flushed, as far as
    time allows.
    """
    at_ms = speech.stopped_at_ms
    if isinstance(event, OutputPlaybackFinished):
        reported_ms = usable_position_ms(event, message.handed_over_ms)
        if reported_ms is None and not event.interrupted and message.flushed_ms > 0:
            reported_ms = message.flushed_ms
        now_ms = None
        is_possible = True
        if event.observed_ms is not None:
            now_ms = playing_ms(speech, event.observed_ms)
            is_possible = reported_ms is None or reported_ms <= most_ms(message, now_ms) + 2 * speech.policy.frame_ms
            at_ms = now_ms if at_ms is None else at_ms
        if not is_possible:
            return _reckoned(message, at_ms)
        if reported_ms is not None and (reported_ms > 0 or _has_just_begun(speech, message, now_ms)):
            return reported_ms, "reported"
    if message.has_started or message.position_ms > 0:
        return _reckoned(message, at_ms)
    return 0, "reported"


def position_ms(speech: Speech, message: Message, event: Event | None) -> int:
    """Return how far the output got, `event` included."""
    at_ms, _ = position(speech, message, event)
    return at_ms


def is_heard(speech: Speech, message: Message, event: Event | None) -> bool:
    """Whether anything of the message reached the user: playback started, or its position is above 0 (H5).

    Of a text, whether it was shown.
    """
    if not message.expects_audio:
        return bool(message.text) and speech.capabilities.shows_text
    if isinstance(event, OutputPlaybackProgressed):
        return (
            message.has_started
            or message.position_ms > 0
            or (usable_position_ms(event, message.handed_over_ms) or 0) > 0
        )
    return message.has_started or position_ms(speech, message, event) > 0


def is_heard_to_the_end(speech: Speech, message: Message, event: Event | None) -> bool:
    """Whether all of the message was handed over, and the position is within one frame of its end."""
    return (
        message.source_has_ended
        and 0 < message.received_ms == message.handed_over_ms
        and position_ms(speech, message, event) >= message.handed_over_ms - speech.policy.frame_ms
        and is_heard(speech, message, event)
    )


# Text


def heard_text(message: Message, estimate: bool) -> tuple[str, HeardTextStatus]:
    """Return what was heard of a partial message, as text, and how it is known."""
    if not message.expects_audio:
        return (message.text if message.shown_text is None else message.shown_text), "exact"
    if message.transcript is not None:
        return message.transcript, "synchronized"
    if estimate:
        return _word_prefix(message), "estimated"
    return "", "unknown"


def _word_prefix(message: Message) -> str:
    """Return the leading words of the text, in proportion to the audio that was heard.

    A transcript that runs ahead of the audio is of more audio than was received: of as much as its words take at least.
    """
    words = message.text.split()
    spoken_ms = len(words) * _SHORTEST_WORD_MS
    length_ms = message.received_ms if message.received_ms > spoken_ms else spoken_ms
    heard_words = len(words) * message.position_ms // length_ms if length_ms > 0 else 0
    return " ".join(words[:heard_words])
