"""A response on a real output, through the driver, the real SDK and a socket, interrupted at some instant."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple

from sweeps import response

from speech_lifecycle.adapters.ports import AudioOutput
from speech_lifecycle.simulation.report import Report
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.virtual_loop import VirtualTimeLoop
from speech_lifecycle.simulation.world import SimulatedWorld

LENGTHS_MS = (400, 600)
INSTANTS = tuple(range(0, 1_000, 50))
"""Twenty, from the first sound on."""


class Interrupted(NamedTuple):
    at_ms: int
    report: Report
    reported_ms: float
    """Of both messages, by the machine's records: which are what history and the server have."""
    heard_ms: float
    """By what the far end recorded."""

    @property
    def error_ms(self) -> float:
        return self.reported_ms - self.heard_ms


async def interrupted(
    at_ms: int, make_output: Callable[[], AudioOutput], heard_ms: Callable[[], Awaitable[float]]
) -> Interrupted:
    """Play it in the loop's time, and return every account of what was heard."""

    class World(SimulatedWorld):
        async def __aenter__(self):
            loop = asyncio.get_running_loop()
            if isinstance(loop, VirtualTimeLoop):
                loop.is_quiet = self.is_quiet
            return await super().__aenter__()

        def open_output(self, speaker):
            return make_output()

    scenario = replace(response(*LENGTHS_MS), evidence="output").with_interruption(at_ms)
    report, _ = await play(scenario, real_time=True, make_world=World)
    reported_ms = sum(message.record.heard_ms for message in report.messages)
    return Interrupted(at_ms, report, reported_ms, await heard_ms())


def differences(runs: list[Interrupted]) -> list[str]:
    """Where heard, history and server differ, by the reports.

    In real time a response may end while its cancellation is on the way: that refusal is none (C4).
    """
    found = []
    for run in runs:
        errors = [error for error in run.report.server_errors if not error.startswith("response_cancel_not_active")]
        if not run.report.is_equal or errors or run.report.divergences:
            found.append(f"at {run.at_ms} ms: {[message.differences for message in run.report.messages]} {errors}")
    return found


def figures(runs: list[Interrupted]) -> str:
    """The row of the table in docs/outputs.md."""
    errors = [abs(run.error_ms) for run in runs]
    return (
        f"{len(runs)} instants: position against what was heard, median {statistics.median(errors):.0f} ms, "
        f"worst {max(errors):.0f} ms; {[round(run.error_ms) for run in runs]}"
    )
