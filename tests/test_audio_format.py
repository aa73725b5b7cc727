"""Audio formats: a code of G.711 is the standard's sample, a format has many names, positions are right in all."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging

import numpy as np
import pytest

from speech_lifecycle.adapters.sessions.audio_format import PCM_24K, AudioFormat, AudioFormatError, said_format
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, delta_in
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.server_dialects import AZURE, OPENAI
from speech_lifecycle.simulation.tone import tone_base64
from speech_lifecycle.simulation.world import SimulatedWorld

ULAW, ALAW = AudioFormat("ulaw", 8_000), AudioFormat("alaw", 8_000)
FORMATS = [PCM_24K, ULAW, ALAW, *(AudioFormat("pcm", rate) for rate in (8_000, 11_025, 16_000, 44_100, 48_000))]


def samples(pcm: bytes) -> list[int]:
    return np.frombuffer(pcm, "<i2").tolist()


# The codes


def outputs_of_the_standard(law: str) -> list[int]:
    """ITU-T G.711, tables 1a and 2a: the decoder's values of positive codes, from the decision values x(n).

    Each is the middle of its interval, y(n) = (x(n-1) + x(n)) / 2; the first of mu-law is 0.
    """
    decisions = [0]
    if law == "alaw":
        for first, step in ((0, 2), (32, 2), (64, 4), (128, 8), (256, 16), (512, 32), (1024, 64), (2048, 128)):
            assert decisions[-1] == first
            decisions += [first + step * n for n in range(1, 17)]
        return [(low + high) // 2 * 8 for low, high in itertools.pairwise(decisions)]
    decisions = [0, 1, *range(3, 32, 2)]
    for segment in range(1, 8):
        decisions += [decisions[-1] + (2 << segment) * n for n in range(1, 17)]
    middles = [(low + high) // 2 for low, high in itertools.pairwise(decisions[1:])]
    assert decisions[-1] == 8159
    return [4 * middle for middle in (0, *middles)]


def test_every_code_of_a_law_is_the_standards_sample():
    """The standard sends the even bits of a code inverted; a code with the sign bit set is positive."""
    positive = outputs_of_the_standard("alaw")
    codes = bytes(code ^ 0x55 for code in range(256))
    assert samples(ALAW.decode(codes)) == [-value for value in positive] + positive


def test_every_code_of_mu_law_is_the_standards_sample():
    """The standard sends all bits of a code inverted; a code with the sign bit set is positive."""
    positive = outputs_of_the_standard("ulaw")
    codes = bytes(code ^ 0xFF for code in range(256))
    assert samples(ULAW.decode(codes)) == positive + [-value for value in positive]


def test_the_loudest_and_the_quietest_codes_of_mu_law():
    assert samples(ULAW.decode(b"\x00\x80\xff\x7f")) == [-32124, 32124, 0, 0]


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated")
@pytest.mark.parametrize(("audio_format", "function"), [(ULAW, "ulaw2lin"), (ALAW, "alaw2lin")])
def test_pythons_own_codec_says_the_same(audio_format, function):
    audioop = pytest.importorskip("audioop", reason="Python 3.13 has none")
    assert audio_format.decode(bytes(range(256))) == getattr(audioop, function)(bytes(range(256)), 2)


@pytest.mark.parametrize("law", [ULAW, ALAW], ids=str)
def test_the_simulated_server_sends_what_is_decoded_to_the_same_tone(law):
    sent = samples(law.decode(base64.b64decode(tone_base64(3, 0, 100, law))))
    plain = samples(base64.b64decode(tone_base64(3, 0, 100, AudioFormat("pcm", 8_000))))
    assert len(sent) == len(plain) == 800
    assert max(abs(a - b) for a, b in zip(sent, plain, strict=True)) <= 128


# The names


@pytest.mark.parametrize(
    ("said", "audio_format"),
    [
        ({"type": "audio/pcm", "rate": 24_000}, PCM_24K),
        ({"type": "audio/pcm"}, PCM_24K),
        ({"type": "audio/pcm", "rate": None}, PCM_24K),
        ({"type": "audio/pcm", "rate": 16_000}, AudioFormat("pcm", 16_000)),
        ({"type": "audio/pcmu"}, ULAW),
        ({"type": "audio/pcma"}, ALAW),
        ({"type": "audio/pcmu", "rate": 16_000}, AudioFormat("ulaw", 16_000)),
        ("audio/pcmu", ULAW),
        ("audio/pcm;rate=16000", AudioFormat("pcm", 16_000)),
        ("pcm16", PCM_24K),
        ("pcm24", PCM_24K),
        ("pcm", PCM_24K),
        ("pcm16_8000hz", AudioFormat("pcm", 8_000)),
        ("pcm16-16000hz", AudioFormat("pcm", 16_000)),
        ("g711_ulaw", ULAW),
        ("g711_alaw", ALAW),
        (ALAW, ALAW),
    ],
)
def test_a_format_has_many_names(said, audio_format):
    assert AudioFormat.of(said) == audio_format


@pytest.mark.parametrize("audio_format", FORMATS, ids=str)
def test_a_format_is_known_by_its_own_name_and_object(audio_format):
    assert AudioFormat.of(audio_format.name) == AudioFormat.of(audio_format.on_the_wire) == audio_format


@pytest.mark.parametrize(
    "said",
    ["audio/opus", "mp3", "", 7, None, [], {}, {"type": 7}, {"type": "audio/opus"}, {"type": ["audio/pcm"]}]
    + [{"type": "audio/pcm", "rate": rate} for rate in (0, -1, "24000", 24_000.0, True, [], 10**12)],
    ids=repr,
)
def test_another_format_is_refused_by_name(said):
    with pytest.raises(AudioFormatError, match="audio format"):
        AudioFormat.of(said)
    with pytest.raises(AudioFormatError):
        OpenAIRealtimeSession(connect=lambda: None, audio_format=said)


@pytest.mark.parametrize(("encoding", "rate"), [("opus", 8_000), ("pcm", 0), ("ulaw", 8_000.0)])
def test_a_format_that_cannot_be_is_not_made(encoding, rate):
    with pytest.raises(AudioFormatError, match="audio format"):
        AudioFormat(encoding, rate)


@pytest.mark.parametrize(
    ("settings", "audio_format"),
    [
        ({}, None),
        ({"audio": None}, None),
        ({"audio": {"output": {"voice": "marin"}}}, None),
        ({"output_audio_format": "not specified"}, None),
        ({"output_audio_format": None}, None),
        ({"output_audio_format": {}}, None),
        ({"audio": {"output": {"format": None}}}, None),
        ({"audio": {"output": {"format": {"type": None}}}}, None),
        ({"audio": {"output": {"format": {"type": "", "rate": None}}}}, None),
        ({"audio": {"output": {"format": {}}}, "output_audio_format": "g711_alaw"}, ALAW),
        # Only PCM has rates to choose from.
        ({"audio": {"output": {"format": {"rate": 16_000}}}}, AudioFormat("pcm", 16_000)),
        ({"output_audio_format": "g711_alaw"}, ALAW),
        # xAI says both, and means the object.
        ({"output_audio_format": "not specified", "audio": {"output": {"format": {"type": "audio/pcmu"}}}}, ULAW),
    ],
    ids=repr,
)
def test_where_a_session_says_its_format(settings, audio_format):
    assert said_format(settings) == audio_format


# What the protocol makes of them


class Receiver:
    def __init__(self) -> None:
        self.audio: list[bytes] = []

    def report(self, fact, *, speech_id=None):
        pass

    def deliver_audio(self, message_id, pcm):
        self.audio.append(pcm)


def said(kind, said_name):
    is_older = isinstance(said_name, str)
    session = {"output_audio_format": said_name} if is_older else {"audio": {"output": {"format": said_name}}}
    return {"type": f"session.{kind}", "session": session}


def delta(data: bytes, item_id="A"):
    return {"type": "response.output_audio.delta", "item_id": item_id, "delta": base64.b64encode(data).decode()}


def created(**response):
    return {"type": "response.created", "response": {"id": "r", **response}}


ITEM = {"type": "response.output_item.added", "response_id": "r", "item": {"id": "A", "type": "message"}}


def heard(audio_format, *events):
    receiver = Receiver()
    protocol = OpenAIRealtimeProtocol(receiver, audio_format)
    for event in events:
        protocol.receive(event)
    return receiver.audio, [error.code for error in protocol.errors]


@pytest.mark.parametrize("name", ["g711_ulaw", {"type": "audio/pcmu"}], ids=str)
@pytest.mark.parametrize("kind", ["created", "updated"])
@pytest.mark.parametrize("chosen", [ULAW, ALAW, AudioFormat("pcm", 8_000)], ids=str)
def test_what_the_server_says_of_its_format_is_believed(chosen, kind, name):
    audio, errors = heard(chosen, said("updated", name), created(), ITEM, delta(b"\x00\xff"))
    assert (audio, errors) == ([ULAW.decode(b"\x00\xff")], [])


def test_a_greeting_says_the_servers_defaults_and_not_what_the_agent_has_chosen():
    audio, errors = heard(ULAW, said("created", "pcm16"), created(), ITEM, delta(b"\x00"))
    assert (audio, errors) == ([ULAW.decode(b"\x00")], [])


def test_a_response_may_have_a_format_of_its_own():
    of_its_own = created(audio={"output": {"format": {"type": "audio/pcma"}}})
    audio, _ = heard(ULAW, of_its_own, ITEM, delta(b"\x00"))
    assert audio == [ALAW.decode(b"\x00")]


def test_a_change_of_format_is_for_the_responses_that_begin_after_it():
    """The messages that are under way were begun in the format of before."""
    events = (created(), ITEM, delta(b"\x01"), said("updated", "g711_alaw"), delta(b"\x01"))
    audio, _ = heard(ULAW, *events)
    assert audio == [ULAW.decode(b"\x01")] * 2


@pytest.mark.parametrize(
    "change", ["pcm16", "audio/opus", {"type": "audio/pcm", "rate": 16_000}, {"type": ["?"]}], ids=str
)
def test_n4_audio_that_cannot_be_played_is_refused_once_with_the_remedy_and_not_played(change, caplog):
    deltas = [delta(bytes(100))] * 10
    audio, errors = heard(ULAW, said("updated", change), created(), ITEM, *deltas)
    assert (audio, errors) == ([], ["unplayable_audio_format"])
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "audio format" in record.getMessage() or "audio_format=" in record.getMessage()


def test_what_could_not_be_played_can_be_when_the_server_has_changed_it():
    audio, _ = heard(ULAW, said("updated", "pcm16"), said("updated", "g711_ulaw"), created(), ITEM, delta(b"\x00"))
    assert audio == [ULAW.decode(b"\x00")]


def test_a_new_connection_begins_with_what_the_agent_has_chosen():
    receiver = Receiver()
    protocol = OpenAIRealtimeProtocol(receiver, ULAW)
    protocol.receive(said("updated", "pcm16"))
    protocol.end_connection()
    protocol.receive(delta(b"\x00"))
    assert receiver.audio == [ULAW.decode(b"\x00")]


@pytest.mark.parametrize("in_one_go", [True, False])
def test_a_byte_of_g711_is_a_sample_and_never_half_of_one(in_one_go):
    receiver = Receiver()
    protocol = OpenAIRealtimeProtocol(receiver, ALAW)
    for data in (b"\x01", b"\x02\x03\x04", b"", b"\x05"):
        if in_one_go:
            protocol.receive_delta(delta_in(json.dumps(delta(data)).encode()))
        else:
            protocol.receive(delta(data))
    assert b"".join(receiver.audio) == ALAW.decode(b"\x01\x02\x03\x04\x05")


# Positions

RESPONSE = ScriptedResponse((ScriptedMessage("One two three", 320), ScriptedMessage("four five six", 440)))


@pytest.mark.parametrize("names", [OPENAI, AZURE], ids=["openai", "azure"])
@pytest.mark.parametrize("audio_format", FORMATS, ids=str)
@pytest.mark.parametrize("interrupt_at_ms", [None, 170, 505])
def test_n4_positions_are_right_in_every_format(audio_format, names, interrupt_at_ms):
    if names is OPENAI and audio_format.encoding == "pcm" and audio_format != PCM_24K:
        names = AZURE  # OpenAI itself has PCM at 24 kHz only.

    async def test():
        behaviour = ServerBehaviour(dialect=names)
        async with SimulatedWorld((RESPONSE,), audio_format=audio_format, behaviour=behaviour) as world:
            speech = world.driver.request_response()
            if interrupt_at_ms is not None:
                await world.run_until(lambda: sum(world.listener.heard.values()) >= interrupt_at_ms)
                world.driver.interrupt_all()
            await world.run_until_over()
            heard_ms = sum(record.heard_ms for record in speech.records)
            assert heard_ms == sum(world.listener.heard.values()) == (760 if interrupt_at_ms is None else heard_ms)
            assert sum(record.received_ms for record in speech.records) == 760
            assert world.session.errors == []
            assert world.session.sample_rate == audio_format.sample_rate
            assert build_report(world).is_equal

    asyncio.run(test())
