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

FUZZ = Path(__file__).parent / "fuzz"
INPUTS = sorted((*FUZZ.glob("corpus/*/*"), *FUZZ.glob("found/*/*")))


def check_of(target: str):
    return importlib.import_module(f"fuzz.fuzz_{target}").check


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_input_is_loaded_or_refused_in_words(path):
    check_of(path.parent.name)(path.read_bytes())


def test_every_target_has_seeds_and_found_inputs():
    for target in TARGETS:
        assert any((FUZZ / "corpus" / target).iterdir()), target
        assert any((FUZZ / "found" / target).iterdir()), target


@pytest.mark.parametrize("target", ["events", "trace", "protocol"])
def test_a_little_mutated_the_seeds_are_still_loaded_or_refused(target):
    """What the fuzzer does, without its guidance: a few changes that leave JSON what it is."""
    source, seeds = random.Random(target), sorted((FUZZ / "corpus" / target).iterdir())
    for _ in range(150):
        data = source.choice(seeds).read_bytes()
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
