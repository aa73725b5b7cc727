"""Where one talks: a tab of a browser, or the sound card and the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from speech_lifecycle.adapters.ports import AudioOutput


class Place(Protocol):
    """One conversation's loudspeaker, microphone, keys and screen."""

    @property
    def output(self) -> AudioOutput:
        """Where the agent is heard."""
        ...

    def microphone(self) -> AsyncIterator[bytes]:
        """Yield what the user says, 16-bit mono PCM at the output's sample rate, as it comes."""
        ...

    def asked(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the user asks for by button or key: to `do` "interrupt" or "go on". When it ends, all ends."""
        ...

    async def plays(self) -> None:
        """Return when the agent can be heard."""
        ...

    def show(self, view: Mapping[str, Any]) -> None:
        """Show a view (`View.now`) in place of the one before."""
        ...
