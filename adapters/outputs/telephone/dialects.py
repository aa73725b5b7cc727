"""What telephone carriers say and understand on a WebSocket media stream: one table, a row each.

Sources: the carriers' own pages on their streams (Twilio "Media Streams WebSocket messages", Exotel "Working with the
Stream and Voicebot Applet", Telnyx "Media Streaming over WebSockets", Plivo "Audio Streaming", Vonage "WebSockets").
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from speech_lifecycle.fsm.errors import SpeechLifecycleError

Encoding = Literal["mulaw", "l16"]
Path = tuple[str, ...]

_ENCODINGS: dict[str, Encoding] = {
    "audio/x-mulaw": "mulaw",
    "mulaw": "mulaw",
    "pcmu": "mulaw",
    "audio/x-l16": "l16",
    "audio/l16": "l16",
    "l16": "l16",
    "raw/slin": "l16",
    "base64": "l16",  # what Exotel calls its linear audio in the start event
}
STREAM, PAYLOAD, NAME, TYPE, RATE = "{stream}", "{payload}", "{name}", "{type}", "{rate}"
"""What is filled in."""


class CarrierFrameError(SpeechLifecycleError, ValueError):
    """A frame from the carrier that cannot be read."""


@dataclass(frozen=True)
class MediaFormat:
    """How audio stands on the wire."""

    encoding: Encoding
    rate: int

    @property
    def bytes_per_sample(self) -> int:
        """One in mu-law, two in linear audio."""
        return 1 if self.encoding == "mulaw" else 2


@dataclass(frozen=True)
class CarrierFact:
    """What a frame from the carrier says."""

    kind: Literal["start", "audio", "mark", "stop", "other"]
    stream_id: str = ""
    name: str = ""
    """Of the mark."""
    media_format: MediaFormat | None = None
    payload: bytes = b""


@dataclass(frozen=True)
class Dialect:
    """A carrier: what to send, and where in its events things are."""

    name: str
    media: Mapping[str, Any] | None
    """The frame that brings audio; None: a binary frame, which is the audio itself."""
    mark: Mapping[str, Any]
    clear: Mapping[str, Any]
    frame_ms: int = 40
    """Audio in one frame. What is left of a message is filled up with silence."""
    usual: MediaFormat = MediaFormat("mulaw", 8_000)
    start_event: str = "start"
    mark_event: str = "mark"
    stop_events: tuple[str, ...] = ("stop",)
    stream_id: tuple[Path, ...] = (("streamSid",),)
    mark_name: Path = ("mark", "name")
    encoding: tuple[Path, ...] = (("start", "mediaFormat", "encoding"),)
    rate: tuple[Path, ...] = (("start", "mediaFormat", "sampleRate"),)

    def media_frame(self, stream_id: str, payload: bytes, media_format: MediaFormat) -> str | bytes:
        """Return the frame that brings this audio."""
        if self.media is None:
            return payload
        return _filled(
            self.media,
            {
                STREAM: stream_id,
                PAYLOAD: base64.b64encode(payload).decode("ascii"),
                TYPE: "audio/x-mulaw" if media_format.encoding == "mulaw" else "audio/x-l16",
                RATE: media_format.rate,
            },
        )

    def mark_frame(self, stream_id: str, name: str) -> str:
        """Return the frame that asks to be told when everything before it was played."""
        return _filled(self.mark, {STREAM: stream_id, NAME: name})

    def clear_frame(self, stream_id: str) -> str:
        """Return the frame that has everything dropped that was not played."""
        return _filled(self.clear, {STREAM: stream_id})

    def read(self, frame: str | bytes) -> CarrierFact:
        """Return what a frame says.

        Raises:
            CarrierFrameError: it is no frame of this carrier.
        """
        if isinstance(frame, bytes) and self.media is None:
            return CarrierFact("audio", payload=frame)
        try:
            event = json.loads(frame)
        except (ValueError, RecursionError) as error:
            raise CarrierFrameError(f"{self.name} sent a frame that is no JSON: {error}") from error
        if not isinstance(event, dict):
            raise CarrierFrameError(f"{self.name} sent a frame that is no object")
        kind, stream_id = event.get("event"), _first_text(event, self.stream_id)
        if kind == self.start_event:
            return CarrierFact("start", stream_id, media_format=self._format_of(event))
        if kind == self.mark_event:
            return CarrierFact("mark", stream_id, name=_first_text(event, (self.mark_name,)))
        if kind == "media":
            payload = _first_text(event, (("media", "payload"),))
            try:
                return CarrierFact("audio", stream_id, payload=base64.b64decode(payload, validate=True))
            except (binascii.Error, ValueError) as error:
                raise CarrierFrameError(f"{self.name} sent audio that is no base64") from error
        return CarrierFact("stop" if kind in self.stop_events else "other", stream_id)

    def _format_of(self, event: dict[str, Any]) -> MediaFormat:
        said = _first_text(event, self.encoding)
        encoding = self.usual.encoding
        if said:
            named, _, _ = said.lower().partition(";")
            if named not in _ENCODINGS:
                raise CarrierFrameError(f"{self.name} streams {said!r}: ask it for mu-law or linear audio")
            encoding = _ENCODINGS[named]
        rate = re.search(r"\d+", _first_text(event, self.rate).rpartition("rate=")[2])
        return MediaFormat(encoding, int(rate[0]) if rate and 8_000 <= int(rate[0]) <= 48_000 else self.usual.rate)


def _filled(template: Any, values: Mapping[str, Any]) -> str:
    def fill(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {key: fill(value) for key, value in part.items()}
        return values.get(part, part)

    return json.dumps(fill(template))


def _first_text(event: Any, paths: tuple[Path, ...]) -> str:
    """Return the first of the places that has something, as text."""
    for path in paths:
        found = event
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str | int) and not isinstance(found, bool):
            return str(found)
    return ""


TWILIO = Dialect(
    "Twilio",
    media={"event": "media", "streamSid": STREAM, "media": {"payload": PAYLOAD}},
    mark={"event": "mark", "streamSid": STREAM, "mark": {"name": NAME}},
    clear={"event": "clear", "streamSid": STREAM},
)
EXOTEL = Dialect(
    "Exotel",
    media={"event": "media", "stream_sid": STREAM, "media": {"payload": PAYLOAD}},
    mark={"event": "mark", "stream_sid": STREAM, "mark": {"name": NAME}},
    clear={"event": "clear", "stream_sid": STREAM},
    frame_ms=200,  # at least 3.2 kB, in multiples of 320 bytes
    usual=MediaFormat("l16", 8_000),
    stream_id=(("stream_sid",), ("start", "stream_sid")),
    encoding=(("start", "media_format", "encoding"),),
    rate=(("start", "media_format", "sample_rate"),),
)
TELNYX = Dialect(
    "Telnyx",
    media={"event": "media", "media": {"payload": PAYLOAD}},
    mark={"event": "mark", "mark": {"name": NAME}},
    clear={"event": "clear"},
    stop_events=("stop", "error"),
    stream_id=(("stream_id",),),
    encoding=(("start", "media_format", "encoding"),),
    rate=(("start", "media_format", "sample_rate"),),
)
PLIVO = Dialect(
    "Plivo",
    media={"event": "playAudio", "media": {"contentType": TYPE, "sampleRate": RATE, "payload": PAYLOAD}},
    mark={"event": "checkpoint", "streamId": STREAM, "name": NAME},
    clear={"event": "clearAudio", "streamId": STREAM},
    mark_event="playedStream",
    stream_id=(("streamId",), ("start", "streamId")),
    mark_name=("name",),
)
VONAGE = Dialect(
    "Vonage",
    media=None,
    mark={"action": "notify", "payload": {"name": NAME}},
    clear={"action": "clear"},
    frame_ms=20,
    usual=MediaFormat("l16", 16_000),
    start_event="websocket:connected",
    mark_event="websocket:notify",
    stop_events=(),
    stream_id=(),
    mark_name=("payload", "name"),
    encoding=(("content-type",),),
    rate=(("content-type",),),
)
DIALECTS: tuple[Dialect, ...] = (TWILIO, EXOTEL, TELNYX, PLIVO, VONAGE)
