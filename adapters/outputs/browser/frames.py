"""What goes over the WebSocket between an output and its page.

To the page: audio as a binary frame, the number of its message (32 bits, little-endian) and then 16-bit PCM; the rest
as JSON objects whose `do` says what. From the page: the microphone's PCM as binary frames, and JSON objects whose
`event` says what has happened.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from speech_lifecycle.fsm.errors import SpeechLifecycleError

from ...whole_samples import SAMPLE_BYTES

NUMBER_BYTES = 4
AUDIO_FRAME_BYTES = 16_384
"""The audio in one frame: a third of a second at 24 kHz. What is cut waits for no more than this to be sent."""
MAX_FRAME_BYTES = 65_536
"""What a page may send at once."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class PageFrameError(SpeechLifecycleError, ValueError):
    """A page sent what no page of ours sends. The message says what."""


class Heard(msgspec.Struct, frozen=True, tag="heard", tag_field="event"):
    """So many samples of a message have been heard: rendered, and the audio system's latency ago."""

    message: _Count
    samples: _Count


class Cut(msgspec.Struct, frozen=True, tag="cut", tag_field="event"):
    """A message was cut, and so much of it was heard; no more will be."""

    message: _Count
    samples: _Count


class AudioState(msgspec.Struct, frozen=True, tag="state", tag_field="event"):
    """Whether the page's audio runs. It does when the user has clicked, and the system lets it."""

    state: Literal["running", "suspended", "interrupted", "closed"]


class Microphone(msgspec.Struct, frozen=True, tag="microphone", tag_field="event"):
    """The user lets the page listen, at this rate."""

    rate: Annotated[int, msgspec.Meta(ge=8_000, le=192_000)]


class Asked(msgspec.Struct, frozen=True, tag="asked", tag_field="event"):
    """Something that the embedder's own page asks of the embedder's own code."""

    what: dict[str, Any]


PageFact = Heard | Cut | AudioState | Microphone | Asked

_decoder: msgspec.json.Decoder[PageFact] = msgspec.json.Decoder(PageFact)


def read_fact(frame: str) -> PageFact:
    """Return what a text frame of a page says.

    Raises:
        PageFrameError: it says nothing that can be understood.
    """
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PageFrameError(f"a page sent {reprlib.repr(frame)}: {error}") from None


def microphone_audio(frame: bytes) -> bytes:
    """Return the PCM in a binary frame of a page.

    Raises:
        PageFrameError: it ends in the middle of a sample.
    """
    if len(frame) % SAMPLE_BYTES:
        raise PageFrameError(f"a page sent {len(frame)} bytes of sound, which are no whole samples")
    return frame


def audio_frame(number: int, pcm: bytes) -> bytes:
    """Return a frame with audio of a message."""
    return number.to_bytes(NUMBER_BYTES, "little") + pcm


def command_frame(what: str, **values: int | str | Mapping[str, Any]) -> str:
    """Return a frame that tells the page to do something."""
    return json.dumps({"do": what, **values})
