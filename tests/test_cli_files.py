"""Files of the command line: none is lost, and none may be read by more people than the user wants."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from test_cli import run, server  # noqa: F401
from test_cli_hostile import recording_of
from typer.testing import CliRunner

from speech_lifecycle.cli import real_server
from speech_lifecycle.cli.app import app
from speech_lifecycle.cli.errors import UsageError
from speech_lifecycle.cli.replay import output_paths
from speech_lifecycle.diagrams.files import replace_file, replacing_file


@pytest.fixture
def umask():
    """Have the tests say which permissions new files get."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_new_files_get_the_permissions_that_the_user_wants(tmp_path, umask, mask, mode):
    umask(mask)
    replace_file(tmp_path / "new", b"content")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path, umask):
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(path, b"new")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o640, b"new")


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(b"old")

    def write_half():
        with replacing_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert path.read_bytes() == b"old"


def test_every_command_keeps_to_the_umask(captures, tmp_path, umask):
    umask(0o077)
    recording = captures / "openai_spoken_turn.yaml"
    assert run("replay", recording, "--output", "out", cwd=tmp_path).returncode == 0
    assert run("draw", "--format", "dot", "--output", "out", cwd=tmp_path).returncode == 0
    assert run("demo", "--output", "out", cwd=tmp_path).returncode == 0
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}


def names_of(files, output):
    return [str(path) for path in output_paths([Path(file) for file in files], Path(output))]


def test_each_file_gets_an_output_of_its_own():
    assert names_of(["monday/call.jsonl", "tuesday/call.yaml", "call.jsonl"], "out") == [
        "out/call.jsonl", "out/call-2.jsonl", "out/call-3.jsonl",
    ]  # fmt: skip
    assert names_of(["a/call.jsonl", "b/call-2.jsonl", "c/CALL.jsonl"], "out") == [
        "out/call.jsonl", "out/call-2.jsonl", "out/CALL-3.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("link", ["same", "symlink", "hard link", "other name of the folder"])
def test_a_file_that_was_given_is_never_written_over(captures, tmp_path, link):
    given = tmp_path / "call.jsonl"
    assert run("replay", captures / "openai_spoken_turn.yaml", "--output", "first", cwd=tmp_path).returncode == 0
    shutil.copy(tmp_path / "first" / "openai_spoken_turn.jsonl", given)
    output = tmp_path
    if link in ("symlink", "hard link"):
        output = tmp_path / "out"
        output.mkdir()
        (os.symlink if link == "symlink" else os.link)(given, output / "call.jsonl")
    elif link == "other name of the folder":
        output = tmp_path / "folder"
        output.symlink_to(tmp_path)
    before = given.read_bytes()
    assert run("replay", given, "--interrupt-at", 300, "--output", output, cwd=tmp_path).returncode == 0
    assert given.read_bytes() == before
    assert (output / "call-2.jsonl").read_bytes() != before


@pytest.mark.parametrize("number", ["inf", "-inf", "nan", "1e300", "-1"])
@pytest.mark.parametrize(
    "command",
    [
        ("demo", "--interrupt-at"),
        ("replay", "call.yaml", "--interrupt-at"),
        ("replay", "call.yaml", "--event-interval-ms"),
        ("replay", "call.yaml", "--delta-ms"),
        ("explore", "--max-seconds"),
        ("explore", "--max-megabytes"),
    ],
)
def test_a_number_that_cannot_be_used_is_refused_by_its_option(command, number):
    done = CliRunner().invoke(app, [*command, number])
    assert done.exit_code == 2
    assert f"'{command[-1]}'" in done.output


@pytest.mark.parametrize(
    "address", ["http://user:s3cret@127.0.0.1:9/v1?key=t0ken", "http://s3cret@127.0.0.1:9/v1", "no://us:s3cret@[/v1"]
)
def test_a_password_in_the_address_of_the_server_is_not_shown(tmp_path, address):
    done = run("demo", "--real-server", cwd=tmp_path, OPENAI_BASE_URL=address, OPENAI_API_KEY="k3y")
    assert done.returncode == 2
    assert "OPENAI_BASE_URL" in done.stderr
    assert [each for each in ("s3cret", "t0ken", "k3y") if each in done.stdout + done.stderr] == []


@pytest.mark.parametrize("problem", ["nobody listens", "the key is refused"])
def test_without_a_connection_the_trace_of_before_stays(server, tmp_path, problem):  # noqa: F811
    trace = tmp_path / "demo-output" / "trace.jsonl"
    trace.parent.mkdir()
    trace.write_text("what was recorded before", encoding="utf-8")
    address = "http://127.0.0.1:9/v1" if problem == "nobody listens" else server.base_url
    done = run("demo", "--real-server", cwd=tmp_path, OPENAI_BASE_URL=address, OPENAI_API_KEY="wrong")
    assert done.returncode == 2
    assert trace.read_text(encoding="utf-8") == "what was recorded before"


def test_a_server_that_does_not_say_what_it_remembers_is_told_in_every_python(monkeypatch):
    """Before 3.11, asyncio's TimeoutError is another one than the built-in."""

    class Silent:
        def listen(self, listener):
            pass

        def send(self, event):
            pass

    monkeypatch.setattr(real_server, "_ANSWER_TIMEOUT_S", 0)
    with pytest.raises(UsageError, match="does not say whether it remembers item_1"):
        asyncio.run(real_server._is_remembered(Silent(), "item_1"))


def test_no_module_takes_asyncios_timeout_for_the_built_in_one():
    root = Path(__file__).parent.parent
    for folder in ("fsm", "verification", "adapters", "simulation", "diagrams", "cli"):
        for path in (root / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            assert "except TimeoutError" not in code, path
            assert "TimeoutError)" not in code.replace("asyncio.TimeoutError)", ""), path


def test_more_than_sixty_four_speeches_are_all_compared(tmp_path):
    """A driver remembers the latest only."""
    recording = recording_of(tmp_path / "call.yaml", "hello")
    text = recording.read_text(encoding="utf-8")
    numbered = [text.replace('"r"', f'"r{number}"').replace('"A"', f'"A{number}"') for number in range(80)]
    interactions = [each for one in numbered for each in json.loads(one)["interactions"]]
    recording.write_text(json.dumps({"interactions": interactions}), encoding="utf-8")
    first = run("replay", recording, "--output", "out", cwd=tmp_path)
    again = run("replay", "out/call.jsonl", cwd=tmp_path)
    assert (first.returncode, again.returncode) == (0, 0), first.stdout
    assert first.stdout.count(" of 100 ms") == again.stdout.count(" of 100 ms") >= 80
