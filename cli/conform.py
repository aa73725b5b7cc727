"""`speech-lifecycle conform`."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.verification.conformance.courses import (
    Course,
    CourseError,
    courses_in,
    is_about,
    random_courses,
    tier_file,
)
from speech_lifecycle.verification.conformance.judging import Judged, Port, judge_all
from speech_lifecycle.verification.tiers import TIERS
from speech_lifecycle.verification.tiers.sections import in_order

from .conform_reports import Report, badge_of, html_of, junit_of
from .errors import UsageError
from .terminal import console, one_line, printable

USUAL_EVENTS = 10_000
"""So many random events are told if nothing else is asked for than that a port is judged."""
_EVENTS_SHOWN = 60


@dataclass(frozen=True)
class Asked:
    """What a port is asked."""

    tiers: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    sections: tuple[str, ...] = ()
    seed: int = 1
    events: int | None = None

    def courses(self) -> Iterator[Course]:
        """Yield them: whatever is named; if nothing is, every tier and some random events.

        Raises:
            UsageError: there is no such tier, or nothing is about a section.
            CourseError: a file of vectors cannot be read.
        """
        unknown = [tier for tier in self.tiers if tier not in TIERS]
        if unknown:
            raise UsageError(f"no tier {unknown[0]!r}: there are {', '.join(TIERS)}")
        is_anything = bool(self.tiers or self.files or self.sections or self.events is not None)
        tiers = self.tiers or (() if self.files or (is_anything and not self.sections) else tuple(TIERS))
        paths = [*map(tier_file, tiers), *self.files]
        found = itertools.chain.from_iterable(map(courses_in, paths))
        yield from self._about_sections(found) if self.sections else found
        yield from random_courses(
            self.seed, (0 if is_anything else USUAL_EVENTS) if self.events is None else self.events
        )

    def _about_sections(self, courses: Iterable[Course]) -> Iterator[Course]:
        known: set[str] = set()
        found: set[str] = set()
        for course in courses:
            known |= course.sections
            about = {section for section in self.sections if is_about(course, section)}
            found |= about
            if about:
                yield course
        for section in self.sections:
            if section not in found:
                raise UsageError(
                    f"no vector is about section {one_line(section)}: there are {', '.join(in_order(known))}"
                )


def conform(
    command: list[str],
    asked: Asked,
    skips: list[str],
    timeout: float,
    junit: Path | None,
    html: Path | None,
    *,
    shrink: bool,
) -> bool:
    """Judge a port, and print what is wrong with it; return whether nothing is.

    Raises:
        UsageError: a file of vectors cannot be read, or an option means nothing.
    """
    reasons = dict(map(_reason_of, skips))
    port = Port(command, timeout)
    found: list[Judged] = []
    counts: Counter[str] = Counter()
    printed: set[str] = set()
    try:
        for judged in judge_all(port, asked.courses(), reasons, shrink=shrink):
            if judged.is_failure:
                _print_new(judged, printed)
            counts[judged.verdict] += 1
            found.append(judged)
    except CourseError as error:
        raise UsageError(str(error)) from None
    finally:
        port.end()
    _see_that_all_were_asked(reasons, found, is_part=bool(asked.tiers or asked.files or asked.sections))
    report = Report(port.name or command[0], port.about, tuple(found))
    for path, text in ((junit, junit_of), (html, html_of)):
        if path is not None:
            path.write_text(text(report), encoding="utf-8")
    for reason, number in Counter(each.got for each in found if each.verdict == "skipped").items():
        console.print(printable(f"skipped {number}: {reason}"))
    console.print(printable(f"{report.name}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items())))
    made_from, present = report.about.get("behaviour_digest"), SpeechMachine.definition_digest
    if not report.is_right and made_from is not None and made_from != present:
        console.print(printable(f"note: it was made from definition {made_from}, and this is {present}: make it anew"))
    if report.is_right:
        console.print(f"badge: {badge_of(report)}", soft_wrap=True)
    return report.is_right


def _reason_of(skip: str) -> tuple[str, str]:
    course_id, _, reason = skip.partition("=")
    if not course_id or not reason.strip():
        raise UsageError(f"--skip {one_line(skip)}: say why: --skip ID=REASON")
    return course_id, reason.strip()


def _see_that_all_were_asked(reasons: dict[str, str], found: list[Judged], *, is_part: bool) -> None:
    """Complain of skips that skip nothing, unless only a part was asked for."""
    unknown = reasons.keys() - {each.course.id for each in found}
    if unknown and not is_part:
        raise UsageError(f"--skip: there is no course {one_line(min(unknown))}")


def _print_new(judged: Judged, printed: set[str]) -> None:
    """Print the first difference of its verdict, and with it what else differs in that course."""
    is_new = judged.verdict not in printed
    new = [each for each in (judged, *judged.further) if is_new or each.verdict not in printed]
    for each in new:
        printed.add(each.verdict)
        _print(each)
    if new and judged.course.tier == "random" and judged.where:
        for number, event in enumerate(judged.course.events[:_EVENTS_SHOWN], 1):
            console.print(Text(one_line(f"  {number}. {event}"), style="dim"), soft_wrap=True)


def _print(judged: Judged) -> None:
    place = f", {judged.where}" if judged.where else ""
    console.print(Text(one_line(f"{judged.verdict}: {judged.course.id}{place}"), style="bold red"), soft_wrap=True)
    for word, text in (
        ("expected", judged.expected),
        ("got", judged.got),
        ("by", judged.about),
        ("harm:", judged.course.harm),
        ("hint:", judged.hint),
    ):
        if text:
            console.print(f"  {word} {one_line(text)}", soft_wrap=True)
