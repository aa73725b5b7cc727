"""`speech-lifecycle conform`."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.text import Text

from speech_lifecycle.verification.conformance.courses import Course, CourseError, courses_in, random_courses
from speech_lifecycle.verification.conformance.judging import Judged, Port, judge_all, shortest

from .errors import UsageError
from .terminal import console


def conform(
    command: list[str],
    vectors: list[Path],
    seed: int,
    events: int,
    skipped: list[str],
    timeout: float,
    junit: Path | None,
    *,
    shrink: bool,
) -> bool:
    """Judge a port, and print what is wrong with it; return whether nothing is.

    Raises:
        UsageError: a file of vectors cannot be read.
    """
    courses: Iterable[Course] = itertools.chain(*(courses_in(path) for path in vectors), random_courses(seed, events))
    port = Port(command, timeout)
    found: list[Judged] = []
    counts: Counter[str] = Counter()
    try:
        for judged in judge_all(port, courses):
            verdict: str = judged.verdict
            if judged.course.id in skipped:
                verdict = "skipped but passes" if verdict == "pass" else "skipped"
            elif verdict != "pass":
                judged = shortest(port, judged) if shrink and not counts[verdict] else judged
                if not counts[verdict]:
                    _print(judged)
            counts[verdict] += 1
            found.append(judged)
    except CourseError as error:
        raise UsageError(str(error)) from None
    finally:
        port.end()
    if junit is not None:
        _write_junit(junit, found, skipped)
    console.print(Text(f"{port.name or command[0]}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items())))
    return bool(found) and not counts.keys() - {"pass", "skipped"}


def _print(judged: Judged) -> None:
    """Print the first difference of its kind."""
    console.print(Text(f"{judged.verdict}: {judged.course.id}, {judged.where}", style="bold red"))
    for word, text in (("expected", judged.expected), ("got", judged.got), ("by", judged.about)):
        if text:
            console.print(Text(f"  {word} {text}"), soft_wrap=True)
    if judged.course.id.startswith("random"):
        for number, event in enumerate(judged.course.events, 1):
            console.print(Text(f"  {number}. {event}", style="dim"), soft_wrap=True)


def _write_junit(path: Path, found: list[Judged], skipped: list[str]) -> None:
    suite = ET.Element("testsuite", name="speech-lifecycle", tests=str(len(found)))
    failures = 0
    for judged in found:
        case = ET.SubElement(suite, "testcase", classname=judged.course.machine, name=judged.course.id)
        if judged.course.id in skipped and judged.verdict != "pass":
            ET.SubElement(case, "skipped", message=judged.verdict)
        elif judged.verdict != "pass" or judged.course.id in skipped:
            failures += 1
            message = judged.verdict if judged.verdict != "pass" else "skipped but passes"
            failure = ET.SubElement(case, "failure", message=message)
            failure.text = f"{judged.where}\nexpected {judged.expected}\ngot {judged.got}\nby {judged.about}"
    suite.set("failures", str(failures))
    path.write_text(ET.tostring(suite, encoding="unicode", xml_declaration=True), encoding="utf-8")
