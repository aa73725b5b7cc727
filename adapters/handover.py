"""What goes to the output: audio and text on their way there, and what the machine has it do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.events import Event, OutputAudioHandedOver, OutputFailed

from .driven_speech import DrivenMessage
from .driven_speeches import DrivenSpeeches
from .elapsed import Elapsed
from .faults import Faults
from .ports import AudioOutput
from .whole_samples import WholeSamples


class Handover:
    """Keeps what arrives of each message until the machine says that it may be handed over.

    What comes of it, that audio was handed over or the output failed, is put at the end of `waiting`.
    """

    def __init__(
        self,
        output: AudioOutput | None,
        sample_rate: int,
        speeches: DrivenSpeeches,
        waiting: deque[Event],
        elapsed: Elapsed,
        faults: Faults,
    ) -> None:
        """Begin, with nothing on its way. The sample rate is that of session and output."""
        self._output = output
        self._bytes_per_second = 2 * sample_rate
        self._speeches = speeches
        self._waiting = waiting
        self._elapsed = elapsed
        self._faults = faults
        self._samples = WholeSamples()
        self.messages: dict[str, DrivenMessage] = {}

    # From the session

    def keep_text(self, message_id: str, text: str) -> None:
        """Take text of a message."""
        self._message(message_id).text.append(text)

    def keep_audio(self, message_id: str, pcm: bytes) -> int | None:
        """Take audio of a message; return how many milliseconds of it there are now, or None if none has come.

        A sample may be split between two deliveries.
        """
        pcm = self._samples.take(message_id, pcm)
        if not pcm:
            return None
        message = self._message(message_id)
        message.received_bytes += len(pcm)
        message.audio += pcm
        return self._ms(message.received_bytes)

    def drop(self, message_ids: Iterable[str]) -> None:
        """Let go of what will not be played of some messages."""
        for message_id in message_ids:
            self._message(message_id).drop()

    def forget(self, message_ids: Iterable[str]) -> None:
        """Let go of messages that no speech has."""
        for message_id in message_ids:
            self.messages.pop(message_id, None)

    def _message(self, message_id: str) -> DrivenMessage:
        message = self.messages.get(message_id)
        if message is None:
            message = self.messages[message_id] = DrivenMessage()
        return message

    def _ms(self, pcm_bytes: int) -> int:
        return pcm_bytes * 1000 // self._bytes_per_second

    # To the output

    def perform(self, effect: fx.OutputEffect) -> None:
        """Have the output do what an effect says."""
        output = self._output
        if isinstance(effect, fx.StartHandover):
            if output is None or self._call(output.start, effect.message_id):
                self._hand_over_text(self._message(effect.message_id), effect.message_id)
        elif output is None:
            return
        elif isinstance(effect, fx.FlushOutput):
            self._call(output.flush, effect.message_id)
        elif isinstance(effect, fx.ClearOutput):
            self._call(output.clear, effect.message_id)
        elif isinstance(effect, fx.PauseOutput):
            self._call(output.pause)
        else:
            self._call(output.resume)

    def hand_over(self) -> None:
        """Give the output what has arrived of the message that the machine says may be handed over."""
        speech = self._speeches.floor
        message = None if speech is None else speech.snapshot.message_to_hand_over()
        if message is None:
            return
        message_id = message.message_id
        driven = self._message(message_id)
        is_taken = self._hand_over_text(driven, message_id)
        # Audio of what was shown as text is not played (spec, section 3).
        if is_taken and message.expects_audio:
            self._hand_over_audio(driven, message_id)

    def _hand_over_audio(self, message: DrivenMessage, message_id: str) -> None:
        handed_over_ms = self._ms(message.handed_over_bytes + len(message.audio))
        # Less than a millisecond in all is none for the machine: it would not wait for an output that plays it.
        if message.audio and handed_over_ms > 0 and self._output is not None:
            pcm = bytes(message.audio)
            message.audio.clear()
            message.handed_over_bytes += len(pcm)
            self._waiting.append(OutputAudioHandedOver(message_id, handed_over_ms, int(self._elapsed.now_ms())))
            self._call(self._output.write, message_id, pcm)

    def _hand_over_text(self, message: DrivenMessage, message_id: str) -> bool:
        if not message.text:
            return True
        text = "".join(message.text)
        message.text.clear()
        return not text or self._output is None or self._call(self._output.write_text, message_id, text)

    def _call(self, function: Callable[..., object], *values: object) -> bool:
        """Call a method of the output. One that raises is an output that failed (H12)."""
        error = self._faults.attempt("the output failed", function, *values)
        if error is None:
            return True
        floor = self._speeches.floor
        message = None if floor is None else floor.snapshot.forwarding_message()
        if message is not None:
            self._waiting.append(OutputFailed(message.message_id, repr(error), int(self._elapsed.now_ms())))
        return False
