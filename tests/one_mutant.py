"""Runs the tests on a mutant instead of the package's own machine, in a process of its own."""

from __future__ import annotations

import os
import sys
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.verification.field_bugs import field_bugs
from speech_lifecycle.verification.mutants import Mutant, mutants
from speech_lifecycle.verification.replaying import machine_of

TESTS = ("test_rules_*.py", "test_field_bugs.py", "test_scenarios.py")
CONVERSATION_TESTS = ("test_conversation_*.py",)
"""Those that say what the machine has to do, quick ones first; not those that compare it with its own declaration."""

ORIGINAL = "original"
"""The id of what is no mutant: no test fails on it, or what fails says nothing about others."""
_ROOT = Path(__file__).parent.parent
_SECONDS = 120


def mutant_of(mutant_id: str) -> Mutant:
    """Return a mutant by its id.

    Raises:
        LookupError: there is none.
    """
    try:
        return _by_id()[mutant_id]
    except KeyError:
        raise LookupError(f"there is no mutant {mutant_id!r}; docs/mutation.md names some") from None


@cache
def _by_id() -> dict[str, Mutant]:
    return {each.id: each for each in (*field_bugs(), *mutants(), Mutant(ORIGINAL, "none", definition()))}


def killing_test(mutant_id: str) -> str:
    """Return the first test that fails on a mutant, or ""."""
    mutant = mutant_of(mutant_id)
    _import_the_tests(_tests_of(mutant))
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_run_tests_on, args=(mutant, sender))
    child.start()
    sender.close()
    try:
        if not receiver.poll(_SECONDS):
            return f"no end after {_SECONDS} s"
        failed: str = receiver.recv()
        return failed
    finally:
        child.kill()
        child.join()


class _FirstFailure:
    """A plugin of pytest."""

    test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid.removeprefix("tests/")


def _tests_of(mutant: Mutant) -> tuple[str, ...]:
    if mutant.id == ORIGINAL:
        return (*TESTS, *CONVERSATION_TESTS)
    return CONVERSATION_TESTS if mutant.is_of_conversations else TESTS


@cache
def _import_the_tests(tests: tuple[str, ...]) -> None:
    """Collect them once, so that a child has them imported already."""
    _pytest("--collect-only", tests)


def _run_tests_on(mutant: Mutant, sender: Connection) -> None:
    # The tests' machines get what a machine for another definition has of its own: its tables.
    _take_over(ConversationMachine if mutant.is_of_conversations else SpeechMachine, machine_of(mutant))
    sender.send(_pytest("-x", _tests_of(mutant)))


def _take_over(machine: type, other: type) -> None:
    for name, value in vars(other).items():
        if not name.startswith("__"):
            setattr(machine, name, value)


def paths_of(tests: tuple[str, ...]) -> list[str]:
    """Return the files of tests."""
    return [str(path.relative_to(_ROOT)) for pattern in tests for path in sorted((_ROOT / "tests").glob(pattern))]


def _pytest(option: str, tests: tuple[str, ...]) -> str:
    """Return the first test that fails."""
    failure = _FirstFailure()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        usual, sys.stdout = sys.stdout, nowhere
        try:
            code = pytest.main(
                ["-q", "-p", "no:cacheprovider", "--rootdir", str(_ROOT), option, *paths_of(tests)], [failure]
            )
        finally:
            sys.stdout = usual
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or (code != pytest.ExitCode.OK) != bool(
        failure.test
    ):
        raise RuntimeError(f"pytest ended with {code!r}")
    return failure.test
