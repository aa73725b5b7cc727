"""The session over the `openai` SDK and a real socket: what others raise or send ends nothing, and no audio is lost."""

from __future__ import annotations

import asyncio
import base64
import json
import logging

import pytest
from realtime_client import eventually

from speech_lifecycle.adapters.sessions.client_event import UnsendableEventError
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld, WorldError

RESPONSE = ScriptedResponse((ScriptedMessage("One two three", 300), ScriptedMessage("four five six", 440)))


class FaultyWorld(SimulatedWorld):
    """A world in which something goes wrong, and everything goes on."""

    may_fault = True

    async def speak(self) -> None:
        """Have a response played to its end."""
        speech = self.driver.request_response()
        await self.run_until_over()
        assert [record.state for record in speech.records] == ["played", "played"]
        assert build_report(self).is_equal

    async def receive(self, frame: str) -> None:
        """Have the server send a frame, whatever it is."""
        self.server_session.frames_sent += 1
        self.server_session._outbox.put_nowait(frame)
        await self.settle()


def run(test, *responses):
    """Run a test in a world with two responses."""

    async def in_a_world():
        async with FaultyWorld(responses or (RESPONSE, RESPONSE)) as world:
            await test(world)

    asyncio.run(in_a_world())


def logged_errors(caplog):
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


# Nothing that other code raises ends the session


def key_error(event):
    raise KeyError("a mistake in somebody's listener")


def cancelled_error(event):
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    future.result()


@pytest.mark.parametrize("raising", [key_error, cancelled_error])
def test_what_a_listener_raises_is_counted_and_logged_once_with_its_place_and_all_goes_on(raising, caplog):
    heard = []

    async def test(world):
        world.session.listen(raising)
        world.session.listen(heard.append)
        before = len(world.server_session.events_sent)
        await world.speak()
        await world.speak()
        assert heard == world.server_session.events_sent[before:]
        assert world.session.faults == len(heard) > 20

    run(test)
    (error,) = logged_errors(caplog)
    assert "a listener failed" in error.getMessage()
    assert __file__ in error.getMessage()
    assert error.exc_info is not None


def test_each_place_that_raises_is_logged(caplog):
    def another(event):
        raise ValueError("another mistake")

    async def test(world):
        world.session.listen(key_error)
        world.session.listen(another)
        await world.speak()

    run(test)
    assert len(logged_errors(caplog)) == 2


@pytest.mark.parametrize("kind", ["SessionTextReceived", "SessionMessageEnded"])
def test_what_the_receiver_raises_is_counted_and_logged_and_the_next_event_is_read(kind, caplog):
    async def test(world):
        report, raised = world.driver.report, []

        def raising(fact, **more):
            if type(fact).__name__ == kind and not raised:
                raised.append(fact)
                raise RuntimeError("a mistake in somebody's receiver")
            report(fact, **more)

        world.driver.report = raising
        for _ in range(2):
            speech = world.driver.request_response()
            await world.run_until_over()
            assert [record.state for record in speech.records] == ["played", "played"]
            assert world.session.faults == 1

    run(test)
    (error,) = logged_errors(caplog)
    assert "the receiver failed" in error.getMessage()


def test_when_the_connection_fails_to_send_one_event_the_next_is_sent(caplog):
    async def test(world):
        connection = world.session._connection
        send, refused = connection.send, []

        async def failing(event):
            if event["type"] == "session.update":
                refused.append(event)
                raise RuntimeError("the SDK cannot send this")
            await send(event)

        connection.send = failing
        world.session.send({"type": "session.update", "session": {}})
        await eventually(lambda: refused)
        await world.speak()
        assert world.session.faults == 1

    run(test)
    assert "failed to send" in logged_errors(caplog)[0].getMessage()


def test_a_simulated_world_tells_of_faults_in_the_end():
    async def test():
        async with SimulatedWorld((RESPONSE,)) as world:
            world.session.listen(key_error)
            world.driver.request_response()
            await world.run_until_over()

    with pytest.raises(WorldError, match="times the session noted"):
        asyncio.run(test())


# What a server sends ends nothing either


@pytest.mark.parametrize("frame", ["[1]", '"text"', "7", "null", "no JSON", "[" * 100_000, "{}", '{"type": 7}', ""])
def test_a_frame_that_is_no_event_ends_nothing_and_listeners_get_objects_only(frame):
    heard = []

    async def test(world):
        world.session.listen(heard.append)
        await world.receive(frame)
        await world.speak()
        assert world.session.faults == 0

    run(test)
    assert heard
    assert all(isinstance(event, dict) for event in heard)


# What cannot be sent is said to who sends it


def holding_itself():
    event = {"type": "session.update"}
    event["session"] = {"itself": [event]}
    return event


