"""How much of a message was heard: the one place that decides it (spec, section 7; field bugs T3 to T14).

Only the output's own reports count, and only those about this message.
"""

from __future__ import annotations

import math

from ..events import Event, OutputPlaybackFinished, OutputPlaybackProgressed
from ..state import Message
from ..values import HeardTextStatus

_INFINITE = math.inf
_REPORTS = (OutputPlaybackProgressed, OutputPlaybackFinished)


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


def position_ms(message: Message, event: Event | None) -> int:
    """Return how far the output got, `event` included.

    A report without a usable position, or at 0 after progress had been reported, is a gap: the last progress
    counts (T14). But an output that measures nothing is taken at its word that it played out what was flushed.
    """
    if not isinstance(event, _REPORTS):
        return message.position_ms
    reported_ms = usable_position_ms(event, message.handed_over_ms)
    if reported_ms is None and isinstance(event, OutputPlaybackFinished) and not event.interrupted:
        reported_ms = message.flushed_ms
    return reported_ms or message.position_ms


def is_heard(message: Message, event: Event | None) -> bool:
    """Whether anything of the message reached the listener: playback started, or its position is above 0 (H5)."""
    if message.expects_audio:
        return message.has_started or position_ms(message, event) > 0
    return bool(message.text)


def is_heard_to_the_end(message: Message, event: Event | None, frame_ms: int) -> bool:
    """Whether all of the message was handed over, and the position is within one frame of its end."""
    return (
        message.source_has_ended
        and 0 < message.received_ms == message.handed_over_ms
        and position_ms(message, event) >= message.handed_over_ms - frame_ms
        and is_heard(message, event)
    )


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
    """Return the leading words of the text, in proportion to the audio that was heard."""
    words = message.text.split()
    heard_words = len(words) * message.position_ms // message.received_ms if message.received_ms else 0
    return " ".join(words[:heard_words])
