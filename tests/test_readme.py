"""What the README shows works as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for folder in (".", "docs", "docs/adr", "tests/fuzz", "tests/captures")
    for path in (ROOT / folder).glob("*.md")
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
EMBEDDING, MACHINE = re.findall(r"```python\n(.*?)```", README, re.S)
INTEGRATIONS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8"), re.S)


async def test_the_embedding_code_runs_in_twenty_lines(monkeypatch, capsys):
    assert sum(bool(line.strip()) for line in EMBEDDING.splitlines()) <= 21
    response = ScriptedResponse((ScriptedMessage("Let me check.", 120), ScriptedMessage("It is sunny.", 150)))
    async with SimulatedRealtimeServer([response]) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        namespace: dict[str, object] = {}
        exec(compile(EMBEDDING, "README.md", "exec"), namespace)
        speaker = SimulatedSpeaker(LoopClock())
        await asyncio.wait_for(namespace["main"](speaker), 20)
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.startswith("history")] == [
        "history: Let me check. ",
        "history: It is sunny. ",
    ]
    assert [line.partition(" ")[2] for line in printed if " played" in line] == [
        "played, heard 120 ms, finished",
        "played, heard 150 ms, finished",
    ]
    assert [line for line in printed if line.endswith("streaming")]


def test_the_demo_prints_what_is_shown(tmp_path):
    own = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    command = [str(Path(sys.executable).parent / "speech-lifecycle"), "demo"]
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=True)
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    shown = re.findall(r"```text\n(.*?)```", README, re.S)[0]
    assert "\n".join(printed).find(shown.strip("\n")) > 0


def test_the_lines_for_livekit_are_those_of_its_page():
    shown = re.findall(r"```text\n(.*?)```", README, re.S)[1]
    page = (ROOT / "docs" / "livekit.md").read_text(encoding="utf-8")
    for call in re.findall(r"(?:AgentSession|watch_session)\([^\n]*?\)", shown):
        assert call.split(",")[0].rstrip(")") in page


def test_the_machine_alone_runs():
    namespace: dict[str, object] = {}
    exec(compile(MACHINE, "README.md", "exec"), namespace)
    assert namespace["reply"].kind == "handled"


@pytest.mark.parametrize("code", INTEGRATIONS)
def test_the_code_of_the_page_on_integrations_runs(code, capsys):
    exec(compile(code, "docs/integrations.md", "exec"), {"__name__": "integrations"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_command_it_names_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{name}:", makefile, re.M), f"make {name}"
    for name in re.findall(r"--scenario (\S+)", README):
        assert name in SCENARIOS
