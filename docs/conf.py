"""How Sphinx builds the site: `make site`."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.diagrams.render import find_renderer
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"
sys.path.insert(0, str(HERE / "_site"))

from public_names import type_aliases  # noqa: E402

project = "speech-lifecycle"
author = "the authors of speech-lifecycle"
copyright = author
release = version = version_of(project)

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "speech_lifecycle.diagrams.sphinx_charts",
    "statemachine.contrib.diagram.sphinx_ext",
    "pages",
    "public_names",
]
exclude_patterns = ["README.md", "_site", "_static"]
nitpicky = True
# Other projects' names have no page here, and what is not public none either. A public name in backticks is a link.
default_role = "py:obj"
nitpick_ignore_regex = [
    ("py:obj", r"(?s:.*)"),
    ("py:(class|exc|data|func)", r"(?!speech_lifecycle\.).*"),
    ("py:(class|exc|data|func)", r"speech_lifecycle\.(\w+\.)+\w+"),
]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_type_aliases = type_aliases()
autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries = False

lifecycle_chart_theme = "pair"

html_theme = "furo"
html_title = "speech-lifecycle"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": "https://github.com/speech-lifecycle/speech-lifecycle/",
    "source_branch": "main",
    "source_directory": "docs/",
}


def _find_graphviz() -> None:
    """Have python-statemachine's directive find a `dot`: without Graphviz, the port that the diagrams extra brings."""
    programs = BUILD / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    dot = programs / "dot"
    if not dot.exists():
        dot.symlink_to(find_renderer("pure"))
    os.environ["PATH"] += f"{os.pathsep}{programs}"


def _record_calls() -> None:
    """Record the calls that the pages show: `call.jsonl` is the one of README."""
    traces = BUILD / "traces"
    traces.mkdir(parents=True, exist_ok=True)
    for name in ("answer-interrupted", "user-speaks"):
        with TraceFile(traces / f"{name}.jsonl") as trace:
            asyncio.run(play(SCENARIOS[name], on_record=trace))


_find_graphviz()
_record_calls()
