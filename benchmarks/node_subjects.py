"""The Node subjects: one Node process each, which plays the same events and measures itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.events import Event

FOLDER = Path(__file__).parent / "node"
NODE_SUBJECTS = {"XState 5, actor": "xstate-actor", "XState 5, pure": "xstate-pure", "robot3": "robot3"}


def why_not() -> str | None:
    """Return why Node subjects cannot run here, with the remedy, or None."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (FOLDER / "node_modules").is_dir():
        return f"its libraries are not installed: run `npm ci --prefix {FOLDER}`"
    return None


class NodeSubject:
    """A subject in its own Node process, until it is closed."""

    def __init__(self, name: str, speeches: Sequence[Sequence[Event]]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            ["node", str(FOLDER / "play.mjs"), NODE_SUBJECTS[name]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        answer = self._ask({"speeches": [[EVENTS.dump(event) for event in speech] for speech in speeches]})
        self.effects: list[list[dict[str, Any]]] = answer["effects"]
        """What each speech made, as JSON."""
        self.node: str = answer["node"]
        self.version: str = answer["library"]

    def play(self, repeat: int) -> tuple[float, float]:
        """Build and play all speeches `repeat` times; return the seconds of one speech's building and playing."""
        answer = self._ask({"repeat": repeat})
        return answer["build_s"] / answer["built"], answer["play_s"] / answer["built"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: Node ended with status {self._process.wait()}; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer
