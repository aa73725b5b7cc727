"""Servers that announce little: a message or a response begins with the first sign of it (N8)."""

from __future__ import annotations

import pytest
from openai_wire import PCM, Wire, created, delta, done, item, item_done, part, response_done, words

from speech_lifecycle.adapters.sessions.openai_dialects import XAI
from speech_lifecycle.fsm.events import (
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)


@pytest.mark.parametrize("names_response", [True, False])
@pytest.mark.parametrize("content_index", [0, None, "?", -1, 10**9, True])
def test_n8_a_message_that_no_event_announces_begins_with_its_first_content(names_response, content_index):
    audio = delta(index=content_index)
    if not names_response:
        del audio["response_id"]
    wire = Wire().feed(created(), audio, words("Hi"), response_done())
    assert wire.told[1:] == [
        SessionMessageAdded("r", "A", ("audio",)),
        ("A", PCM),
        SessionTextReceived("A", "Hi"),
        SessionResponseEnded("r", "completed"),
    ]


def test_n8_a_text_that_no_event_announces_is_one_by_the_response():
    wire = Wire().feed(created(output_modalities=["text"]), words("Hi", kind="output_text"))
    assert wire.told[1:] == [SessionMessageAdded("r", "A", ("text",)), SessionTextReceived("A", "Hi")]


def test_n8_a_message_that_is_only_in_the_end_of_the_response_is_announced():
    message = {"id": "A", "type": "message", "content": [{"type": "output_audio", "transcript": "Hi."}]}
    wire = Wire().feed(created(), response_done(message, {"id": "F", "type": "function_call"}))
    assert wire.told[1:] == [
        SessionMessageAdded("r", "A", ("audio",)),
        SessionTextReceived("A", "Hi."),
        SessionResponseEnded("r", "completed"),
    ]


SIGNS = {
    "output_item.added": item(),
    "content_part.added": part(),
    "audio.delta": delta(),
    "transcript.delta": words("Hi"),
    "text.delta": words("Hi", kind="output_text"),
    "transcript.done": done("Hi"),
    "text.done": done("Hi", kind="output_text"),
    "content_part.done": part(event="done", transcript="Hi"),
    "output_item.done": {**item_done({"type": "audio", "transcript": "Hi"}), "response_id": "r"},
    "response.done": response_done({"id": "A", "type": "message", "content": [{"type": "audio", "transcript": "Hi"}]}),
    "function call": {**item(), "item": {"id": "F", "type": "function_call"}},
    "arguments.delta": {"type": "response.function_call_arguments.delta", "response_id": "r", "item_id": "F"},
    "tool of its own": {"type": "response.mcp_call.in_progress", "response_id": "r", "item_id": "F"},
}


@pytest.mark.parametrize("sign", SIGNS)
def test_a_response_that_no_event_announces_begins_with_the_first_sign_of_it(sign):
    for asks in (True, False):
        wire = Wire()
        if asks:
            wire.protocol.request_response("speech_1")
        wire.feed(SIGNS[sign], SIGNS[sign])
        assert wire.told[0] == SessionResponseCreated("r", "speech_1" if asks else "")
        assert len(wire.of(SessionResponseCreated)) == 1


def test_a_response_that_only_ends_answers_who_waits_and_else_nobody():
    wire = Wire().feed(response_done(status="failed"))
    assert wire.of(SessionResponseCreated) == []
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.feed(response_done(status="failed"))
    assert wire.told == [SessionResponseCreated("r", "speech_1"), SessionResponseEnded("r", "failed")]


def test_a_response_that_is_announced_twice_takes_one_request():
    for first in (created(), delta()):
        wire = Wire(dialect=XAI)
        for speech_id in ("speech_1", "speech_2"):
            wire.protocol.request_response(speech_id)
        wire.feed(first, created(), created(), response_done(), created("s"))
        assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["speech_1", "speech_2"]


def test_a_response_is_announced_once_even_if_its_announcement_comes_late():
    wire = Wire().feed(delta(), created(metadata=None), words("Hi"), response_done())
    assert len(wire.of(SessionResponseCreated)) == len(wire.of(SessionMessageAdded)) == 1


@pytest.mark.parametrize("sign", SIGNS)
def test_what_comes_of_a_response_that_is_over_begins_none(sign):
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.protocol.request_response("speech_2")
    wire.feed(created(), delta(), response_done(), SIGNS[sign])
    assert len(wire.of(SessionResponseCreated)) == 1


def test_a_server_that_announces_nothing_may_use_the_id_of_a_response_again():
    wire = Wire()
    for number, item_id in enumerate("AB"):
        wire.protocol.request_response(f"speech_{number}")
        wire.feed(delta(item_id=item_id), response_done(), delta(item_id=item_id), item(item_id))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["speech_0", "speech_1"]
    assert len({fact.response_id for fact in wire.of(SessionResponseCreated)}) == 2


def test_a_server_that_announces_nothing_and_counts_anew_answers_on_every_connection():
    wire = Wire()
    for number in range(2):
        wire.protocol.request_response(f"speech_{number}")
        wire.feed(delta(), response_done())
        wire.protocol.end_connection()
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["speech_0", "speech_1"]
    assert [fact.message_id for fact in wire.of(SessionMessageAdded)] == ["A", "A#2"]


@pytest.mark.parametrize("named", [["text"], ["video"], [["audio"]], [], 7, None])
@pytest.mark.parametrize("first", ["audio.delta", "transcript.delta"])
def test_what_sounds_is_audio_whatever_the_response_says(named, first):
    wire = Wire().feed(created(output_modalities=named), SIGNS[first])
    assert wire.of(SessionMessageAdded)[0].modalities == ("audio",)


@pytest.mark.parametrize("first", ["text.delta", "text.done"])
def test_what_a_message_has_is_shown_by_its_first_content_where_the_response_does_not_say(first):
    for before in ([], [created()], [created(), item()]):
        assert Wire().feed(*before, SIGNS[first]).of(SessionMessageAdded)[0].modalities == ("text",)
    spoken = Wire().feed(created(output_modalities=["audio"]), SIGNS[first])
    assert spoken.of(SessionMessageAdded)[0].modalities == ("audio",), "the response has said it"
    listed = {"id": "A", "type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    assert Wire().feed(response_done(listed)).of(SessionMessageAdded)[0].modalities == ("text",)


def test_n8_of_a_response_that_is_over_no_message_begins():
    late = [delta(), part(), item_done({"type": "audio", "transcript": "Hi"}), words("Hi")]
    wire = Wire().feed(created(), response_done(), *late)
    assert wire.of(SessionMessageAdded, SessionMessageEnded) == []


def test_a_message_is_announced_once_whatever_the_order_of_the_events_about_it():
    wire = Wire().feed(created(), delta(), item(), part(), words("Hi"), item(), item_done(), item_done())
    assert len(wire.of(SessionMessageAdded)) == len(wire.of(SessionMessageEnded)) == 1
