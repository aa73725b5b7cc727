"""What a field of an event on the wire says, read without trust and without the adapters' code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PCM_BYTES_PER_S = 48_000
"""Of the format that holds if none is said: 24,000 samples of two bytes."""
_G711_BYTES_PER_S = 8_000
_RATE = re.compile(r"\d{4,6}")
_BASE64 = re.compile(r"(?P<digits>[A-Za-z0-9+/_-]*)=?=?", re.ASCII)


def text_in(event: Mapping[str, Any], *path: str) -> str | None:
    """Return the text that stands there; None if none does."""
    found: Any = event
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found if isinstance(found, str) else None


def index_in(*events: Mapping[str, Any]) -> int | None:
    """Return which part of a message they are about; None if none of them says it."""
    found = (event.get("content_index") for event in events)
    return next((index for index in found if isinstance(index, int)), None)


def content_index(event: Mapping[str, Any]) -> int:
    """Return which part of a message it is about: the first, if it does not say it."""
    return index_in(event) or 0


def sound(words: str) -> str:
    """Return a text with U+FFFD in the place of halves of surrogate pairs, which no file could hold."""
    return words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def present_name(name: str) -> str:
    """Return what an event is called now: older servers say less."""
    for older, now in (
        ("response.audio", "response.output_audio"),
        ("response.text.", "response.output_text."),
        ("conversation.item.created", "conversation.item.added"),
    ):
        if name.startswith(older):
            return now + name[len(older) :]
    return name


def bytes_per_s(session: Mapping[str, Any]) -> int | None:
    """Return how many bytes a second of the server's audio has; None if the session does not say.

    Servers name formats by an object, a MIME type or a word: `audio/pcm`, `audio/pcm;rate=16000`, `pcm16_16000hz`,
    `audio/pcmu`, `g711_alaw`.
    """
    audio = session.get("audio")
    output = audio.get("output") if isinstance(audio, Mapping) else None
    said = output.get("format") if isinstance(output, Mapping) else session.get("output_audio_format")
    name, rate = (said.get("type"), said.get("rate")) if isinstance(said, Mapping) else (said, None)
    if not isinstance(name, str):
        return None
    if "law" in name or name.startswith(("audio/pcmu", "audio/pcma")):
        return _G711_BYTES_PER_S
    if "pcm" not in name:
        return None
    within = _RATE.search(name)
    if within is not None:
        rate = int(within.group())
    return 2 * rate if isinstance(rate, int) and rate > 0 else PCM_BYTES_PER_S


def bytes_in_base64(encoded: str) -> int | None:
    """Return how many bytes a text in base64 stands for, in either alphabet and however it is broken and padded."""
    found = _BASE64.fullmatch("".join(encoded.split()))
    digits = 0 if found is None else len(found["digits"])
    return None if found is None or digits % 4 == 1 else digits * 3 // 4
