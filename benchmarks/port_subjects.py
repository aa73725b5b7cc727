"""The generated ports as subjects: exported and compiled as their own users would, and played by a process each."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from process_subjects import ProcessSubject

from speech_lifecycle.exports import export
from speech_lifecycle.fsm.events import Event

FOLDER = Path(__file__).parent / "ports"
TYPESCRIPT_TOOLS = FOLDER.parent.parent / "ports" / "typescript" / "node_modules"
TYPESCRIPT, C, WEBASSEMBLY = "TypeScript, generated", "C, generated", "WebAssembly, generated"
TARGETS_NS = {C: 25.0, WEBASSEMBLY: 60.0, TYPESCRIPT: 500.0}
"""What an event may take."""
_OPTIONS = ("-std=c11", "-O2", "-flto")
"""Optimized as a whole, as who embeds it would: the machine and its charts are two files."""


def why_not(name: str) -> str | None:
    """Return why a port cannot run here, with the remedy, or None."""
    if name == C:
        return None if shutil.which("cc") else "there is no C compiler"
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if name == TYPESCRIPT:
        return None if TYPESCRIPT_TOOLS.is_dir() else "TypeScript is not installed: run `make node`"
    return None if importlib.util.find_spec("ziglang") else "run `pip install 'speech-lifecycle[wasm]'`"


def port_subject(name: str, speeches: Sequence[Sequence[Event]], folder: Path) -> ProcessSubject:
    """Export and compile a port in an empty folder, and start it.

    Raises:
        CalledProcessError: it does not compile.
    """
    if name == TYPESCRIPT:
        export("typescript", folder)
        (folder / "node_modules").symlink_to(TYPESCRIPT_TOOLS)
        subprocess.run(["node_modules/.bin/tsc"], cwd=folder, check=True)
        command: list[str | Path] = ["node", FOLDER / "play.mjs", folder / "dist"]
    else:
        export("c", folder)
        sources = [FOLDER / "play.c", *(folder / each for each in ("speech_lifecycle.c", "machine.c", "json.c"))]
        compiler, program, command = ["cc"], folder / "play", [folder / "play"]
        if name == WEBASSEMBLY:
            compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi"]
            program = folder / "play.wasm"
            command = ["node", folder / "run.mjs", program]
        subprocess.run([*compiler, *_OPTIONS, f"-I{folder}", "-o", program, *sources, "-lm"], check=True)
    return ProcessSubject(name, version("speech-lifecycle"), command, speeches)
