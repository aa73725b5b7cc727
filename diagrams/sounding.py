"""When a message could be heard: from what its output said, and never more than its record says in the end."""

from __future__ import annotations

from dataclasses import replace

from speech_lifecycle.fsm.events import OutputPlaybackProgressed, OutputPlaybackStarted

from .call import CallMessage, Stretch


def begin_to_sound(message: CallMessage, event: OutputPlaybackStarted | OutputPlaybackProgressed, at_ms: int) -> None:
    """Take the output's first word of a message: a position says since when it has been heard."""
    if message.heard:
        return
    position_ms = event.position_ms if isinstance(event, OutputPlaybackProgressed) else 0
    # What is no number, or more than was handed over, is no evidence; the machine does not take it for one either.
    past_ms = min(int(position_ms), message.handed_over_ms) if position_ms and 0 < position_ms < float("inf") else 0
    message.heard.append(Stretch(at_ms - past_ms, 0))


def go_on_sounding(message: CallMessage, at_ms: int) -> None:
    """Take the end of a hold."""
    if message.heard and message.heard[-1].to_ms is not None:
        message.heard.append(Stretch(at_ms, heard_so_far(message, at_ms)))


def fall_silent(message: CallMessage, at_ms: int) -> None:
    """End what is being heard."""
    if message.heard and message.heard[-1].to_ms is None:
        message.heard[-1] = replace(message.heard[-1], to_ms=max(at_ms, message.heard[-1].from_ms))


def settle_sounding(message: CallMessage, heard_ms: int, at_ms: int) -> None:
    """Keep what the record says was heard: the last word of the output may come long after the last sound."""
    fall_silent(message, at_ms)
    if not message.heard and heard_ms:
        message.heard = [Stretch(at_ms - heard_ms, 0, at_ms)]
    kept: list[Stretch] = []
    for stretch in message.heard:
        to_ms = min(_end(stretch), stretch.from_ms + heard_ms - stretch.position_ms)
        if to_ms > stretch.from_ms:
            kept.append(replace(stretch, to_ms=to_ms))
    message.heard = kept


def heard_so_far(message: CallMessage, now_ms: int) -> int:
    """Return how much of a message has been heard, while it plays."""
    if not message.heard:
        return 0
    last = message.heard[-1]
    so_far_ms = last.position_ms + (now_ms if last.to_ms is None else last.to_ms) - last.from_ms
    return max(0, min(so_far_ms, message.handed_over_ms))


def instant_of(message: CallMessage, position_ms: float) -> float:
    """Return when a position of a message was heard; the nearest instant, if it was not. Some of it was heard."""
    for stretch in message.heard:
        if stretch.to_ms is None or position_ms <= stretch.position_ms + stretch.to_ms - stretch.from_ms:
            return stretch.from_ms + max(0.0, position_ms - stretch.position_ms)
    return _end(message.heard[-1])


def _end(stretch: Stretch) -> int:
    return stretch.from_ms if stretch.to_ms is None else stretch.to_ms
