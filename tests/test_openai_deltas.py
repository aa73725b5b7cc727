"""Deltas of audio and text: in pieces, in one go, and large ones."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from openai_receiver import PCM, Receiver, base64_of, created, delta, feed, item, part

from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, ProtocolError, delta_in
from speech_lifecycle.fsm.events import (
    SessionItemAdded,
    SessionResponseCreated,
)


def pieces_told(protocol, receiver, *pieces: bytes):
    feed(protocol, created(), item(), part("audio"))
    feed(protocol, *(delta("output_audio", base64_of(piece)) for piece in pieces))
    return receiver.told[2:]


# Audio in pieces


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


# Deltas in one go


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


MEGABYTE = 1_000_000


# Large ones


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
