"""The user's audio on its way to the server, in the format in which the server takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..whole_samples import SAMPLE_BYTES
from .audio_format import PCM_24K, AudioFormat, AudioFormatError, said_format

if TYPE_CHECKING:
    from ..outputs.resampler import Resampler

_NEEDED = "audio of another rate or in G.711 needs soxr and numpy: pip install 'speech-lifecycle[resampling]'"


class OutgoingAudio:
    """The format of one connection's input buffer, and audio made into it, piece by piece.

    The server reads in order. So a format that this side asks for is that of all audio after the request, before the
    server confirms it; what the server says itself counts more, except for its defaults once another was asked for.
    """

    def __init__(self) -> None:
        self.begin_connection()

    def begin_connection(self) -> None:
        """Expect a server that was not told anything yet."""
        self._format: AudioFormat | AudioFormatError = PCM_24K
        self._is_chosen = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take the next piece for the first of its sound."""
        self._resampler: Resampler | None = None
        self._from_rate = 0

    def note_sent(self, event: Mapping[str, Any]) -> None:
        """Learn of a client event: what is asked of the session, and where the buffer begins anew."""
        kind = event.get("type")
        if kind == "session.update":
            self._is_chosen |= self._take(event.get("session"))
        elif kind in ("input_audio_buffer.commit", "input_audio_buffer.clear"):
            self.begin_anew()

    def receive(self, event: Mapping[str, Any]) -> None:
        """Learn of a server event: in which format the session takes audio."""
        kind = event.get("type")
        if kind == "session.updated" or (kind == "session.created" and not self._is_chosen):
            self._take(event.get("session"))

    def encode(self, pcm: bytes, sample_rate: int) -> bytes:
        """Return 16-bit mono PCM as the server takes it. Some of it may wait for the next piece.

        Raises:
            ValueError: it ends in the middle of a sample.
            AudioFormatError: the server takes a format that is not known here.
            ImportError: what this takes is not installed. The message says how it is.
        """
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"pcm must hold whole 16-bit samples, not {len(pcm)} bytes")
        if isinstance(self._format, AudioFormatError):
            raise self._format
        return _encoded(self._at(self._format.sample_rate, pcm, sample_rate), self._format)

    def _take(self, session: object) -> bool:
        """Take the format that a session object says; return whether it says one."""
        if not isinstance(session, Mapping):
            return False
        try:
            said: AudioFormat | AudioFormatError | None = said_format(session, "input")
        except AudioFormatError as error:
            said = error
        if said is None:
            return False
        if said != self._format:
            self._format = said
            self.begin_anew()
        return True

    def _at(self, rate: int, pcm: bytes, from_rate: int) -> bytes:
        if from_rate == rate:
            return pcm
        if self._resampler is None or self._from_rate != from_rate:
            try:
                from ..outputs.resampler import Resampler
            except ImportError as error:
                raise ImportError(_NEEDED) from error
            self._resampler, self._from_rate = Resampler(from_rate, rate), from_rate
        return self._resampler.take(pcm)


def _encoded(pcm: bytes, audio_format: AudioFormat) -> bytes:
    if audio_format.encoding == "pcm":
        return pcm
    try:
        from .g711 import encode_a_law, encode_mu_law
    except ImportError as error:
        raise ImportError(_NEEDED) from error
    return encode_mu_law(pcm) if audio_format.encoding == "ulaw" else encode_a_law(pcm)
