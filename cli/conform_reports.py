"""What a judged port gets: JUnit XML, a page, and a badge. What it said is hostile text, and is escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from speech_lifecycle.fsm.compile.definition import SPEC_VERSION
from speech_lifecycle.verification.conformance.expecting import shown
from speech_lifecycle.verification.conformance.judging import Judged

from .terminal import printable

_MOST_FAILURES = 500
"""So many are shown on a page."""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td, th { border: 1px solid #bbb; padding: .2em .6em; text-align: left }
td.number { text-align: right } pre, code { font: 14px/1.4 ui-monospace, monospace }
pre { overflow-x: auto; background: #f4f4f4; padding: .6em }
h3, .wrong { color: #a00 } .right { color: #070 }
"""


@dataclass(frozen=True)
class Report:
    """A port, and what became of each course."""

    name: str
    about: dict[str, Any]
    """What the port said of itself."""
    found: tuple[Judged, ...]

    @property
    def is_right(self) -> bool:
        """Whether at least one course passed, and none shows that the port is not right."""
        return any(each.verdict == "pass" for each in self.found) and not any(each.is_failure for each in self.found)


def badge_of(report: Report) -> str:
    """Return a line of Markdown: the version of the specification, and how many courses of how many passed."""
    passed = sum(each.verdict == "pass" for each in report.found)
    words = f"speech lifecycle {SPEC_VERSION}", f"{passed} of {len(report.found)}", "brightgreen"
    if not report.is_right:
        words = *words[:2], "red"
    path = "-".join(quote(word.replace("-", "--").replace("_", "__").replace(" ", "_")) for word in words)
    return f"![{words[0]}: {words[1]}](https://img.shields.io/badge/{path})"


def junit_of(report: Report) -> str:
    """Return JUnit XML: a suite for each tier."""
    suites = ET.Element("testsuites", {"name": "speech-lifecycle"})
    for tier, found in _by_tier(report):
        failures = sum(each.is_failure for each in found)
        skipped = sum(each.verdict == "skipped" for each in found)
        counts = {"tests": str(len(found)), "failures": str(failures), "skipped": str(skipped)}
        suite = ET.SubElement(suites, "testsuite", {"name": tier, **counts})
        for each in found:
            case = ET.SubElement(
                suite, "testcase", classname=f"{tier}.{each.course.machine}", name=_text(each.course.id)
            )
            if each.verdict == "skipped":
                ET.SubElement(case, "skipped", message=_text(each.got))
            elif each.is_failure:
                failure = ET.SubElement(case, "failure", message=each.verdict)
                failure.text = "\n".join(_text(f"{word}: {text}") for word, text in _said_of(each))
    for name in ("tests", "failures", "skipped"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


def html_of(report: Report) -> str:
    """Return a page that needs nothing but itself."""
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    title = f"{_html(report.name)} and the speech lifecycle {_html(SPEC_VERSION)}"
    yield "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
    yield "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<meta name=viewport content='width=device-width'><title>{title}</title><style>{_STYLE}</style></head>\n"
    yield f"<body><h1>{title}</h1>\n"
    kind, words = ("right", "Every course passed.") if report.is_right else ("wrong", "It does something else.")
    yield f"<p class={kind}>{words}</p>\n"
    for name, value in report.about.items():
        yield f"<p>{_html(name)}: <code>{_html(value)}</code></p>\n"
    yield from _table(report)
    yield f"<p>Badge:</p><pre>{_html(badge_of(report))}</pre>\n"
    failures = [each for each in report.found if each.is_failure]
    if failures:
        yield f"<h2>What differs ({len(failures)})</h2>\n"
    for each in failures[:_MOST_FAILURES]:
        yield from _failure(each)
    if len(failures) > _MOST_FAILURES:
        yield f"<p>{len(failures) - _MOST_FAILURES} more are not shown.</p>\n"
    skipped = Counter(each.got for each in report.found if each.verdict == "skipped")
    if skipped:
        yield "<h2>Skipped</h2>\n<ul>"
        yield from (f"<li>{number}: {_html(reason)}</li>" for reason, number in skipped.items())
        yield "</ul>\n"
    yield "</body></html>\n"


def _table(report: Report) -> Iterator[str]:
    verdicts = list(dict.fromkeys(["pass", *(each.verdict for each in report.found)]))
    yield f"<table><tr><th>tier</th>{''.join(f'<th>{_html(verdict)}</th>' for verdict in verdicts)}</tr>\n"
    for tier, found in _by_tier(report):
        counts = Counter(each.verdict for each in found)
        cells = "".join(f"<td class=number>{counts[verdict]}</td>" for verdict in verdicts)
        yield f"<tr><td>{_html(tier)}</td>{cells}</tr>\n"
    yield "</table>\n"


def _failure(judged: Judged) -> Iterator[str]:
    yield f"<h3>{_html(judged.verdict)}: {_html(judged.course.id)}</h3>\n<dl>"
    for word, text in _said_of(judged):
        yield f"<dt>{_html(word)}</dt><dd><code>{_html(text)}</code></dd>"
    events = "\n".join(f"{number}. {shown(event)}" for number, event in enumerate(judged.course.events, 1))
    yield f"</dl><details><summary>{len(judged.course.events)} events</summary><pre>{_html(events)}</pre></details>\n"


def _said_of(judged: Judged) -> list[tuple[str, str]]:
    further = [
        ("further", "; ".join([each.verdict, *(f"{word} {text}" for word, text in _said_of_one(each))]))
        for each in judged.further
    ]
    harm = [("harm", judged.course.harm)] if judged.course.harm else []
    return [*_said_of_one(judged), *harm, *further]


def _said_of_one(judged: Judged) -> list[tuple[str, str]]:
    said = {
        "where": judged.where,
        "expected": judged.expected,
        "got": judged.got,
        "by": judged.about,
        "hint": judged.hint,
    }
    return [(word, text) for word, text in said.items() if text]


def _by_tier(report: Report) -> Iterator[tuple[str, list[Judged]]]:
    found: dict[str, list[Judged]] = {}
    for each in report.found:
        found.setdefault(each.course.tier, []).append(each)
    yield from found.items()


def _text(text: str) -> str:
    """Return text without what XML cannot say, and nobody should see."""
    return printable(text)


def _html(value: object) -> str:
    return escape(printable(str(value)))
