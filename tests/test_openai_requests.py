"""Which response answers which request, whatever a server does with metadata (N17)."""

from __future__ import annotations

import pytest
from openai_wire import Wire, created, error

from speech_lifecycle.adapters.sessions.openai_dialects import PERMISSIVE, XAI
from speech_lifecycle.fsm.events import (
    SessionRequestRefused,
    SessionResponseCreated,
)

# N17: requests without metadata


def test_n17_a_request_that_is_refused_for_its_metadata_is_made_again_without():
    wire = Wire()
    request = wire.protocol.request_response("speech_1")
    wire.feed(error("unsupported_response_override", "no overrides", request["event_id"], param="response"))
    assert wire.told == []
    (again,) = wire.sent
    assert set(again) == {"type", "event_id"}
    assert again["event_id"] != request["event_id"]
    assert "response" not in wire.protocol.request_response("speech_2"), "it has learned that"


@pytest.mark.parametrize(
    ("code", "message", "param"),
    [
        ("unsupported_response_override", "", "response"),
        ("unknown_parameter", "Unknown parameter: 'response.metadata'.", "response.metadata"),
        ("invalid_request_error", "response.metadata: Extra inputs are not permitted", None),
        (None, "metadata is not supported", None),
        ("invalid_event", "Additional properties are not allowed", ""),
        (422, "unexpected keyword: unrecognized field", None),
    ],
)
def test_n17_gateways_refuse_a_field_each_in_its_own_words(code, message, param):
    wire = Wire()
    request = wire.protocol.request_response("speech_1")
    wire.feed(error(code, message, request["event_id"], param=param))
    assert [event["type"] for event in wire.sent] == ["response.create"]


def test_n17_a_refusal_that_names_no_event_is_about_the_request_by_its_parameter():
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.feed(error("nope", "", None, param="response.metadata"))
    assert len(wire.sent) == 1


def test_n17_what_is_refused_for_another_reason_or_once_more_is_told():
    for code in ("rate_limit_exceeded", "conversation_already_has_active_response", "server_error", None):
        wire = Wire()
        request = wire.protocol.request_response("speech_1")
        wire.feed(error(code, "", request["event_id"]))
        assert wire.told == [SessionRequestRefused("speech_1", code or "")]
        assert wire.sent == []
    wire = Wire()
    request = wire.protocol.request_response("speech_1")
    refusal = {"code": "unknown_parameter", "message": "No."}
    wire.feed(error(event_id=request["event_id"], **refusal))
    wire.feed(error(event_id=wire.sent[0]["event_id"], **refusal))
    assert wire.told == [SessionRequestRefused("speech_1", "unknown_parameter", "No.")]
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("conversation_already_has_active_response", ""),
        ("response_in_progress", "Wait for it."),
        ("invalid_request", "A response is already being generated."),
        ("busy", "There is an active response in this conversation"),
        (None, "response.create is not possible now"),
        ("internal", "Failed to generate a response"),
    ],
)
def test_a_refused_request_is_known_by_a_servers_own_words(code, message):
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.feed(error(code, message, None))
    assert wire.told == [SessionRequestRefused("speech_1", code or "", message)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("response_cancel_not_active", "Cancellation failed: no active response found"),
        ("not_active", "There is no active response"),
        ("input_audio_buffer_commit_empty", "Error committing input audio buffer: buffer too small"),
        ("server_error", "The server had an error while processing your request"),
    ],
)
def test_an_error_about_something_else_refuses_no_request(code, message):
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.feed(error(code, message, None))
    assert wire.of(SessionRequestRefused) == []
    assert [noted.code for noted in wire.protocol.errors] == [code]


# Which response is whose


def test_a_response_without_metadata_is_that_of_the_first_request():
    """xAI's response object has no metadata at all; OpenAI's has, and null says that nobody asked for it."""
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.protocol.request_response("speech_2")
    wire.feed(created("r1"), created("r2"), created("r3"))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["speech_1", "speech_2", ""]
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.feed(created("r1", metadata=None))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == [""]


def test_a_request_that_was_dropped_costs_no_more_than_the_next_one():
    """Its place in the order must not be taken by every response after it, one behind for ever."""
    wire = Wire(dialect=PERMISSIVE)
    wire.protocol.request_response("dropped")
    answers = []
    for number in range(1, 5):
        wire.protocol.request_response(f"speech_{number}")
        wire.feed(created(f"r{number}"))
        answers.append(wire.of(SessionResponseCreated)[-1].speech_id)
    assert answers == ["dropped", "speech_2", "speech_3", "speech_4"]


def test_a_late_answer_is_told_from_the_answer_after_it():
    wire = Wire(dialect=PERMISSIVE)
    for number in (1, 2):
        wire.protocol.request_response(f"speech_{number}")
    wire.feed(created("r1"), created("r2"))
    wire.protocol.request_response("speech_3")
    wire.feed(created("r3"))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["speech_1", "speech_2", "speech_3"]


def test_when_the_user_has_spoken_since_a_response_without_metadata_may_be_the_answer_to_that():
    wire = Wire()
    wire.protocol.request_response("speech_1")
    wire.feed({"type": "input_audio_buffer.speech_started"}, created("r1"))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == [""]


@pytest.mark.parametrize("dialect", [XAI, PERMISSIVE], ids=lambda dialect: dialect.name)
def test_a_dialect_may_say_beforehand_that_no_metadata_comes_back(dialect):
    wire = Wire(dialect=dialect)
    request = wire.protocol.request_response("speech_1")
    assert ("response" in request) == dialect.takes_metadata
    wire.feed(created("r1", metadata=None))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["speech_1"]


def test_a_response_out_of_band_takes_no_request():
    wire = Wire(dialect=PERMISSIVE)
    wire.protocol.request_response("speech_1")
    wire.feed(created("r1", conversation_id=None), created("r2"))
    assert [fact.speech_id for fact in wire.of(SessionResponseCreated)] == ["", "speech_1"]
