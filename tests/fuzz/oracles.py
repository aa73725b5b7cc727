"""What every target holds its format to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TypeVar

from speech_lifecycle.fsm.trace import Trace
from speech_lifecycle.simulation.recording import Recording
from speech_lifecycle.simulation.replay import ReplayError, replay

T = TypeVar("T")

LONGEST_MESSAGE = 2_000
"""Characters. An error that repeats its input is no help."""


def load_or_refuse(load: Callable[[], T], refusal: type[ValueError], *named: str) -> T | None:
    """Load; None if it was refused by the declared error, in words that a person can use."""
    try:
        return load()
    except refusal as error:
        assert type(error) is refusal, f"{type(error).__name__} is another error than the declared one"
        words = str(error)
        assert len(words) <= LONGEST_MESSAGE, f"an error of {len(words)} characters"
        for name in named:
            assert name in words, f"{name!r} is not named in {words!r}"
        return None


def dumps(data: object) -> str:
    """Strict JSON, that any other program reads: equal data, equal text."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False)
    text.encode()
    return text


def plays_or_is_refused(source: Recording | Trace) -> None:
    """What loads can be replayed, or is refused in words; nothing else comes of it."""
    replayed = load_or_refuse(lambda: asyncio.run(replay(source)), ReplayError)
    if replayed is not None:
        report = replayed.report
        told = {divergence.message_id for divergence in report.divergences}
        settled = [message.record.message_id for message in report.messages]
        assert len(settled) == len(set(settled)), f"settled twice: {settled}"
        assert told <= set(settled), "a divergence about a message without a record"
