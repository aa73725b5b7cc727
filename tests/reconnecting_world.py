"""A world whose client connects again by itself: the real SDK and a real socket, in virtual time."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from speech_lifecycle.adapters.sessions.reconnection import Reconnection
from speech_lifecycle.fsm.events import SessionLost, SessionResumed
from speech_lifecycle.fsm.trace import ConversationStep
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.world import SimulatedWorld

ONE = ScriptedMessage("One two three four five six.", 600, message_id="one")
TWO = ScriptedMessage("Seven eight nine ten eleven twelve.", 900, message_id="two")
NEXT = ScriptedMessage("And so on.", 400, message_id="next")
FIRST = ScriptedResponse((ONE, TWO), pacing=Pacing(speed=1.5))
SECOND = ScriptedResponse((NEXT,))


def facts_in(records):
    """Return what a session has told of its connection; why it was lost is left out (test_why.py)."""
    events = [record.event for record in records if isinstance(record, ConversationStep)]
    return [without_why(event) for event in events if isinstance(event, SessionLost | SessionResumed)]


def without_why(fact):
    return replace(fact, code="", text="", observed_ms=None) if isinstance(fact, SessionLost) else fact


class ReconnectingWorld(SimulatedWorld):
    """A world whose client connects again, at once, by itself."""

    reconnection = Reconnection(attempts=5, jitter_ms=0, lasting_ms=0)

    def __init__(self, *responses, **options) -> None:
        options.setdefault("reconnects", True)
        options.setdefault("synchronize_text", True)
        super().__init__(responses or (FIRST, SECOND), **options)

    @property
    def facts(self):
        """What the session has told of its connection, in order."""
        return facts_in(self.trace.records)

    async def speak(self):
        """Have a response played to its end."""
        speech = self.driver.request_response()
        await self.run_until_over()
        return speech

    async def run_until_heard(self, ms):
        await self.run_until(lambda: sum(self.listener.heard.values()) >= ms)


def run(test, *responses, world=ReconnectingWorld, **options):
    async def in_a_world():
        async with world(*responses, **options) as inside:
            await test(inside)

    asyncio.run(in_a_world())


def behaviour(after_loss):
    return ServerBehaviour(after_loss=after_loss)


def greet(world, *events):
    """Have the server greet the next connections with these events, instead of its own words."""

    new_session = world.server._new_session

    def speaks_first(*arguments):
        session = new_session(*arguments)
        emit = session.emit

        def greeting(event):
            session.emit = lambda event: None
            for each in events:
                emit(each if each["type"] != "session.created" else event)

        session.emit = greeting
        return session

    world.server._new_session = speaks_first


GREETING, PING = {"type": "session.created"}, {"type": "ping"}
SAME = {"type": "conversation.created", "conversation": {"id": "conv_000001"}}
OTHER = {"type": "conversation.created", "conversation": {"id": "conv_another"}}
USER_SPEAKS = {"type": "input_audio_buffer.speech_started"}
