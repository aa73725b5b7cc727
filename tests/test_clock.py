"""Virtual time: it moves only when told to, and everything happens in order."""

from __future__ import annotations

import asyncio
import math

import pytest

from speech_lifecycle.adapters.clock import LoopClock, VirtualClock


def test_calls_run_in_the_order_of_their_times_and_then_of_their_scheduling():
    clock, seen = VirtualClock(), []
    for name, delay in (("c", 20), ("a", 10), ("b", 10), ("now", 0)):
        clock.call_later(delay, lambda name=name: seen.append((name, clock.now_ms())))
    clock.advance(15)
    assert seen == [("now", 0), ("a", 10), ("b", 10)]
    assert clock.now_ms() == 15
    assert clock.advance_to_next()
    assert seen[-1] == ("c", 20)
    assert not clock.advance_to_next()


def test_a_cancelled_call_does_not_run_and_does_not_move_the_time():
    clock = VirtualClock()
    call = clock.call_later(10, lambda: pytest.fail("it was cancelled"))
    call.cancel()
    call.cancel()
    assert clock.next_due_ms is None
    assert not clock.advance_to_next()
    assert clock.now_ms() == 0


def test_what_a_call_schedules_runs_too_if_it_falls_due():
    clock, seen = VirtualClock(), []
    clock.call_later(5, lambda: clock.call_later(5, lambda: seen.append(clock.now_ms())))
    clock.advance(10)
    assert seen == [10]


@pytest.mark.parametrize("delay", [math.nan, math.inf])
def test_a_delay_is_a_number(delay):
    with pytest.raises(ValueError, match="delay_ms must be a finite number"):
        VirtualClock().call_later(delay, print)


async def test_a_sleeper_wakes_when_its_time_has_come():
    clock = VirtualClock()
    sleeper = asyncio.ensure_future(clock.sleep(30))
    await asyncio.sleep(0)
    clock.advance(29)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await sleeper


async def test_a_sleeper_that_is_cancelled_leaves_nothing_behind():
    clock = VirtualClock()
    sleeper = asyncio.ensure_future(clock.sleep(30))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.gather(sleeper, return_exceptions=True)
    assert clock.next_due_ms is None


async def test_the_loops_clock_is_monotonic_and_calls_back():
    clock, woken = LoopClock(), asyncio.Event()
    before = clock.now_ms()
    clock.call_later(1, woken.set)
    await asyncio.wait_for(woken.wait(), 5)
    assert clock.now_ms() - before >= 0.9
