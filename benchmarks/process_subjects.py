"""Subjects that are processes of their own, which play the workload and measure themselves: line-JSON in and out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.events import Event


class ProcessSubject:
    """A process that knows the speeches, until it is closed."""

    def __init__(self, name: str, version: str, command: Sequence[str | Path], speeches: Sequence[Sequence[Event]]):
        self.name = name
        self.version = version
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.told = self.ask({"speeches": [[EVENTS.dump(event) for event in speech] for speech in speeches]})
        """What it answered when it was told the speeches."""

    @property
    def effects(self) -> list[list[dict[str, Any]]]:
        """What each speech made, as JSON."""
        effects: list[list[dict[str, Any]]] = self.told["effects"]
        return effects

    def play(self, repeat: int) -> tuple[float, float]:
        """Build and play all speeches `repeat` times; return the seconds of one speech's building and playing."""
        answer = self.ask({"repeat": repeat})
        return answer["build_s"] / answer["built"], answer["play_s"] / answer["built"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            RuntimeError: the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: it ended with status {self._process.wait()}; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer
