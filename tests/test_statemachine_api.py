"""The charts work with python-statemachine's own tools: they can be made, sent events, printed and drawn."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from statemachine.exceptions import TransitionNotAllowed

from speech_lifecycle.fsm.chart_model import ChartModel, new_model
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.conversation.chart import ConversationChart
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    ClearOutput,
    CreateResponse,
    PauseOutput,
    ReportSpeechBegun,
    StartHandover,
    StartTimer,
)
from speech_lifecycle.fsm.events import Interrupt, SessionAudioReceived
from speech_lifecycle.fsm.message.chart import MessageChart
from speech_lifecycle.fsm.speech.chart import SpeechChart
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import Policy

CHARTS = {"conversation": ConversationChart, "message": MessageChart, "speech": SpeechChart}
each_chart = pytest.mark.parametrize("name", CHARTS)


def where(chart) -> list[str]:
    return [state.id for state in chart.configuration]


def test_a_message_goes_its_way_by_events_with_their_fields():
    chart = MessageChart()
    assert where(chart) == ["pending"]
    chart.send("session_message_added")
    assert chart.model.data[0].messages == {"message": chart.model.subject}
    chart.send("forward")
    assert where(chart) == ["forwarding", "streaming"]
    chart.send("session_audio_received", received_ms=100)
    chart.send("output_audio_handed_over", handed_over_ms=100)
    chart.send("output_playback_progressed", position_ms=40.7)
    chart.send("stop")
    assert where(chart) == ["forwarding", "stopping"]
    chart.send("output_playback_finished", position_ms=60, interrupted=True)
    assert where(chart) == ["partial"]
    assert chart.is_terminated
    record = chart.model.subject.record
    assert (record.state, record.heard_ms, record.received_ms) == ("partial", 60, 100)
    assert chart.model.effects[:2] == [StartHandover("message"), ClearOutput("message")]
    assert [*dict.fromkeys(chart.model.raised)] == ["message_announced", "message_heard", "message_settled"]


def test_a_speech_goes_its_way_by_events_as_methods():
    chart = SpeechChart()
    chart.authorize()
    chart.pause()
    assert where(chart) == ["active", "paused"]
    assert chart.model.subject.state == "paused"
    assert [effect for effect in chart.model.effects if not hasattr(effect, "timer")] == [
        AnnounceAgentState("thinking"),
        PauseOutput(),
        AnnounceAgentState("listening"),
    ]
    chart.interrupt(force=True)
    assert where(chart) == ["reconciling"], "the eventless transition is taken too: nothing is on the output"


def test_a_conversation_goes_its_way_in_all_of_its_regions():
    chart = ConversationChart()
    chart.send("user_started_speaking")
    chart.send("request_response", speech_id="hello")
    assert {"connected", "talking", "free", "requested"} <= set(where(chart))
    assert list(chart.model.subject.speeches) == ["hello"]
    assert chart.model.effects[:3] == [
        StartTimer("user", 120_000),
        ReportSpeechBegun("hello"),
        CreateResponse("hello"),
    ]
    chart.send("user_stopped_speaking")
    assert (chart.model.subject.user, chart.model.subject.floor) == ("silent", "taken")
    assert chart.model.told == [("hello", "authorize")]


def test_an_event_may_be_given_as_the_value_it_is():
    chart = MessageChart()
    chart.send("session_audio_received", SessionAudioReceived("message", 70))
    assert chart.model.subject.received_ms == 70


def test_each_chart_has_data_of_its_own():
    first, second = SpeechChart(), SpeechChart()
    first.send("authorize")
    assert where(second) == ["queued"]
    assert second.model.subject == Speech()


def test_what_no_transition_takes_is_not_allowed():
    with pytest.raises(TransitionNotAllowed):
        SpeechChart().send("resume")


def test_a_guard_is_asked_about_the_speech_that_is_given():
    model = new_model("speech")
    model.data = (Speech(policy=Policy(interruptible=False)),)
    chart = SpeechChart(model)
    with pytest.raises(TransitionNotAllowed):
        chart.send("interrupt", Interrupt())
    chart.send("interrupt", Interrupt(force=True))
    assert model.subject.cause == "never_authorized"


def test_a_field_that_is_missing_or_of_a_wrong_type_is_named():
    chart = MessageChart()
    with pytest.raises(msgspec.ValidationError, match="received_ms"):
        chart.send("session_audio_received")
    with pytest.raises(msgspec.ValidationError, match="received_ms"):
        chart.send("session_audio_received", received_ms="much")


def test_a_final_message_tells_nobody_but_its_model():
    """Who is told by a chart alone is collected: there is no other chart to hear it."""
    model = new_model("speech")
    chart, other = SpeechChart(model), MessageChart()
    model.subject.messages["message"] = other.model.subject
    chart.send("authorize")
    assert model.raised == ["go_on"]
    chart.send("interrupt")
    assert model.told[0] == ("message", "stop")
    assert where(other) == ["pending"]


@each_chart
def test_guards_and_actions_are_found_in_one_place(name):
    """python-statemachine and-s a guard that is both on the chart and on the model, and runs an action twice."""
    chart = getattr(definition(), name)
    functions = {*chart.guards, *chart.actions}
    assert functions.isdisjoint(dir(CHARTS[name]))
    assert not functions & set(dir(ChartModel()))


@each_chart
@pytest.mark.parametrize("form", ["md", "rst", "mermaid", "dot"])
def test_a_chart_prints_itself(name, form):
    chart = CHARTS[name]()
    printed = f"{chart:{form}}"
    for state in getattr(definition(), name).states:
        if form in ("md", "rst") and all(step.initial for step in CHARTS[name].states_map[state.id].transitions):
            continue  # their tables list transitions
        assert state.id in printed.lower().replace(" ", "_")
    # A chart that runs also shows where it is.
    assert form not in ("md", "rst") or printed == format(CHARTS[name], form)


SPHINX_CONF = """
project = "charts"
extensions = ["statemachine.contrib.diagram.sphinx_ext"]


