"""The command line, run as a user runs it: what it prints, what it writes, how it exits."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from speech_lifecycle.diagrams.render import FILE_FORMATS
from speech_lifecycle.fsm.trace import load_trace
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse

COMMAND = Path(sys.executable).parent / "speech-lifecycle"


def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    done = subprocess.run(
        [str(COMMAND), *map(str, arguments)],
        cwd=cwd,
        env={**own, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_demo_shows_that_heard_history_and_server_are_the_same(tmp_path):
    done = run("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "heard = history = server" in done.stdout
    assert "1400 of 4200 ms" in done.stdout
    written = tmp_path / "demo-output"
    assert {path.name for path in written.iterdir()} == {
        "trace.jsonl", "timeline.svg", "sequence.svg", "conversation.svg", "speech.svg", "message.svg",
        "heard.wav", "heard.json",
    }  # fmt: skip
    with (written / "trace.jsonl").open(encoding="utf-8") as lines:
        assert load_trace(lines).steps
    for picture in written.glob("*.svg"):
        ElementTree.parse(picture)


def test_demo_interrupts_where_it_is_told_to(tmp_path):
    done = run("demo", "--scenario", "undisturbed", "--interrupt-at", 700, "--output", "here", cwd=tmp_path)
    assert done.returncode == 0
    assert "700 of 1800 ms" in done.stdout
    assert (tmp_path / "here" / "trace.jsonl").exists()


def test_demo_fails_if_the_server_cannot_be_brought_in_line(tmp_path):
    done = run("demo", "--scenario", "cannot-truncate", cwd=tmp_path)
    assert done.returncode == 1
    assert "heard, history and server differ" in done.stdout
    assert "answer: the server remembers 4200 ms, heard were 1400 ms" in done.stdout
    assert "divergence: answer: cannot_truncate" in done.stdout


def test_demo_lists_and_plays_every_scenario(tmp_path):
    listed = run("demo", "--list", cwd=tmp_path)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SCENARIOS)
    played = run("demo", "--all", cwd=tmp_path)
    assert played.returncode == 0
    assert "DIFFERENT" not in played.stdout
    assert played.stdout.count("\nsame ") + played.stdout.startswith("same ") + played.stdout.count("told ") >= len(
        SCENARIOS
    )


def test_replay_plays_recordings_and_traces(captures, tmp_path):
    recordings = sorted(captures.glob("*.yaml"))
    done = run("replay", *recordings, "--interrupt-at", 700, "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("heard = history = server") == len(recordings) == 7
    traces = sorted((tmp_path / "out").glob("*.jsonl"))
    assert len(traces) == 7
    again = run("replay", *traces, cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout.count("heard = history = server") == 7


def test_draw_writes_every_format(tmp_path):
    done = run("draw", "--format", "all", "--output", "drawn", "--highlight", "message.draining", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "drawn").iterdir()}
    assert names == {f"{chart}.{suffix}" for chart in ("conversation", "speech", "message") for suffix in FILE_FORMATS}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("demo", "--scenario", "nope"), "no scenario 'nope'; speech-lifecycle demo --list shows them"),
        (("demo", "--output", "taken"), "taken"),
        (("demo", "--interrupt-at", "-5"), "--interrupt-at"),
        (("demo", "--real-server"), "no key for the server: set OPENAI_API_KEY"),
        (("replay", "nothing.yaml"), "nothing.yaml"),
        (("replay", "taken"), "taken: expected a recording (.yaml) or a trace (.jsonl)"),
        (("draw", "--highlight", "message.nope"), "no state 'message.nope' to highlight; there are conversation"),
        (("draw", "--format", "gif"), "gif"),
        (("dance",), "dance"),
    ],
)
def test_a_users_mistake_gets_one_clear_error(tmp_path, arguments, said):
    (tmp_path / "taken").write_text("a file where a folder should be", encoding="utf-8")
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.fixture
def server() -> Iterator[SimulatedRealtimeServer]:
    """A server in real time that lets in who has the key."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    response = ScriptedResponse((ScriptedMessage("Let me check.", 300), ScriptedMessage("It is sunny.", 900)))
    simulated = SimulatedRealtimeServer([response], api_key="secret")
    asyncio.run_coroutine_threadsafe(simulated.__aenter__(), loop).result(10)
    yield simulated
    asyncio.run_coroutine_threadsafe(simulated.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_demo_talks_to_another_server(server, tmp_path):
    done = run(
        *("demo", "--real-server", "--interrupt-at", 700),
        cwd=tmp_path,
        OPENAI_BASE_URL=server.base_url,
        OPENAI_API_KEY="secret",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "heard = history = server" in done.stdout
    first, second = server.sessions[0].conversation.remembered()
    assert first.audio_ms == 300
    assert 300 <= second.audio_ms < 900


def test_a_server_that_refuses_the_key_is_named(server, tmp_path):
    done = run("demo", "--real-server", cwd=tmp_path, OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY="wrong")
    assert done.returncode == 2
    assert "refuses the connection with HTTP 401: check OPENAI_API_KEY" in done.stderr


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/v1", "no address", "ftp://127.0.0.1/v1"])
def test_a_server_that_is_not_there_is_named(tmp_path, address):
    done = run("demo", "--real-server", cwd=tmp_path, OPENAI_BASE_URL=address, OPENAI_API_KEY="secret")
    assert done.returncode == 2
    assert "OPENAI_BASE_URL" in done.stderr


@pytest.mark.parametrize(
    ("module", "extra"), [("typer", "cli"), ("numpy", "simulation"), ("graphviz_pure_is_a_program", "diagrams")]
)
def test_a_missing_extra_is_named(tmp_path, module, extra):
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.modules[{module!r}] = None\n"
        + ("import shutil\nshutil.which = lambda *a, **k: None\n" if extra == "diagrams" else ""),
        encoding="utf-8",
    )
    command = "draw" if extra == "diagrams" else "demo"
    done = run(command, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert f"pip install 'speech-lifecycle[{extra}]'" in done.stderr


def test_ctrl_c_leaves_whole_lines_and_no_traceback(tmp_path):
    process = subprocess.Popen(
        [str(COMMAND), "demo", "--real-time", "--output", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    path = tmp_path / "out" / "trace.jsonl"
    deadline = 600
    while deadline and not (path.exists() and "output_playback_started" in path.read_text(encoding="utf-8")):
        deadline -= 1
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == "speech-lifecycle: stopped"
    with path.open(encoding="utf-8") as lines:
        assert load_trace(lines).steps
    assert [each.name for each in path.parent.iterdir()] == ["trace.jsonl"]
