"""Driving LiveKit's realtime session: its real OpenAI plugin, over a real socket, on its real `AudioOutput`."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import importlib.metadata
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytest.importorskip("livekit.plugins.openai", reason="livekit-agents is not installed (extra: livekit)")

from livekit.agents.voice import io
from livekit_world import LiveKitWorld
from msgspec.structs import replace
from sweeps import response, sweep

from speech_lifecycle.adapters.livekit_agents.versions import TESTED, warn_if_untested
from speech_lifecycle.adapters.sessions.audio_format import PCM_24K
from speech_lifecycle.fsm.values import Capabilities
from speech_lifecycle.simulation.report import Report
from speech_lifecycle.simulation.scenario import Scenario, play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import Pacing, ServerBehaviour
from speech_lifecycle.simulation.server_dialects import AZURE, OPENAI, XAI

STEP_MS = 20


@pytest.mark.parametrize("lengths_ms", [(300,), (240, 300), (180, 220, 200)], ids=str)
def test_interrupted_every_twenty_milliseconds_heard_is_history_is_memory(lengths_ms):
    instants = range(0, sum(lengths_ms) + 2 * STEP_MS, STEP_MS)
    assert asyncio.run(sweep(response(*lengths_ms), lengths_ms, instants, LiveKitWorld)) == []


def test_the_same_run_twice_gives_the_same_trace():
    scenario = response(300, 440).with_interruption(400)
    traces = [asyncio.run(play(scenario, make_world=LiveKitWorld))[1].trace for _ in range(2)]
    assert traces[0] == traces[1]


def account(report: Report) -> tuple[object, ...]:
    """What a run comes to: all but the times, and whether an output reported them: one of LiveKit's always does."""
    return (
        report.is_equal,
        report.outcomes,
        [(divergence.cause, divergence.message_id) for divergence in report.divergences],
        # Why a connection was lost, LiveKit says in words of its own.
        [
            (replace(message.record, code="", heard_ms_status="reported"), message.history, message.differences)
            for message in report.messages
        ],
        report.speaking_announced,
    )


def livekit_understands(scenario: Scenario) -> bool:
    """LiveKit's plugin connects again by itself, plays by itself PCM at 24 kHz only, and needs what is announced."""
    dialect = scenario.behaviour.dialect if scenario.behaviour is not None else OPENAI
    is_its_own_to_play = not scenario.server_plays and scenario.audio_format == PCM_24K
    return not scenario.reconnects and is_its_own_to_play and dialect in (OPENAI, AZURE, XAI)


@pytest.mark.parametrize("name", [n for n, s in SCENARIOS.items() if n != "output-fails" and livekit_understands(s)])
def test_each_scenario_ends_as_with_our_own_session_and_output(name):
    scenario = SCENARIOS[name]
    if name == "answer-interrupted":
        # LiveKit gives a sink no text: its transcript synchronizer would do what our speaker does itself.
        scenario = dataclasses.replace(scenario, synchronize_text=False)
    with_livekit, _ = asyncio.run(play(scenario, make_world=LiveKitWorld))
    with_ours, _ = asyncio.run(play(scenario))
    assert account(with_livekit) == account(with_ours)


def test_a_failed_output_of_ours_is_a_cut_playback_in_livekits_words():
    """LiveKit's `AudioOutput` has no word for a failure that no frame is there to raise."""
    report, _ = asyncio.run(play(SCENARIOS["output-fails"], make_world=LiveKitWorld))
    assert report.is_equal
    assert [(m.record.state, m.record.reason) for m in report.messages] == [
        ("played", "finished"),
        ("partial", "cleared"),
    ]


class Breaking(io.AudioOutput):
    """A sink that raises at its third frame, while it plays the first two."""

    def __init__(self, output: io.AudioOutput) -> None:
        super().__init__(label="breaking", capabilities=io.AudioOutputCapabilities(pause=True), next_in_chain=output)
        self.frames = 0

    async def capture_frame(self, frame) -> None:
        self.frames += 1
        if self.frames == 3:
            raise RuntimeError("no device")
        await super().capture_frame(frame)
        await self.next_in_chain.capture_frame(frame)

    def flush(self) -> None:
        super().flush()
        self.next_in_chain.flush()

    def clear_buffer(self) -> None:
        self.next_in_chain.clear_buffer()


class BreakingWorld(LiveKitWorld):
    def wrap(self, output):
        return Breaking(output)


