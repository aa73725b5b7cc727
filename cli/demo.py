"""`speech-lifecycle demo`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.diagrams.call_reading import call_of
from speech_lifecycle.diagrams.call_sequence import call_sequence_svg
from speech_lifecycle.diagrams.envelope import read_envelope
from speech_lifecycle.diagrams.files import replace_file
from speech_lifecycle.diagrams.render import draw
from speech_lifecycle.diagrams.timeline_svg import timeline_svg
from speech_lifecycle.fsm.trace import Trace
from speech_lifecycle.simulation.scenario import Scenario, play
from speech_lifecycle.simulation.scenarios import SCENARIOS

from .errors import UsageError
from .heard import play_heard, write_heard
from .printing import differences, print_files, print_report
from .terminal import console


def list_scenarios() -> None:
    """Print the names of all scenarios, what they are, and the field bugs they would show."""
    width = max(map(len, SCENARIOS))
    for scenario in SCENARIOS.values():
        bugs = f"  [{' '.join(scenario.bugs)}]" if scenario.bugs else ""
        console.print(f"{scenario.name:{width}}  {scenario.summary}{bugs}", soft_wrap=True)


def scenario_named(name: str, interrupt_at_ms: float | None) -> Scenario:
    """Return a scenario, with another interruption if one is given.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in SCENARIOS:
        raise UsageError(f"no scenario {name!r}; speech-lifecycle demo --list shows them")
    scenario = SCENARIOS[name]
    return scenario if interrupt_at_ms is None else scenario.with_interruption(interrupt_at_ms)


def play_one(name: str, interrupt_at_ms: float | None, output: Path, *, real_time: bool, aloud: bool = False) -> bool:
    """Play a scenario, print its report, and write its trace, its pictures and what was heard.

    True if all accounts are the same. With `aloud` it is played on the sound card then.
    """
    scenario = scenario_named(name, interrupt_at_ms)
    output.mkdir(parents=True, exist_ok=True)
    trace_path = output / "trace.jsonl"
    console.print(Text.assemble((scenario.name, "bold"), f": {scenario.summary}\n"))
    with TraceFile(trace_path) as trace_file:
        report, world = asyncio.run(play(scenario, real_time=real_time, on_record=trace_file))
    print_report(report, call_of(world.trace))
    sounds = write_heard(world, report, output)
    print_files([trace_path, *write_pictures(world.trace, output, sounds), *sounds])
    if aloud:
        play_heard(sounds[0] if sounds else None)
    return report.is_equal


def play_all() -> bool:
    """Play every scenario, and print a line for each. True if only reported divergences differ."""
    is_expected = True
    for scenario in SCENARIOS.values():
        report, _ = asyncio.run(play(replace(scenario)))
        reported = {divergence.message_id for divergence in report.divergences}
        is_told = not report.differences and all(
            message.record.message_id in reported for message in report.messages if message.differences
        )
        verdict = "same" if report.is_equal else "told" if is_told else "DIFFERENT"
        states = ", ".join(f"{message.record.message_id} {message.record.state}" for message in report.messages)
        console.print(f"{verdict:9}  {scenario.name:30}  {states}", soft_wrap=True)
        if not report.is_equal:
            for difference in differences(report):
                console.print(f"{'':11}{difference}", soft_wrap=True, style="dim")
        is_expected = is_expected and (report.is_equal or is_told)
    console.print("\nsame: heard = history = server; told: the server cannot be brought in line, and the agent is told")
    return is_expected


def play_real_server(model: str, say: str, interrupt_at_ms: float | None, output: Path) -> bool:
    """Play one response of a real server. True if all accounts are the same."""
    from .real_server import converse

    output.mkdir(parents=True, exist_ok=True)
    trace_path = output / "trace.jsonl"
    # Only once there is a connection: what an earlier run has written is not lost to a server that is not there.
    report, trace = asyncio.run(converse(model, say, interrupt_at_ms, lambda: TraceFile(trace_path)))
    print_report(report, call_of(trace))
    print_files([trace_path, *write_pictures(trace, output)])
    return report.is_equal


def write_pictures(trace: Trace, output: Path, sounds: Sequence[Path] = ()) -> list[Path]:
    """Write the timeline of a trace, its sequence diagram, and the charts, and return the paths."""
    timeline_path = output / "timeline.svg"
    envelope = read_envelope(sounds[0]) if sounds else None
    replace_file(timeline_path, timeline_svg(call_of(trace), envelope=envelope).encode())
    sequence_path = output / "sequence.svg"
    replace_file(sequence_path, call_sequence_svg(trace.records).encode())
    return [timeline_path, sequence_path, *draw(output, ("svg",))]
