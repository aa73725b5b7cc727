"""Writes what was measured as Markdown: the figures against the targets of issue 3, and all subjects."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from end_to_end import SPEECH_MS, Reading
from port_subjects import TARGETS_NS
from subjects import FLAT, IN_PLACE, PURE
from timing import Timing

ACTOR = "XState 5, actor"
PORTS_HEADING = "## The generated ports"


@dataclass(frozen=True)
class Figure:
    """One figure, and the target that it is held to."""

    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    def row(self) -> tuple[str, str, str, str]:
        """Return what, figure, target, and whether it is reached."""
        shown = f"{_number(self.value)} {self.unit}".strip()
        if self.target is None:
            return self.what, shown, "", ""
        holds = (operator.ge if self.at_least else operator.le)(self.value, self.target)
        bound = f"at {'least' if self.at_least else 'most'} {self.target:,.10g} {self.unit}".strip()
        return self.what, shown, bound, "reached" if holds else "**not reached**"


@dataclass(frozen=True)
class Results:
    """All that a run measured."""

    date: str
    machine: Mapping[str, str]
    rounds: int
    round_s: float
    timings: Sequence[Timing]
    allocated_bytes: float
    summed_bytes: int
    imports: Mapping[str, tuple[float, list[str]]]
    readings: Sequence[Reading] = ()
    """What a minute of speech costs from the socket on; the first is what the others are compared with."""
    explorer_steps_per_s: float | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Subjects that could not run, and why."""

    def figures(self) -> list[Figure]:
        """Return the figures with their targets; those of a subject that was left out are missing."""
        by_name = {timing.name: timing for timing in self.timings}
        ours = by_name[IN_PLACE]
        figures = [
            Figure("in place, per event", ours.median_event_us, "µs", 1.0),
            Figure("pure step, times in place", by_name[PURE].ratios(ours)[1], "", 2.0),
        ]
        for name, target in ((FLAT, 80.0), ("transitions", 6.0), ("Automat", 2.5), (ACTOR, 4.0)):
            if name in by_name:
                figures.append(Figure(f"faster than {name}", by_name[name].ratios(ours)[1], "times", target, True))
        (ours_ms, heavy), (theirs_ms, _) = self.imports.values()
        figures += [
            Figure("a speech object, built", ours.median_build_us, "µs", 3.0),
            Figure("idle with two messages, by tracemalloc", self.allocated_bytes, "bytes", 1000.0),
            Figure("the same, sum of sys.getsizeof", float(self.summed_bytes), "bytes"),
            Figure("import, beyond python-statemachine's", ours_ms - theirs_ms, "ms", 30.0),
            Figure(f"heavy modules imported ({', '.join(heavy) or 'none'})", float(len(heavy)), "", 0.0),
        ]
        if self.readings:
            ratio = self.readings[-1].ratios(self.readings[0])[1]
            figures.append(Figure("a minute of speech, socket to output, times raw reading", ratio, "", 3.0))
        if self.explorer_steps_per_s is not None:
            figures.append(Figure("explorer, steps per second", self.explorer_steps_per_s, "", 200_000.0, True))
        return figures


@dataclass(frozen=True)
class Ports:
    """What was measured of the generated ports, and of ours beside them."""

    date: str
    machine: Mapping[str, str]
    rounds: int
    round_s: float
    timings: Sequence[Timing]
    left_out: Mapping[str, str] = field(default_factory=dict)


def ports_section(ports: Ports) -> str:
    """Return what the page says of the generated ports."""
    ours = next(timing for timing in ports.timings if timing.name == IN_PLACE)
    rows = []
    for timing in sorted(ports.timings, key=lambda timing: timing.median_event_us):
        target = TARGETS_NS.get(timing.name)
        figure = Figure(timing.name, timing.median_event_us * 1000, "ns", target)
        _, middle, _ = ours.ratios(timing)
        rows.append((*figure.row(), _number(middle), _number(timing.median_build_us * 1000)))
    header = ("port", "per event", "target", "", "times as fast as ours", "ns to build a speech")
    left_out = "".join(f"\nLeft out: {name}: {reason}.\n" for name, reason in ports.left_out.items())
    load = f"; load before: {ports.machine['load before']}" if "load before" in ports.machine else ""
    return f"""{PORTS_HEADING}

{_table(header, rows)}
{left_out}
Measured on {ports.date}: medians of {ports.rounds} rounds of {ports.round_s:g} s{load}. Each port is exported,
compiled as its users would (`-O2 -flto`; Node for TypeScript and WebAssembly), and plays the same speeches in a process
of its own. A speech is built with the ids of its events."""


