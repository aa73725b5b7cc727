"""The words of a message as they were heard, cut, or never heard, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from speech_lifecycle.fsm.message.evidence import heard_text
from speech_lifecycle.fsm.state import Message

from .call import CallMessage
from .sounding import heard_so_far, instant_of

Fate = Literal["heard", "cut", "unheard", "open"]
"""Heard as a whole, broken off within, never heard, or not known yet: the message has not ended."""

LONGEST_TEXT = 20_000
"""Characters of one message that are shown: fifteen minutes of speech."""
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
_WORD = re.compile(rf"(\s*)([{_CJK}][^\w\s]?|[^\s{_CJK}]{{1,40}})")
"""Where writing has no spaces, every character counts as a word; what has no end is broken."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a message."""

    text: str
    fate: Fate
    from_ms: float | None = None
    to_ms: float | None = None
    """When it was heard: an estimate, by the length of the words. None if it was not, or was only shown."""
    follows_space: bool = True


def words_of(message: CallMessage, now_ms: int) -> list[Word]:
    """Return the words of a message, as of now.

    The words that the record says were heard are heard, by their letters. If it does not know, the lifecycle's own
    estimate stands in. A word is cut if the heard text ends within it, or the audio does by the words' share of it.
    """
    found = [(bool(space), word) for space, word in _WORD.findall(message.text[:LONGEST_TEXT])]
    is_final = message.record is not None
    heard_ms = message.record.heard_ms if message.record is not None else heard_so_far(message, now_ms)
    heard, cut = _heard_and_cut(message, [word for _, word in found], heard_ms)
    lengths: dict[Fate, int] = {"heard": heard, "cut": cut, "unheard" if is_final else "open": len(found) - heard - cut}
    fates = [fate for fate, length in lengths.items() for _ in range(length)]
    timed = heard + cut if message.heard else 0
    weights = [len(word) + 1.0 for _, word in found[:timed]]
    if cut and timed:
        weights[-1] /= 2
    share = heard_ms / sum(weights) if weights else 0.0
    ends = [instant_of(message, total * share) for total in accumulate(weights, initial=0.0)] if timed else []
    return [
        Word(
            word,
            fate,
            ends[index] if index < timed else None,
            ends[index + 1] if index < timed else None,
            space or index == 0,
        )
        for index, ((space, word), fate) in enumerate(zip(found, fates, strict=True))
    ]


def _heard_and_cut(message: CallMessage, words: list[str], heard_ms: int) -> tuple[int, int]:
    """Return how many words were heard, and whether (0 or 1) the next one was broken off."""
    record = message.record
    if record is not None and record.state == "played":
        return len(words), 0
    text = record.heard_text if record is not None and record.heard_text_status != "unknown" else None
    if text is None:
        audio = Message(message.message_id, position_ms=heard_ms, received_ms=message.received_ms, text=message.text)
        text, _ = heard_text(audio, estimate=True)
    letters = len("".join(text.split()))
    for index, total in enumerate(accumulate(map(len, words))):
        if total > letters:
            is_within = letters > total - len(words[index])
            return index, int(record is not None and (is_within or _ends_within(message, index, len(words), heard_ms)))
    return len(words), 0


def _ends_within(message: CallMessage, index: int, count: int, heard_ms: int) -> bool:
    if not message.received_ms or not message.has_audio:
        return False
    return index < count * heard_ms / message.received_ms < index + 1
