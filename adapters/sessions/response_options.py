"""What a `response.create` may ask for: whatever the protocol has, with room for our own key in the metadata."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .client_event import as_sent

SPEECH_ID_KEY = "speech_id"
"""The key in a response's metadata that brings a speech's id there and back."""

_MOST_KEYS = 16
_LONGEST_KEY = 64
_LONGEST_VALUE = 512
"""What servers take of metadata: keys, and characters of each key and value."""


class ResponseOptionsError(SpeechLifecycleError, ValueError):
    """A response cannot be asked for so. The message names the option and says what is possible."""


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the options of a `response.create`, which no later change of them reaches.

    Raises:
        ResponseOptionsError: metadata that no server takes, or our own key in it; or the conversation is named, which
            `out_of_band` does.
        UnsendableEventError: JSON has no words for a value. The message names the field.
    """
    conversation = options.get("conversation", "auto")
    if conversation != "auto":
        raise ResponseOptionsError(
            f"conversation={reprlib.repr(conversation)}: say out_of_band=True for a response beside the conversation"
        )
    _check_metadata(options.get("metadata"))
    copy: dict[str, Any] = as_sent({"type": "response.create", "response": dict(options)})["response"]
    return copy


def _check_metadata(metadata: object) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, Mapping):
        raise ResponseOptionsError(f"metadata must be a mapping of text to text, not {type(metadata).__name__}")
    if len(metadata) > _MOST_KEYS - 1:
        raise ResponseOptionsError(
            f"metadata has {len(metadata)} keys; servers take {_MOST_KEYS}, and one is needed for {SPEECH_ID_KEY!r}"
        )
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ResponseOptionsError(
                f"metadata must map text to text, not {reprlib.repr(key)} to {type(value).__name__}"
            )
        if key == SPEECH_ID_KEY:
            raise ResponseOptionsError(f"metadata may not have the key {key!r}: it says which speech a response is for")
        if len(key) > _LONGEST_KEY:
            raise ResponseOptionsError(
                f"metadata key {reprlib.repr(key)} has {len(key)} characters, not {_LONGEST_KEY}"
            )
        if len(value) > _LONGEST_VALUE:
            raise ResponseOptionsError(f"metadata[{key!r}] has {len(value)} characters, and may have {_LONGEST_VALUE}")


def response_of(
    speech_id: str, options: Mapping[str, Any], *, is_out_of_band: bool, names_speech: bool
) -> dict[str, Any]:
    """Return the `response` of a `response.create`, made of checked options.

    Args:
        speech_id: the speech that plays it.
        options: what the agent asks for.
        is_out_of_band: whether it stands beside the conversation.
        names_speech: whether the server takes metadata that says which speech it is for.
    """
    response = dict(options)
    if is_out_of_band:
        response["conversation"] = "none"
    if names_speech:
        response["metadata"] = {**(response.get("metadata") or {}), SPEECH_ID_KEY: speech_id}
    return response
