"""What a notebook shows: pictures where they can be drawn, else text that says how to get them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient

from speech_lifecycle.adapters import DrivenSpeech
from speech_lifecycle.diagrams import palette, render, render_exchange
from speech_lifecycle.diagrams.notebook import svg_of
from speech_lifecycle.fsm import (
    Authorize,
    ConversationMachine,
    Message,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionResponseCreated,
    Speech,
    SpeechMachine,
    UserStartedSpeaking,
    definition,
)
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

NOTEBOOK = Path(__file__).parent.parent / "examples" / "lifecycle.ipynb"
SVG = "{http://www.w3.org/2000/svg}"


def shown(value):
    bundle = value._repr_mimebundle_(include=None, exclude=None)
    ElementTree.fromstring(bundle["image/svg+xml"])
    return bundle["image/svg+xml"]


def lit(svg):
    """The states with a thick border, of all charts in the picture, in order."""
    groups = [
        group for group in ElementTree.fromstring(svg).iter(f"{SVG}g") if group.get("class") in ("node", "cluster")
    ]
    return [
        "".join(group.find(f".//{SVG}text").itertext())
        for group in groups
        if any(path.get("stroke") == palette.HIGHLIGHT for path in group.iter(f"{SVG}path"))
    ]


def machine_with(message_id):
    machine = SpeechMachine()
    for event in (
        Authorize(),
        SessionResponseCreated("response"),
        SessionMessageAdded("response", message_id, ("audio",)),
        SessionAudioReceived(message_id, 100),
    ):
        assert machine.send(event).kind == "handled"
    return machine


def test_a_machine_shows_the_states_that_it_is_in():
    assert lit(shown(SpeechMachine())) == ["queued"]
    machine = machine_with("A")
    assert lit(shown(machine)) == ["active", "waiting", "forwarding", "streaming"]
    assert shown(machine.speech) == shown(machine) == shown(DrivenSpeech("speech", machine.speech))
    assert lit(shown(machine.speech.messages["A"])) == ["forwarding", "streaming"]


def test_a_conversation_shows_the_state_of_each_region():
    machine = ConversationMachine()
    machine.send(UserStartedSpeaking())
    regions = {"connection", "user", "floor", "generation", "agent"}
    assert set(lit(shown(machine))) - regions == {"connected", "talking", "free", "idle", "listening"}
    assert shown(machine.conversation) == shown(machine)


def test_every_state_can_be_shown():
    for chart, make in (("message", Message), ("speech", Speech)):
        for node in getattr(definition(), chart).leaves:
            snapshot = make("A", state=node.id) if make is Message else make(state=node.id)
            assert node.id in lit(svg_of(snapshot))


def test_charts_show_themselves_as_everywhere():
    chart = definition().message
    assert shown(chart) == render(chart, "svg", detail="overview").decode()
    assert shown(definition()) == render_exchange("svg").decode()


def test_a_trace_shows_its_timeline():
    _, world = asyncio.run(play(SCENARIOS["answer-interrupted"]))
    assert "preamble" in shown(world.trace)
    assert world.trace._repr_mimebundle_()["text/plain"].startswith("a trace of 1 speeches")


def test_a_hostile_id_is_shown_as_text():
    svg = shown(machine_with('<script>"&\x1b['))
    assert "<script>" not in svg
    assert "\x1b" not in svg
    assert "&lt;script&gt;" in svg


def test_without_the_extra_there_is_text_that_names_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    bundle = machine_with("A")._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert bundle["text/plain"].startswith("Speech(")
    assert "pip install 'speech-lifecycle[diagrams]'" in bundle["text/plain"]


def test_the_core_does_not_import_the_pictures():
    code = (
        "import sys, speech_lifecycle.fsm as fsm; fsm.definition(); fsm.ConversationMachine(); fsm.load_trace;"
        "assert not [name for name in sys.modules if name.startswith('speech_lifecycle.diagrams')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Jupyter's own: its kernel listens on this machine only, and says so.
@pytest.mark.filterwarnings("default")
def test_the_example_runs_and_shows_pictures():
    notebook = nbformat.read(NOTEBOOK, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are made anew: keep none"
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    drawn = [output.data["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]
    assert [lit(svg) for svg in drawn[:3]] == [[], ["active", "waiting", "forwarding", "streaming"], ["partial"]]
    assert len(drawn) == 6
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "TruncateMessage(message_id='answer', audio_end_ms=740)" in printed
    assert "heard = history = server: True" in printed
    # What is said between the cells.
    words = json.dumps([cell.source for cell in notebook.cells if cell.cell_type == "markdown"])
    assert re.search(r"740 ms were heard", words)
