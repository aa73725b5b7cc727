"""The dialects: whatever form a server's words have, they come to the same."""

from __future__ import annotations

import asyncio

import pytest
from openai_wire import Wire, created

from speech_lifecycle.adapters.sessions.openai_dialects import DIALECTS, DialectError
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.fsm.events import (
    SessionItemAdded,
)
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.server_dialects import AZURE, BARE, CONTENTS, GATEWAY, LATE, OPENAI
from speech_lifecycle.simulation.server_dialects import XAI as XAI_SERVER
from speech_lifecycle.simulation.world import SimulatedWorld

# The choice


def test_there_is_a_table_of_dialects():
    assert list(DIALECTS) == ["openai", "azure", "xai", "permissive"]
    for name, dialect in DIALECTS.items():
        assert OpenAIRealtimeSession(connect=lambda: None, dialect=name)._dialect is dialect
    with pytest.raises(DialectError, match="openai, azure, xai, permissive"):
        OpenAIRealtimeSession(connect=lambda: None, dialect="klingon")


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


# End to end


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
