"""Charts are drawn by Graphviz and read by Mermaid, and what is missing is said with its remedy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from charts import CHARTS

from speech_lifecycle.diagrams import (
    MissingExtraError,
    draw,
    exchange_mermaid,
    mermaid,
    overview_of,
    render,
    sequence,
    steps_of,
)
from speech_lifecycle.diagrams.mermaid import escape
from speech_lifecycle.diagrams.render import FILE_FORMATS, RenderError, find_renderer, render_source

NODE = Path(__file__).parent / "node"


def test_draw_writes_every_format_and_they_are_what_they_say(tmp_path):
    paths = draw(tmp_path, renderer="pure")
    assert sorted(path.name for path in paths) == sorted(f"{c.name}.{f}" for c in CHARTS for f in FILE_FORMATS)
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"// Generated", "mmd": b"%% Generated"}
    begins |= {"puml": b"@startuml", "d2": b"# Generated"}
    for path in paths:
        content = path.read_bytes()
        assert content.startswith(begins[path.suffix[1:]])
        assert len(content) > 2000
    assert sorted(tmp_path.iterdir()) == sorted(paths), "no temporary file is left"


@pytest.mark.parametrize("image_format", ["svg", "png", "pdf"])
def test_the_same_picture_twice_is_the_same_bytes(image_format):
    assert render("message", image_format, renderer="pure") == render("message", image_format, renderer="pure")


def test_an_installed_graphviz_is_preferred(tmp_path, monkeypatch):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho drawn by dot\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_renderer() == str(program)
    assert render("message", "svg") == b"drawn by dot\n"


def test_a_missing_renderer_names_the_extra(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'speech-lifecycle[diagrams]'")):
        render("message", "svg")
    with pytest.raises(RenderError, match="Graphviz is not installed"):
        render("message", "svg", renderer="dot")


def test_a_missing_pdf_writer_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "svglib.svglib", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'speech-lifecycle[diagrams]'")):
        render("message", "pdf", renderer="pure")


def test_sources_tables_and_timelines_need_no_extra():
    code = (
        "import sys, speech_lifecycle.diagrams as d\n"
        "d.dot('speech'), d.mermaid('message'), d.tables()\n"
        "print([name for name in ('graphviz', 'svglib', 'reportlab') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_source_that_cannot_be_drawn_is_refused_with_the_renderers_words():
    with pytest.raises(RenderError, match="graphviz-pure"):
        render_source("digraph {", "svg", renderer="pure")


def test_an_unknown_format_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="no format 'gif'"):
        draw(tmp_path / "new", ["svg", "gif"])
    assert not (tmp_path / "new").exists()


# Mermaid's own parser


def test_mermaid_itself_reads_what_we_write(tmp_path, trace):
    if shutil.which("node") is None and not os.environ.get("CI"):
        pytest.skip("Node.js is not installed, and Mermaid's parser needs it")
    assert (NODE / "node_modules").is_dir(), "run `make node` to install Mermaid"
    sources = {f"{chart.name}.mmd": mermaid(chart) for chart in CHARTS}
    sources |= {f"{chart.name}-active.mmd": mermaid(chart, highlight=chart.leaves[1].id) for chart in CHARTS}
    sources |= {f"{chart.name}-plain.mmd": mermaid(chart, actions=False) for chart in CHARTS}
    sources |= {f"{chart.name}-overview.mmd": mermaid(overview_of(chart)) for chart in CHARTS}
    sources["exchange.mmd"] = exchange_mermaid()
    sources["sequence.mmd"] = sequence(steps_of(trace))
    for name, source in sources.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["node", str(NODE / "check_mermaid.mjs"), *sources], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kinds = dict(line.split() for line in done.stdout.splitlines())
    others = {"sequence.mmd": "sequence", "exchange.mmd": "flowchart-v2"}
    assert kinds == {name: others.get(name, "stateDiagram") for name in sources}


@pytest.mark.parametrize("text", ["a;b", "#1", "<br>", 'say "no"', "{x}", "a:b", "50 %", "ümlaut"])
def test_escaped_text_has_no_meaning_for_mermaid(text):
    assert not set(escape(text)) & set('"<>{}:%ü')
    assert re.sub(r"#(\d+);", lambda m: chr(int(m[1])), escape(text)) == text
