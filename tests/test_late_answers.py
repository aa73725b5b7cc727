"""A request that is dropped, given up or answered late: cancelled before it is heard, or heard and recorded (N27)."""

from __future__ import annotations

import asyncio

import pytest

from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld

LATE = ScriptedMessage("Let me check the weather in London for you.", 1_800, message_id="late")
NEXT = ScriptedMessage("It is sunny.", 600, message_id="next")
GIVEN_UP_MS = 5_000
"""After so long nobody waits any more for the answer to a request that was stopped."""


@pytest.mark.parametrize("delay_ms", [0, 1, 990, GIVEN_UP_MS - 1, GIVEN_UP_MS, GIVEN_UP_MS + 1, 12_000])
@pytest.mark.parametrize("stopped_ms", [0, 1, 500, 1_000, 1_200])
@pytest.mark.parametrize("asks_again", [False, True])
@pytest.mark.parametrize("pace", [AT_ONCE, Pacing(speed=2)], ids=["at once", "paced"])
def test_an_answer_is_heard_and_recorded_or_cancelled_before_it_is_heard(delay_ms, stopped_ms, asks_again, pace):
    async def run() -> None:
        pacing = Pacing(speed=pace.speed, start_delay_ms=delay_ms)
        responses = (ScriptedResponse((LATE,), pacing=pacing), ScriptedResponse((NEXT,), pacing=pace))
        async with SimulatedWorld(responses, synchronize_text=True) as world:
            first = world.driver.request_response()
            await world.settle()
            world.clock.call_later(stopped_ms, world.driver.interrupt)
            if asks_again:
                world.clock.call_later(stopped_ms + 1, world.driver.request_response)
            over = []
            world.clock.call_later(40_000, lambda: over.append(True))
            await world.run_until(lambda: bool(over))
            assert first.is_over
            assert all(speech.is_over for speech in world.speeches)
            report = build_report(world)
            assert report.is_equal, report
            assert report.divergences == ()
            heard = dict(world.listener.heard)
            assert heard.get("late", 0) <= max(0, stopped_ms - delay_ms) + 20
            # One that was cleared in the instant of its start is in history, too (section 7.1).
            records = [record for speech in world.speeches for record in speech.records]
            began = {record.message_id for record in records if record.heard_ms == 0}
            assert [c.message_id for c in world.driver.history if c.message_id not in began] == list(heard)
            if asks_again and not world.server_session.errors_sent:
                assert heard.get("next") == 600

    asyncio.run(run())
