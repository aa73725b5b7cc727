"""The OpenAI Realtime protocol in our words: what each server event means, and what each effect asks for."""

from __future__ import annotations

import base64
import json
import tracemalloc

import pytest

from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, ProtocolError, delta_in
from speech_lifecycle.adapters.sessions.response_options import SPEECH_ID_KEY
from speech_lifecycle.adapters.whole_samples import WholeSamples
from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.effects import CancelResponse, CommitMessage, RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.fsm.events import (
    Authorize,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    SessionAudioReceived,
    SessionItemAdded,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionTextReceived,
)
from speech_lifecycle.simulation.wire_memory import WireMemory


class Receiver:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.speech_ids: list[str | None] = []

    def report(self, fact, *, speech_id=None):
        self.told.append(fact)
        self.speech_ids.append(speech_id)

    def deliver_audio(self, message_id, pcm):
        self.told.append((message_id, pcm))

    def user_started_speaking(self):
        self.told.append("user speaks")

    def user_stopped_speaking(self):
        self.told.append("user is silent")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def protocol(receiver) -> OpenAIRealtimeProtocol:
    return OpenAIRealtimeProtocol(receiver)


def created(modalities=("audio",), **more):
    response = {"id": "r", "output_modalities": list(modalities), "metadata": None, **more}
    return {"type": "response.created", "response": response}


def item(kind="message", item_id="A"):
    return {"type": "response.output_item.added", "response_id": "r", "item": {"id": item_id, "type": kind}}


def part(kind, item_id="A", index=0):
    return {
        "type": "response.content_part.added",
        "response_id": "r",
        "item_id": item_id,
        "content_index": index,
        "part": {"type": kind},
    }


def delta(kind, content, item_id="A"):
    return {"type": f"response.{kind}.delta", "response_id": "r", "item_id": item_id, "delta": content}


PCM = base64.b64encode(b"\x01\x00" * 24).decode()


def feed(protocol, *events):
    for event in events:
        protocol.receive(event)


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


ONE_AT_A_TIME = "conversation_already_has_active_response"


def refused(event_id, code=ONE_AT_A_TIME):
    return {"type": "error", "error": {"type": "invalid_request_error", "code": code, "event_id": event_id}}


@pytest.mark.parametrize("names_it", [True, False])
def test_a_refusal_names_the_speech_whose_response_was_asked_for(protocol, receiver, names_it):
    request = protocol.request_response("speech_7")
    feed(protocol, created(), refused(request["event_id"] if names_it else None))
    assert receiver.told == [SessionResponseCreated("r"), SessionRequestRefused("speech_7", ONE_AT_A_TIME)]
    assert protocol.errors == []


def test_a_response_names_the_speech_that_it_was_asked_for(protocol, receiver):
    request = protocol.request_response("speech_7")
    feed(protocol, created(), created(metadata=request["response"]["metadata"]))
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


# Audio in pieces


def base64_of(pcm: bytes) -> str:
    return base64.b64encode(pcm).decode()


def pieces_told(protocol, receiver, *pieces: bytes):
    feed(protocol, created(), item(), part("audio"))
    feed(protocol, *(delta("output_audio", base64_of(piece)) for piece in pieces))
    return receiver.told[2:]


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ((b"abc", b"defgh"), [b"ab", b"cdefgh"]),
        ((b"a", b"b", b"c", b"d"), [b"ab", b"cd"]),
        ((b"abc", b"de", b"f"), [b"ab", b"cd", b"ef"]),
        ((b"abc", b"", b"d"), [b"ab", b"cd"]),
        ((b"ab", b"cd"), [b"ab", b"cd"]),
    ],
)
def test_a_sample_that_is_split_between_deltas_is_joined(protocol, receiver, pieces, told):
    assert pieces_told(protocol, receiver, *pieces) == [("A", pcm) for pcm in told]


def test_samples_are_joined_within_a_message_only(protocol, receiver):
    feed(protocol, created(), item(), item(item_id="B"))
    for piece, item_id in ((b"abc", "A"), (b"vwx", "B"), (b"d", "A"), (b"y", "B")):
        feed(protocol, delta("output_audio", base64_of(piece), item_id))
    told = [fact for fact in receiver.told if isinstance(fact, tuple)]
    assert told == [("A", b"ab"), ("B", b"vw"), ("A", b"cd"), ("B", b"xy")]


