"""`speech-lifecycle explore`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from speech_lifecycle.diagrams.files import replace_file
from speech_lifecycle.diagrams.sequence import sequence
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import TraceError
from speech_lifecycle.verification import (
    Counterexample,
    ForeignCounterexampleError,
    SpeechCounterexample,
    explore,
    load_counterexample,
    recheck,
)
from speech_lifecycle.verification.agreement import Agreement, disagreements
from speech_lifecycle.verification.conversation import ConversationBounds, ConversationCounterexample
from speech_lifecycle.verification.everything import (
    EVERY_LARGE,
    EVERY_PROPERTY,
    EVERY_REFERENCE,
    EVERY_SMALL,
)
from speech_lifecycle.verification.explorer import AnyBounds, Exploration
from speech_lifecycle.verification.explorer import Progress as Figures

from .errors import UsageError
from .limits import Limits
from .printing import print_files
from .terminal import console, printable

EVERY = {**EVERY_SMALL, **EVERY_LARGE, **EVERY_REFERENCE}


def list_bounds() -> None:
    """Print the names of all bounds, and what they cover."""
    for title, group in (("small", EVERY_SMALL), ("large", EVERY_LARGE), ("reference", EVERY_REFERENCE)):
        for name, bounds in group.items():
            console.print(f"{name:24}{title:11}{bounds.summary}", soft_wrap=True)


def named(names: list[str], default: dict[str, AnyBounds]) -> dict[str, AnyBounds]:
    """Return the bounds of these names, or the default if there are none.

    Raises:
        UsageError: there are none of a name.
    """
    for name in names:
        if name not in EVERY:
            raise UsageError(f"no bounds {name!r}; speech-lifecycle explore --list shows them")
    return {name: EVERY[name] for name in names} or default


def explore_all(
    chosen: dict[str, AnyBounds], limits: Limits, save: Path | None, machine_type: type[SpeechMachine] = SpeechMachine
) -> bool | None:
    """Explore all bounds, and print what was found. True if all holds, None if it was not all covered."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("bounds", "configurations", "edges", "steps", "steps/s", "seconds", "covered"):
        table.add_column(heading, justify="left" if heading in ("bounds", "covered") else "right")
    explored: dict[str, Exploration] = {}
    with limits.heed_interrupts():
        for name, bounds in chosen.items():
            began = console.get_time()
            with _progress(name) as show:

                def watch(figures: Figures, show: Callable[[int, int], None] = show) -> str:
                    show(figures.configurations - figures.waiting, figures.configurations)
                    return limits.exceeded()

                result = explore(bounds, watch=watch, machine_type=_machine_for(bounds, machine_type))
                explored[name] = result
            seconds = max(console.get_time() - began, 1e-9)
            table.add_row(
                name,
                f"{result.configurations:,}",
                f"{result.edges:,}",
                f"{result.steps:,}",
                f"{result.steps / seconds:,.0f}",
                f"{seconds:.1f}",
                "all" if result.is_complete else f"all but {result.waiting:,}: {result.stopped}",
            )
            if not result.is_complete:
                break
    console.print(table)
    console.print()
    _print_properties(explored)
    for name in list(chosen)[len(explored) :]:
        console.print(f"not begun: {name}", style="yellow")
    for result in explored.values():
        for violation in result.violations:
            transcript = violation.transcript(_machine_for(violation, machine_type))
            console.print(Text(printable(f"\n{transcript.rstrip()}"), style="red"), soft_wrap=True)
    violations = sorted((v for result in explored.values() for v in result.violations), key=lambda v: len(v.events))
    if violations and save is not None:
        _save(violations[0], save, machine_type)
    if violations:
        return False
    return True if all(result.is_complete for result in explored.values()) else None


