"""A response is asked for with whatever the protocol has; what no server takes is refused at once, in words."""

from __future__ import annotations

import asyncio
import math

import pytest

from speech_lifecycle.adapters.sessions.client_event import UnsendableEventError
from speech_lifecycle.adapters.sessions.response_options import ResponseOptionsError, checked_options
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld

RESPONSE = ScriptedResponse((ScriptedMessage("All right.", 500, message_id="m"),), pacing=AT_ONCE)
OPTIONS = {
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
    "tool_choice": "auto",
    "max_output_tokens": 100,
    "metadata": {"topic": "weather"},
    "conversation": "auto",
}


def test_all_that_is_asked_for_reaches_the_server_beside_our_own_key():
    async def run() -> None:
        another = ScriptedResponse((ScriptedMessage("Yes.", 300, message_id="n"),), pacing=AT_ONCE)
        async with SimulatedWorld((RESPONSE, another)) as world:
            options = {**OPTIONS, "metadata": dict(OPTIONS["metadata"])}
            speech = world.driver.request_response(**options)
            second = world.driver.request_response(**options)
            options["metadata"]["topic"] = "changed later"
            await world.run_until_over()
            asked = [e["response"] for e in world.server_session.events_received if e["type"] == "response.create"]
            for each, response in zip((speech, second), asked, strict=True):
                assert response == {**OPTIONS, "metadata": {"topic": "weather", "speech_id": each.id}}
            assert (speech.snapshot.state, world.listener.heard) == ("completed", {"m": 500, "n": 300})
            assert build_report(world).is_equal

    asyncio.run(run())


def keys(count):
    return {f"key{number}": "" for number in range(count)}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"metadata": keys(16)}, "16 keys.*'speech_id'"),
        ({"metadata": {"k" * 65: ""}}, "65 characters.*64"),
        ({"metadata": {"key": "v" * 513}}, r"metadata\['key'\] has 513 characters.*512"),
        ({"metadata": {"key": 5}}, "text to text"),
        ({"metadata": {5: "value"}}, "text to text"),
        ({"metadata": ["key"]}, "not list"),
        ({"metadata": {"speech_id": "mine"}}, "'speech_id'"),
        ({"conversation": "none"}, "out_of_band=True"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_no_server_takes_is_refused_in_words(options, complaint):
    with pytest.raises(ResponseOptionsError, match=complaint):
        checked_options(options)


@pytest.mark.parametrize("options", [{"input": {1}}, {"temperature": math.nan}])
def test_what_json_has_no_words_for_is_refused_by_its_place(options):
    with pytest.raises(UnsendableEventError, match=f"response.{next(iter(options))}"):
        checked_options(options)


@pytest.mark.parametrize("metadata", [None, {}, keys(15), {"k" * 64: "v" * 512}])
def test_the_limits_themselves_are_fine(metadata):
    assert checked_options({"metadata": metadata}) == {"metadata": metadata}


def test_a_request_that_is_refused_at_once_leaves_nothing_behind():
    async def run() -> None:
        async with SimulatedWorld((RESPONSE,)) as world:
            with pytest.raises(ResponseOptionsError):
                world.driver.request_response(metadata={"speech_id": "x"})
            assert world.driver.speeches == []
            world.driver.request_response()
            await world.run_until_over()
            assert world.listener.heard == {"m": 500}

    asyncio.run(run())
