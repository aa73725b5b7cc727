"""The texts and modalities in the larger objects of a server: what its items and responses hold.

They come last and repeat what was streamed, so nothing in them is worth an error: what cannot be read is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speech_lifecycle.fsm.values import Modality

from .fields import MOST_PARTS, hint, sound


def words_of(part: Any) -> str:
    """Return the text of a content part, or the transcript of its audio; empty if there is none."""
    if not isinstance(part, Mapping):
        return ""
    words = part.get("transcript") or part.get("text")
    return sound(words) if isinstance(words, str) else ""


def parts_of(item: Any) -> dict[int, str]:
    """Return the texts of an item's content, by their index."""
    content = item.get("content") if isinstance(item, Mapping) else None
    parts = content if isinstance(content, list | tuple) else ()
    return {index: words for index, part in enumerate(parts[:MOST_PARTS]) if (words := words_of(part))}


def messages_in(output: Any) -> dict[str, dict[int, str]]:
    """Return the texts of the messages in the output of a response, by item id."""
    items = [item for item in (output if isinstance(output, list | tuple) else ()) if isinstance(item, Mapping)]
    return {
        item_id: parts_of(item) for item in items if item.get("type") == "message" and (item_id := hint(item, "id"))
    }


def modalities_of(response: Mapping[str, Any]) -> tuple[Modality, ...]:
    """Return what a response is said to have."""
    named = response.get("output_modalities") or response.get("modalities") or ("audio",)
    return ("text",) if isinstance(named, list | tuple) and "audio" not in named else ("audio",)