def replay_counterexample(path: Path, machine_type: type[SpeechMachine] = SpeechMachine) -> bool:
    """Replay a saved counterexample, and print it. True if its property holds now.

    Raises:
        UsageError: the file is none, or was found in another definition.
    """
    try:
        with path.open("rb") as lines:
            counterexample = load_counterexample(lines, str(path))
    except (TraceError, ForeignCounterexampleError) as error:
        raise UsageError(str(error)) from None
    console.print(Text(printable(counterexample.transcript(machine_type))), soft_wrap=True)
    complaint = recheck(counterexample, machine_type)
    if complaint is None:
        console.print(f"{counterexample.violated} holds", style="bold green")
    else:
        console.print(f"{counterexample.violated} is violated: {complaint}", style="bold red", soft_wrap=True)
    return complaint is None


def compare_engines(chosen: dict[str, AnyBounds], limits: Limits) -> bool | None:
    """Compare the compiled table with python-statemachine's engine. True if they agree, None if it was stopped."""
    is_equal: bool | None = True
    with limits.heed_interrupts():
        for name, bounds in chosen.items():
            agreement = Agreement()
            with _progress(name) as show:

                def watch(show: Callable[[int, int], None] = show, agreement: Agreement = agreement) -> str:
                    show(agreement.configurations, agreement.configurations)
                    return limits.exceeded()

                first = next(disagreements(bounds, agreement, watch=watch), None)
            console.print(f"{name}: {agreement.configurations:,} configurations, {agreement.steps:,} steps compared")
            if first is not None:
                console.print(f"they differ: {first.event} in {first.snapshot}: {first.difference}", style="bold red")
                return False
            if agreement.stopped:
                console.print(f"stopped: {agreement.stopped}", style="yellow")
                is_equal = None
                break
    if is_equal:
        console.print("the compiled table and python-statemachine's engine agree", style="bold green")
    return is_equal


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar: how many configurations were gone on from, of those found until now."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} configurations found"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=1)
        yield lambda done, found: progress.update(task, completed=done, total=found)


def _print_properties(explored: dict[str, Exploration]) -> None:
    violated = {violation.violated for result in explored.values() for violation in result.violations}
    checked = {name for result in explored.values() for name in result.properties}
    is_complete = all(result.is_complete for result in explored.values())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("property", "section", "verdict"):
        table.add_column(heading)
    for name, each in EVERY_PROPERTY.items():
        if name in violated:
            verdict = Text("violated", style="bold red")
        elif name not in checked:
            needed = "faithful bounds" if each.needs_world else "bounds of a conversation or of a speech"
            verdict = Text(f"not checked: needs {needed}", style="yellow")
        else:
            verdict = Text("holds", style="green") if is_complete else Text("holds so far", style="yellow")
        table.add_row(name, each.section, verdict)
    console.print(table)
    console.print()
    sometimes = {what for result in explored.values() for what in result.sometimes}
    seen = {what for result in explored.values() for what, was_seen in result.sometimes.items() if was_seen}
    taken = {transition for result in explored.values() for transition in result.transitions_taken}
    never_taken = {each for result in explored.values() for each in result.transitions_never_taken} - taken
    console.print(f"possible: {len(seen)} of {len(sometimes)} states, reasons and effects were seen")
    for what in sorted(sometimes - seen):
        console.print(f"  not seen: {what}", style="yellow")
    console.print(f"transitions that were never taken: {len(never_taken)}")
    for transition in sorted(never_taken):
        console.print(f"  {transition}", style="yellow")


def _machine_for(subject: AnyBounds | Counterexample, machine_type: type[SpeechMachine]) -> type[SpeechMachine] | None:
    return None if isinstance(subject, ConversationBounds | ConversationCounterexample) else machine_type


def _save(violation: Counterexample, path: Path, machine_type: type[SpeechMachine]) -> None:
    """Write a counterexample as a trace, and that of a speech beside it as a sequence diagram."""
    console.print()
    replace_file(path, violation.dump(_machine_for(violation, machine_type)).encode())
    if not isinstance(violation, SpeechCounterexample):
        print_files([path])
        return
    picture = path.with_name(f"{path.name}.mmd" if path.suffix.casefold() == ".mmd" else f"{path.stem}.mmd")
    replace_file(picture, sequence(violation.steps(machine_type)).encode())
    print_files([path, picture])
