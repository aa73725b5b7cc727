"""A port: a process told by lines and answering by lines, or a function. It is given up when it does not answer."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from speech_lifecycle.fsm.errors import SpeechLifecycleError

Data = dict[str, Any]

_SHOWN = 300
"""Characters of what a port said that are shown."""
_LONGEST_LINE = 1 << 26
"""Bytes that one answer may have."""
_MOST_WAITING = 10_000
"""Answers that may wait to be looked at."""
_STEPS_IN_TIME = 1_000
"""So many steps have to be answered within the timeout."""
_END_S = 1.0
"""How long the end of a process that was killed is waited for."""


class PortError(SpeechLifecycleError):
    """A port does not answer as the protocol has it. The message says what it did."""

    def __init__(self, message: str, verdict: str = "protocol error", hint: str = "") -> None:
        """Say what it did, which verdict that gets, and what may help."""
        super().__init__(message)
        self.verdict = verdict
        self.hint = hint


class Talk(Protocol):
    """Whatever can be told commands, and answers."""

    def tell(self, commands: Sequence[Data]) -> None:
        """Send commands. It may answer while more are sent."""

    def answer(self) -> Data:
        """Return the next answer."""

    def drop(self, count: int) -> None:
        """Wait for so many answers, whatever they are."""

    def end(self) -> None:
        """End it, whatever it does."""


class InProcess:
    """A port that is a function of this process: a command in, an answer out."""

    def __init__(self, answer: Callable[[Data], Data]) -> None:
        """Have a function; what it raises is a crash."""
        self._function = answer
        self._commands: deque[Data] = deque()

    def tell(self, commands: Iterable[Data]) -> None:
        """Note commands: each is handled when its answer is asked for."""
        self._commands.extend(commands)

    def answer(self) -> Data:
        """Return the answer to the next command.

        Raises:
            PortError: the function raises, or gives no object.
        """
        try:
            answer = self._function(self._commands.popleft())
        except Exception as error:
            raise PortError(f"it raises {type(error).__name__}: {str(error)[:_SHOWN]}", "crashed") from None
        return answer if type(answer) is dict and "error" not in answer else _checked(answer, repr(answer))

    def drop(self, count: int) -> None:
        """Handle so many commands, whatever comes of it."""
        for _ in range(count):
            with contextlib.suppress(PortError):
                self.answer()

    def end(self) -> None:
        """Forget what it was told."""
        self._commands.clear()


class Child:
    """One process. Whoever has it ends it with `end`."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        """Start it.

        Args:
            command: what to run, without a shell.
            timeout: seconds in which it has to answer what it is told at once, a thousand steps at most.

        Raises:
            PortError: it cannot be started; the message names the command and why.
        """
        self._timeout = timeout
        self._said: queue.Queue[bytes | int | None] = queue.Queue(_MOST_WAITING)
        """Lines; how often it was told something when the time for that was over; None at its end."""
        self._to_say: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._told = 0
        self._timer: threading.Timer | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads would block it
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,  # so that its own children can be ended with it
            )
        except (OSError, ValueError) as error:
            self._errors.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise PortError(f"{command[0]!r} cannot be run: {reason}", hint=_hint_to_run(error)) from None
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._say, self._wait)]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while line := self._process.stdout.readline(_LONGEST_LINE):
                self._said.put(line)
        self._said.put(None)

    def _wait(self) -> None:
        """Note its end, even if something that it has started keeps its standard output open."""
        self._process.wait()
        self._threads[0].join(_END_S)
        self._said.put(None)

    def _say(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended: `answer` says so
            while (text := self._to_say.get()) is not None:
                self._process.stdin.write(text)
                self._process.stdin.flush()

    def tell(self, commands: Sequence[Data]) -> None:
        """Send commands. It may answer while more are sent.

        Raises:
            PortError: it has said something that it was not asked.
        """
        with contextlib.suppress(queue.Empty):
            self._next(self._said.get_nowait(), "it answers what it was not asked: ")
        self._stop_waiting()
        self._told += 1
        told = self._told
        self._timer = threading.Timer(
            self._timeout * (1 + len(commands) // _STEPS_IN_TIME), lambda: self._said.put(told)
        )
        self._timer.daemon = True
        self._timer.start()
        self._to_say.put(b"".join(msgspec.json.encode(command) + b"\n" for command in commands))

    def answer(self) -> Data:
        """Return the next answer.

        Raises:
            PortError: there is none, or it is no JSON object; the message says what there is.
        """
        line = self._line()
        shown = line.decode("utf-8", "replace").strip()[:_SHOWN]
        try:
            answer = msgspec.json.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise PortError(
                f"its standard output has {shown!r}, which is not JSON",
                hint="logs belong to the standard error; one answer is one line",
            ) from None
        return _checked(answer, shown)

    def drop(self, count: int) -> None:
        """Wait for so many answers, whatever they are.

        Raises:
            PortError: they do not come.
        """
        for _ in range(count):
            self._line()

    def _line(self) -> bytes:
        while True:
            line = self._next(self._said.get(), "")
            if line is not None:
                return line

    def _next(self, said: bytes | int | None, complaint: str) -> bytes | None:
        """Return a line, or None for a time that is over and was for something else."""
        if said is None:
            raise PortError(self._how_it_ended(), "crashed", "run it by hand, with its input from a file")
        if isinstance(said, int):
            if said == self._told:
                hint = "it may wait for the end of its input, or not flush its output: each line has its answer at once"
                raise PortError(f"no answer within {self._timeout:g} seconds", "timed out", hint)
            return None
        if complaint:
            raise PortError(f"{complaint}{said.decode('utf-8', 'replace').strip()[:_SHOWN]!r}")
        return said

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "it closed its standard output and runs on"
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"it ended {how}{self._last_words()}"

    def _last_words(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 10 * _SHOWN))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        telling = [line for line in lines if "error" in line.lower()] or lines  # interpreters end with other words
        return f": {telling[-1].strip()[:_SHOWN]}" if lines else ""

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def end(self) -> None:
        """End it, whatever it does, and what it has started."""
        self._stop_waiting()
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._to_say.put(None)
        for thread in self._threads:
            while thread.is_alive():
                with contextlib.suppress(queue.Empty):
                    self._said.get_nowait()  # it may wait for room
                    continue
                thread.join(_END_S)
                break
        self._errors.close()
        for thread, pipe in zip(self._threads, (self._process.stdout, self._process.stdin), strict=False):
            # A process that escaped may hold a pipe that a thread waits at: closing it would wait, too.
            if pipe is not None and not thread.is_alive():
                with contextlib.suppress(OSError):
                    pipe.close()


def _hint_to_run(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "make it executable (chmod +x), or name what interprets it: -- node port.js"
    if isinstance(error, FileNotFoundError):
        return "name a program on the PATH, or a file by its path: -- ./port"
    if isinstance(error, OSError) and error.errno == 8:  # ENOEXEC
        return "it needs a first line such as #!/usr/bin/env node, or name what interprets it: -- node port.js"
    return ""


def _checked(answer: Any, shown: str) -> Data:
    if not isinstance(answer, dict):
        raise PortError(f"it answers {shown[:_SHOWN]!r}, which is no object")
    if "error" in answer:
        raise PortError(
            f"it says: {str(answer['error'])[:_SHOWN]}", hint="it does not know a command, or a field of one"
        )
    return answer
