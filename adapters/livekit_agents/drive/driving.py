"""A driver over LiveKit's parts, in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livekit.agents import llm
from livekit.agents.voice import io

from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import BargeIn, MessageRecord, Policy

from ...driver import Driver
from .output import LiveKitOutput
from .session import LiveKitSession


def drive(
    session: llm.RealtimeSession[Any],
    audio: io.AudioOutput | None,
    *,
    transcription: io.TextOutput | None = None,
    policy: Policy | None = None,
    barge_in: BargeIn = "interrupt",
    trace: Callable[[Record], None] | None = None,
    plays_every_generation: bool = True,
) -> Driver:
    """Return a driver that plays what a realtime session generates, without an `AgentSession`.

    Used as `async with drive(session, audio) as driver:`. The arguments after `audio` are those of LiveKitOutput,
    Driver and LiveKitSession.
    """
    livekit_session = LiveKitSession(session, plays_every_generation=plays_every_generation)
    output = None
    if audio is not None:
        output = LiveKitOutput(audio, transcription=transcription, sample_rate=livekit_session.sample_rate)
    driver = Driver(livekit_session, output, policy=policy, barge_in=barge_in, trace=trace)
    driver.listen(livekit_session.keep_heard_text)
    return driver


async def play_generation(
    generation: llm.GenerationCreatedEvent,
    session: llm.RealtimeSession[Any],
    audio: io.AudioOutput | None,
    *,
    transcription: io.TextOutput | None = None,
    policy: Policy | None = None,
    on_begin: Callable[[Driver], None] | None = None,
) -> tuple[MessageRecord, ...]:
    """Play one generation to its end, bring the server in line, and return the records of its messages.

    `on_begin` is given the driver, to interrupt, pause, or listen with.
    """
    livekit_session = LiveKitSession(session, plays_every_generation=False)
    output = None
    if audio is not None:
        output = LiveKitOutput(audio, transcription=transcription, sample_rate=livekit_session.sample_rate)
    async with Driver(livekit_session, output, policy=policy) as driver:
        livekit_session.play(generation)
        if on_begin is not None:
            on_begin(driver)
        return await driver.speeches[0].done()
