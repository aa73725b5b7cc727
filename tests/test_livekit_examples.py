"""The example agents: short, and the one that needs nobody else runs."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from examples_at_hand import EXAMPLES, load_example

from speech_lifecycle.simulation.virtual_loop import VirtualTimeLoop, run_in_virtual_time


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 70


def test_the_console_agent_says_what_became_of_its_messages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = load_example("livekit_console")
    servers: list[Any] = []

    class Server(example.SimulatedRealtimeServer):  # type: ignore[misc, name-defined]
        def __init__(self, *responses: Any) -> None:
            super().__init__(*responses)
            servers.append(self)

    async def play() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.is_quiet = lambda: bool(servers and servers[0].sessions and servers[0].sessions[0].events_received)
        await example.main()

    monkeypatch.setattr(example, "SimulatedRealtimeServer", Server)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    run_in_virtual_time(play())
    lines = capsys.readouterr().out.splitlines()
    assert "preamble  heard 1800 ms" in lines
    assert "answer    heard 4200 ms" in lines
    assert "history:  'Let me check the weather in London for you.'" in lines
    assert "server:   preamble, 1800 ms, 'Let me check the weather in London for you.'" in lines


def test_the_room_agent_is_a_livekit_worker() -> None:
    command = [sys.executable, str(EXAMPLES / "livekit_room.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "dev" in done.stdout
