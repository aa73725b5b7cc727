"""Reports on the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from speech_lifecycle.diagrams.palette import MESSAGE
from speech_lifecycle.diagrams.timeline import timeline_text
from speech_lifecycle.diagrams.trace_timeline import timeline_of
from speech_lifecycle.fsm.trace import Trace
from speech_lifecycle.simulation.report import MessageReport, Report

# A file or a pipe has no width of its own, and 80 columns break every table.
console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)


def print_report(report: Report, trace: Trace) -> None:
    """Print the timeline, the four accounts of every message, and the verdict."""
    console.print(Text(timeline_text(timeline_of(trace), width=max(40, min(console.width, 120) - 48)).rstrip()))
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for name in ("message", "state", "reason", "heard", "history says", "server remembers", "same"):
        table.add_column(name, overflow="fold")
    for message in report.messages:
        table.add_row(*_cells(message))
    console.print(table)
    console.print()
    for divergence in report.divergences:
        detail = f" ({divergence.detail})" if divergence.detail else ""
        console.print(
            f"divergence: {divergence.message_id}: {divergence.cause}{detail}; the server remembers "
            f"{divergence.remembered_ms} ms, heard were {divergence.heard_ms} ms",
            style="yellow",
        )
    for error in report.server_errors:
        console.print(f"server error, harmless: {error}", style="dim")
    outcomes = ", ".join(report.outcomes)
    console.print(f'speech {outcomes}; "speaking" announced {_times(report.speaking_announced)}')
    print_verdict(report)


def print_verdict(report: Report) -> None:
    """Print whether heard, history and server are the same, and what differs."""
    if report.is_equal:
        console.print("heard = history = server", style="bold green")
        return
    console.print("heard, history and server differ:", style="bold red")
    for difference in differences(report):
        console.print(f"  {difference}", style="red")


def differences(report: Report) -> list[str]:
    """Return every difference, with the message it is about."""
    return [
        *(f"{message.record.message_id}: {text}" for message in report.messages for text in message.differences),
        *report.differences,
    ]


def print_files(paths: list[Path]) -> None:
    """Print what was written."""
    for path in paths:
        console.print(f"wrote {path}", style="dim", soft_wrap=True)


def _cells(message: MessageReport) -> tuple[Text | str, ...]:
    record = message.record
    colour = MESSAGE[record.state].line
    heard = "-" if record.state == "skipped" else _heard(message)
    return (
        record.message_id,
        Text(record.state, style=f"bold {colour}"),
        record.reason,
        heard,
        _history(message),
        _server(message),
        Text("no", style="bold red") if message.differences else Text("yes", style="green"),
    )


def _heard(message: MessageReport) -> str:
    heard_ms = message.record.heard_ms if message.listened_ms is None else message.listened_ms
    return f"{heard_ms} of {message.sent_ms} ms" if message.sent_ms else "as text"


def _history(message: MessageReport) -> str:
    history = message.history
    if history is None:
        return "-"
    text = f"“{history.text}”" if history.text or history.text_status != "unknown" else "heard, words unknown"
    status = f" ({history.text_status})" if history.text_status in ("synchronized", "estimated") else ""
    return f"{text}{status}{', interrupted' if history.interrupted else ''}"


def _server(message: MessageReport) -> str:
    server = message.server
    if server is None:
        return "-"
    if server.audio_ms is None:
        return f"“{server.text}”"
    return f"{server.audio_ms} ms, {'its text' if server.text else 'no text'}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
