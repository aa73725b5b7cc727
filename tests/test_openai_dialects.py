"""Servers that announce little or oddly: whatever form a server's words have, they come to the same (N8 to N37)."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from speech_lifecycle.adapters.sessions.openai_dialects import DIALECTS, PERMISSIVE, XAI, DialectError
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, delta_in
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.fsm.events import (
    SessionItemAdded,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.server_dialects import AZURE, BARE, CONTENTS, GATEWAY, LATE, OPENAI
from speech_lifecycle.simulation.server_dialects import XAI as XAI_SERVER
from speech_lifecycle.simulation.world import SimulatedWorld


class Wire:
    """A protocol, what it has told, and what it has sent by itself."""

    def __init__(self, **options) -> None:
        self.told: list[object] = []
        self.sent: list[dict] = []
        self.protocol = OpenAIRealtimeProtocol(self, send=self.sent.append, **options)

    def report(self, fact, *, speech_id=None):
        self.told.append(fact)

    def deliver_audio(self, message_id, pcm):
        self.told.append((message_id, pcm))

    def user_started_speaking(self):
        pass

    def user_stopped_speaking(self):
        pass

    def feed(self, *events):
        """Have the protocol take events as the session does: deltas in one go."""
        for event in events:
            found = delta_in(json.dumps(event).encode())
            if found is None:
                self.protocol.receive(event)
            else:
                self.protocol.receive_delta(found)
        return self

    def of(self, *kinds):
        return [fact for fact in self.told if isinstance(fact, kinds)]

    @property
    def text(self) -> str:
        return "".join(fact.text for fact in self.of(SessionTextReceived))

    @property
    def audio(self) -> bytes:
        return b"".join(pcm for fact in self.told if isinstance(fact, tuple) for _, pcm in (fact,))


PCM = b"\x01\x00" * 2_400
A_100_MS = base64.b64encode(PCM).decode()


def created(response_id="r", **more):
    return {"type": "response.created", "response": {"id": response_id, **more}}


def item(item_id="A", response_id="r"):
    return {
        "type": "response.output_item.added",
        "response_id": response_id,
        "item": {"id": item_id, "type": "message"},
    }


def part(kind="audio", index=0, item_id="A", event="added", **more):
    return {
        "type": f"response.content_part.{event}",
        "response_id": "r",
        "item_id": item_id,
        "content_index": index,
        "part": {"type": kind, **more},
    }


def delta(content=A_100_MS, kind="output_audio", item_id="A", index=0, **more):
    where = {"response_id": "r", "item_id": item_id, "content_index": index}
    return {"type": f"response.{kind}.delta", **where, "delta": content, **more}


def words(content, index=0, kind="output_audio_transcript"):
    return delta(content, kind, index=index)


def done(content, index=0, kind="output_audio_transcript"):
    key = "text" if kind.endswith("text") else "transcript"
    return {"type": f"response.{kind}.done", "response_id": "r", "item_id": "A", "content_index": index, key: content}


def item_done(*content, item_id="A"):
    message = {"id": item_id, "type": "message", "role": "assistant", "content": list(content)}
    return {"type": "response.output_item.done", "response_id": "r", "item": message}


def response_done(*output, status="completed"):
    return {"type": "response.done", "response": {"id": "r", "status": status, "output": list(output)}}


def error(code=None, message="", event_id=None, **more):
    return {"type": "error", "error": {"code": code, "message": message, "event_id": event_id, **more}}


# N8: no items


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


# N18: two names

OLDER = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}


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


# N21: answers without an id


@pytest.mark.parametrize("nothing", [{"item_id": ""}, {"item_id": None}, {}], ids=str)
def test_n21_a_deletion_that_is_confirmed_without_an_id_is_the_oldest(nothing):
    wire = Wire()
    wire.protocol.translate(RemoveMessages(("A", "B")))
    deleted = {"type": "conversation.item.deleted", **nothing}
    wire.feed(deleted, deleted, deleted)
    assert wire.told == [
        SessionReconciliationAcknowledged("remove", "A"),
        SessionReconciliationAcknowledged("remove", "B"),
    ]


def test_n21_a_refused_deletion_is_not_confirmed_in_the_place_of_the_next():
    wire = Wire()
    first, _ = wire.protocol.translate(RemoveMessages(("A", "B")))
    wire.feed(error("item_delete_invalid_item_id", "", first["event_id"]))
    wire.feed({"type": "conversation.item.deleted", "item_id": ""})
    assert wire.of(SessionReconciliationAcknowledged) == [SessionReconciliationAcknowledged("remove", "B")]


def test_n21_the_deletion_of_a_replacement_confirms_no_other():
    wire = Wire()
    wire.protocol.translate(ReplaceMessage("A", "Hi"))
    wire.protocol.translate(RemoveMessages(("B",)))
    deleted = {"type": "conversation.item.deleted", "item_id": ""}
    wire.feed(deleted)
    assert wire.told == []
    wire.feed(deleted, {"type": "conversation.item.added", "item": {"id": "A"}})
    assert wire.told == [
        SessionReconciliationAcknowledged("remove", "B"),
        SessionReconciliationAcknowledged("replace", "A"),
    ]


def test_n21_a_truncation_that_is_confirmed_without_an_id_is_the_oldest():
    wire = Wire()
    wire.protocol.translate(TruncateMessage("A", 10))
    wire.feed({"type": "conversation.item.truncated", "item_id": ""})
    assert wire.told == [SessionReconciliationAcknowledged("truncate", "A")]


# Refusals in a server's own words


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("not_found", "Item A not found", "unknown_message"),
        ("item_not_found", "", "unknown_message"),
        (404, "No such item: A", "unknown_message"),
        ("invalid_request", "conversation item 'A' does not exist", "unknown_message"),
        ("bad_request", "Audio is already shorter than that", "already_shorter"),
        ("not_found", "model not found", "other"),
        ("unsupported", "cannot truncate", "other"),
    ],
)
def test_a_refusal_is_understood_in_a_servers_own_words(code, message, meaning):
    for names_event in (True, False):
        wire = Wire()
        (request,) = wire.protocol.translate(TruncateMessage("A", 10))
        wire.feed(error(code, message, request["event_id"] if names_event else None))
        refused = SessionReconciliationRefused("truncate", "A", meaning, str(code), message)
        if names_event or "A" in message or "truncat" in message:
            assert wire.told == [refused]
        else:
            assert [told.code for told in wire.protocol.errors] == [str(code)]


def test_a_refusal_that_names_no_event_is_about_the_item_that_it_names():
    wire = Wire()
    wire.protocol.translate(RemoveMessages(("item_1", "item_2")))
    wire.feed(error("gone", "item_2 not found"))
    assert [fact.message_id for fact in wire.told] == ["item_2"]


# N37: predecessors


def added(item_id, previous=None, **more):
    return {"type": "conversation.item.added", "previous_item_id": previous, "item": {"id": item_id, **more}}


def place(wire, item_id):
    return wire.protocol.translate(ReplaceMessage(item_id, "Hi"))[1].get("previous_item_id")


def test_n37_a_text_is_put_back_behind_what_still_stands_there():
    wire = Wire().feed(added("S"), added("U", "S"), added("A", "U"))
    wire.feed({"type": "conversation.item.deleted", "item_id": "U"})
    assert place(wire, "A") == "S"
    wire.feed({"type": "conversation.item.deleted", "item_id": "S"})
    assert place(wire, "A") == "root"


def test_n37_what_was_asked_to_be_deleted_is_no_place_any_more():
    wire = Wire().feed(added("U"), added("A", "U"), added("B", "A"))
    wire.protocol.translate(RemoveMessages(("A",)))
    assert place(wire, "B") == "U"


def test_n37_where_no_predecessors_are_said_the_order_of_arrival_tells():
    wire = Wire().feed(added("U"), added("A"), added("B"))
    assert (place(wire, "U"), place(wire, "A"), place(wire, "B")) == ("root", "U", "A")


def test_n37_a_text_whose_place_is_gone_is_put_at_the_end_rather_than_lost():
    wire = Wire().feed(added("U"), added("A", "U"))
    _, create = wire.protocol.translate(ReplaceMessage("A", "Hi"))
    wire.feed(error("item_create_invalid_previous_item_id", "", create["event_id"], param="previous_item_id"))
    (again,) = wire.sent
    assert "previous_item_id" not in again
    assert again["item"] == create["item"]
    assert wire.told == []
    wire.feed(added("A"))
    assert wire.told == [SessionReconciliationAcknowledged("replace", "A")]


def test_a_place_behind_something_that_was_there_before_is_kept():
    assert place(Wire().feed(added("A", "unknown")), "A") == "unknown"


# A conversation that goes on with other ids (xAI)


def resumed(*announced):
    wire = Wire().feed(created(), item(), delta(), words("One two."), response_done())
    wire.feed(created("s"), item("B", "s"), {**words("Three."), "item_id": "B", "response_id": "s"})
    wire.protocol.end_connection()
    wire.told.clear()
    return wire.feed(*announced)


def copy(item_id, text):
    return added(
        item_id, type="message", role="assistant", status="completed", content=[{"type": "text", "text": text}]
    )


def test_a_message_that_is_announced_anew_is_known_by_its_text():
    wire = resumed(copy("A2", "One two."), copy("B2", "Three."))
    (request,) = wire.protocol.translate(RemoveMessages(("B",)))
    assert request["item_id"] == "B2"
    wire.feed({"type": "conversation.item.deleted", "item_id": "B2"})
    assert wire.told == [SessionReconciliationAcknowledged("remove", "B")]


def test_what_was_asked_by_the_old_id_is_asked_again_by_the_new_one():
    wire = resumed()
    (request,) = wire.protocol.translate(RemoveMessages(("A",)))
    wire.feed(copy("A2", "One two."), error("not_found", "Item A not found", request["event_id"]))
    assert [event["item_id"] for event in wire.sent] == ["A2"]
    assert wire.told == []
    wire.feed(error("not_found", "Item A2 not found", wire.sent[0]["event_id"]))
    assert [fact.refusal for fact in wire.told] == ["other"], "it is there, whatever its name is"


def test_a_message_that_may_be_there_under_another_name_is_not_taken_for_forgotten():
    wire = resumed(copy("X", "Something else."))
    (request,) = wire.protocol.translate(TruncateMessage("A", 10))
    wire.feed(error("not_found", "Item A not found", request["event_id"]))
    assert [fact.refusal for fact in wire.told] == ["other"]


def test_a_message_that_is_not_announced_anew_is_gone_if_all_that_are_are_known():
    wire = resumed(copy("B2", "Three."))
    (request,) = wire.protocol.translate(RemoveMessages(("A",)))
    wire.feed(error("not_found", "Item A not found", request["event_id"]))
    assert [fact.refusal for fact in wire.told] == ["unknown_message"]


# The choice


def test_there_is_a_table_of_dialects():
    assert list(DIALECTS) == ["openai", "azure", "xai", "permissive"]
    for name, dialect in DIALECTS.items():
        assert OpenAIRealtimeSession(connect=lambda: None, dialect=name)._dialect is dialect
    with pytest.raises(DialectError, match="openai, azure, xai, permissive"):
        OpenAIRealtimeSession(connect=lambda: None, dialect="klingon")


# End to end

SERVERS = {
    "openai": OPENAI,
    "azure": AZURE,
    "xai": XAI_SERVER,
    "gateway": GATEWAY,
    "bare": BARE,
    "contents": CONTENTS,
    "late": LATE,
}
RESPONSE = ScriptedResponse(
    (ScriptedMessage("One two. Three four five.", 300), ScriptedMessage("Six seven. Eight!", 440)),
    pacing=Pacing(speed=2.0),
)


@pytest.mark.parametrize("dialect", [None, *DIALECTS])
@pytest.mark.parametrize("name", SERVERS)
def test_with_every_server_and_whatever_was_chosen_all_accounts_are_the_same(name, dialect):
    async def test(at_ms):
        behaviour = ServerBehaviour(dialect=SERVERS[name])
        async with SimulatedWorld((RESPONSE, RESPONSE), behaviour=behaviour, dialect=dialect) as world:
            world.driver.request_response()
            if at_ms is not None:
                world.clock.call_later(at_ms, world.driver.interrupt_all)
            await world.run_until_over()
            following = world.driver.request_response()
            await world.run_until_over()
            assert [record.state for record in following.records] == ["played", "played"]
            for record, scripted in zip(following.records, RESPONSE.items, strict=True):
                # What a server says only after it was played is unknown, and never a wrong text.
                is_too_late = SERVERS[name] is LATE and record.generated_text == ""
                assert record.generated_text == scripted.text or (is_too_late and record.heard_text_status == "unknown")
            assert build_report(world).is_equal
            assert world.driver.divergences == []

    for at_ms in (None, 0, 60, 170, 310, 480, 700):
        asyncio.run(test(at_ms))


def test_a_function_call_is_an_item_in_every_dialect():
    call = {"type": "response.output_item.added", "response_id": "r", "item": {"id": "F", "type": "function_call"}}
    assert Wire().feed(created(), call).told[1:] == [SessionItemAdded("r")]
