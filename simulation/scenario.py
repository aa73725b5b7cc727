"""A scenario: what the server says, what the user and the agent do, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from speech_lifecycle.adapters.sessions.audio_format import PCM_24K, AudioFormat
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import BargeIn, Capabilities, Policy

from .misbehaviour import Misbehaviour
from .report import Evidence, Report, build_report
from .script import ScriptedResponse, ServerBehaviour
from .world import SimulatedWorld

Deed = Literal[
    "interrupt",
    "force_interrupt",
    "pause",
    "resume",
    "close",
    "user_speaks",
    "user_is_silent",
    "clear_from_outside",
    "request",
    "drop",
    "interrupt_and_drop",
]
Origin = Literal["request", "first_sound"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that somebody does, `after_ms` from the first request or from the first sound."""

    after_ms: float
    deed: Deed
    since: Origin = "first_sound"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run of the world, and the field bugs that it would show in a system that has them."""

    name: str
    summary: str
    responses: tuple[ScriptedResponse, ...]
    actions: tuple[Action, ...] = ()
    bugs: tuple[str, ...] = ()
    behaviour: ServerBehaviour | None = None
    misbehaviour: Misbehaviour | None = None
    policy: Policy = field(default_factory=Policy)
    capabilities: Capabilities = field(default_factory=Capabilities)
    barge_in: BargeIn = "interrupt"
    has_output: bool = True
    server_plays: bool = False
    """Whether the server plays by itself, as in a call, and the client is beside it."""
    synchronize_text: bool = False
    shows_text: bool = True
    output_latency_ms: float = 0
    """How long after it got the first audio of a message the output plays it."""
    audio_format: AudioFormat = PCM_24K
    """What audio the client asks for."""
    dialect: str | None = None
    """What the client knows of the server's dialect; None: what it finds out."""
    requests: int = 1
    """How many responses the agent asks for at the start. Each waits until the one before it has ended."""
    reconnects: bool = False
    """Whether the client connects again when its connection is lost."""
    evidence: Evidence = "listener"
    """What counts as heard: the listener, or the reports of an output that is known to lie."""

    def with_interruption(self, after_ms: float) -> Scenario:
        """Return the same scenario, interrupted `after_ms` from the first sound and by nothing else."""
        return replace(self, actions=(Action(after_ms, "interrupt"),))


async def play(
    scenario: Scenario,
    *,
    real_time: bool = False,
    on_record: Callable[[Record], None] | None = None,
    make_world: Callable[..., SimulatedWorld] = SimulatedWorld,
) -> tuple[Report, SimulatedWorld]:
    """Run a scenario to its end, and report what was heard, recorded and remembered.

    `make_world` takes the arguments of SimulatedWorld, and may bring another client or output.

    Raises:
        WorldError: it does not come to its end.
    """
    world: SimulatedWorld = make_world(
        scenario.responses,
        behaviour=scenario.behaviour,
        misbehaviour=scenario.misbehaviour,
        policy=scenario.policy,
        capabilities=scenario.capabilities,
        barge_in=scenario.barge_in,
        has_output=scenario.has_output,
        server_plays=scenario.server_plays,
        synchronize_text=scenario.synchronize_text,
        shows_text=scenario.shows_text,
        output_latency_ms=scenario.output_latency_ms,
        reconnects=scenario.reconnects,
        audio_format=scenario.audio_format,
        dialect=scenario.dialect,
        real_time=real_time,
        on_record=on_record,
        on_first_sound=lambda: _schedule(world, scenario, "first_sound", to_come),
    )
    to_come: list[Action] = []
    async with world:
        for _ in range(scenario.requests):
            world.driver.request_response()
        _schedule(world, scenario, "request", to_come)
        await world.run_until_over(lambda: not to_come)
        report = build_report(world, scenario.evidence)
    return report, world


def _schedule(world: SimulatedWorld, scenario: Scenario, since: Origin, to_come: list[Action]) -> None:
    """Put the actions on the clock; `to_come` lists those that are not done."""

    def do(action: Action) -> None:
        to_come.remove(action)
        _DEEDS[action.deed](world)

    for action in scenario.actions:
        if action.since == since:
            to_come.append(action)
            world.clock.call_later(action.after_ms, partial(do, action))


def _user_speaks(world: SimulatedWorld) -> None:
    world.keep(asyncio.ensure_future(world.server_session.user_starts_speaking()))


def _user_is_silent(world: SimulatedWorld) -> None:
    world.keep(asyncio.ensure_future(world.server_session.user_stops_speaking()))


def _clear_from_outside(world: SimulatedWorld) -> None:
    if world.speaker is not None:
        world.speaker.clear_from_outside()


def _close_all(world: SimulatedWorld) -> None:
    world.keep(asyncio.ensure_future(world.driver.close()))


def _interrupt_and_drop(world: SimulatedWorld) -> None:
    """What the interruption asks of the server is on its way when the connection breaks."""
    world.driver.interrupt_all()
    world.server_session.drop_connection()


_DEEDS: dict[Deed, Callable[[SimulatedWorld], object]] = {
    "interrupt": lambda world: world.driver.interrupt_all(),
    "force_interrupt": lambda world: world.driver.interrupt_all(force=True),
    "pause": lambda world: world.driver.pause(),
    "resume": lambda world: world.driver.resume(),
    "close": _close_all,
    "user_speaks": _user_speaks,
    "user_is_silent": _user_is_silent,
    "clear_from_outside": _clear_from_outside,
    "request": lambda world: world.driver.request_response(),
    "drop": lambda world: world.server_session.drop_connection(),
    "interrupt_and_drop": _interrupt_and_drop,
}
