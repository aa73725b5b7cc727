"""What happens to each message is told as it happens, and nothing of it is kept for ever."""

from __future__ import annotations

import pytest
from test_driver import PlainSession, Setting

from speech_lifecycle.adapters.changes import MessageStateChanged, SpeechStateChanged
from speech_lifecycle.fsm.events import (
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionResumed,
    SessionTextReceived,
)


def told_of(setting):
    told = []
    setting.driver.on_change(told.append)
    return told


def course_of(told, message_id):
    return [
        (each.new_state, each.is_heard, each.heard_ms)
        for each in told
        if isinstance(each, MessageStateChanged) and each.message_id == message_id
    ]


def test_every_state_of_a_message_is_told_when_it_begins_to_play_and_how_it_ended():
    setting = Setting()
    told = told_of(setting)
    setting.respond("r", ("A", 300), ("B", 900))
    assert course_of(told, "A") == [("streaming", False, 0), ("draining", False, 0)]
    assert course_of(told, "B") == [("pending", False, 0)]
    setting.clock.advance(100)
    assert course_of(told, "A")[2:] == [("draining", True, 0)]
    setting.clock.advance(600)
    assert course_of(told, "A")[3:] == [("played", True, 300)]
    setting.driver.interrupt()
    setting.clock.advance(100)
    assert course_of(told, "B")[-1] == ("partial", True, 400)
    assert [each.reason for each in told if isinstance(each, MessageStateChanged)][-1] == "interrupted"


def test_the_old_state_is_the_one_that_was_told_before():
    setting = Setting()
    told = told_of(setting)
    setting.respond("r", ("A", 300), ("B", 300))
    setting.clock.advance(1000)
    before = {}
    for each in told:
        if isinstance(each, MessageStateChanged):
            assert each.old_state == before.get(each.message_id)
            before[each.message_id] = each.new_state
    assert before == {"A": "played", "B": "played"}


def test_the_states_of_a_speech_are_told():
    setting = Setting()
    told = told_of(setting)
    setting.respond("r", ("A", 300))
    setting.clock.advance(1000)
    states = [each.new_state for each in told if isinstance(each, SpeechStateChanged)]
    assert states[-1] == "completed"
    assert "speaking" in states


def test_a_message_that_is_announced_when_the_speech_is_over_is_told():
    setting = Setting()
    told = told_of(setting)
    setting.respond("r", ("A", 300), ended=False)
    setting.driver.interrupt()
    setting.clock.advance(20_000)
    assert setting.driver.speeches[0].is_over
    del told[:]
    setting.session.receiver.report(SessionMessageAdded("r", "late"))
    assert course_of(told, "late") == [("skipped", False, 0)]
    assert course_of(told, "A") == []


def test_many_speeches_that_end_in_one_step_are_all_told():
    setting = Setting()
    told = told_of(setting)
    speeches = [setting.driver.request_response() for _ in range(300)]
    setting.driver.interrupt()
    setting.clock.advance(20_000)
    over = {each.speech_id for each in told if isinstance(each, SpeechStateChanged) and each.new_state != "queued"}
    assert over >= {speech.id for speech in speeches}


# Nothing grows with the age of a session


def kept_by(driver):
    return (
        len(driver._steps.handover.messages),
        len(driver.speeches),
        len(driver._telling._changes._told),
        len(driver.history),
    )


def test_facts_of_messages_that_nobody_knows_are_not_kept():
    setting = Setting()
    for number in range(100):
        setting.session.receiver.report(SessionTextReceived(f"m{number}", "words"))
        setting.session.receiver.report(SessionAudioReceived(f"m{number}", 20))
        setting.session.receiver.deliver_audio(f"m{number}", bytes(4801))
    assert kept_by(setting.driver)[0] == 0


def test_audio_and_text_that_come_too_late_are_not_kept():
    setting = Setting()
    setting.respond("r", ("A", 900), ended=False)
    setting.clock.advance(300)
    setting.driver.interrupt()
    setting.clock.advance(20_000)
    for _ in range(100):
        setting.session.receiver.deliver_audio("A", bytes(48_000))
        setting.session.receiver.report(SessionTextReceived("A", "more words"))
    message = setting.driver._steps.handover.messages["A"]
    assert (len(message.audio), len(message.text)) == (0, 0)
    assert message.received_bytes == 48 * 900 + 100 * 48_000


def test_what_is_kept_does_not_grow_with_the_speeches():
    setting = Setting(history_limit=50)
    told_of(setting)
    kept = []
    for number in range(300):
        setting.respond(f"r{number}", (f"m{number}", 20))
        setting.clock.advance(50)
        setting.records.clear()
        kept.append(kept_by(setting.driver))
    assert kept[150] == kept[-1]


@pytest.mark.parametrize(("limit", "told"), [(2, ["m3", "m4"]), (None, ["m0", "m1", "m2", "m3", "m4"]), (0, [])])
def test_a_new_server_is_told_of_what_history_keeps(limit, told):
    session = PlainSession()
    session.restored = []
    session.restore = session.restored.extend
    setting = Setting(session=session, history_limit=limit)
    for number in range(5):
        setting.respond(f"r{number}", (f"m{number}", 20))
        setting.clock.advance(50)
    for fact in (SessionLost(may_resume=True), SessionResumed()):
        session.receiver.report(fact)
    assert [commit.message_id for commit in session.restored] == told
    assert [commit.message_id for commit in setting.driver.history] == told


def test_a_change_says_in_words_what_it_is():
    setting = Setting()
    told = told_of(setting)
    setting.respond("r", ("A", 900))
    setting.clock.advance(400)
    setting.driver.interrupt()
    setting.clock.advance(100)
    assert str(told[0]) == "A streaming"
    assert "A partial, heard 400 ms, interrupted" in [str(change) for change in told]
    assert "speech_1 speaking" in [str(change) for change in told]
