"""The OpenAI Realtime protocol in our words: what each server event means."""

from __future__ import annotations

import base64
import itertools
import re

import pytest
from openai_receiver import ONE_AT_A_TIME, PCM, Receiver, created, delta, feed, item, part, refused

from speech_lifecycle.adapters.sessions.fields import FieldError, audio
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, ProtocolError
from speech_lifecycle.adapters.sessions.response_options import SPEECH_ID_KEY
from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.events import (
    Authorize,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    SessionAudioReceived,
    SessionItemAdded,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionTextReceived,
)
from speech_lifecycle.simulation.wire_memory import WireMemory


@pytest.mark.parametrize(
    ("audio", "transcript"),
    [("output_audio", "output_audio_transcript"), ("audio", "audio_transcript")],
    ids=["current names", "older names"],
)
def test_an_audio_message_is_announced_with_its_first_content(protocol, receiver, audio, transcript):
    feed(protocol, created(), item(), part("audio"), delta(transcript, "Hi"), delta(audio, PCM))
    assert receiver.told == [
        SessionResponseCreated("r"),
        SessionMessageAdded("r", "A", ("audio",)),
        SessionTextReceived("A", "Hi"),
        ("A", b"\x01\x00" * 24),
    ]


def test_a_text_part_makes_it_a_text_message_whatever_the_response_is(protocol, receiver):
    feed(protocol, created(), item(), part("text"), delta("output_text", "Hi"))
    assert receiver.told[1:] == [SessionMessageAdded("r", "A", ("text",)), SessionTextReceived("A", "Hi")]


def test_a_message_without_content_is_announced_at_its_end(protocol, receiver):
    feed(protocol, created(("text",)), item(), {"type": "response.output_item.done", "item": {"id": "A"}})
    assert receiver.told[1:] == [SessionMessageAdded("r", "A", ("text",)), SessionMessageEnded("A")]


def test_a_message_without_content_is_announced_at_the_latest_with_the_end_of_the_response(protocol, receiver):
    feed(protocol, created(), item(), {"type": "response.done", "response": {"id": "r", "status": "cancelled"}})
    assert receiver.told[1:] == [SessionMessageAdded("r", "A", ("audio",)), SessionResponseEnded("r", "cancelled")]


def test_a_function_call_is_an_item_and_what_it_ends_is_left_to_the_machine(protocol, receiver):
    feed(protocol, created(), item(), part("audio"), delta("output_audio", PCM), item("function_call", "F"))
    assert receiver.told[-1] == SessionItemAdded("r")
    assert SessionMessageEnded("A") not in receiver.told
    assert not any(isinstance(fact, SessionMessageAdded) and fact.message_id == "F" for fact in receiver.told)


class Player(Receiver):
    """Passes what it is told to a speech that has the floor."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = SpeechMachine()
        self.machine.send(Authorize())

    def report(self, fact, *, speech_id=None):
        assert self.machine.send(fact).kind == "handled", fact

    def deliver_audio(self, message_id, pcm):
        self.report(SessionAudioReceived(message_id, 500))


@pytest.mark.parametrize(
    "later",
    [[item("function_call", "F")], [item(item_id="B"), part("audio", "B")]],
    ids=["function call", "message"],
)
def test_a_message_with_a_transcript_but_no_audio_yet_is_played_whatever_item_comes_in_between(later):
    player = Player()
    protocol = OpenAIRealtimeProtocol(player)
    feed(protocol, created(), item(), part("audio"), delta("output_audio_transcript", "Hi"), *later)
    assert player.machine.speech.messages["A"].state == "streaming"
    feed(
        protocol, delta("output_audio", PCM), {"type": "response.done", "response": {"id": "r", "status": "completed"}}
    )
    player.report(OutputAudioHandedOver("A", 500))
    player.report(OutputPlaybackFinished("A", 500))
    assert player.machine.speech.messages["A"].state == "played"


def test_a_message_with_audio_has_ended_when_a_function_call_begins():
    player = Player()
    protocol = OpenAIRealtimeProtocol(player)
    feed(protocol, created(), item(), part("audio"), delta("output_audio", PCM), item("function_call", "F"))
    player.report(OutputAudioHandedOver("A", 500))
    assert player.machine.speech.messages["A"].state == "draining"


def test_a_later_message_is_left_to_the_machine(protocol, receiver):
    feed(protocol, created(), item(), part("audio"), delta("output_audio", PCM), item(item_id="B"))
    assert SessionMessageEnded("A") not in receiver.told


def test_text_that_comes_only_at_the_end_is_not_lost(protocol, receiver):
    done = {"type": "response.output_audio_transcript.done", "item_id": "A", "transcript": "Hi there"}
    feed(protocol, created(), item(), part("audio"), delta("output_audio_transcript", "Hi"), done)
    assert receiver.told[-1] == SessionTextReceived("A", " there")


def test_the_speech_that_asked_for_a_response_gets_it_back(protocol, receiver):
    request = protocol.request_response("speech_7")
    feed(protocol, created(metadata=request["response"]["metadata"]))
    assert receiver.speech_ids == ["speech_7"]


@pytest.mark.parametrize("names_it", [True, False])
def test_a_refusal_names_the_speech_whose_response_was_asked_for(protocol, receiver, names_it):
    request = protocol.request_response("speech_7")
    feed(protocol, created(), refused(request["event_id"] if names_it else None))
    assert receiver.told == [SessionResponseCreated("r"), SessionRequestRefused("speech_7", ONE_AT_A_TIME)]
    assert protocol.errors == []


def test_a_response_names_the_speech_that_it_was_asked_for(protocol, receiver):
    request = protocol.request_response("speech_7")
    of_another, metadata = created(), request["response"]["metadata"]
    feed(protocol, of_another, {**of_another, "response": {"id": "s", "metadata": metadata}})
    assert receiver.speech_ids == [None, "speech_7"]


def test_n1_a_response_out_of_band_is_told_apart(protocol, receiver):
    feed(protocol, {"type": "response.created", "response": {"id": "r", "conversation_id": None}})
    assert receiver.told == [SessionResponseCreated("r", is_out_of_band=True)]


@pytest.mark.parametrize("event_id", ["of nobody", 7, ["a list"], None])
def test_an_error_about_something_else_refuses_no_response(protocol, receiver, event_id):
    protocol.request_response("speech_7")
    feed(protocol, refused(event_id, "rate_limit_exceeded"))
    assert receiver.told == []
    assert [error.code for error in protocol.errors] == ["rate_limit_exceeded"]


@pytest.mark.parametrize("code", [ONE_AT_A_TIME, "rate_limit_exceeded"])
def test_a_request_is_refused_once(protocol, receiver, code):
    request = protocol.request_response("speech_7")
    feed(protocol, refused(request["event_id"], code), refused(request["event_id"], code))
    assert receiver.told == [SessionRequestRefused("speech_7", code)]
    assert [error.code for error in protocol.errors] == [code]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(status, status) for status in ("completed", "cancelled", "failed", "incomplete")] + [("unheard of", "failed")],
)
def test_the_status_of_a_response(protocol, receiver, status, meaning):
    feed(protocol, {"type": "response.done", "response": {"id": "r", "status": status}})
    assert receiver.told == [SessionResponseEnded("r", meaning)]


@pytest.mark.parametrize("silence", [{}, {"status": None}, {"status": ""}, {"status": None, "status_details": None}])
def test_a_response_that_is_done_without_a_word_of_how_is_complete(protocol, receiver, silence):
    feed(protocol, {"type": "response.done", "response": {"id": "r", **silence}})
    assert receiver.told == [SessionResponseEnded("r", "completed")]


def test_a_response_that_says_why_it_ended_and_not_how_has_failed(protocol, receiver):
    details = {"error": {"code": "rate_limit_exceeded"}}
    feed(protocol, {"type": "response.done", "response": {"id": "r", "status_details": details}})
    assert receiver.told == [SessionResponseEnded("r", "failed", "rate_limit_exceeded")]


def test_barge_in(protocol, receiver):
    feed(protocol, {"type": "input_audio_buffer.speech_started"}, {"type": "input_audio_buffer.speech_stopped"})
    assert receiver.told == ["user speaks", "user is silent"]


def test_what_means_nothing_here_is_passed_over(protocol, receiver):
    of_nothing = {**delta("output_audio", PCM, "unknown"), "response_id": None}
    feed(protocol, {"type": "rate_limits.updated"}, {"type": "ping"}, {}, of_nothing)
    assert receiver.told == [("unknown", b"\x01\x00" * 24)], "the driver knows whose message it is"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.created"},
        {"type": "response.created", "response": None},
        {"type": "response.output_audio.delta", "item_id": "A"},
        {"type": "response.output_audio.delta", "item_id": "A", "delta": "not base64!"},
        {"type": "response.done", "response": "r"},
        {"type": "error"},
    ],
)
def test_a_broken_event_is_refused_by_name_and_reports_nothing(protocol, receiver, event):
    with pytest.raises(ProtocolError, match=event["type"]):
        protocol.receive(event)
    assert receiver.told == []


@pytest.mark.parametrize("metadata", [[], 7, "x", {SPEECH_ID_KEY: 7}, {SPEECH_ID_KEY: "\ud800"}, {SPEECH_ID_KEY: ""}])
def test_metadata_that_cannot_be_ours_says_nothing_and_loses_no_response(protocol, receiver, metadata):
    feed(protocol, {"type": "response.created", "response": {"id": "r", "metadata": metadata}})
    assert receiver.told == [SessionResponseCreated("r")]


@pytest.mark.parametrize(
    "write",
    [
        base64.encodebytes,
        base64.urlsafe_b64encode,
        lambda pcm: base64.b64encode(pcm).rstrip(b"="),
        lambda pcm: b" " + base64.b64encode(pcm) + b"\r\n",
    ],
    ids=["in lines", "for addresses", "without padding", "with space around"],
)
def test_base64_may_be_written_in_other_ways(protocol, receiver, write):
    """A message whose audio cannot be read is never heard, and the server remembers it. The judge reads it, too."""
    pcm = bytes(range(250)) * 4
    events = [created(), item(), delta("output_audio", write(pcm).decode())]
    feed(protocol, *events)
    assert b"".join(told[1] for told in receiver.told if isinstance(told, tuple)) == pcm
    memory = WireMemory()
    for event in events:
        memory.receive(event)
    assert memory.sent_ms == {"A": len(pcm) // 48}


def test_base64_is_read_alike_in_one_go_and_character_by_character():
    """What is written as usual is decoded by another decoder than what is not."""
    for characters in itertools.chain.from_iterable(
        itertools.product("AQ9/-= \u00e4\ud800", repeat=n) for n in range(6)
    ):
        words = "".join(characters)
        is_base64 = re.fullmatch(r"[AQ9/\- ]*=?=?\s*", words) and len(re.sub("[= ]", "", words)) % 4 != 1
        if not is_base64:
            with pytest.raises(FieldError):
                audio({"delta": words}, "delta")
            continue
        letters = re.sub("[= ]", "", words)
        assert audio({"delta": words}, "delta") == base64.b64decode(letters + "==", altchars="-/"), repr(words)


# Signs of life


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.function_call_arguments.delta", "response_id": "r", "item_id": "call", "delta": "{"},
        {"type": "response.mcp_call_arguments.delta", "response_id": "r", "item_id": "call", "delta": "{"},
        {"type": "response.mcp_call.in_progress", "item_id": "call", "output_index": 1},
        {"type": "response.reasoning.delta", "response_id": "r", "delta": "hm"},
        {"type": "response.output_item.done", "response_id": "r", "item": {"id": "call", "type": "mcp_call"}},
        {"type": "something.new", "item_id": "call"},
    ],
    ids=lambda event: event["type"],
)
def test_any_other_event_about_a_running_response_says_that_the_server_works_on_it(protocol, receiver, event):
    for said in (
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "response_id": "r", "item": {"id": "call", "type": "mcp_call"}},
    ):
        protocol.receive(said)
    protocol.receive(event)
    assert receiver.told[-1] == SessionResponseProgressed("r")
    protocol.receive({"type": "response.done", "response": {"id": "r", "status": "completed"}})
    before = list(receiver.told)
    protocol.receive(event)
    assert receiver.told == before


@pytest.mark.parametrize("field", ["response_id", "item_id"])
@pytest.mark.parametrize("value", [None, 5, [], {}, "other", ""])
def test_an_event_that_names_nothing_that_runs_is_no_sign_of_life(protocol, receiver, field, value):
    protocol.receive({"type": "response.created", "response": {"id": "r"}})
    before = list(receiver.told)
    protocol.receive({"type": "something.new", field: value})
    assert receiver.told == before
