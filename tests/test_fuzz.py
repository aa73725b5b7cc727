"""The fuzz targets without the fuzzer: over their seeds, and over every input that once broke something.

`make fuzz` looks for new ones; see tests/fuzz/README.md.
"""

from __future__ import annotations

import importlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.mutator import mutate
from fuzz.run import TARGETS
from fuzz.seeds import seeds_of

FUZZ = Path(__file__).parent / "fuzz"
SEEDS = [(target, name, data) for target in TARGETS for name, data in seeds_of(target).items()]
FOUND = [(path.parent.name, path.stem, path.read_bytes()) for path in sorted(FUZZ.glob("found/*/*"))]


def check_of(target: str):
    return importlib.import_module(f"fuzz.fuzz_{target}").check


@pytest.mark.parametrize(
    ("target", "data"), [pytest.param(target, data, id=f"{target}-{name}") for target, name, data in SEEDS + FOUND]
)
def test_an_input_is_loaded_or_refused_in_words(target, data):
    check_of(target)(data)


def test_every_target_has_seeds_and_found_inputs():
    for inputs in (SEEDS, FOUND):
        assert {target for target, _, _ in inputs} == set(TARGETS)


@pytest.mark.parametrize("target", ["events", "trace", "protocol"])
def test_a_little_mutated_the_seeds_are_still_loaded_or_refused(target):
    """What the fuzzer does, without its guidance: a few changes that leave JSON what it is."""
    source, seeds = random.Random(target), list(seeds_of(target).values())
    for _ in range(150):
        data = source.choice(seeds)
        for _ in range(source.randrange(1, 5)):
            data = mutate(data, source) or data
        check_of(target)(data)


@pytest.mark.parametrize("target", TARGETS)
def test_the_fuzzer_runs(target, tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed: pip install 'speech-lifecycle[fuzz]'")
    command = [sys.executable, "-m", "fuzz.run", target, "-runs=200", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    environment = {**os.environ, "PYTHONPATH": str(FUZZ.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "cov:" in done.stderr
