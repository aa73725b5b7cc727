"""The directive `lifecycle-chart`, in a project of Sphinx as a user has it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import pytest

from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.diagrams.marks import path_marks, taken_in
from speech_lifecycle.diagrams.render import render, render_exchange
from speech_lifecycle.fsm.trace import load_trace
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

CONF = """
project = "charts"
extensions = ["speech_lifecycle.diagrams.sphinx_charts"]
"""
PAGE = """
Charts
======

.. lifecycle-chart:: message
   :detail: overview
   :alt: a message

.. lifecycle-chart:: message
   :path: call.jsonl
   :caption: what the *call* went through

.. lifecycle-chart:: speech
   :coverage: call.jsonl /call.jsonl

.. lifecycle-chart:: message
   :state: draining
   :highlight: draining

.. lifecycle-chart:: exchange
   :theme: pair
"""
WRONG = {
    ".. lifecycle-chart:: listener": "there is no chart 'listener'",
    ".. lifecycle-chart:: message\n   :state: humming": "humming",
    ".. lifecycle-chart:: message\n   :path: nowhere.jsonl": "No such file or directory",
    ".. lifecycle-chart:: message\n   :path: conf.py": "conf.py, line 2, column 1: not JSON",
    ".. lifecycle-chart:: message\n   :path: call.jsonl\n   :coverage: call.jsonl": "either the path",
    ".. lifecycle-chart:: message\n   :path: call.jsonl\n   :detail: overview": "an overview merges transitions",
    ".. lifecycle-chart:: exchange\n   :path: call.jsonl": "it has no path",
    ".. lifecycle-chart:: message\n   :detail: overview\n   :theme: pink": 'Error in "lifecycle-chart"',
    ".. lifecycle-chart:: message\n   :path: older.jsonl": "not drawn: message.pending.of_old",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    (source / "conf.py").write_text(CONF, encoding="utf-8")
    with TraceFile(source / "call.jsonl") as trace:
        asyncio.run(play(SCENARIOS["answer-interrupted"], on_record=trace))
    call = (source / "call.jsonl").read_text(encoding="utf-8")
    older = re.sub(r"message\.pending\.forward\b", "message.pending.of_old", call)
    assert older != call
    (source / "older.jsonl").write_text(older, encoding="utf-8")
    return source


def build(source, page, *options):
    (source / "index.rst").write_text(page, encoding="utf-8")
    built = source / "built"
    command = [sys.executable, "-m", "sphinx", "-q", "-E", *options, "-b", "html", str(source), str(built)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return done, built


def test_the_charts_are_drawn_as_elsewhere(project):
    done, built = build(project, PAGE, "-W", "--keep-going")
    assert done.returncode == 0, done.stderr
    page = (built / "index.html").read_text(encoding="utf-8")
    images = re.findall(r"<img\b[^>]*>", page)
    pictures = [(built / re.search(r'src="([^"]*)"', image)[1]).read_bytes() for image in images]
    with (project / "call.jsonl").open("rb") as lines:
        taken = taken_in(load_trace(lines).records)
    assert pictures[:2] == [
        render("message", "svg", detail="overview", renderer="pure"),
        render("message", "svg", marks=path_marks(taken), theme="light", renderer="pure"),
    ]
    assert b"times" in pictures[2]
    assert pictures[3] == render("message", "svg", state="draining", highlight="draining", renderer="pure")
    assert pictures[4:] == [render_exchange("svg", theme=theme, renderer="pure") for theme in ("light", "dark")]
    assert [re.search(r"only-\w+", image)[0] for image in images[4:]] == ["only-light", "only-dark"]
    assert 'alt="a message"' in images[0]
    assert "what the <em>call</em> went through" in page
    # Each leads to itself in full size.
    assert len(re.findall(r'<a class="[^"]*image-reference" href="_images/[^"]*svg"', page)) == len(images)


def test_what_cannot_be_drawn_is_said_where_it_stands(project):
    places = dict.fromkeys(WRONG, 0)
    page = "Charts\n======\n\n"
    for directive in WRONG:
        places[directive] = page.count("\n") + 1
        page += f"{directive}\n\n"
    done, _ = build(project, page)
    for directive, words in WRONG.items():
        (said,) = [line for line in done.stderr.splitlines() if f"index.rst:{places[directive]}:" in line]
        assert words in said, directive
