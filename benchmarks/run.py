"""`make benchmark`: measures all subjects, prints the tables, writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

import figures
import port_subjects
from end_to_end import measure_readings
from node_subjects import NODE_SUBJECTS, NodeSubject, why_not
from port_subjects import TARGETS_NS, port_subject
from process_subjects import ProcessSubject
from report import Ports, Results, markdown, ports_section, readings_table, subjects_table, targets_table, with_ports
from rich.console import Console
from subjects import OURS, RIVALS, Subject, rival
from timing import measure
from workload import SPEECHES

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, print, write."""
    options = _options()
    console = Console(stderr=True)
    if options.only == "ports":
        ports = _ports(options, console, figures.machine())
        print(ports_section(ports))
        page = options.output.read_text(encoding="utf-8")
        options.output.write_text(with_ports(page, ports), encoding="utf-8")
        return 0
    described = figures.machine()
    subjects, left_out = _python_subjects()
    node_subjects: list[NodeSubject] = []
    reason = why_not()
    try:
        for name in NODE_SUBJECTS:
            if reason is None:
                node_subjects.append(NodeSubject(name, SPEECHES))
            else:
                left_out[name] = reason
        if node_subjects:
            described["Node"] = node_subjects[0].node
        with console.status("") as status:
            timings = measure([*subjects, *node_subjects], options.rounds, options.seconds, status.update)
            status.update("a minute of speech, from the socket to the output")
            readings = measure_readings(options.rounds)
            status.update("imports, memory, explorer")
            results = Results(
                date=options.date,
                machine=described,
                rounds=options.rounds,
                round_s=options.seconds,
                timings=timings,
                allocated_bytes=figures.allocated_bytes(),
                summed_bytes=figures.summed_bytes(),
                imports=figures.import_times(options.rounds),
                readings=readings,
                explorer_steps_per_s=figures.explorer_steps_per_second(),
                left_out=left_out,
            )
    finally:
        for node_subject in node_subjects:
            node_subject.close()
    ports = _ports(options, console, described)
    print(
        f"{targets_table(results)}\n\n{subjects_table(results)}\n\n{readings_table(results)}\n\n{ports_section(ports)}"
    )
    for name, why in left_out.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    options.output.write_text(with_ports(markdown(results), ports), encoding="utf-8")
    print(f"wrote {options.output}", file=sys.stderr)
    return 0


def _python_subjects() -> tuple[list[Subject], dict[str, str]]:
    subjects, left_out = list(OURS), {}
    for name, distribution, *_ in RIVALS:
        try:
            subjects.append(rival(name))
        except ImportError:
            left_out[name] = f"it is not installed: run `pip install {distribution}`"
    return subjects, left_out


def _ports(options: argparse.Namespace, console: Console, described: dict[str, str]) -> Ports:
    subjects: list[ProcessSubject] = []
    left_out = {name: reason for name in TARGETS_NS if (reason := port_subjects.why_not(name)) is not None}
    with tempfile.TemporaryDirectory() as folder, console.status("compiling the ports") as status:
        try:
            for name in TARGETS_NS:
                if name not in left_out:
                    subjects.append(port_subject(name, SPEECHES, Path(folder) / str(len(subjects))))
            timings = measure([OURS[0], *subjects], options.rounds, options.seconds, status.update)
        finally:
            for subject in subjects:
                subject.close()
    return Ports(options.date, described, options.rounds, options.seconds, timings, left_out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--rounds", type=_positive(int), default=15, help="how many rounds (default: 15)")
    parser.add_argument("--seconds", type=_positive(float), default=0.3, help="of one subject's round (default: 0.3)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="to be written (default: today)")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write (default: docs/benchmarks.md)")
    parser.add_argument("--only", choices=["ports"], help="measure the generated ports, and leave the rest of the page")
    options = parser.parse_args()
    if not options.output.parent.is_dir():
        parser.error(f"--output: {options.output.parent} is no folder: make it, or name another")
    return options


def _positive(number: type[int] | type[float]):
    def parse(text: str) -> float:
        value = number(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
        return value

    return parse


if __name__ == "__main__":
    raise SystemExit(main())
