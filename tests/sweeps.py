"""Interruptions swept over a response, and what every account of it must say then.

Heard is measured at the listener, the server's memory at the server; neither asks the machine.
"""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.simulation.scenario import Scenario, play
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld

FRAME_MS = 20


def response(*lengths_ms: int, pacing: Pacing | None = None) -> Scenario:
    messages = tuple(
        ScriptedMessage(f"These are the words of message {n}.", ms, message_id=f"m{n}")
        for n, ms in enumerate(lengths_ms)
    )
    return Scenario("sweep", "", (ScriptedResponse(messages, pacing=pacing or Pacing()),))


def expected_ms(lengths_ms: tuple[int, ...], at_ms: int) -> list[int]:
    """What is heard of each message if playback stops `at_ms` after the first sound."""
    heard = []
    for length in lengths_ms:
        heard.append(max(0, min(length, at_ms)))
        at_ms -= length
    return heard


def states_of(lengths_ms: tuple[int, ...], at_ms: int) -> list[str]:
    """What each message must be then. In the instant in which one ends, the next has not begun."""
    states = []
    for length, heard in zip(lengths_ms, expected_ms(lengths_ms, at_ms), strict=True):
        if heard >= length - FRAME_MS:
            states.append("played")
        elif heard > 0 or not states:
            states.append("partial")
        else:
            states.append("skipped")
    return states


async def faults(
    scenario: Scenario, lengths_ms: tuple[int, ...], at_ms: int, make_world: Callable[..., SimulatedWorld]
) -> list[str]:
    report, _ = await play(scenario.with_interruption(at_ms), make_world=make_world)
    found = []
    if not report.is_equal:
        found.append(f"not equal: {[message.differences for message in report.messages]} {report.differences}")
    if report.server_errors:
        found.append(f"server errors: {report.server_errors}")
    if report.speaking_announced != 1:
        found.append(f"speaking announced {report.speaking_announced} times")
    if report.divergences:
        found.append(f"divergences: {report.divergences}")
    listened = {message.record.message_id: message.listened_ms for message in report.messages}
    heard = [listened.get(f"m{n}", 0) for n in range(len(lengths_ms))]
    if heard != expected_ms(lengths_ms, at_ms):
        found.append(f"heard {heard}")
    states = [message.record.state for message in report.messages]
    if states != states_of(lengths_ms, at_ms)[: len(states)] or len(states) > len(lengths_ms):
        found.append(f"states {states}")
    return [f"at {at_ms} ms: {fault}" for fault in found]


async def sweep(
    scenario: Scenario,
    lengths_ms: tuple[int, ...],
    instants: range | list[int],
    make_world: Callable[..., SimulatedWorld] = SimulatedWorld,
) -> list[str]:
    return [fault for at_ms in instants for fault in await faults(scenario, lengths_ms, at_ms, make_world)]
