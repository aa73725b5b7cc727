"""The package is what its metadata says, and its parts import only what they may."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("fsm", "verification", "adapters", "simulation", "diagrams", "exports", "cli", "testing", "vectors")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

MAY_IMPORT = {
    "fsm": set(),
    "verification": {"fsm"},
    "vectors": set(),
    "adapters": {"fsm"},
    "diagrams": {"fsm"},
    "exports": {"fsm"},
    "simulation": {"adapters", "fsm"},
    "testing": {"adapters", "fsm"},
    "cli": {"adapters", "diagrams", "exports", "fsm", "simulation", "verification"},
}


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def test_the_list_of_packages_is_that_of_the_folders():
    found = {
        "speech_lifecycle." + ".".join(path.parent.relative_to(ROOT).parts): str(path.parent.relative_to(ROOT))
        for path in SOURCES
        if path.name == "__init__.py"
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == set(found)
    assert PROJECT["tool"]["setuptools"]["package-dir"] == found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_folder_imports_only_what_it_may(path):
    folder = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[1] for name in imports_of(path) if name.startswith("speech_lifecycle.")}
    assert ours <= MAY_IMPORT[folder]
    assert not {name.split(".")[0] for name in imports_of(path)} & set(FOLDERS), "a second copy of every class"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_t7_nothing_reads_the_wall_clock(path):
    assert not {"time", "datetime"} & imports_of(path)


def test_the_core_reads_no_clock_does_no_io_and_makes_no_ids():
    forbidden = {"asyncio", "random", "uuid", "os", "socket", "threading", "pathlib", "logging"}
    for path in (ROOT / "fsm").rglob("*.py"):
        assert not forbidden & imports_of(path), path


def test_whatever_is_raised_by_name_has_one_base():
    """So that one `except SpeechLifecycleError` is enough; a wrong argument stays what it is everywhere."""
    bases = {
        node.name: [ast.unparse(base) for base in node.bases]
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and re.search(r"(?:Error|Exception)\b", " ".join(map(ast.unparse, node.bases)))
    }
    assert len(bases) > 10
    assert bases.pop("SpeechLifecycleError") == ["Exception"]
    assert {name: its for name, its in bases.items() if its[0] != "SpeechLifecycleError"} == {}


def test_every_extra_is_part_of_all():
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    named = everything.removeprefix("speech-lifecycle[").removesuffix("]").split(",")
    assert set(named) == set(extras) - {"all", "dev", "docs", "fuzz", "wasm"}


def test_the_installed_distribution_owns_one_name():
    assert importlib.metadata.version("speech-lifecycle") == PROJECT["project"]["version"]
    assert not set(FOLDERS) & set(sys.modules)


def test_ci_runs_on_every_python_that_is_supported():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["run"]
    supported = [
        name.rpartition(" ")[2]
        for name in PROJECT["project"]["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
    ]
    assert job["strategy"]["matrix"]["python"] == supported
    assert job["steps"][-1] == {"run": ".ci/run"}


def test_the_changelog_has_the_version_and_what_is_not_released():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[:2] == ["What is stable", "Unreleased"]


def test_every_hook_is_a_target_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    for hook in hooks:
        assert re.search(rf"^{hook['entry'].removeprefix('make -s ')}:", makefile, re.M), hook["entry"]


def test_what_is_generated_says_so():
    for name in (
        "constraints.txt",
        "docs/benchmarks.md",
        "docs/trace.schema.json",
        "docs/definition.schema.json",
        "docs/conversation.svg",
        "docs/exchange-dark.svg",
        "docs/exchange.svg",
        "docs/message-overview.svg",
        "docs/message.svg",
        "docs/speech.svg",
        "docs/timeline.svg",
    ):
        head = (ROOT / name).read_text(encoding="utf-8")[:600].lower()
        assert "generated" in head, name