def nested_too_deeply():
    event = {"type": "session.update"}
    for _ in range(100_000):
        event = {"type": "session.update", "session": event}
    return event


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (
            {"type": "conversation.item.create", "item": {"when": object()}},
            "client event 'conversation.item.create' cannot be sent: field 'item.when' is of type object",
        ),
        (
            {"type": "input_audio_buffer.append", "audio": b"pcm"},
            "client event 'input_audio_buffer.append' cannot be sent: field 'audio' is of type bytes",
        ),
        ({"type": "a", "of": [0, {"it": {1, 2}}]}, "field 'of.1.it' is of type set"),
        ({"type": "a", "speed": float("nan")}, "field 'speed' is nan, which is no number of JSON"),
        ({"type": "a", "map": {(1, 2): 3}}, "field 'map' has a key of type tuple"),
        (holding_itself(), "field 'session.itself.0' holds itself"),
        (nested_too_deeply(), "is nested too deeply"),
        (["response.create"], "a client event must be a dict, not list"),
    ],
    ids=["object", "bytes", "set in a list", "nan", "key", "holds itself", "nested", "no dict"],
)
def test_an_event_that_cannot_be_sent_is_refused_at_once_with_the_place(event, complaint):
    async def test(world):
        sent = world.session.frames_sent
        with pytest.raises(UnsendableEventError) as refused:
            world.session.send(event)
        assert complaint in str(refused.value)
        assert world.session.frames_sent == sent
        await world.speak()
        assert world.session.faults == 0

    run(test)


def test_an_event_is_sent_as_it_was_when_it_was_given():
    event = {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}}
    event["item"]["content"].append({"type": "input_text", "text": "as it was"})

    async def test(world):
        world.session.send(event)
        event["item"]["content"][0]["text"] = object()
        await world.settle()
        (added,) = [sent for sent in world.server_session.events_sent if sent["type"] == "conversation.item.added"]
        assert added["item"]["content"][0]["text"] == "as it was"

    run(test)


# Audio is cut anywhere


def cut_audio(server_session, *first_bytes):
    """Have the server cut each delta of audio into pieces of these sizes and the rest, with an empty one in between."""
    emit = server_session.emit

    def emit_pieces(event):
        if event["type"] != "response.output_audio.delta":
            emit(event)
            return
        pcm = base64.b64decode(event["delta"])
        pieces = [b""]
        for size in first_bytes:
            pieces.append(pcm[:size])
            pcm = pcm[size:]
        for piece in (*pieces, pcm):
            emit({**event, "delta": base64.b64encode(piece).decode()})

    server_session.emit = emit_pieces


@pytest.mark.parametrize("first_bytes", [(1,), (2401,), (1, 1, 1), (333, 334, 335)], ids=str)
@pytest.mark.parametrize("interrupt_at_ms", [None, 170, 300, 505])
def test_a_sample_that_is_split_between_two_deltas_is_joined_and_heard(first_bytes, interrupt_at_ms):
    async def test(world):
        cut_audio(world.server_session, *first_bytes)
        world.driver.request_response()
        if interrupt_at_ms is not None:
            await world.run_until(lambda: sum(world.listener.heard.values()) >= interrupt_at_ms)
            world.driver.interrupt_all()
        await world.run_until_over()
        heard_ms = sum(world.listener.heard.values())
        assert heard_ms >= interrupt_at_ms if interrupt_at_ms is not None else heard_ms == 740
        assert build_report(world).is_equal
        assert world.session.faults == 0

    run(test)


def test_what_is_written_to_the_output_is_what_the_server_sent():
    async def test(world):
        written, sent = bytearray(), bytearray()
        write = world.speaker.write

        def note(message_id, pcm):
            assert len(pcm) % 2 == 0
            written.extend(pcm)
            write(message_id, pcm)

        world.speaker.write = note
        cut_audio(world.server_session, 2401, 7)
        await world.speak()
        for event in world.server_session.events_sent:
            if event["type"] == "response.output_audio.delta":
                sent.extend(base64.b64decode(event["delta"]))
        assert written == sent

    run(test)


def test_a_huge_delta_is_played():
    minute = ScriptedMessage("a long story", audio_ms=60_000)
    response = ScriptedResponse((minute, minute), pacing=Pacing(speed=None, chunk_ms=60_000))

    async def test(world):
        await world.speak()
        assert sum(world.listener.heard.values()) == 120_000

    run(test, response)


def test_listeners_get_every_event_as_the_server_sent_it_also_if_they_begin_later():
    heard = []

    async def test(world):
        await world.speak()
        world.session.listen(heard.append)
        before = len(world.server_session.events_sent)
        await world.speak()
        assert heard == world.server_session.events_sent[before:]
        assert json.dumps(heard)

    run(test, ScriptedResponse(RESPONSE.items, pacing=AT_ONCE), RESPONSE)