def test_h12_a_sink_that_raises_ends_the_speech_and_the_server_keeps_what_was_heard():
    scenario = response(600, 440, pacing=Pacing(speed=1))
    report, world = asyncio.run(play(scenario, make_world=BreakingWorld))
    assert report.outcomes == ("failed",)
    record = report.messages[0].record
    assert (record.state, record.reason) == ("partial", "output_failed")
    assert report.is_equal
    assert 0 < world.listener.heard["m0"] <= 200


class PlainWorld(LiveKitWorld):
    """The plugin's session without its raw events: what `llm.RealtimeSession` promises, and no more."""

    def new_realtime_session(self, model):
        session = super().new_realtime_session(model)
        session.off("openai_server_event_received", self.count_received)
        session.off("openai_client_event_queued", self.count_sent)
        publish = session.emit

        def emit(name, *args):
            if name == "openai_server_event_received":
                self.count_received(*args)
            elif name == "openai_client_event_queued":
                self.count_sent(*args)
            else:
                publish(name, *args)

        session.emit = emit
        return session


def test_without_raw_events_the_server_is_still_brought_in_line():
    scenario = SCENARIOS["interrupted-before-second"]
    report, world = asyncio.run(play(scenario, make_world=PlainWorld))
    assert report.is_equal
    sent = [event["type"] for event in world.server_session.events_received]
    assert sent.count("conversation.item.truncate") == 1
    assert sent.count("conversation.item.delete") == 1


def test_without_raw_events_a_truncation_that_nobody_confirms_is_reported():
    report, _ = asyncio.run(play(SCENARIOS["interrupted-before-second"], make_world=PlainWorld))
    assert [(d.cause, d.message_id) for d in report.divergences] == [("unanswered", "preamble")]


@pytest.mark.parametrize("name", ["undisturbed", "text-shown", "text-interrupted", "before-first-sound"])
def test_without_raw_events_nothing_else_changes(name):
    plain, _ = asyncio.run(play(SCENARIOS[name], make_world=PlainWorld))
    with_ours, _ = asyncio.run(play(SCENARIOS[name]))
    assert account(plain) == account(with_ours)


def test_without_raw_events_a_refused_removal_is_reported():
    behaviour = ServerBehaviour(refuse_delete="server_error")
    scenario = dataclasses.replace(SCENARIOS["before-first-sound"], behaviour=behaviour)
    report, _ = asyncio.run(play(scenario, make_world=PlainWorld))
    assert {divergence.cause for divergence in report.divergences} == {"refused"}
    assert "still in the session's chat_ctx" in report.divergences[0].detail


@pytest.mark.parametrize(
    ("lacking", "cause"),
    [(Capabilities(can_truncate=False), "cannot_truncate"), (Capabilities(can_remove=False), "cannot_remove")],
)
def test_a_model_that_cannot_change_its_memory_ends_in_a_divergence(lacking, cause):
    scenario = Scenario("", "", response(300, 440).responses, capabilities=lacking).with_interruption(200)
    report, world = asyncio.run(play(scenario, make_world=LiveKitWorld))
    assert cause in {divergence.cause for divergence in report.divergences}
    assert world.driver.speeches[0].snapshot.state == "interrupted"


@pytest.mark.parametrize("version", ["1.8.8", "1.9.0", "2.0.0rc1", "1.5"])
def test_an_untested_version_warns_by_name_and_range(version):
    with pytest.warns(UserWarning, match=f"livekit-agents {version} is outside the tested range {TESTED}"):
        warn_if_untested(version)


@pytest.mark.parametrize("version", ["1.8.9", "1.8.12"])
def test_a_tested_version_does_not_warn(version):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_untested(version)


def test_a_missing_extra_names_the_command():
    code = (
        "import sys\n"
        "sys.modules['livekit.agents'] = None\n"
        "try:\n"
        "    import speech_lifecycle.adapters.livekit_agents\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'speech-lifecycle[livekit]'" in done.stdout


def test_no_private_attribute_of_livekit_is_touched():
    """Names of objects that are not our own, as far as the source shows them: `x._name`, where x is not self."""
    folder = Path(__file__).parent.parent / "adapters" / "livekit_agents"
    touched = [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and ast.unparse(node.value) != "self"
    ]
    assert touched == []


def test_the_tested_range_is_that_of_the_extra():
    (requirement,) = [
        requirement
        for requirement in importlib.metadata.requires("speech-lifecycle")
        if requirement.startswith("livekit-agents")
    ]
    assert set(re.findall(r"[<>=]+[\d.]+", requirement)) == set(TESTED.split(","))
