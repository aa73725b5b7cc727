"""The simulated speaker and its listener, over any course of events."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from speaker_room import Finished, Progressed, Room, Started

from speech_lifecycle.simulation.misbehaviour import (
    DeniesInterruption,
    Late,
    OverReports,
    ReportsPosition,
    StartsAgainOnResume,
    SurplusFinishes,
)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 12_000)),
        st.tuples(st.just("wait"), st.one_of(st.integers(0, 400), st.floats(0, 400))),
        st.tuples(st.sampled_from(["pause", "resume", "flush", "clear", "outside", "read"]), st.none()),
    ),
    max_size=40,
)


def perform(room: Room, steps) -> None:
    """Take the steps; a message that is over is followed by the next."""
    number = 0
    room.speaker.start("0")
    for step, amount in steps:
        message_id = str(number)
        if step == "write":
            room.write(message_id, amount * 1000 / room.speaker.sample_rate)
        elif step == "wait":
            room.clock.advance(amount)
        elif step == "read":
            assert room.speaker.listener.heard_ms(message_id) >= 0
        elif step == "outside":
            room.speaker.clear_from_outside()
        elif step in ("pause", "resume"):
            getattr(room.speaker, step)()
        else:
            getattr(room.speaker, step)(message_id)
        room.clock.advance(0)
        if any(isinstance(fact, Finished) and fact.message_id == message_id for fact in room.facts):
            number += 1
            room.speaker.start(str(number))
    room.speaker.resume()
    room.speaker.flush(str(number))
    room.clock.advance(1_000_000)


@given(
    steps=STEPS,
    rate=st.sampled_from([8000, 22050, 24000]),
    frame_ms=st.sampled_from([1, 20]),
    latency_ms=st.sampled_from([0, 35]),
    every_ms=st.sampled_from([None, 1, 30]),
)
def test_the_listener_and_an_honest_speaker_agree(steps, rate, frame_ms, latency_ms, every_ms):
    room = Room(sample_rate=rate, frame_ms=frame_ms, latency_ms=latency_ms, report_progress_every_ms=every_ms)
    perform(room, steps)
    listener = room.speaker.listener
    finishes = [fact for fact in room.facts if isinstance(fact, Finished)]
    begun = len(finishes)
    assert [fact.message_id for fact in finishes] == [str(number) for number in range(begun)]
    for finish in finishes:
        message_id = finish.message_id
        written = room.written.get(message_id, np.empty(0, np.int16))
        facts = [fact for fact in room.facts if fact.message_id == message_id]
        progress = [fact.position_ms for fact in facts if isinstance(fact, Progressed)]
        assert finish.position_ms == listener.heard_ms(message_id) <= written.size * 1000 // rate
        assert progress == sorted(progress)
        assert max(progress, default=0) <= finish.position_ms
        assert facts[-1] is finish
        heard = listener.samples(message_id)
        assert (facts[0] == Started(message_id)) or heard.size == 0
        assert np.array_equal(heard, written[: heard.size])
        assert finish.interrupted or heard.size == written.size
    for earlier, later in zip(listener.timeline, listener.timeline[1:], strict=False):
        assert earlier.end_clock_ms <= later.start_clock_ms
    for stretch in listener.timeline:
        length_ms = stretch.end_clock_ms - stretch.start_clock_ms
        assert stretch.to_ms - stretch.from_ms <= length_ms + 1e-6
        assert length_ms < stretch.to_ms - stretch.from_ms + 1 + 1e-6


@given(
    steps=STEPS,
    misbehaviour=st.sampled_from(
        [
            Late(250),
            OverReports(by_ms=85, factor=1.5),
            ReportsPosition(math.nan),
            SurplusFinishes(3),
            DeniesInterruption(),
            StartsAgainOnResume(),
        ]
    ),
)
def test_what_is_heard_does_not_depend_on_what_is_reported(steps, misbehaviour):
    steps = [step for step in steps if step[0] not in ("clear", "outside", "flush")]
    honest, spoilt = Room(), Room(misbehaviour)
    perform(honest, steps)
    perform(spoilt, steps)
    assert spoilt.speaker.listener.timeline == honest.speaker.listener.timeline
