"""The server events that come most, decoded in one go with their base64: pieces of audio and of text.

They are nearly all that a server sends. Only what is right in every field is decoded here; whatever else a frame
holds, a broken delta too, is left to the general way, which names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeAlias, Union

import msgspec

from .fields import MOST_PARTS

ContentIndex: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=MOST_PARTS)]


class _Delta(msgspec.Struct, frozen=True, gc=False):
    item_id: str
    response_id: str | None = None
    content_index: ContentIndex | None = None

    @property
    def name(self) -> str:
        """The name of the event."""
        return str(self.__struct_config__.tag)


class AudioDelta(_Delta, frozen=True, gc=False, kw_only=True):
    """A piece of a message's audio."""

    delta: bytes


class TextDelta(_Delta, frozen=True, gc=False, kw_only=True):
    """A piece of a message's text, or of the transcript of its audio."""

    delta: str


Delta: TypeAlias = AudioDelta | TextDelta


def delta_decoder(audio_names: Iterable[str], text_names: Iterable[str]) -> Callable[[bytes], Delta | None]:
    """Return what decodes a frame that is a delta, and returns None for any other.

    Args:
        audio_names: what `type` says in deltas of audio.
        text_names: the same of text.
    """
    deltas: list[Any] = [
        msgspec.defstruct(kind.__name__, [], bases=(kind,), tag_field="type", tag=name, frozen=True, gc=False)
        for kind, names in ((AudioDelta, audio_names), (TextDelta, text_names))
        for name in names
    ]
    decode = msgspec.json.Decoder(Union[tuple(deltas)]).decode  # noqa: UP007 - made at run time

    def delta_in(frame: bytes) -> Delta | None:
        try:
            found: Delta = decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return found

    return delta_in