def setup(app):
    from pygments.lexers.special import TextLexer
    app.add_lexer("mermaid", TextLexer)  # a picture for an extension, and no language for Pygments
"""
SPHINX_PAGE = """
Charts
======

.. statemachine-diagram:: speech_lifecycle.fsm.message.chart.MessageChart
   :caption: a message

.. statemachine-diagram:: speech_lifecycle.fsm.message.chart.MessageChart
   :events: session_message_added, forward, stop

.. statemachine-diagram:: speech_lifecycle.fsm.speech.chart.SpeechChart
   :events: authorize, pause

.. statemachine-diagram:: speech_lifecycle.fsm.ConversationChart
   :events: request_response, user_started_speaking

.. statemachine-diagram:: speech_lifecycle.fsm.SpeechChart
   :events: authorize
   :format: mermaid
"""


def test_sphinx_draws_the_charts(tmp_path):
    """By the directive of python-statemachine, with the pure Graphviz under the name that it looks for."""
    programs, source, built = tmp_path / "bin", tmp_path / "source", tmp_path / "built"
    programs.mkdir()
    source.mkdir()
    pure = Path(sys.executable).parent / "graphviz-pure"
    (programs / "dot").symlink_to(shutil.which("dot") or pure)
    (source / "conf.py").write_text(SPHINX_CONF, encoding="utf-8")
    (source / "index.rst").write_text(SPHINX_PAGE, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(source), str(built)]
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    page = (built / "index.html").read_text(encoding="utf-8")
    drawn = re.findall(r"<svg .*?</svg>", page, re.S)
    assert [sorted(set(re.findall(r">(Pending|Stopping|Queued|Paused|Talking)<", svg))) for svg in drawn] == [
        ["Pending", "Stopping"],
        ["Pending", "Stopping"],
        ["Paused", "Queued", "Stopping"],
        ["Talking"],
    ]
    assert drawn[0] != drawn[1], "the second shows where the events have led"
    assert "waiting:::active" in page
