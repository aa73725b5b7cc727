"""A simulated speaker in a room: what it was given, what it said, and what was heard."""

from __future__ import annotations

import numpy as np

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)
from speech_lifecycle.simulation.misbehaviour import Misbehaviour
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

Started, Progressed, Finished = OutputPlaybackStarted, OutputPlaybackProgressed, OutputPlaybackFinished


class Room:
    """A speaker on a virtual clock, with everything it was given and everything it said."""

    def __init__(self, misbehaviour: Misbehaviour | None = None, clock=None, **options) -> None:
        self.clock = clock or VirtualClock()
        self.speaker = SimulatedSpeaker(self.clock, misbehaviour=misbehaviour, **options)
        self.told: list[tuple[float, OutputFact]] = []
        self.speaker.attach(lambda fact: self.told.append((self.clock.now_ms(), fact)))
        self.written: dict[str, np.ndarray] = {}

    def write(self, message_id: str, ms: float) -> None:
        before = self.written.get(message_id, np.empty(0, np.int16))
        count = round(ms * self.speaker.sample_rate / 1000)
        samples = np.arange(before.size + 1, before.size + 1 + count, dtype=np.int64).astype(np.int16)
        self.written[message_id] = np.concatenate([before, samples])
        self.speaker.write(message_id, samples.astype("<i2").tobytes())

    def say(self, message_id: str, ms: float, text: str = "") -> None:
        self.speaker.start(message_id)
        self.speaker.write_text(message_id, text)
        self.write(message_id, ms)
        self.speaker.flush(message_id)

    def run(self, ms: float = 10_000) -> list[OutputFact]:
        self.clock.advance(ms)
        return self.facts

    @property
    def facts(self) -> list[OutputFact]:
        return [fact for _, fact in self.told]

    @property
    def finish(self) -> OutputPlaybackFinished:
        (finish,) = [fact for fact in self.facts if isinstance(fact, Finished)]
        return finish

    def heard(self, message_id: str = "m") -> int:
        return self.speaker.listener.heard_ms(message_id)

    def heard_is_prefix(self, message_id: str) -> bool:
        heard = self.speaker.listener.samples(message_id)
        return bool(np.array_equal(heard, self.written[message_id][: heard.size]))
