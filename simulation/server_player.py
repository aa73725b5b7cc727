"""A server that plays by itself, as in a WebRTC or SIP call: its output audio buffer, and what it tells of it.

Documented are the events, what a clear by the client comes to, and that the server truncates by itself if the user
interrupts. That it says where after `cleared`, and truncates nothing if the client clears, is this server's choice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from speech_lifecycle.adapters.clock import Clock, ScheduledCall
from speech_lifecycle.adapters.outputs.heard import Heard

from . import wire
from .conversation import Conversation
from .listener import Listener, samples_of
from .tone import BYTES_PER_MS


class PlayerChannel(Protocol):
    """What the player needs of its session."""

    conversation: Conversation

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        ...

    def emit(self, event: wire.WireEvent) -> None:
        """Send an event."""
        ...


@dataclass(slots=True)
class _Track:
    """The audio of one response."""

    response_id: str
    pieces: deque[tuple[str, bytes]] = field(default_factory=deque)
    """Item and PCM, in order."""
    has_started: bool = False
    is_generated: bool = False


class ServerPlayer:
    """Plays what is generated, one response after the other, to a listener on the other end of the call."""

    def __init__(self, channel: PlayerChannel, listener: Listener) -> None:
        """Begin with an empty buffer."""
        self._channel = channel
        self._listener = listener
        self._tracks: deque[_Track] = deque()
        self._played_ms: dict[str, int] = {}
        self._since_ms: float | None = None
        """When the piece in hand began to play; None if there is none."""
        self._next: ScheduledCall | None = None

    def add(self, response_id: str, item_id: str, pcm: bytes) -> None:
        """Take audio of a response, and play it after what there is."""
        track = next((each for each in self._tracks if each.response_id == response_id), None)
        if track is None:
            track = _Track(response_id)
            self._tracks.append(track)
        track.pieces.append((item_id, pcm))
        self._play()

    def end(self, response_id: str) -> None:
        """No more audio of the response will come: `response.done` was sent."""
        for track in self._tracks:
            if track.response_id == response_id:
                track.is_generated = True
        self._play()

    def clear(self, *, truncates: bool) -> None:
        """Fall silent, and drop all there is; `truncates`: the item in hand too, to what was played of it."""
        if not self._tracks:
            return
        track = self._tracks[0]
        item_id = self._stop_piece(track)
        self._tracks.clear()
        if not track.has_started:
            return
        self._channel.emit({"type": "output_audio_buffer.cleared", "response_id": track.response_id})
        item = None if item_id is None else self._channel.conversation.find(item_id)
        if truncates and item_id is not None and item is not None:
            played_ms = self._played_ms.get(item_id, 0)
            if self._channel.conversation.truncate(item_id, 0, played_ms) is None:
                self._channel.emit(wire.item_truncated(item_id, 0, played_ms))

    def stop(self) -> None:
        """Play nothing more: the call is over."""
        if self._next is not None:
            self._next.cancel()
        self._tracks.clear()

    def _play(self) -> None:
        """Begin the next piece, unless one is playing."""
        while self._tracks and self._since_ms is None:
            track = self._tracks[0]
            if track.pieces:
                if not track.has_started:
                    track.has_started = True
                    self._channel.emit({"type": "output_audio_buffer.started", "response_id": track.response_id})
                self._since_ms = self._channel.clock.now_ms()
                self._next = self._channel.clock.call_later(len(track.pieces[0][1]) // BYTES_PER_MS, self._finish_piece)
            elif track.is_generated:
                self._tracks.popleft()
                self._channel.emit({"type": "output_audio_buffer.stopped", "response_id": track.response_id})
            else:
                return

    def _finish_piece(self) -> None:
        self._stop_piece(self._tracks[0])
        self._play()

    def _stop_piece(self, track: _Track) -> str | None:
        """Take the piece in hand from the buffer, with what was played of it; return its item."""
        if self._since_ms is None:
            return None
        item_id, pcm = track.pieces.popleft()
        now_ms, began_ms = self._channel.clock.now_ms(), self._since_ms
        if self._next is not None:
            self._next.cancel()
        self._since_ms = self._next = None
        from_ms = self._played_ms.get(item_id, 0)
        to_ms = from_ms + min(len(pcm) // BYTES_PER_MS, int(now_ms - began_ms))
        self._played_ms[item_id] = to_ms
        if to_ms > from_ms:
            heard = samples_of(pcm[: (to_ms - from_ms) * BYTES_PER_MS])
            self._listener.record(Heard(began_ms, now_ms, item_id, from_ms, to_ms), heard)
        return item_id
