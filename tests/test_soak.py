"""What the soak plays holds in the small: nothing grows with the speeches, and many drivers talk at once.

`python benchmarks/soak.py` plays 100,000 speeches, and a thousand drivers.
"""

from __future__ import annotations

import asyncio
import itertools

from soak import ClockedOutput, ServedSession, _converse, crowd, soak

from speech_lifecycle.adapters import Driver, VirtualClock


def test_memory_does_not_grow_with_the_speeches():
    *_, early, late = soak(2_800, samples=7)  # what is kept of the latest is full after 1,800
    assert (early.speeches, late.speeches) == (2_400, 2_800)
    assert late.objects <= early.objects + 50
    assert late.traced_kb < early.traced_kb * 1.1


def test_the_soak_has_every_kind_of_end():
    clock, outcomes, states = VirtualClock(), set(), set()
    session = ServedSession(clock)
    driver = Driver(session, ClockedOutput(clock), clock=clock)
    for number in range(1, 41):
        _converse(clock, session, driver, number)
        outcomes.add(driver.speeches[-1].snapshot.state)
        states |= {(record.state, record.reason) for record in driver.speeches[-1].records}
    assert outcomes == {"completed", "interrupted", "failed"}
    assert states == {("played", "finished"), ("partial", "interrupted"), ("partial", "source_failed")}
    assert driver.divergences == []


def test_many_drivers_talk_at_the_same_time():
    lags, _ = asyncio.run(crowd(20, 0.3))
    assert len(lags) > 5
    assert all(later >= 0 for later in itertools.islice(lags, 5))
