"""What a session reports of its connection, when that is lost and another comes."""

from __future__ import annotations

import pytest
from reconnecting_world import GREETING, OTHER, PING, SAME, USER_SPEAKS, behaviour, greet, run, without_why

from speech_lifecycle.fsm.events import SessionLost, SessionResumed


@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_the_new_connection_is_reported_before_anything_else_of_it(after_loss):
    async def test(world):
        await world.speak()
        reported = []
        report = world.driver.report
        world.driver.report = lambda fact, **more: (reported.append(fact), report(fact, **more))
        world.server_session.drop_connection()
        await world.settle()
        world.driver.user_started_speaking = lambda: reported.append("user")
        assert [*map(without_why, reported)] == [SessionLost(may_resume=True), SessionResumed(after_loss == "kept")]
        await world.speak()
        assert len(reported) > 5

    run(test, behaviour=behaviour(after_loss))


@pytest.mark.parametrize(
    ("greeting", "kept"),
    [
        ((GREETING, SAME), True),
        ((SAME, GREETING), True),
        ((GREETING, PING, SAME), True),
        ((GREETING, OTHER), False),
        ((GREETING, USER_SPEAKS, SAME), False),
        ((GREETING, {"type": "conversation.created", "conversation": {"id": 7}}, SAME), True),
        ((GREETING, {"type": "conversation.created"}, USER_SPEAKS), False),
    ],
    ids=["same", "first", "after a ping", "another", "too late", "broken", "without id"],
)
def test_the_conversation_is_kept_if_the_server_says_so_before_it_goes_on(greeting, kept):
    async def test(world):
        greet(world, *greeting)
        world.server_session.drop_connection()
        await world.settle()
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(kept)]
        assert world.driver.user_is_speaking == (USER_SPEAKS in greeting)

    run(test, behaviour=behaviour("gone"))


def test_a_server_that_does_not_say_which_conversation_it_is_has_none_after_five_seconds():
    async def test(world):
        greet(world, GREETING)
        world.server_session.drop_connection()
        await world.settle()
        assert world.facts == [SessionLost(may_resume=True)]
        world.clock.advance(4_999)
        assert world.driver.connection_state == "disconnected"
        world.clock.advance(1)
        assert world.facts[1:] == [SessionResumed(False)]

    run(test, behaviour=behaviour("gone"))


def test_listeners_get_what_a_new_connection_begins_with():
    heard = []

    async def test(world):
        world.session.listen(lambda event: heard.append(event["type"]))
        world.server_session.drop_connection()
        await world.settle()
        assert heard == ["session.created", "conversation.created"]

    run(test, behaviour=behaviour("kept"))


def test_the_agent_can_ask_for_the_conversation_by_its_id():
    async def test(world):
        assert world.session.conversation_id == "conv_000001"
        world.server_session.drop_connection()
        await world.settle()
        assert world.server_session.conversation is world.server.sessions[0].conversation
        assert world.session.conversation_id == "conv_000001"

    run(test, behaviour=behaviour("kept"))


@pytest.mark.parametrize(("after_loss", "known"), [("gone", "conv_000002"), ("unsaid", None)])
def test_of_a_conversation_that_is_gone_the_id_is_forgotten(after_loss, known):
    async def test(world):
        world.server_session.drop_connection()
        await world.settle()
        assert world.session.conversation_id == known

    run(test, behaviour=behaviour(after_loss))
