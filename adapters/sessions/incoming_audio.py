"""The audio of one connection: decoded by what the server says of it, and joined to whole samples."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..whole_samples import WholeSamples
from .audio_format import AudioFormat, AudioFormatError, said_format

logger = logging.getLogger(__name__)

SaidFormat: TypeAlias = AudioFormat | AudioFormatError
"""What a server says that it sends, or why that cannot be played."""


class IncomingAudio:
    """Decodes audio to 16-bit PCM of the expected sample rate."""

    def __init__(self, expected: AudioFormat, note: Callable[[AudioFormatError], None]) -> None:
        """Take the format that is expected as long as the server says none, and who is told what cannot be played."""
        self.expected = expected
        self.said: SaidFormat = expected
        """What the session is said to send."""
        self._note = note
        self._noted = ""
        self._samples = WholeSamples()

    def end_connection(self) -> None:
        """Expect of another connection what was expected of the first."""
        self.said = self.expected
        self._samples = WholeSamples()

    def listen_to(self, settings: Mapping[str, Any]) -> None:
        """Take what the server says of its session."""
        self.said = self.format_in(settings)

    def format_in(self, settings: Mapping[str, Any]) -> SaidFormat:
        """Return what a session or response says of its audio; if nothing, what the session has said before."""
        try:
            said = said_format(settings)
        except AudioFormatError as error:
            return error
        if said is None or said.sample_rate == self.expected.sample_rate:
            return said or self.said
        return AudioFormatError(
            f"the server sends {said}, and this session is for {self.expected}: what it sends is not played. Make the "
            f"session with audio_format={said.name!r} and give the driver an output of {said.sample_rate} samples per "
            f"second, or ask the server for {self.expected} in session.update"
        )

    def decode(self, message_id: str, data: bytes, said: SaidFormat) -> bytes:
        """Return the whole samples that there are of a message by now; none if its audio cannot be played."""
        if isinstance(said, AudioFormatError):
            self.refuse(said)
            return b""
        return self._samples.take(message_id, said.decode(data))

    def forget(self, message_id: str) -> None:
        """Drop what is left of a message that has ended."""
        self._samples.forget(message_id)

    def refuse(self, error: AudioFormatError) -> None:
        """Say once why audio cannot be played, and again when the server has said another format that cannot be."""
        if str(error) != self._noted:
            self._noted = str(error)
            logger.error("%s", error)
            self._note(error)
