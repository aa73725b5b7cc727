"""The one timer of a speech: it sees to it that nobody's silence keeps the agent "speaking" for ever (O1 to O3)."""

from __future__ import annotations

from ..effects import CancelTimer, StartTimer
from ..run import Run
from ..state import Message, Speech
from ..values import LARGEST, Timer


def start_timer(run: Run, speech: Speech, timer: Timer, delay_ms: int) -> None:
    """Start the timer, in place of the one that runs. A delay is at most 2^53 - 1, which all languages keep."""
    speech.timer = timer
    speech.has_progressed = False
    run.emit(StartTimer(timer, min(delay_ms, LARGEST), speech.speech_id))


def cancel_timer(run: Run, speech: Speech) -> None:
    """Stop the timer, if one runs."""
    if speech.timer is not None:
        run.emit(CancelTimer(speech.timer, speech.speech_id))
        speech.timer = None


def unplayed_ms(message: Message) -> int:
    """Return how much of the audio handed over is still to be played, by the last progress."""
    return message.handed_over_ms - message.position_ms
