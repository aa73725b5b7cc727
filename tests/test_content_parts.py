"""Messages that speak in several parts of their content, through the real SDK: each part is cut by itself."""

from __future__ import annotations

import asyncio

import pytest
from test_judge import ObservedWorld, remembered_after

from speech_lifecycle.simulation.recording import Recording
from speech_lifecycle.simulation.replay import load_source, replay
from speech_lifecycle.simulation.report import build_report, compare
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.server_dialects import AZURE, CONTENTS, GATEWAY, OPENAI, XAI

SERVERS = {"openai": OPENAI, "azure": AZURE, "xai": XAI, "gateway": GATEWAY, "contents": CONTENTS}
"""Those that say all words as they are, and in time."""
PARTS = ScriptedResponse(
    (
        ScriptedMessage("One two. Three four five.", 301, content_parts=2),
        ScriptedMessage("Six seven. Eight nine.", 440, content_parts=3),
    ),
    pacing=Pacing(speed=2.0, chunk_ms=30),
)


def report_of_the_wire(world):
    """Return what the judge says of a world, who knows nothing but the wire."""
    return compare(
        world.account.records,
        heard=world.listener.heard,
        history=world.account.history,
        conversation=world.memory.conversation,
        sent_ms=world.memory.sent_ms,
        plays_audio=True,
        frame_ms=world.policy.frame_ms,
        outcomes=world.account.outcomes,
        divergences=world.account.divergences,
        speaking_announced=world.account.speaking_announced,
    )


def remembered(conversation):
    return [(each.id, each.audio_ms, each.text) for each in conversation.remembered()]


@pytest.mark.parametrize("name", SERVERS)
def test_a_message_of_several_parts_is_cut_where_it_was_heard_in_each(name):
    async def test(at_ms):
        async with ObservedWorld((PARTS,), behaviour=ServerBehaviour(dialect=SERVERS[name])) as world:
            world.driver.request_response()
            if at_ms is not None:
                world.clock.call_later(at_ms, world.driver.interrupt_all)
            await world.run_until_over()
            assert build_report(world).is_equal
            assert report_of_the_wire(world).is_equal
            assert remembered(world.memory.conversation) == remembered(world.server_session.conversation)
            assert world.driver.divergences == []
            return [record.heard_ms for record in world.account.records if record.state == "partial"]

    partial = [asyncio.run(test(at_ms)) for at_ms in (None, 60, 111, 170, 233, 310, 480, 555, 700)]
    assert sum(map(bool, partial)) >= 6


@pytest.mark.parametrize("at_ms", [None, 0, 250, 700, 1500])
def test_a_recorded_message_of_several_parts_is_judged_by_each(captures, at_ms):
    """One whose later half is another part of the content, as the end of the response shows it."""
    (events,) = load_source(captures / "openai_spoken_turn.yaml").connections
    spoken = [event for event in events if event["type"].endswith(("audio.delta", "transcript.delta"))]
    later = spoken[len(spoken) // 2 :]
    split = [
        {**event, "content_index": 1} if event in later else event
        for event in events
        if not event["type"].endswith(("transcript.done", "content_part.done", "output_item.done"))
    ]
    replayed = asyncio.run(replay(Recording("split", (tuple(map(without_texts, split)),)), interrupt_at_ms=at_ms))
    assert replayed.report.is_equal, replayed.report


def without_texts(event):
    response = event.get("response")
    return event if response is None else {**event, "response": {**response, "output": []}}


def said(index, size, item_id="A"):
    return {"type": "response.output_audio.delta", "response_id": "r", "item_id": item_id, "content_index": index} | {
        "delta": "A" * (size * 4 // 3)
    }


def truncated(end_ms, **where):
    return {"type": "conversation.item.truncated", "item_id": "A", "audio_end_ms": end_ms, **where}


@pytest.mark.parametrize(
    ("events", "audio_ms"),
    [
        ([truncated(40, content_index=1)], 140),
        ([truncated(40, content_index=0)], 140),
        ([truncated(40, content_index=1), truncated(0, content_index=0)], 40),
        ([said(1, 2400), truncated(40, content_index=1), said(1, 2400)], 140),
    ],
)
def test_the_judge_cuts_the_part_that_the_server_names(events, audio_ms):
    assert remembered_after(said(0, 4800), said(1, 4800), *events) == [("A", audio_ms, None)]


def test_an_answer_that_names_no_part_is_about_that_of_the_request():
    asked = [{"type": "conversation.item.truncate", "item_id": "A", "audio_end_ms": 40, "content_index": 1}]
    for answer in (truncated(40), {"type": "conversation.item.truncated", "item_id": "A"}):
        assert remembered_after(said(0, 4800), said(1, 4800), answer, sent=asked) == [("A", 140, None)]


def test_a_cut_of_the_only_audio_is_about_that_wherever_it_stands():
    """Clients and servers say 0, as the documentation has it."""
    assert remembered_after(said(1, 4800), truncated(40, content_index=0)) == [("A", 40, None)]
