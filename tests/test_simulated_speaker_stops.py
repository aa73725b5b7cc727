"""The simulated speaker is cleared, paused and resumed."""

from __future__ import annotations

import numpy as np
import pytest
from speaker_room import Finished, Progressed, Room, Started

from speech_lifecycle.simulation.listener import Heard


def test_clear_stops_at_once_and_reports_what_was_heard():
    room = Room()
    room.say("m", 500)
    room.run(130)
    room.speaker.clear("m")
    room.run()
    assert room.told[-1] == (130, Finished("m", 130, interrupted=True))
    assert room.heard() == 130
    assert room.speaker.listener.samples("m").size == 130 * 24
    assert room.heard_is_prefix("m")


@pytest.mark.parametrize("begun", ["unknown", "started", "written", "written in the same instant"])
def test_clear_before_anything_was_played_reports_0(begun):
    room = Room(latency_ms=0 if begun == "written in the same instant" else 50)
    if begun != "unknown":
        room.speaker.start("m")
    if begun.startswith("written"):
        room.write("m", 100)
    room.speaker.clear("m")
    assert room.run() == [Finished("m", 0, interrupted=True)]
    assert room.heard() == 0


def test_clear_of_an_unknown_message_ends_it():
    room = Room()
    room.speaker.clear("m")
    room.speaker.clear("m")
    room.speaker.write("m", b"")
    assert room.run() == [Finished("m", 0, interrupted=True)]


def test_a_finish_that_is_due_wins_over_a_clear_in_the_same_instant():
    room = Room()
    room.speaker.start("m")
    room.write("m", 100)
    room.speaker.flush("m")
    room.clock.call_later(100, lambda: room.speaker.clear("m"))
    room.run()
    assert room.finish == Finished("m", 100)


def test_clear_after_the_end_reports_nothing_again():
    room = Room()
    room.say("m", 100)
    room.run()
    room.speaker.clear("m")
    room.run()
    assert room.finish == Finished("m", 100)


def test_pause_holds_at_once_and_resume_goes_on():
    room = Room()
    room.say("m", 200)
    room.run(70)
    room.speaker.pause()
    room.run(500)
    assert room.heard() == 70
    room.speaker.resume()
    room.run()
    assert room.told == [
        (0, Started("m")),
        (600, Progressed("m", 100)),
        (700, Progressed("m", 200)),
        (700, Finished("m", 200)),
    ]
    assert room.speaker.listener.timeline == (Heard(0, 70, "m", 0, 70), Heard(570, 700, "m", 70, 200))
    assert np.array_equal(room.speaker.listener.samples("m"), room.written["m"])


def test_paused_before_the_first_frame():
    room = Room()
    room.speaker.pause()
    room.say("m", 50)
    assert room.run(100) == []
    room.speaker.resume()
    room.run()
    assert room.told == [(100, Started("m")), (150, Finished("m", 50))]


def test_clear_while_paused_reports_and_the_hold_stays():
    room = Room()
    room.say("m", 200)
    room.run(70)
    room.speaker.pause()
    room.run(100)
    room.speaker.clear("m")
    assert room.run(0)[-1] == Finished("m", 70, interrupted=True)
    room.say("next", 50)
    room.run(100)
    assert room.heard("next") == 0
    room.speaker.resume()
    room.run()
    assert room.speaker.listener.heard == {"m": 70, "next": 50}


def test_an_output_that_cannot_pause_plays_on():
    room = Room(can_pause=False)
    room.say("m", 200)
    room.run(70)
    room.speaker.pause()
    room.run()
    assert room.told[-1] == (200, Finished("m", 200))


def test_clear_from_outside_ends_what_plays():
    room = Room()
    room.speaker.clear_from_outside()
    room.say("m", 200)
    room.run(60)
    room.speaker.clear_from_outside()
    room.write("m", 50)
    room.run()
    assert room.finish == Finished("m", 60, interrupted=True)
    assert room.heard() == 60
