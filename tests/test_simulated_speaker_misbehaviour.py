"""The simulated speaker misbehaves: what was heard does not depend on what is reported.

Each message is 300 ms.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from speaker_room import Finished, Progressed, Room, Started

from speech_lifecycle.fsm.events import OutputFailed
from speech_lifecycle.simulation.misbehaviour import (
    AllOf,
    ClearedFromOutsideAfter,
    DeniesInterruption,
    FailsAfter,
    Late,
    LosesAudioOnPause,
    Misbehaviour,
    NeverReportsProgress,
    NeverReportsStarted,
    OnlyFor,
    OverReports,
    ReportsPosition,
    ReportsQueuedPosition,
    Silent,
    StartsAgainOnResume,
    SurplusFinishes,
    WrongMessageId,
)


def misbehave(misbehaviour: Misbehaviour, *, clear_at_ms: int | None = None, **options) -> Room:
    room = Room(misbehaviour, **options)
    room.say("m", 300)
    if clear_at_ms is not None:
        room.run(clear_at_ms)
        room.speaker.clear("m")
    room.run()
    assert room.heard_is_prefix("m")
    return room


def test_silent_never_reports_the_end():
    assert misbehave(Silent()).facts[-1] == Progressed("m", 300)
    assert misbehave(Silent(), clear_at_ms=120).facts[-1] == Progressed("m", 100)


def test_silent_only_after_a_clear():
    misbehaviour = Silent(only_after_clear=True)
    assert misbehave(misbehaviour).finish == Finished("m", 300)
    room = misbehave(misbehaviour, clear_at_ms=120)
    assert room.facts[-1] == Progressed("m", 100)
    assert room.heard() == 120
    room.say("n", 100)
    room.run()
    assert room.finish == Finished("n", 100)


def test_never_reports_started_or_progress():
    both = AllOf((NeverReportsStarted(), NeverReportsProgress()))
    assert misbehave(NeverReportsStarted()).facts[0] == Progressed("m", 100)
    assert misbehave(NeverReportsProgress()).facts == [Started("m"), Finished("m", 300)]
    assert misbehave(both).facts == [Finished("m", 300)]


def test_late_facts_keep_their_order():
    room = misbehave(Late(1000))
    assert room.told[0] == (1000, Started("m"))
    assert room.told[-1] == (1300, Finished("m", 300))
    room = misbehave(Late(1000, kinds=(Started,)))
    assert room.told[-1] == (1000, Started("m"))
    assert room.finish == Finished("m", 300)


def test_over_reports():
    assert misbehave(OverReports(by_ms=85), clear_at_ms=120).finish.position_ms == 205
    assert misbehave(OverReports(factor=2), clear_at_ms=120).finish.position_ms == 240
    assert misbehave(OverReports(factor=2), clear_at_ms=120).facts[1] == Progressed("m", 200)
    assert misbehave(OverReports(by_ms=85), clear_at_ms=120).heard() == 120
    none = AllOf((ReportsPosition(None), OverReports(by_ms=85)))
    assert misbehave(none).finish.position_ms is None


def test_reports_the_queued_position():
    room = misbehave(ReportsQueuedPosition(), clear_at_ms=120)
    assert room.facts == [Started("m"), Progressed("m", 300), Finished("m", 300, interrupted=True)]
    assert room.heard() == 120


@pytest.mark.parametrize("position_ms", [math.nan, math.inf, -math.inf, None, -40.0, 0])
def test_reports_a_useless_position(position_ms):
    room = misbehave(ReportsPosition(position_ms), clear_at_ms=120)
    assert room.facts[:-1] == [Started("m"), Progressed("m", 100)]
    assert repr(room.finish.position_ms) == repr(position_ms)
    assert room.heard() == 120
    room = misbehave(ReportsPosition(position_ms, kinds=(Progressed, Finished)), clear_at_ms=120)
    assert {repr(fact.position_ms) for fact in room.facts[1:]} == {repr(position_ms)}


def test_denies_the_interruption():
    assert misbehave(DeniesInterruption(), clear_at_ms=120).finish == Finished("m", 120)


def test_surplus_finishes():
    room = misbehave(SurplusFinishes(count=2, every_ms=10), clear_at_ms=120)
    finish = Finished("m", 120, interrupted=True)
    assert room.told[2:] == [(120, finish), (130, finish), (140, finish)]


def test_starts_again_on_resume():
    room = Room(StartsAgainOnResume())
    room.speaker.pause()
    room.speaker.resume()
    room.say("m", 100)
    room.speaker.pause()
    room.speaker.resume()
    room.run(50)
    room.speaker.pause()
    room.speaker.resume()
    room.run()
    assert room.facts.count(Started("m")) == 2


def test_wrong_message_id():
    room = misbehave(WrongMessageId())
    room.say("n", 50)
    assert room.run()[-3:] == [Finished("m", 300), Started("m"), Finished("m", 50)]
    assert room.heard("n") == 50
    room = misbehave(WrongMessageId("foreign", kinds=(Started,)))
    assert room.facts[0] == Started("foreign")
    assert room.finish == Finished("m", 300)


def test_fails_in_mid_message():
    room = misbehave(FailsAfter(170, "unplugged"))
    assert room.told[-1] == (170, OutputFailed("m", "unplugged"))
    assert room.heard() == 170
    room.speaker.clear("m")
    room.run()
    assert room.facts[-1] == OutputFailed("m", "unplugged")


def test_fails_before_the_first_frame():
    room = misbehave(FailsAfter(0))
    assert room.facts == [OutputFailed("m", "the simulated device is gone")]
    assert room.heard() == 0


def test_cleared_from_outside_in_mid_message():
    room = misbehave(ClearedFromOutsideAfter(170))
    assert room.told[-1] == (170, Finished("m", 170, interrupted=True))
    assert room.heard() == 170
    room = misbehave(AllOf((ClearedFromOutsideAfter(170), FailsAfter(200), DeniesInterruption())))
    assert room.finish == Finished("m", 170)


def test_loses_audio_on_pause():
    room = Room(LosesAudioOnPause(50))
    room.say("m", 300)
    room.run(100)
    room.speaker.pause()
    room.speaker.pause()
    room.run(100)
    room.speaker.resume()
    room.run()
    assert room.told[-1] == (350, Finished("m", 300))
    assert room.speaker.listener.intervals("m") == [(0, 100), (150, 300)]
    assert room.heard() == 250
    expected = np.delete(room.written["m"], np.s_[100 * 24 : 150 * 24])
    assert np.array_equal(room.speaker.listener.samples("m"), expected)


def test_only_for_one_message():
    room = misbehave(OnlyFor(1, AllOf((FailsAfter(20), Late(5), LosesAudioOnPause(1)))))
    room.say("n", 50)
    assert room.run()[-2:] == [Started("n"), OutputFailed("n", "the simulated device is gone")]
    room.say("o", 50)
    assert room.run()[-1] == Finished("o", 50)
