"""What README and the pages show works as it stands there."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from speech_lifecycle.adapters import TraceFile
from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.cli.app import app
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
REPOSITORY = "https://github.com/speech-lifecycle/speech-lifecycle"
PAGES = sorted(
    path
    for folder in (".", "docs", "docs/adr", "docs/api", "tests/fuzz", "tests/captures")
    for path in (ROOT / folder).glob("*.md")
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
EMBEDDING, MACHINE = re.findall(r"```python\n(.*?)```", README, re.S)
CODE = [
    pytest.param(page, code, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S), 1)
]
RESPONSE = ScriptedResponse((ScriptedMessage("Let me check.", 120), ScriptedMessage("It is sunny.", 150)))


async def run_agent(code, name, monkeypatch):
    """Run the code of a page; its `main(output)`, if it has one, as an agent of the simulated server."""
    namespace: dict[str, object] = {"__name__": "page"}
    exec(compile(code, name, "exec"), namespace)
    main = namespace.get("main")
    if main is None or list(inspect.signature(main).parameters) != ["output"]:
        return namespace, None
    async with SimulatedRealtimeServer([RESPONSE]) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        return namespace, await asyncio.wait_for(main(SimulatedSpeaker(LoopClock())), 20)


async def test_the_embedding_code_runs_in_ten_lines(monkeypatch, capsys):
    assert sum(bool(line.strip()) for line in EMBEDDING.splitlines()) <= 10
    _, history = await run_agent(EMBEDDING, "README.md", monkeypatch)
    assert history == [("Let me check.", False), ("It is sunny.", False)]
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in printed if " played" in line] == [
        "played, heard 120 ms, finished",
        "played, heard 150 ms, finished",
    ]
    assert [line for line in printed if line.endswith("streaming")]


@pytest.mark.parametrize(("page", "code"), CODE)
async def test_the_code_of_every_page_runs(page, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with TraceFile(tmp_path / "trace.jsonl") as trace:
        await asyncio.to_thread(lambda: asyncio.run(play(SCENARIOS["answer-interrupted"], on_record=trace)))
    await run_agent(code, str(page.relative_to(ROOT)), monkeypatch)
    if page.name == "embedding.md" and "main(output)" in code:
        printed = capsys.readouterr().out
        assert "Let me check." in printed
        assert "It is sunny." in printed


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_links_of_the_readme_work_on_pypi_and_lead_to_what_is_here():
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", README)
    ours = (
        f"{REPOSITORY}/blob/main/",
        f"{REPOSITORY}/tree/main/",
        REPOSITORY.replace("github", "raw.githubusercontent"),
    )
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", README, re.M)
    }
    for link in (markdown or html for markdown, html in links):
        if link.startswith("#"):
            assert link[1:] in headings, link
            continue
        assert link.startswith(ours), link
        path = re.sub(r"^https://[^/]*/[^/]*/[^/]*/(?:(?:blob|tree)/)?main/", "", link).partition("#")[0]
        assert (ROOT / path).exists(), link
        assert "/tree/" not in link or (ROOT / path).is_dir(), link
    assert len(links) > 15


def test_every_command_it_names_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{name}:", makefile, re.M), f"make {name}"
    commands = get_command(app).commands
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "docs")
    for name, options in re.findall(r"`speech-lifecycle (\w+)([^`]*)`", pages):
        known = {
            option for parameter in commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        own, _, _ = options.partition(" -- ")
        assert set(re.findall(r"--[\w-]+", own)) <= known | {"--help"}, name
    for name in re.findall(r"--scenario (\S+)", pages):
        assert name in SCENARIOS


def test_every_extra_is_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    explained = re.findall(r"`([\w-]+)`", "".join(re.findall(r"^\| (`[^|]*)\|", page.partition("## Extras")[2], re.M)))
    assert set(explained) == set(project["optional-dependencies"]) - {"dev", "fuzz"}
