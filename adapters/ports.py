"""What the driver needs from other people's parts: a session with a server, and an audio output.

Any object with these methods will do. They are called from the event loop's thread and must not block;
what takes time they do in tasks or threads of their own and report as facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from speech_lifecycle.fsm.effects import CommitMessage, SessionEffect
from speech_lifecycle.fsm.events import OutputFact, SessionFact
from speech_lifecycle.fsm.values import Capabilities

from .clock import Clock


class AudioOutput(Protocol):
    """What plays audio: a sound card, a room track, a telephone stream, a browser.

    Audio is 16-bit mono PCM, little-endian. Positions in the facts count the milliseconds of the named
    message that left the output towards the listener; they are the output's own evidence, never an estimate.
    The whole contract is in docs/outputs.md, and as checks to run in `speech_lifecycle.testing`.
    """

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio it takes. The driver resamples what a session delivers at another rate."""
        ...

    @property
    def can_pause(self) -> bool:
        """Whether `pause` holds the playback."""
        ...

    @property
    def shows_text(self) -> bool:
        """Whether the user reads what `write_text` is given. An output that does not say so has no screen.

        Without a screen, a message that is only text reaches nobody: it is not heard.
        """
        return False

    def attach(self, report: Callable[[OutputFact], None]) -> None:
        """Take the function that facts are reported to: from any thread, also from inside a call.

        A fact that is reported later than it became true may say when that was, in `observed_ms`, by the driver's clock
        (by default the event loop's time, in milliseconds). Else it became true when it is reported.

        Called once, before anything else.
        """
        ...

    def start(self, message_id: str) -> None:
        """Expect the audio of this message next. The one before it is finished, or never had audio."""
        ...

    def write(self, message_id: str, pcm: bytes) -> None:
        """Take audio of the message and play it after what it has."""
        ...

    def write_text(self, message_id: str, text: str) -> None:
        """Take more text of the message: to show it, or to synchronize it with the audio."""
        ...

    def flush(self, message_id: str) -> None:
        """All audio of the message is written: play it out, then report `OutputPlaybackFinished`."""
        ...

    def clear(self, message_id: str) -> None:
        """Stop now, drop what was not played, and report `OutputPlaybackFinished(interrupted=True)`."""
        ...

    def pause(self) -> None:
        """Hold the playback."""
        ...

    def resume(self) -> None:
        """Go on playing."""
        ...

    async def aclose(self) -> None:
        """Fall silent, release what it holds, and report nothing more. Called last; a second call does nothing."""
        ...


class SessionReceiver(Protocol):
    """What a session reports to. The driver is one."""

    def report(self, fact: SessionFact, *, speech_id: str | None = None) -> None:
        """Take a fact. `speech_id` comes back with the response that was requested for that speech."""
        ...

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        """Take audio of a message: 16-bit mono PCM, little-endian, at the session's sample rate."""
        ...

    def user_started_speaking(self) -> None:
        """The user begins to speak."""
        ...

    def user_stopped_speaking(self) -> None:
        """The user is silent again."""
        ...


class Session(Protocol):
    """A realtime session with a server: the model and its memory."""

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio it delivers."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do about its memory."""
        ...

    def attach(self, receiver: SessionReceiver) -> None:
        """Take the receiver of facts and audio. Called once, before anything else."""
        ...

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> None:
        """Ask the model for a response.

        Its `SessionResponseCreated` comes back with `speech_id`, or `SessionRequestRefused` does.

        Args:
            speech_id: the speech that will play it.
            options: how, in the words of the session's protocol. Left out if there are none.
            is_out_of_band: whether it stands beside the conversation. Left out if it does not.
        """
        ...

    def perform(self, effect: SessionEffect) -> None:
        """Send what the effect asks for. The answers come as facts."""
        ...

    async def run(self) -> None:
        """Read from the server until the connection ends, and report `SessionLost` then. May be cancelled.

        A session that connects again by itself reports `SessionLost(may_resume=True)`, and then `SessionResumed`
        before any other fact of the new connection, or `SessionLost()` when it gives up.
        """
        ...


@runtime_checkable
class PlayingSession(Protocol):
    """A session whose server may play by itself, and tell how far: a WebRTC or SIP call that is controlled from beside.

    A driver that is given no output takes this one.
    """

    def own_output(self, clock: Clock) -> AudioOutput | None:
        """Return the output that reports what the server plays, by the driver's clock; None if it plays nothing.

        Called before `attach`.
        """
        ...


@runtime_checkable
class CheckingSession(Protocol):
    """A session that knows whether a response can be asked for so, before it is."""

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of the options of `request_response`.

        Raises:
            ValueError: no server takes them. The message names the option.
        """
        ...


@runtime_checkable
class ConversingSession(Protocol):
    """A session whose conversation can be given what the user writes, and what tools have to say."""

    def send_text(self, text: str) -> None:
        """Add a message of the user, and ask for nothing."""
        ...

    def send_tool_result(self, call_id: str, output: str) -> None:
        """Add the result of a tool that the model has called, and ask for nothing."""
        ...


@runtime_checkable
class RestorableSession(Protocol):
    """A session that can tell a server what was said before the server knew of the conversation."""

    def restore(self, history: Sequence[CommitMessage]) -> None:
        """Tell the server what was heard, in this order. Called when a new connection has no memory of it."""
        ...
