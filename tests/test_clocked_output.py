"""The output that plays to nobody, with the driver, the real SDK and a socket."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from examples_at_hand import load_example
from interrupted_outputs import INSTANTS, LENGTHS_MS
from sweeps import expected_ms, response

from speech_lifecycle.adapters.outputs import ClockedOutput
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.world import SimulatedWorld


class World(SimulatedWorld):
    def open_output(self, speaker):
        return ClockedOutput(self.clock)


@pytest.mark.parametrize("at_ms", INSTANTS)
def test_interrupted_heard_is_history_is_server(at_ms):
    scenario = replace(response(*LENGTHS_MS), evidence="output").with_interruption(at_ms)
    report, _ = asyncio.run(play(scenario, make_world=World))
    assert [message.differences for message in report.messages] == [()] * len(report.messages)
    assert [*(message.record.heard_ms for message in report.messages), 0][:2] == expected_ms(LENGTHS_MS, at_ms)


def test_the_example_needs_no_device_and_leaves_no_thread(capsys):
    before = threading.active_count()
    asyncio.run(load_example("no_device").main(interrupt_after_s=0.3))
    assert "partial, heard" in capsys.readouterr().out
    assert threading.active_count() == before
