"""A port as a child process: told by lines, answering by lines, and given up when it does not."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from speech_lifecycle.fsm.errors import SpeechLifecycleError

_LONGEST = 300
"""Characters of what a port said that are shown."""


class PortError(SpeechLifecycleError):
    """A port does not answer as the protocol has it. The message says what it did."""

    def __init__(self, message: str, verdict: str = "protocol error") -> None:
        """Say what it did, and which verdict that gets."""
        super().__init__(message)
        self.verdict = verdict


class Child:
    """One process. Whoever has it ends it with `end`."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        """Start it.

        Raises:
            PortError: it cannot be started; the message names the command and why.
        """
        self._timeout = timeout
        self._said: queue.Queue[str | None] = queue.Queue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads would block it
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            self._errors.close()
            raise PortError(f"{command[0]!r} cannot be run: {error.strerror or error}") from None
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line)
        self._said.put(None)

    def tell(self, commands: Iterable[dict[str, Any]]) -> None:
        """Send commands. It may answer while more are sent."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: `answer` says so
            self._process.stdin.write("".join(f"{json.dumps(command)}\n" for command in commands))
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return the next answer.

        Raises:
            PortError: there is none, or it is no JSON object; the message says what there is.
        """
        try:
            line = self._said.get(timeout=self._timeout)
        except queue.Empty:
            raise PortError(f"no answer within {self._timeout:g} seconds", "timed out") from None
        if line is None:
            said = f"it ended with exit code {self._process.wait()}{self._last_words()}"
            raise PortError(said, "crashed")
        try:
            answer = json.loads(line)
        except ValueError:
            raise PortError(f"its standard output has {line.strip()[:_LONGEST]!r}, which is not JSON") from None
        if not isinstance(answer, dict):
            raise PortError(f"it answers {line.strip()[:_LONGEST]!r}, which is no object")
        if "error" in answer:
            raise PortError(f"it says: {str(answer['error'])[:_LONGEST]}")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:_LONGEST]}" if lines else ""

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._listening.join()
        self._errors.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