def test_half_a_sample_at_the_end_of_a_message_is_not_heard_and_not_kept(protocol, receiver):
    pieces_told(protocol, receiver, b"abc")
    feed(protocol, {"type": "response.done", "response": {"id": "r", "status": "completed"}})
    feed(protocol, delta("output_audio", base64_of(b"de")))
    assert receiver.told[-1] == ("A", b"de")


@pytest.mark.parametrize("piece", [b"", b"a"], ids=["nothing", "half a sample"])
def test_a_delta_without_a_whole_sample_is_no_content(protocol, receiver, piece):
    feed(protocol, created(), item(), delta("output_audio", base64_of(piece)))
    feed(protocol, item("function_call", "F"))
    assert receiver.told == [SessionResponseCreated("r"), SessionItemAdded("r")]


def test_an_empty_text_is_no_content(protocol, receiver):
    feed(protocol, created(), item(), delta("output_audio_transcript", ""), item("function_call", "F"))
    assert receiver.told == [SessionResponseCreated("r"), SessionItemAdded("r")]


# Deltas in one go

DELTAS = ("output_audio", "audio", "output_audio_transcript", "audio_transcript", "output_text", "text")


def told_of(frame: bytes, in_one_go: bool):
    """Return what is told of a message of which a frame comes, or the error."""
    receiver = Receiver()
    protocol = OpenAIRealtimeProtocol(receiver)
    feed(protocol, created(), item())
    try:
        found = delta_in(frame) if in_one_go else None
        if found is not None:
            protocol.receive_delta(found)
        else:
            protocol.receive(json.loads(frame))
    except ProtocolError as error:
        return receiver.told, str(error)
    return receiver.told, ""


@pytest.mark.parametrize("kind", DELTAS)
def test_every_delta_is_decoded_in_one_go(kind):
    frame = json.dumps({**delta(kind, PCM), "event_id": "e", "content_index": 0, "obfuscation": ["x"]}).encode()
    assert delta_in(frame) is not None
    assert told_of(frame, True) == told_of(frame, False)
    assert len(told_of(frame, True)[0]) == 3


@pytest.mark.parametrize("kind", DELTAS)
@pytest.mark.parametrize(
    "fields",
    [
        '"item_id": "A"',
        '"delta": "AAAA"',
        '"item_id": "A", "delta": null',
        '"item_id": "A", "delta": 5',
        '"item_id": "A", "delta": ["AAAA"]',
        '"item_id": null, "delta": "AAAA"',
        '"item_id": 5, "delta": "AAAA"',
        '"item_id": "A", "delta": ""',
        '"item_id": "A", "delta": "AAA"',
        '"item_id": "A", "delta": "AAA="',
        '"item_id": "A", "delta": "AAB="',
        '"item_id": "A", "delta": "AA=A"',
        '"item_id": "A", "delta": "AAAA\\n"',
        '"item_id": "A", "delta": "AA AA"',
        '"item_id": "A", "delta": "-_-_"',
        '"item_id": "A", "delta": "AAAA===="',
        '"item_id": "A", "delta": "\\u0041AAA"',
        '"item_id": "\\u0041", "delta": "AAAA"',
        '"item_id": "A\\ud800", "delta": "AAAA"',
        '"item_id": "A", "delta": "AAA\\ud800"',
        '"item_id": "A", "delta": "\\ud83d\\ude00"',
        '"item_id": "A", "delta": "\u00e9"',
        '"item_id": "A", "delta": "BBBB", "delta": "AAAA"',
        '"item_id": "A", "delta": "AAAA", "more": {"delta": 5, "item_id": [1e400, null]}',
    ],
)
def test_whatever_a_delta_holds_it_means_the_same_in_one_go(kind, fields):
    for frame in (f'{{"type": "response.{kind}.delta", {fields}}}', f'{{{fields}, "type": "response.{kind}.delta"}}'):
        assert told_of(frame.encode(), True) == told_of(frame.encode(), False)


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"{}", b"7", b"no JSON", b"\xff", b'{"type": "\xff"}', b'{"type": 7}', b'{"type": "error"}']
)
def test_what_is_no_delta_is_left_to_the_general_way(frame):
    assert delta_in(frame) is None


# A connection lasts longer than what is said on it


def test_of_errors_the_latest_are_kept(protocol):
    feed(protocol, *(refused(None, f"error_{number}") for number in range(5_000)))
    assert len(protocol.errors) < 1_000
    assert protocol.errors[-1].code == "error_4999"


def test_of_items_what_a_request_needs_is_kept_of_the_latest(protocol):
    for number in range(5_000):
        item_id = f"item_{number}"
        feed(protocol, {**created(), "response": {"id": f"r_{number}"}})
        feed(protocol, {**item(item_id=item_id), "response_id": f"r_{number}"}, part("audio", item_id, index=1))
        feed(protocol, delta("output_audio", base64_of(b"abc"), item_id))
        feed(protocol, {"type": "response.done", "response": {"id": f"r_{number}"}})
    (latest,) = protocol.translate(TruncateMessage("item_4999", 5))
    (oldest,) = protocol.translate(TruncateMessage("item_0", 5))
    assert (latest["content_index"], oldest["content_index"]) == (1, 0)


def test_of_half_samples_those_of_the_latest_messages_are_kept():
    samples = WholeSamples()
    for number in range(5_000):
        assert samples.take(f"item_{number}", b"abc") == b"ab"
    assert samples.take("item_4999", b"d") == b"cd"
    assert samples.take("item_0", b"de") == b"de"


# Requests


def test_cancel_names_the_response(protocol):
    (event,) = protocol.translate(CancelResponse("r"))
    assert (event["type"], event["response_id"]) == ("response.cancel", "r")


def test_truncate_names_the_audio_part(protocol):
    feed(protocol, created(), item(), part("audio", index=1))
    (event,) = protocol.translate(TruncateMessage("A", 700))
    assert (event["item_id"], event["content_index"], event["audio_end_ms"]) == ("A", 1, 700)


def test_each_message_is_deleted_by_its_own_event(protocol):
    events = protocol.translate(RemoveMessages(("A", "B")))
    assert [(event["type"], event["item_id"]) for event in events] == [
        ("conversation.item.delete", "A"),
        ("conversation.item.delete", "B"),
    ]
    assert len({event["event_id"] for event in events}) == 2


@pytest.mark.parametrize(("previous", "place"), [("U", "U"), (None, "root")])
def test_a_text_is_put_back_where_it_stood(protocol, receiver, previous, place):
    added = {"type": "conversation.item.added", "previous_item_id": previous, "item": {"id": "A"}}
    feed(protocol, added)
    delete, create = protocol.translate(ReplaceMessage("A", "Let me"))
    assert delete["type"] == "conversation.item.delete"
    assert (create["previous_item_id"], create["item"]["id"]) == (place, "A")
    assert create["item"]["content"] == [{"type": "output_text", "text": "Let me"}]
    feed(protocol, {"type": "conversation.item.deleted", "item_id": "A"})
    assert receiver.told == []
    feed(protocol, added)
    assert receiver.told == [SessionReconciliationAcknowledged("replace", "A")]


def refusal(code, message="", event_id=None):
    return {"type": "error", "error": {"code": code, "message": message, "event_id": event_id}}


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("invalid_value", "Audio content of 900ms is already shorter than 1000ms", "already_shorter"),
        ("invalid_value", "Invalid content index 3.", "other"),
        ("item_truncate_invalid_item_id", "no such item", "unknown_message"),
        ("unsupported_content_type", "Only model output audio messages can be truncated", "other"),
        ("server_error", "oops", "other"),
        (None, None, "other"),
    ],
)
def test_what_a_refusal_means(protocol, receiver, code, message, meaning):
    (event,) = protocol.translate(TruncateMessage("A", 1000))
    feed(protocol, refusal(code, message, event["event_id"]))
    assert receiver.told == [SessionReconciliationRefused("truncate", "A", meaning, code or "", message or "")]


def test_refusals_are_told_apart_by_event_id(protocol, receiver):
    events = protocol.translate(RemoveMessages(("A", "B")))
    feed(protocol, refusal("item_delete_invalid_item_id", "", events[1]["event_id"]))
    assert receiver.told[0].message_id == "B"


def test_a_refusal_without_event_id_answers_the_oldest_request_of_its_kind(protocol, receiver):
    protocol.translate(RemoveMessages(("A",)))
    protocol.translate(TruncateMessage("B", 10))
    feed(protocol, refusal("item_truncate_invalid_item_id"), refusal("item_delete_invalid_item_id"))
    assert [(fact.operation, fact.message_id) for fact in receiver.told] == [("truncate", "B"), ("remove", "A")]


def test_a_cancel_that_comes_too_late_is_harmless(protocol, receiver):
    (event,) = protocol.translate(CancelResponse("r"))
    feed(protocol, refusal("response_cancel_not_active", "nothing active", event["event_id"]))
    assert receiver.told == []
    assert [error.code for error in protocol.errors] == ["response_cancel_not_active"]


@pytest.mark.parametrize(
    ("effect", "kind", "operation"),
    [
        (TruncateMessage("A", 5), "conversation.item.truncated", "truncate"),
        (RemoveMessages(("A",)), "conversation.item.deleted", "remove"),
    ],
)
def test_acknowledgements(protocol, receiver, effect, kind, operation):
    protocol.translate(effect)
    feed(protocol, {"type": kind, "item_id": "A"})
    assert receiver.told == [SessionReconciliationAcknowledged(operation, "A")]


# A connection that is lost


def test_a_new_conversation_is_told_what_was_heard_in_order_and_by_the_same_ids(protocol):
    history = [CommitMessage("A", "One two.", "exact", False), CommitMessage("B", "Three", "synchronized", True)]
    told = protocol.restore(history)
    assert [event["type"] for event in told] == ["conversation.item.create"] * 2
    assert [(event["item"]["id"], event["item"]["content"]) for event in told] == [
        ("A", [{"type": "output_text", "text": "One two."}]),
        ("B", [{"type": "output_text", "text": "Three"}]),
    ]
    assert {event["item"]["role"] for event in told} == {"assistant"}
    assert len({event["event_id"] for event in told}) == 2


def test_what_was_heard_without_a_known_text_is_left_out_and_logged(protocol, caplog):
    history = [CommitMessage("A", "", "unknown", True), CommitMessage("B", "", "synchronized", True)]
    assert protocol.restore(history) == []
    assert [record.args for record in caplog.records] == [("A",), ("B",)]


@pytest.mark.parametrize(("item_id", "allowed"), [("i" * 32, True), ("6e48537a-01b2-4311-b6ff-68b41109ca65", False)])
def test_a_message_keeps_its_id_if_a_client_may_choose_it(protocol, item_id, allowed):
    (told,) = protocol.restore([CommitMessage(item_id, "One two.", "exact", False)])
    assert told["item"].get("id") == (item_id if allowed else None)


def test_nothing_of_a_lost_connection_is_awaited(protocol, receiver):
    for event in (created(), item(), part("audio")):
        protocol.receive(event)
    request = protocol.request_response("speech_1")
    (truncation,) = protocol.translate(TruncateMessage("A", 100))
    protocol.end_connection()
    receiver.told.clear()
    for event_id in (request["event_id"], truncation["event_id"]):
        protocol.receive({"type": "error", "error": {"code": "no", "message": "No.", "event_id": event_id}})
    protocol.receive({"type": "response.done", "response": {"id": "r", "status": "completed"}})
    assert receiver.told == [SessionResponseEnded("r", "completed")]
    assert len(protocol.errors) == 2


def test_a_kept_conversation_is_truncated_where_its_audio_is(protocol):
    for event in (created(), item(), part("text"), part("audio", index=1)):
        protocol.receive(event)
    protocol.end_connection()
    (truncation,) = protocol.translate(TruncateMessage("A", 100))
    assert truncation["content_index"] == 1


@pytest.mark.parametrize("name", ["conversation.created", "session.created"])
def test_a_server_may_say_which_conversation_it_is(protocol, name):
    protocol.receive({"type": name, "conversation": {"id": "conv_1"}})
    assert protocol.conversation_id == "conv_1"
    protocol.receive({"type": "session.created", "session": {"id": "sess_1"}})
    assert protocol.conversation_id == "conv_1"


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


# Large ones

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("kind", "content", "most"),
    [
        ("output_audio", "A" * (16 * MEGABYTE), 3),
        ("output_audio", "A" * (16 * MEGABYTE - 1) + "!", 4),
        ("output_text", "a" * (16 * MEGABYTE), 3),
        ("output_text", "a" * (16 * MEGABYTE - 2) + "\\ud800", 10),
    ],
    ids=["audio", "no base64", "text", "half a surrogate pair"],
)
def test_a_large_delta_takes_memory_in_proportion_to_its_size(kind, content, most):
    """100 MB of audio take a second and as much again in memory; garbage at the end of them twice that."""
    frame = f'{{"type": "response.{kind}.delta", "response_id": "r", "item_id": "A", "delta": "{content}"}}'.encode()
    tracemalloc.start()
    try:
        told, _ = told_of(frame, True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(told) == 3) == ("!" not in content)
    assert peak < most * len(frame)
