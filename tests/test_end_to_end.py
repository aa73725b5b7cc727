"""End to end: the real SDK, a real socket, and an interruption at every instant of the response.

Heard is measured at the listener, the server's memory at the server; neither asks the machine.
"""

from __future__ import annotations

import asyncio

import pytest
from sweeps import FRAME_MS, response, sweep

from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.scenario import Action, Scenario, play
from speech_lifecycle.simulation.script import AT_ONCE, Pacing
from speech_lifecycle.simulation.world import SimulatedWorld

STEP_MS = 10


@pytest.mark.parametrize("lengths_ms", [(600, 900), (400, 500, 450)])
def test_interrupted_every_ten_milliseconds_all_accounts_are_the_same(lengths_ms):
    instants = range(0, sum(lengths_ms) + 2 * STEP_MS, STEP_MS)
    assert asyncio.run(sweep(response(*lengths_ms), lengths_ms, instants)) == []


def test_interrupted_around_every_boundary_all_accounts_are_the_same():
    lengths_ms = (300, 440)
    ends = (0, 300, 740)
    around = (-FRAME_MS - 1, -FRAME_MS, -FRAME_MS + 1, -1, 0, 1, 2, FRAME_MS - 1, FRAME_MS)
    instants = [end + offset for end in ends for offset in around if 0 <= end + offset <= 740]
    assert asyncio.run(sweep(response(*lengths_ms), lengths_ms, instants)) == []


@pytest.mark.parametrize(
    "pacing", [AT_ONCE, Pacing(done_events="end_of_item"), Pacing(speed=None, chunk_ms=333)], ids=repr
)
def test_interrupted_at_any_pace_of_the_server_all_accounts_are_the_same(pacing):
    lengths_ms = (300, 440)
    assert asyncio.run(sweep(response(*lengths_ms, pacing=pacing), lengths_ms, range(0, 760, 70))) == []


def test_interrupted_from_the_request_on_while_the_server_still_generates():
    """The second message is generated while the first is played; some instants come before any sound."""
    scenario = response(300, 440, pacing=Pacing(speed=1.1, start_delay_ms=40, first_item_delay_ms=60))

    async def run() -> list[str]:
        found = []
        for at_ms in range(0, 900, 20):
            actions = (Action(at_ms, "interrupt", "request"),)
            report, world = await play(Scenario("early", "", scenario.responses, actions))
            if not report.is_equal or report.server_errors or report.speaking_announced > 1:
                found.append(f"at {at_ms} ms: {report}")
            if sum(world.listener.heard.values()) > max(0, at_ms - 100):
                found.append(f"at {at_ms} ms: heard {world.listener.heard}")
        return found

    assert asyncio.run(run()) == []


def test_undisturbed_everything_is_heard():
    report, world = asyncio.run(play(response(600, 900)))
    assert report.is_equal
    assert world.listener.heard == {"m0": 600, "m1": 900}
    assert [message.history.interrupted for message in report.messages] == [False, False]


def test_the_same_run_twice_gives_the_same_trace():
    scenario = response(300, 440).with_interruption(400)
    (_, first), (_, second) = asyncio.run(play(scenario)), asyncio.run(play(scenario))
    assert first.trace == second.trace


@pytest.mark.parametrize("kept_ms", [10, 330])
def test_a_server_that_was_truncated_elsewhere_is_found(kept_ms):
    """The report can fail: here the server is truncated behind the driver's back."""

    async def run() -> list[tuple[str, ...]]:
        async with SimulatedWorld(response(300, 440).responses) as world:
            world.driver.request_response()
            await world.run_until_over()
            assert build_report(world).is_equal
            world.server_session.conversation.truncate("m1", 0, kept_ms)
            return [message.differences for message in build_report(world).messages]

    assert asyncio.run(run()) == [(), ("played to the end, but the server has lost its text",)]
