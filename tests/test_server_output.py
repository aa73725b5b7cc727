"""A server that plays by itself, as in a WebRTC or SIP call: its own events are the evidence of what was heard (N24).

Every test runs the real SDK's client against the simulated server, in virtual time. Where a test is about what a server
says in which order, the server is told what to say, event by event.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Capabilities, Policy
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld

PLAYS = Capabilities(truncates_by_itself=True)
ESTIMATES = Policy(estimate_heard_text=True)
WORDS = "One two three four five six seven eight nine ten."
FIRST = ScriptedMessage("One two three four five six.", 2_000, message_id="A")
SECOND = ScriptedMessage("Seven eight nine ten eleven twelve.", 3_000, message_id="B")


# What the server is told to say


def created(response_id="r"):
    return {"type": "response.created", "response": {"id": response_id, "conversation_id": "c", "metadata": None}}


def announced(item_id, response_id="r"):
    where = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    return (
        {"type": "response.output_item.added", "response_id": response_id, "output_index": 0, "item": item},
        {"type": "response.content_part.added", **where, "part": {"type": "audio", "transcript": ""}},
    )


def said(item_id, words=WORDS, response_id="r"):
    where = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    return {"type": "response.output_audio_transcript.delta", **where, "delta": words}


def done(response_id="r", status="completed"):
    response = {"id": response_id, "status": status, "conversation_id": "c", "output": []}
    return {"type": "response.done", "response": response}


def buffer(what, response_id="r"):
    return {"type": f"output_audio_buffer.{what}", "response_id": response_id}


def truncated(item_id, audio_end_ms):
    return {"type": "conversation.item.truncated", "item_id": item_id, "content_index": 0, "audio_end_ms": audio_end_ms}


SPOKE = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u"}


class Call:
    """The client beside a call whose server says what it is told."""

    def __init__(self, world) -> None:
        self.world = world

    async def say(self, *events):
        for event in events:
            self.world.server_session.emit(event)
            await self.world.settle()

    async def pass_ms(self, ms):
        clock = self.world.clock
        until_ms = clock.now_ms() + ms
        while (due_ms := clock.next_due_ms) is not None and due_ms <= until_ms:
            clock.advance_to_next()
            await self.world.settle()
        clock.advance(until_ms - clock.now_ms())
        await self.world.settle()

    async def begin(self, *item_ids, words=WORDS, ended=True, response_id="r"):
        """A response that the server makes, of messages that it has yet to play."""
        await self.say(created(response_id))
        for item_id in item_ids:
            await self.say(*announced(item_id, response_id), said(item_id, words, response_id))
        if ended:
            await self.say(done(response_id))

    @property
    def states(self):
        return [speech.snapshot.state for speech in self.world.driver.speeches]

    @property
    def ends(self):
        return [
            (record.message_id, record.state, record.reason, record.heard_ms, record.heard_ms_status)
            for record in self.world.account.records
        ]

    @property
    def records(self):
        return {record.message_id: record for record in self.world.account.records}

    def sent(self, *kinds):
        return [event for event in self.world.server_session.events_received if event["type"] in kinds]


def calling(test, *, capabilities=PLAYS, policy=ESTIMATES, **options):
    async def in_a_world():
        world = SimulatedWorld(has_output=False, capabilities=capabilities, policy=policy, **options)
        async with world:
            await test(Call(world))
            assert not world.driver.faults

    asyncio.run(in_a_world())


# Played to the end


def test_it_is_speaking_from_the_start_to_the_stop_and_then_played():
    async def test(call):
        await call.begin("A")
        assert call.states == ["waiting"]
        await call.say(buffer("started"))
        assert call.states == ["speaking"]
        await call.pass_ms(20_000)  # far beyond every margin: the server has not said that it is over
        assert call.states == ["speaking"]
        await call.say(buffer("stopped"))
        assert call.states == ["completed"]
        [(_, state, reason, heard_ms, _)] = call.ends
        assert (state, reason) == ("played", "finished")
        assert heard_ms == pytest.approx(20_000, abs=2)
        assert [commit.text for commit in call.world.account.history] == [WORDS]

    calling(test)


def test_the_end_of_the_response_is_not_that_of_the_playback_and_nothing_waits_for_it():
    """C1, C4, C5: the server generates the next one while it plays, and has nothing more to cancel."""

    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        call.world.driver.request_response()
        await call.world.settle()
        assert len(call.sent("response.create")) == 1
        call.world.driver.interrupt_all()
        await call.pass_ms(100)
        assert not call.sent("response.cancel") or call.sent("response.cancel")[0].get("response_id") != "r"

    calling(test)


def test_messages_of_one_response_are_played_one_after_the_other_by_the_length_of_their_transcripts():
    async def test(call):
        await call.begin("A", "B")
        await call.say(buffer("started"))
        await call.pass_ms(len(WORDS) * 65 + 200)
        assert call.records["A"].state == "played"
        await call.pass_ms(3_000)
        await call.say(buffer("stopped"))
        assert [(message_id, state) for message_id, state, *_ in call.ends] == [("A", "played"), ("B", "played")]
        assert sum(record.heard_ms for record in call.records.values()) == pytest.approx(
            len(WORDS) * 65 + 3_200, abs=120
        )

    calling(test)


def test_a_faster_voice_than_was_reckoned_ends_all_messages_when_it_stops():
    async def test(call):
        await call.begin("A", "B")
        await call.say(buffer("started"))
        await call.pass_ms(1_000)
        await call.say(buffer("stopped"))
        assert [each[:2] for each in call.ends] == [("A", "played"), ("B", "played")]
        # Nine tenths were taken for the first one's, and B can only be given what is left.
        assert sum(record.heard_ms for record in call.records.values()) == pytest.approx(1_000, abs=4)

    calling(test)


def test_a_voice_is_learned_from_what_was_played():
    async def test(call):
        await call.begin("A", "B")
        await call.say(buffer("started"))
        await call.pass_ms(1_000)
        await call.say(buffer("stopped"))
        await call.begin("C", "D", response_id="s")
        await call.say(buffer("started", "s"))
        await call.pass_ms(700)
        assert call.records["C"].heard_ms == pytest.approx(500, abs=2)

    calling(test)


# Cut


ORDERS = {
    "cleared, truncated": (buffer("cleared"), truncated("A", 1_500)),
    "truncated, cleared": (truncated("A", 1_500), buffer("cleared")),
    "truncated only": (truncated("A", 1_500),),
    "truncated, stopped": (truncated("A", 1_500), buffer("stopped")),
}


@pytest.mark.parametrize("who", ["user", "nobody asked"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_message_ends_where_the_server_says_that_it_cut_it(order, who):
    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        await call.pass_ms(1_500)
        await call.say(*[SPOKE] * (who == "user"), *ORDERS[order])
        await call.pass_ms(600)
        reason = "interrupted" if who == "user" else "cleared"
        assert call.ends == [("A", "partial", reason, 1_500, "reported")]
        [commit] = call.world.account.history
        assert commit.interrupted
        assert WORDS.startswith(commit.text)
        assert len(commit.text) < len(WORDS) / 2 + 5  # 1.5 s of what takes some 3.2 s to say
        assert call.sent("conversation.item.truncate") == []
        assert not call.world.account.divergences

    calling(test)


@pytest.mark.parametrize("late_ms", [-300, -40, 40, 300])
def test_the_servers_word_counts_also_if_the_start_was_long_on_its_way(late_ms):
    async def test(call):
        await call.begin("A")
        await call.pass_ms(500)
        await call.say(buffer("started"))
        await call.pass_ms(1_000)
        await call.say(SPOKE, buffer("cleared"), truncated("A", 1_000 + late_ms))
        assert call.ends == [("A", "partial", "interrupted", 1_000 + late_ms, "reported")]

    calling(test)


def test_a_server_that_does_not_say_where_it_cut_is_told_where_to_and_its_answer_counts():
    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        await call.pass_ms(1_500)
        call.world.driver.interrupt_all()
        await call.say(buffer("cleared"))
        await call.pass_ms(300)
        [event] = call.sent("conversation.item.truncate")
        assert (event["item_id"], event["audio_end_ms"]) == ("A", 1_500)
        await call.say(truncated("A", 1_500))
        assert call.ends == [("A", "partial", "interrupted", 1_500, "reported")]

    calling(test)


def test_a_server_that_never_says_where_it_cut_is_reckoned_and_marked():
    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        await call.pass_ms(1_500)
        await call.say(buffer("cleared"))
        await call.pass_ms(600)
        assert call.ends == [("A", "partial", "cleared", 1_500, "estimated")]

    calling(test)


def test_a_server_that_does_not_answer_the_clear_is_reckoned_after_the_stop_timeout():
    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        await call.pass_ms(1_530)
        call.world.driver.interrupt_all()
        await call.pass_ms(1_100)
        assert len(call.sent("output_audio_buffer.clear")) == 1
        assert call.ends == [("A", "partial", "timed_out", 1_530, "estimated")]

    calling(test)


def test_what_was_played_to_the_end_when_the_clear_arrived_is_played():
    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        await call.pass_ms(1_500)
        call.world.driver.interrupt_all()
        await call.say(buffer("stopped"))
        [(_, state, reason, heard_ms, _)] = call.ends
        assert (state, reason) == ("played", "finished")
        assert heard_ms == pytest.approx(1_500, abs=2)

    calling(test)


def test_a_cut_in_a_later_message_means_that_those_before_it_were_played():
    async def test(call):
        await call.begin("A", "B")
        await call.say(buffer("started"))
        await call.pass_ms(2_000)
        assert "A" not in call.records  # by the length of its transcript it still plays
        await call.say(truncated("B", 700), buffer("cleared"))
        assert call.ends == [
            ("A", "played", "finished", pytest.approx(1_300, abs=800), "reported"),
            ("B", "partial", "cleared", 700, "reported"),
        ]

    calling(test)


def test_what_follows_a_message_that_was_cut_was_not_heard():
    async def test(call):
        await call.begin("A", "B")
        await call.say(buffer("started"))
        await call.pass_ms(1_000)
        await call.say(SPOKE, buffer("cleared"), truncated("A", 1_000))
        await call.pass_ms(600)
        assert [each[:4] for each in call.ends] == [
            ("A", "partial", "interrupted", 1_000),
            ("B", "skipped", "interrupted", 0),
        ]
        assert [event["item_id"] for event in call.sent("conversation.item.delete")] == ["B"]

    calling(test)


# Not played at all


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_response_that_ends_before_it_is_played_is_not_waited_for(status):
    async def test(call):
        await call.begin("A", ended=False)
        await call.say(done(status=status))
        assert [each[:3] for each in call.ends] == [("A", "skipped", "cleared")]

    calling(test)


def test_what_nobody_wants_any_more_is_silenced_when_it_begins():
    async def test(call):
        await call.begin("A")
        call.world.driver.interrupt_all()
        await call.world.settle()
        assert call.sent("output_audio_buffer.clear") == []
        await call.say(buffer("started"))
        assert len(call.sent("output_audio_buffer.clear")) == 1

    calling(test)


def test_a_call_whose_connection_is_lost_ends_with_what_is_known():
    async def test(call):
        await call.begin("A")
        await call.say(buffer("started"))
        await call.pass_ms(1_500)
        call.world.server_session.drop_connection()
        await call.world.settle()
        assert call.ends == [("A", "partial", "source_failed", 1_500, "estimated")]

    calling(test)


# What is played where


def test_an_output_that_the_driver_is_given_is_used():
    async def test():
        async with SimulatedWorld((ScriptedResponse((FIRST,)),), capabilities=PLAYS) as world:
            world.driver.request_response()
            await world.run_until_over()
            assert world.listener.heard == {"A": 2_000}

    asyncio.run(test())


def test_a_session_whose_server_does_not_play_offers_no_output():
    async def test(call):
        await call.begin("A")
        assert [each[:3] for each in call.ends] == [("A", "played", "finished")]  # as a text

    calling(test, capabilities=Capabilities())


def test_nothing_grows_with_the_call():
    async def test(call):
        output = call.world.session.own_output(call.world.clock)
        output.between(call.world.driver)
        for number in range(300):
            output.report(ev.SessionMessageAdded(f"r{number}", f"m{number}"))
        assert (len(output._plays), len(output._messages)) == (64, 64)

    calling(test)


# End to end


@pytest.mark.parametrize("name", ["call-played", "call-user-speaks", "call-interrupted"])
def test_heard_history_and_server_are_the_same(name):
    report, world = asyncio.run(play(SCENARIOS[name]))
    assert report.is_equal
    assert not report.divergences
    assert not any(event["type"] == "response.output_audio.delta" for event in world.server_session.events_sent)


@pytest.mark.parametrize("who", ["user", "agent"])
@pytest.mark.parametrize("at_ms", [1, 19, 20, 21, 150, 999, 2_500, 4_179, 4_199])
def test_they_are_the_same_wherever_it_is_cut(at_ms, who):
    deed = {"user": "user_speaks", "agent": "interrupt"}[who]
    scenario = SCENARIOS["call-interrupted"]
    [action] = scenario.actions
    report, _ = asyncio.run(play(replace(scenario, actions=(replace(action, after_ms=at_ms, deed=deed),))))
    assert report.is_equal, report.messages


def test_two_messages_of_one_response_are_heard_and_recorded_in_order():
    async def test():
        options = {"capabilities": PLAYS, "policy": ESTIMATES, "server_plays": True}
        async with SimulatedWorld((ScriptedResponse((FIRST, SECOND)),), **options) as world:
            world.driver.request_response()
            await world.run_until_over()
            report = build_report(world)
            assert [message.record.state for message in report.messages] == ["played", "played"]
            heard_ms = sum(message.record.heard_ms for message in report.messages)
            assert heard_ms == pytest.approx(sum(world.listener.heard.values()), abs=120)

    asyncio.run(test())
