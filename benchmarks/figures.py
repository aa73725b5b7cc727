"""The figures that are not about rounds: the size of a speech, the time of an import, the explorer, the machine."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from statistics import median
from time import process_time
from types import FunctionType, ModuleType
from typing import Any

from workload import IDLE

from speech_lifecycle.fsm import Capabilities, Policy, SpeechMachine

IMPORTED = ("speech_lifecycle.fsm", "statemachine")
HEAVY = ("pydantic", "numpy", "graphviz")
_SHARED = (type, ModuleType, FunctionType, str, int, Capabilities, Policy)
_IMPORT = """
import json, sys, time
began = time.perf_counter()
import {module}
took_ms = (time.perf_counter() - began) * 1000
print(json.dumps([took_ms, [name for name in {heavy!r} if name in sys.modules]]))
"""


def idle_speech() -> SpeechMachine:
    """Return a machine that has been told of two messages, and waits."""
    machine = SpeechMachine()
    for event in IDLE:
        machine.send(event)
    return machine


def allocated_bytes(count: int = 1000) -> float:
    """Return what an idle speech takes of the heap, by tracemalloc: the mean of `count`."""
    idle_speech()
    speeches: list[SpeechMachine | None] = [None] * count
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for index in range(count):
            speeches[index] = idle_speech()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / count


def summed_bytes() -> int:
    """Return the sum of `sys.getsizeof` over an idle speech and all that only it refers to."""
    seen: dict[int, Any] = {}
    waiting: list[Any] = [idle_speech()]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, _SHARED) or value is None or value == ():
            continue
        seen[id(value)] = value
        waiting += _referents(value)
    return sum(sys.getsizeof(value) for value in seen.values())


def _referents(value: Any) -> list[Any]:
    """Return what a value refers to. Structs that the garbage collector does not know tell their fields."""
    names: tuple[str, ...] = getattr(value, "__struct_fields__", ())
    return [getattr(value, name) for name in names] or gc.get_referents(value)


def import_times(rounds: int) -> dict[str, tuple[float, list[str]]]:
    """Return each module's import in milliseconds, in fresh processes in turn, and what heavy modules came with it."""
    times: dict[str, list[float]] = {module: [] for module in IMPORTED}
    heavy: dict[str, list[str]] = {}
    # Bytecode is kept, as it is for whoever installs the package: also where this process keeps none.
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(rounds + 1):
            for module in IMPORTED:
                code = _IMPORT.format(module=module, heavy=HEAVY)
                done = subprocess.run(
                    [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
                )
                took_ms, heavy[module] = json.loads(done.stdout)
                if number > 0:  # the first writes it
                    times[module].append(took_ms)
    return {module: (median(times[module]), heavy[module]) for module in IMPORTED}


def explorer_steps_per_second() -> float | None:
    """Return how many steps the explorer takes in a second of CPU time, or None while there is no explorer."""
    if importlib.util.find_spec("speech_lifecycle.verification") is None:
        return None
    from speech_lifecycle.verification import SMALL, explore

    began = process_time()
    exploration = explore(SMALL["hostile-2"])
    return float(exploration.steps / (process_time() - began))


def machine() -> dict[str, str]:
    """Describe the computer: what figures are worth nothing without."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return {
        "CPU": _cpu(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "load before": load,
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
