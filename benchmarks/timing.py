"""Times all subjects in interleaved rounds, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

from process_subjects import ProcessSubject
from subjects import Subject
from workload import EVENTS_PER_SPEECH, SPEECHES

Round = Callable[[int], tuple[float, float]]
"""Build and play all speeches so many times; return the seconds of one speech's building and playing."""


@dataclass
class Timing:
    """What was measured of one subject, one figure per round."""

    name: str
    version: str
    event_us: list[float] = field(default_factory=list)
    build_us: list[float] = field(default_factory=list)

    @property
    def median_event_us(self) -> float:
        """Microseconds per event."""
        return median(self.event_us)

    @property
    def median_build_us(self) -> float:
        """Microseconds to build a speech."""
        return median(self.build_us)

    def ratios(self, base: Timing) -> tuple[float, float, float]:
        """Return how many times slower than `base`, within each round: lower quartile, median, upper quartile."""
        ratios = [mine / its for mine, its in zip(self.event_us, base.event_us, strict=True)]
        if len(ratios) == 1:
            return ratios[0], ratios[0], ratios[0]
        low, middle, high = quantiles(ratios, n=4, method="inclusive")
        return low, middle, high


def python_round(subject: Subject) -> Round:
    """Return what plays one round of a Python subject, without the garbage collector: like `timeit`."""

    def play(repeat: int) -> tuple[float, float]:
        build, play_speech = subject.build, subject.play
        build_s = play_s = 0.0
        gc.collect()
        gc.disable()
        try:
            for _ in range(repeat):
                began = perf_counter()
                built = [build() for _ in SPEECHES]
                ready = perf_counter()
                for speech, events in zip(built, SPEECHES, strict=True):
                    play_speech(speech, events)
                play_s += perf_counter() - ready
                build_s += ready - began
                built.clear()
        finally:
            gc.enable()
        speeches = repeat * len(SPEECHES)
        return build_s / speeches, play_s / speeches

    return play


def measure(
    subjects: Sequence[Subject | ProcessSubject],
    rounds: int,
    round_s: float,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Timing]:
    """Play all subjects in turn, `rounds` times, each for about `round_s` seconds; `tell` hears who plays next.

    The first round only warms up and finds out how many speeches that takes.
    """
    timings = [Timing(subject.name, subject.version) for subject in subjects]
    plays = [subject.play if isinstance(subject, ProcessSubject) else python_round(subject) for subject in subjects]
    repeats = []
    for timing, play in zip(timings, plays, strict=True):
        tell(f"warming up: {timing.name}")
        repeats.append(_repeat(play, round_s))
    for number in range(rounds):
        for timing, play, repeat in zip(timings, plays, repeats, strict=True):
            tell(f"round {number + 1} of {rounds}: {timing.name}")
            build_s, play_s = play(repeat)
            timing.build_us.append(build_s * 1e6)
            timing.event_us.append(play_s / EVENTS_PER_SPEECH * 1e6)
    return timings


def _repeat(play: Round, round_s: float) -> int:
    """Return how often the four speeches are played in `round_s`, found by playing them ever more often."""
    repeat = 1
    while True:
        took_s = sum(play(repeat)) * repeat * len(SPEECHES)
        if took_s >= round_s:
            return max(1, round(repeat * round_s / took_s))
        repeat *= 2
