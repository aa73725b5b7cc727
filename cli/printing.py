"""Reports on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from speech_lifecycle.diagrams.call import Call
from speech_lifecycle.diagrams.palette import MESSAGE
from speech_lifecycle.diagrams.timeline_text import PIECE_MS, timeline_text
from speech_lifecycle.simulation.report import MessageReport, Report

from .terminal import console, one_line

_LONGEST_WORDS = 2000
"""Of one text in a table: a transcript may have any length."""
_LONGEST_CALL_MS = 30_000
"""Of which all is shown, with the words; of a longer one, what became of its messages."""
_MOST_ROWS = 2000
"""Of the messages that are shown: nobody reads more, and a table takes long to lay out."""


def print_report(report: Report, call: Call) -> None:
    """Print the timeline, the four accounts of every message, and the verdict."""
    left_out = len(report.messages) - _MOST_ROWS
    if left_out > 0:
        console.print(f"{len(report.messages)} messages, of which the first {_MOST_ROWS} are shown", style="yellow")
    print_timeline(call)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for name in ("message", "state", "reason", "heard", "history says", "server remembers", "same"):
        table.add_column(name, overflow="fold")
    for message in report.messages[:_MOST_ROWS]:
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


def print_timeline(call: Call) -> None:
    """Print the timeline of a call in the terminal's width."""
    is_long = call.to_ms - (call.from_ms or 0) > _LONGEST_CALL_MS
    width = max(40, min(console.width, 120) - 48)
    text = timeline_text(call, width=width, piece_ms=None if is_long else PIECE_MS, most=_MOST_ROWS)
    console.print(Text(text.rstrip()), soft_wrap=True)


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
        one_line(_shortened(record.message_id)),
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
    text = (
        f"“{_shortened(history.text)}”" if history.text or history.text_status != "unknown" else "heard, words unknown"
    )
    status = f" ({history.text_status})" if history.text_status in ("synchronized", "estimated") else ""
    return f"{text}{status}{', interrupted' if history.interrupted else ''}"


def _server(message: MessageReport) -> str:
    server = message.server
    if server is None:
        return "-"
    if server.audio_ms is None:
        return f"“{_shortened(server.text or '')}”"
    return f"{server.audio_ms} ms, {'its text' if server.text else 'no text'}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]}…"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