def with_ports(page: str, ports: Ports) -> str:
    """Return the page with what was measured of the ports, in the place of what it said of them."""
    before, _, rest = page.partition(f"{PORTS_HEADING}\n")
    if not rest:
        before, _, rest = page.partition("## What is compared\n")
        return f"{before}{ports_section(ports)}\n\n## What is compared\n{rest}"
    _, _, behind = rest.partition("\n## ")
    return f"{before}{ports_section(ports)}\n\n## {behind}"


def targets_table(results: Results) -> str:
    """Return the figures against their targets."""
    return _table(("figure", "measured", "target", ""), (figure.row() for figure in results.figures()))


def subjects_table(results: Results) -> str:
    """Return all subjects, the fastest first."""
    ours = next(timing for timing in results.timings if timing.name == IN_PLACE)
    rows = []
    for timing in sorted(results.timings, key=lambda timing: timing.median_event_us):
        low, middle, high = (_number(ratio) for ratio in timing.ratios(ours))
        rows.append(
            (
                timing.name,
                timing.version,
                _number(timing.median_event_us),
                middle,
                f"{low} to {high}",
                _number(timing.median_build_us),
            )
        )
    header = ("subject", "version", "µs per event", "times ours", "half of the rounds", "µs to build a speech")
    return _table(header, rows)


def readings_table(results: Results) -> str:
    """Return what a minute of speech costs from the socket on."""
    rows = []
    for reading in results.readings:
        low, middle, high = (_number(ratio) for ratio in reading.ratios(results.readings[0]))
        rows.append((reading.name, _number(median(reading.cpu_ms)), middle, f"{low} to {high}"))
    return _table(("a minute of speech", "CPU ms", "times raw", "half of the rounds"), rows)


def markdown(results: Results) -> str:
    """Return docs/benchmarks.md."""
    (ours, (ours_ms, _)), (theirs, (theirs_ms, _)) = results.imports.items()
    left_out = "".join(f"\nLeft out: {name}: {reason}.\n" for name, reason in results.left_out.items())
    return f"""<!-- Generated by `make benchmark`. -->

# Benchmarks

```sh
make benchmark   # installs what it needs, measures for some minutes, prints the tables and rewrites this page
```

Measured on {results.date}: medians of {results.rounds} rounds, in each of which every subject plays for about
{results.round_s:g} s, one after the other. Ratios are taken within a round, then their median. A busy machine makes
the times longer; the ratios stand it better.

{_table(("machine", ""), results.machine.items())}

## Targets

{targets_table(results)}

`import {ours}` takes {ours_ms:.0f} ms, `import {theirs}` {theirs_ms:.0f} ms, in fresh processes.

## All subjects

{subjects_table(results)}
{left_out}
## From the socket to the output

{readings_table(results)}

CPU time of a client, for {SPEECH_MS // 1000} s of speech in three messages over a real WebSocket. The SDK reads as
bytes, then as its own objects; `Driver` decodes, runs the machine, hands the audio to an output that plays it in no
time and reports its progress with every piece, and writes the history. The server is a process of its own and sends
at once.

## What is compared

Everybody plays the same four speeches: three messages each, 20 events, 24 effects; three are played to the end, the
fourth is interrupted in its second message. `benchmarks/workload.py` lists the events. A test holds every subject to
the same effects, in the same order, with the same values.

- *in place* is `SpeechMachine.send`, *pure step* is `step`: the whole declared lifecycle.
- *python-statemachine, our charts* is the reference engine of this package (`fsm/reference.py`): the same two charts.
  It builds the chart of a message when that is announced.
- All others have charts of their own with the cells that the workload enters, all rows of each (`benchmarks/rivals`,
  `benchmarks/node`). Their guards and actions are the same plain functions in one language; only the library that
  calls them differs.

The rivals are favoured wherever it was a matter of choice: their charts are smaller and flat, check no events and keep
no row ids; the charts of their messages are built beforehand, with the speech, and so are not part of the time per
event (in ours, a message is built when it is announced); Python's garbage collector is off while they play. Their
settings are said at the top of each file. The target for python-statemachine is held against its faster subject.

Events are made beforehand. Effects are made and returned, not performed. Node measures itself, after it has warmed up;
its figures tell how a service in Node would do, they do not compare the languages.

## What is not compared

Start-up of a process, memory of the rivals, several threads, and what an output of the field costs.
"""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    """Return three significant digits, and no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
