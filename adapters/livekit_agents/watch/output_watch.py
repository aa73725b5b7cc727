"""What the wrapped audio output tells, as facts for the machines (see watched_output.OutputObserver)."""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.fsm import events as ev

from .machines import SpeechMachines


class OutputWatch:
    """One for all outputs that a session has in turn."""

    def __init__(self, machines: SpeechMachines, notice_interruptions: Callable[[], None]) -> None:
        """LiveKit announces no interruption: `notice_interruptions` is called before it matters."""
        self._machines = machines
        self._notice_interruptions = notice_interruptions
        self._forwarded = ""

    def forward(self, message_id: str) -> None:
        """Take it that the framework reads the audio of this message now."""
        self._forwarded = message_id

    def forwarded_message(self) -> str:
        """Return the message that the framework forwards, unless it is over: then the audio is somebody else's."""
        speech = self._machines.of_message(self._forwarded)
        return self._forwarded if speech is not None and speech.record(self._forwarded) is None else ""

    def audio_captured(self, message_id: str, duration_ms: float) -> None:
        """Report it."""
        speech = self._machines.of_message(message_id)
        if speech is not None:
            total_ms = speech.handed_over_ms.get(message_id, 0.0) + duration_ms
            speech.handed_over_ms[message_id] = total_ms
            handed_over_ms = int(min(total_ms, speech.received_ms.get(message_id, 0.0)))
            self._machines.note(speech, ev.OutputAudioHandedOver(message_id, handed_over_ms))

    def flushed(self, message_id: str) -> None:
        """Take it that all was handed over, whatever the agent's own audio node made of it."""
        self._notice_interruptions()
        speech = self._machines.of_message(message_id)
        if speech is None:
            return
        self._machines.take_noted(speech)
        message = speech.snapshot.messages[message_id]
        if message.state == "streaming" and message.source_has_ended and message.handed_over_ms:
            self._machines.take(speech, ev.OutputAudioHandedOver(message_id, message.received_ms))

    def clearing(self) -> None:
        """Note an interruption, if it is one: whoever clears the output from outside ends its message only (H13)."""
        self._notice_interruptions()

    def pausing(self) -> None:
        """Hold what plays."""
        for speech in self._machines.live():
            if speech.snapshot.state in ("waiting", "speaking"):
                speech.is_announced = False
                self._machines.take(speech, ev.Pause())

    def resuming(self) -> None:
        """Go on. LiveKit resumes before every message, held or not."""
        for speech in self._machines.live():
            if speech.snapshot.state == "paused":
                self._machines.take(speech, ev.Resume())

    def playback_started(self, message_id: str) -> None:
        """Report it."""
        self._machines.take_of_message(ev.OutputPlaybackStarted(message_id))

    def playback_progressed(self, message_id: str, position_ms: float) -> None:
        """Report it."""
        speech = self._machines.of_message(message_id)
        if speech is not None:
            self._machines.note(speech, ev.OutputPlaybackProgressed(message_id, position_ms))

    def playback_finished(self, message_id: str, position_ms: float, interrupted: bool, transcript: str | None) -> bool:
        """Report it."""
        self._notice_interruptions()
        self._machines.take_of_message(ev.OutputPlaybackFinished(message_id, position_ms, interrupted, transcript))
        speech = self._machines.of_message(message_id)
        return speech is not None and speech.snapshot.messages[message_id].is_forwarding

    def output_failed(self, message_id: str, error: Exception) -> None:
        """Report it."""
        self._machines.take_of_message(ev.OutputFailed(message_id, repr(error)))
