"""What several files need: a compiled table that is not stale, the recordings, a trace, a log without errors."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from speech_lifecycle.fsm.compile import compiled
from speech_lifecycle.fsm.compile.compiler import is_source_of
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.trace import Trace

if TYPE_CHECKING:
    from openai_receiver import Receiver

    from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol

CAPTURES = Path(__file__).parent / "captures"


def pytest_sessionstart() -> None:
    """Say at once what otherwise fails in a hundred places."""
    # Who is started in the background may ignore Ctrl-C, and whatever it starts would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not is_source_of(Path(compiled.__file__).read_text(encoding="utf-8"), definition()):
        pytest.exit("fsm/compile/compiled.py is stale: run `make generated`", returncode=2)


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of recorded sessions."""
    return CAPTURES


@pytest.fixture(scope="session")
def trace() -> Trace:
    """A trace of two speeches: the first is interrupted, and the second waits for it."""
    # The simulated world takes a second to import, and most files do without it.
    from speech_lifecycle.simulation.scenario import play
    from speech_lifecycle.simulation.scenarios import SCENARIOS

    return asyncio.run(play(SCENARIOS["second-response-queued"]))[1].trace


@pytest.fixture
def receiver() -> Receiver:
    """Writes down what a protocol tells it."""
    from openai_receiver import Receiver

    return Receiver()


@pytest.fixture
def protocol(receiver: Receiver) -> OpenAIRealtimeProtocol:
    """A protocol that tells the receiver."""
    from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol

    return OpenAIRealtimeProtocol(receiver)


@pytest.fixture
def no_handler_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A server logs what goes wrong in it, where its client cannot see it."""
    yield
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == []


# How far random tests go. In CI the same every time; `HYPOTHESIS_PROFILE=thorough` tries others, and more of them.
settings.register_profile("ci", max_examples=80, stateful_step_count=50, deadline=None, derandomize=True)
settings.register_profile(
    "thorough", max_examples=5_000, stateful_step_count=200, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
