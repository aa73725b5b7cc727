"""The Node subjects: one Node process each, which plays the same events and measures itself."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from process_subjects import ProcessSubject

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


class NodeSubject(ProcessSubject):
    """A subject in its own Node process, until it is closed."""

    def __init__(self, name: str, speeches: Sequence[Sequence[Event]]) -> None:
        super().__init__(name, "", ["node", FOLDER / "play.mjs", NODE_SUBJECTS[name]], speeches)
        self.node: str = self.told["node"]
        self.version: str = self.told["library"]
