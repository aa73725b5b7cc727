"""What users import: everything from two or three packages, typed, and no more than they use."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import speech_lifecycle.adapters
import speech_lifecycle.fsm
from speech_lifecycle.fsm import effects, events, replies
from speech_lifecycle.fsm.effects import EVERY_EFFECT_TYPE
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE

ROOT = Path(__file__).parent.parent
PACKAGES = ["speech_lifecycle.fsm", "speech_lifecycle.adapters", "speech_lifecycle.adapters.livekit_agents"]
HEAVY = ("statemachine", "pydantic", "asyncio", "numpy", "openai", "websockets", "livekit", "typer", "yaml")


def imported_by(code: str) -> set[str]:
    """The modules that are there after the code has run, in a Python of its own."""
    code = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_is_offered_is_there_and_listed(name):
    package = importlib.import_module(name)
    for offered in package.__all__:
        assert getattr(package, offered) is not None
        assert offered in dir(package)


def test_every_event_effect_and_reply_is_offered_by_the_core():
    offered = set(speech_lifecycle.fsm.__all__)
    assert {kind.__name__ for kind in (*EVERY_EVENT_TYPE, *EVERY_EFFECT_TYPE, *get_args(replies.Reply))} <= offered
    assert speech_lifecycle.fsm.Interrupt is events.Interrupt
    assert speech_lifecycle.fsm.ClearOutput is effects.ClearOutput


@pytest.mark.parametrize("package", [speech_lifecycle.fsm, speech_lifecycle.adapters], ids=lambda p: p.__name__)
def test_a_name_that_is_not_offered_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_importing_the_core_imports_nothing_heavy():
    assert not imported_by("import speech_lifecycle.fsm") & set(HEAVY)


def test_the_charts_are_imported_when_they_are_asked_for():
    assert "statemachine" in imported_by("from speech_lifecycle.fsm import definition; definition()")
    assert "statemachine" not in imported_by("from speech_lifecycle.fsm import SpeechMachine, load_trace, definition")


def test_importing_the_adapters_imports_no_library_that_they_adapt_to():
    there = imported_by("import speech_lifecycle.adapters")
    assert not there & set(HEAVY)
    there = imported_by("from speech_lifecycle.adapters import *")
    assert "speech_lifecycle.adapters.sessions.openai_realtime" in there
    assert not there & (set(HEAVY) - {"asyncio"})


TYPED = """
from speech_lifecycle.adapters import AudioOutput, Driver, OpenAIRealtimeSession, Session
from speech_lifecycle.adapters.livekit_agents import WatchedRealtimeModel, watch_session
from speech_lifecycle.fsm import Interrupt, MessageChart, SpeechMachine, definition, load_trace

reveal_type(Driver.interrupt_all)
reveal_type(definition().message)
reveal_type(load_trace([]))
reveal_type(Interrupt(force=True).force)
reveal_type(watch_session)
Interrupt(force="yes")
"""
UNKNOWN = "from speech_lifecycle.fsm import nothing\nfrom speech_lifecycle.adapters import Drivers\n"


def test_what_is_offered_has_types(tmp_path):
    """Lazy names too; and a name that is not offered is an error, not an Any."""
    (tmp_path / "typed.py").write_text(TYPED + UNKNOWN, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary"]
    done = subprocess.run([*command, str(tmp_path / "typed.py")], cwd=ROOT, capture_output=True, text=True, check=False)
    said = [line.split(": ", 1)[1] for line in done.stdout.splitlines()]
    revealed = [line.removeprefix("note: Revealed type is ") for line in said if "Revealed" in line]
    assert len(revealed) == 5
    assert not [line for line in revealed[:4] if "Any" in line]
    errors = [line for line in said if line.startswith("error")]
    assert len(errors) == 3
    for word, error in zip(('expected "bool"', '"nothing"', '"Drivers"'), errors, strict=True):
        assert word in error
