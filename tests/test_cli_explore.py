"""`speech-lifecycle explore`: what it prints, what it writes, and how it exits."""

from __future__ import annotations

import os
import signal

import pytest
from test_explore import BROKEN, ONE_FAITHFUL, counterexample_of
from typer.testing import CliRunner

from speech_lifecycle.cli import explore as command
from speech_lifecycle.cli.app import app
from speech_lifecycle.cli.limits import Limits, used_megabytes
from speech_lifecycle.verification import SMALL

QUICK = {"quick": ONE_FAITHFUL}
ONE = SMALL["hostile-1-parts"]


def run(*arguments: str):
    return CliRunner().invoke(app, ["explore", *arguments])


def limits(max_seconds: float | None = None, max_megabytes: float | None = None) -> Limits:
    """Limits that a second and a megabyte go by for at every look."""
    ticks, megabytes = iter(range(10**9)), iter(range(10**9))
    return Limits(lambda: next(ticks), max_seconds, max_megabytes, lambda: next(megabytes))


def test_memory_is_what_the_process_uses():
    before = used_megabytes()
    kept = b"x" * 64_000_000
    assert 50 < used_megabytes() - before < 80
    del kept


def test_the_bounds_are_listed_with_what_they_cover():
    result = run("--list")
    assert result.exit_code == 0
    for name, bounds in SMALL.items():
        assert name in result.stdout
        assert bounds.summary in result.stdout


def test_bounds_of_an_unknown_name_are_refused():
    result = run("hostile-9")
    assert result.exit_code == 2
    assert "no bounds 'hostile-9'; speech-lifecycle explore --list shows them" in result.stderr


def test_the_figures_and_each_verdict_are_printed():
    with command.console.capture() as capture:
        assert command.explore_all(QUICK, limits(), None) is True
    text = capture.get()
    assert "configurations" in text
    assert "steps/s" in text
    (server,) = [line for line in text.splitlines() if line.startswith("the_server_remembers_what_was_heard")]
    assert server.split()[1:] == ["9.7", "holds"]


def test_a_violation_is_printed_saved_drawn_and_replayed(tmp_path):
    machine_type, bounds, _ = BROKEN["clear_before_resume"]
    path = tmp_path / "violation.jsonl"
    with command.console.capture() as capture:
        assert command.explore_all({"quick": bounds}, limits(), path, machine_type) is False
    assert "# clear_before_resume: the output is resumed before a is cleared" in capture.get()
    assert path.with_suffix(".mmd").read_text(encoding="utf-8").splitlines()[1] == "sequenceDiagram"
    with command.console.capture() as capture:
        assert command.replay_counterexample(path, machine_type) is False
    assert "is violated" in capture.get()
    result = run("--replay", str(path))
    assert result.exit_code == 0
    assert "holds" in result.stdout


def test_a_violation_of_another_definition_is_refused(tmp_path):
    path = tmp_path / "violation.jsonl"
    saved = counterexample_of("clear_before_resume")
    path.write_text(saved.dump().replace(saved.definition, "0123456789abcdef"), encoding="utf-8")
    result = run("--replay", str(path))
    assert result.exit_code == 2
    assert "found in the definition 0123456789abcdef" in result.stderr
    assert f"this is {saved.definition}" in result.stderr


@pytest.mark.parametrize(
    ("given", "complaint"),
    [({"max_seconds": 1}, "the 1 seconds given are over"), ({"max_megabytes": 1}, "more than the 1 MB given")],
)
def test_a_limit_that_is_exceeded_is_named_with_what_was_covered(given, complaint):
    with command.console.capture() as capture:
        assert command.explore_all({"quick": ONE, "later": ONE}, limits(**given), None) is None
    text = " ".join(capture.get().split())
    assert complaint in text
    assert "not begun: later" in text
    assert "holds so far" in text


def test_ctrl_c_ends_it_with_what_was_covered():
    pressed = limits()
    with pressed.heed_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed.exceeded() == "Ctrl-C was pressed"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with command.console.capture() as capture:
        assert command.explore_all({"quick": ONE}, pressed, None) is None
    assert "Ctrl-C was pressed" in " ".join(capture.get().split())


def test_the_engines_are_compared_until_a_limit():
    with command.console.capture() as capture:
        assert command.compare_engines({"quick": ONE}, limits(max_seconds=1)) is None
    assert "stopped: the 1 seconds given are over" in capture.get()
