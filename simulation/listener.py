"""The listener: which audio really left the output, whatever the output reports about it.

This is the heard model that history and the server's memory are compared with (spec, sections 7 and 9).
"""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.adapters.outputs.heard import Heard

try:
    import numpy as np
    import numpy.typing as npt
except ImportError as error:
    raise ImportError("the listener needs numpy: pip install 'speech-lifecycle[simulation]'") from error

Samples = npt.NDArray[np.int16]
"""16-bit mono PCM."""


def samples_of(pcm: bytes) -> Samples:
    """Return 16-bit little-endian PCM as samples."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.int16)


class Listener:
    """Records what was heard, to the millisecond and to the sample.

    One listener may hear several outputs, one after the other. Reading is exact at any instant: the
    outputs are asked to catch up with their clock first.
    """

    def __init__(self, *, keeps_samples: bool = True) -> None:
        """Begin to listen. Without `keeps_samples` only times and positions are kept, for runs of hours."""
        self._keeps_samples = keeps_samples
        self._timeline: list[Heard] = []
        self._samples: dict[str, list[Samples]] = {}
        self._catch_ups: list[Callable[[], None]] = []

    def listen_to(self, catch_up: Callable[[], None]) -> None:
        """Call `catch_up` before every reading. It must record what has been played until now."""
        self._catch_ups.append(catch_up)

    def record(self, heard: Heard, samples: Samples) -> None:
        """Add a stretch that was heard, with its audio. For outputs."""
        if self._timeline and heard.continues(self._timeline[-1]):
            self._timeline[-1] = self._timeline[-1]._replace(end_clock_ms=heard.end_clock_ms, to_ms=heard.to_ms)
        else:
            self._timeline.append(heard)
        if self._keeps_samples:
            self._samples.setdefault(heard.message_id, []).append(samples)

    @property
    def timeline(self) -> tuple[Heard, ...]:
        """Everything that was heard, in order of time. A pause, an underrun or a hole begins a new entry."""
        for catch_up in self._catch_ups:
            catch_up()
        return tuple(self._timeline)

    @property
    def heard(self) -> dict[str, int]:
        """Heard milliseconds by message id, in the order in which the messages were first heard."""
        totals: dict[str, int] = {}
        for stretch in self.timeline:
            earlier_ms = totals.get(stretch.message_id, 0)
            totals[stretch.message_id] = earlier_ms + stretch.to_ms - stretch.from_ms
        return totals

    def heard_ms(self, message_id: str) -> int:
        """Return how many whole milliseconds of the message were heard; 0 if none or unknown."""
        return self.heard.get(message_id, 0)

    def intervals(self, message_id: str) -> list[tuple[int, int]]:
        """Return the stretches of the message that were heard, as (from ms, to ms) in the message.

        Stretches that only time separates (a pause, an underrun) are joined; a gap means that audio was
        lost.
        """
        joined: list[tuple[int, int]] = []
        for stretch in self.timeline:
            if stretch.message_id != message_id:
                continue
            if joined and joined[-1][1] == stretch.from_ms:
                joined[-1] = (joined[-1][0], stretch.to_ms)
            else:
                joined.append((stretch.from_ms, stretch.to_ms))
        return joined

    def samples(self, message_id: str) -> Samples:
        """Return the audio of the message that was played, in order; empty if none was."""
        for catch_up in self._catch_ups:
            catch_up()
        pieces = self._samples.get(message_id)
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int16)
