"""What goes over the data channel between an output and its page, as JSON."""

from __future__ import annotations

import json
import reprlib
from typing import Annotated

import msgspec

from speech_lifecycle.fsm.errors import SpeechLifecycleError

_Timestamp = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class PageFrameError(SpeechLifecycleError, ValueError):
    """A page sent what no page of ours sends. The message says what."""


class Heard(msgspec.Struct, frozen=True, tag="heard", tag_field="event"):
    """What was sent before this RTP timestamp has left the loudspeaker."""

    timestamp: _Timestamp


class Muted(msgspec.Struct, frozen=True, tag="muted", tag_field="event"):
    """The page has fallen silent; what was sent before this RTP timestamp was heard, or will be. None: nothing was."""

    number: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    timestamp: _Timestamp | None = None


PageFact = Heard | Muted

_decoder: msgspec.json.Decoder[PageFact] = msgspec.json.Decoder(PageFact)


def read_fact(frame: object) -> PageFact:
    """Return what a page says.

    Raises:
        PageFrameError: it says nothing that can be understood.
    """
    if not isinstance(frame, str):
        raise PageFrameError(f"a page sent {reprlib.repr(frame)}, and no text")
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PageFrameError(f"a page sent {reprlib.repr(frame)}: {error}") from None


def mute_frame(number: int, until: int) -> str:
    """Return what has a page fall silent until it comes to this RTP timestamp."""
    return json.dumps({"do": "mute", "number": number, "until": until})
