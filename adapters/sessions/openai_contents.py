"""The texts and modalities in the larger objects of a server: what its items and responses hold.

They come last and repeat what was streamed, so nothing in them is worth an error: what cannot be read is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speech_lifecycle.fsm.values import Modality

from .fields import MOST_PARTS, hint, sound


def words_of(part: Any) -> str:
    """Return the text of a content part, or the transcript of its audio; empty if there is none."""
    if not isinstance(part, Mapping):
        return ""
    words = part.get("transcript") or part.get("text")
    return sound(words) if isinstance(words, str) else ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an item has."""

    texts: Mapping[int, str]
    """Those of its parts that have any, by their index."""
    modalities: tuple[Modality, ...] | None
    """What its parts are; None if it has none that is known."""


def contents_of(item: Any) -> Contents:
    """Return what an item has."""
    content = item.get("content") if isinstance(item, Mapping) else None
    parts = content[:MOST_PARTS] if isinstance(content, list | tuple) else ()
    texts = {index: words for index, part in enumerate(parts) if (words := words_of(part))}
    found = [modalities for part in parts if (modalities := modalities_in(part))]
    return Contents(texts, ("audio",) if ("audio",) in found else found[0] if found else None)


def modalities_in(part: Any) -> tuple[Modality, ...] | None:
    """Return what a content part is; None if it is not known."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("text", "output_text"):
        return ("text",)
    return ("audio",) if kind in ("audio", "output_audio") else None


def messages_in(output: Any) -> dict[str, Contents]:
    """Return what the messages in the output of a response have, by item id."""
    items = [item for item in (output if isinstance(output, list | tuple) else ()) if isinstance(item, Mapping)]
    return {
        item_id: contents_of(item) for item in items if item.get("type") == "message" and (item_id := hint(item, "id"))
    }


def modalities_of(response: Mapping[str, Any]) -> tuple[Modality, ...] | None:
    """Return what a response is said to have; None if that is not said."""
    named = response.get("output_modalities") or response.get("modalities")
    if not isinstance(named, list | tuple):
        return None
    return ("audio",) if "audio" in named else ("text",) if "text" in named else None
