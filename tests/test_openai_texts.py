"""What a message contains, under whatever names and in whatever pieces it comes (N18, N20)."""

from __future__ import annotations

import pytest
from openai_wire import PCM, Wire, created, delta, done, error, item, item_done, part, response_done, words

from speech_lifecycle.fsm.effects import TruncateMessage
from speech_lifecycle.fsm.events import (
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionTextReceived,
)

OLDER = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}


# N18: two names


@pytest.mark.parametrize("first", ["newer", "older", "now this, now that"])
def test_n18_what_comes_under_two_names_counts_once(first):
    wire = Wire().feed(created(), item(), part())
    for number, event in enumerate((delta(), words("Hi"), delta(), words(" there."), done("Hi there."), done("Bye."))):
        pair = [event, {**event, "type": OLDER[event["type"]]}]
        is_reversed = first == "older" or (first != "newer" and number % 2)
        wire.feed(*reversed(pair) if is_reversed else pair)
    assert wire.audio == PCM * 2
    assert wire.text == "Hi there. Bye."


def test_n18_each_response_may_come_under_another_name():
    wire = Wire().feed(created("r"), item(), delta(), response_done())
    older = {**delta(item_id="B", response_id="s"), "type": "response.audio.delta"}
    wire.feed(created("s"), item("B", "s"), older)
    assert wire.audio == PCM * 2


# N20: transcripts


@pytest.mark.parametrize(
    "events",
    [
        (words("Hello there."), words(" How are you?"), done("Hello there. How are you?")),
        (delta(), done("Hello there."), delta(), done("How are you?")),
        (done("Hello there."), done(" How are you?")),
        (done("Hello there. "), done("How are you?")),
        (done("Hello there."), done("Hello there. How are you?")),
        (words("Hello"), done("Hello there."), words(" How"), done("How are you?")),
        (words("Hello"), done("Hello there."), words(" How are you?"), done("How are you?")),
        (
            words("Hello there."),
            done("Hello there."),
            done("Hello there."),
            words(" How are you?"),
            done("How are you?"),
        ),
        (words("Hello there."), item_done({"type": "audio", "transcript": "Hello there. How are you?"})),
        (part(event="done", transcript="Hello there. How are you?"),),
        (item_done({"type": "output_audio", "transcript": "Hello there. How are you?"}),),
        (done("Hello there. How are you?"), part(event="done", transcript="Hello there. How are you?"), item_done()),
        (item_done({"type": "text", "text": "Hello there. How are you?"}),),
        (done(None), part(event="done"), done("Hello there. How are you?")),
    ],
    ids=range(14),
)
def test_n20_a_transcript_is_whole_however_it_comes(events):
    whole = {"id": "A", "type": "message", "content": [{"type": "audio", "transcript": "Hello there. How are you?"}]}
    wire = Wire().feed(created(), item(), part(), *events, response_done(whole))
    assert wire.text == "Hello there. How are you?"


def test_n20_a_sentence_may_be_said_twice():
    wire = Wire().feed(created(), item(), part(), delta(), done("No."), delta(), done("No."), response_done())
    assert wire.text == "No. No."


def test_n20_a_done_that_contradicts_what_was_said_changes_nothing():
    wire = Wire().feed(created(), item(), part(), words("Helo"), done("Hello"), response_done())
    assert wire.text == "Helo"


def test_n20_a_text_that_comes_last_is_told_before_the_end_of_its_message():
    wire = Wire().feed(created(), item(), part(), delta(), item_done({"type": "audio", "transcript": "Hi."}))
    assert wire.told[-2:] == [SessionTextReceived("A", "Hi."), SessionMessageEnded("A")]


# Content parts in any order and number


def test_the_texts_of_several_parts_are_told_apart():
    wire = Wire().feed(
        created(), item(), part(), words("Spoken."), part("text", 1), words(" Written.", 1, "output_text")
    )
    wire.feed(done("Written.", 1, "output_text"), done("Spoken."))
    assert wire.text == "Spoken. Written."


def cuts(wire, ms):
    events = wire.protocol.translate(TruncateMessage("A", ms))
    return [(event["content_index"], event["audio_end_ms"]) for event in events]


@pytest.mark.parametrize(
    ("ms", "expected"), [(50, [(0, 50), (2, 0)]), (100, [(2, 0)]), (150, [(2, 50)]), (200, [(2, 100)])]
)
def test_of_several_parts_with_audio_each_is_cut_where_it_was_heard(ms, expected):
    wire = Wire().feed(created(), item(), part(), delta(), part("text", 1), part("audio", 2), delta(index=2))
    assert cuts(wire, ms) == expected


def test_parts_whose_audio_comes_in_turns_are_cut_by_what_was_heard_of_each():
    wire = Wire().feed(created(), item(), delta(index=0), delta(index=1), delta(index=0), delta(index=1))
    assert cuts(wire, 250) == [(0, 150), (1, 100)]
    assert wire.audio == PCM * 4


def test_a_delta_that_does_not_say_its_part_is_of_the_latest():
    audio = delta()
    del audio["content_index"]
    wire = Wire().feed(created(), item(), part("text", 0), part("audio", 1), audio)
    assert cuts(wire, 40) == [(1, 40)]


def test_a_message_in_several_parts_is_truncated_when_all_are():
    wire = Wire().feed(created(), item(), delta(), delta(index=1))
    wire.protocol.translate(TruncateMessage("A", 50))
    truncated = {"type": "conversation.item.truncated", "item_id": "A"}
    wire.feed(truncated)
    assert wire.of(SessionReconciliationAcknowledged) == []
    wire.feed(truncated)
    assert wire.of(SessionReconciliationAcknowledged) == [SessionReconciliationAcknowledged("truncate", "A")]


def test_a_message_in_several_parts_is_not_truncated_if_one_is_not():
    wire = Wire().feed(created(), item(), delta(), delta(index=1))
    _, second = wire.protocol.translate(TruncateMessage("A", 50))
    wire.feed({"type": "conversation.item.truncated", "item_id": "A"}, error("no", "", second["event_id"]))
    assert wire.of(SessionReconciliationRefused) == [SessionReconciliationRefused("truncate", "A", "other", "no", "")]
