"""Pages of calls in a real Chromium: how they are written, opened, and looked at."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from speech_lifecycle.fsm.trace import Trace, dump_record

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
NASTY = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\x1b[31m\u202e{{script}}&amp;'\""
"""What must be text wherever it stands."""
_IDS = {"speech", "speech_id", "new_speech_id", "message_id", "message_ids", "response_id"}
_TEXTS = {"text", "generated_text", "heard_text", "transcript", "detail"}


def lines_of(trace: Trace) -> list[str]:
    return [f"{dump_record(record)}\n" for record in (trace.header, *trace.records)]


def written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(lines), encoding="utf-8")
    return path


def hostile(lines: Iterable[str]) -> list[str]:
    """The same call, with nasty ids and words."""
    return [json.dumps(_nasty(json.loads(line))) + "\n" for line in lines]


def _nasty(data: Any, key: str = "") -> Any:
    if isinstance(data, dict):
        return {name: _nasty(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_nasty(value, key) for value in data]
    if isinstance(data, str) and data and key in _IDS | _TEXTS:
        return f"{NASTY}{data}" if key in _IDS else f"{data} {NASTY}"
    return data


@asynccontextmanager
async def open_page(browser: Browser, address: str, **options: Any) -> AsyncIterator[Page]:
    """Open a page that may complain of nothing, and wait until it shows a step."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on(
        "request",
        lambda request: (
            request.url.startswith("http") and address.startswith("file") and complaints.append(request.url)
        ),
    )
    await page.goto(address)
    await page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
    yield page
    assert complaints == []
    await context.close()


async def lit(page: Page) -> dict[str, list[str]]:
    """The states that are lit, by chart."""
    found: dict[str, list[str]] = await page.evaluate(
        """() => Object.fromEntries(["conversation", "speech", "message"].map((chart) => [chart,
            [...document.querySelectorAll(`#chart-${chart} .lit`)].map((each) => each.dataset.state).sort()]))"""
    )
    return found


async def faults_of_access(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using a page."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make node")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(
        """async () => (await axe.run()).violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.map((each) => each.html.slice(0, 200)).join("; ")}`)"""
    )
    return found


async def press(page: Page, key: str, step: int) -> None:
    """Press a key, and wait until the page is at a step, counted from 1."""
    await page.keyboard.press(key)
    await at_step(page, step)


async def at_step(page: Page, step: int) -> None:
    await page.wait_for_function(
        "(step) => document.getElementById('where').textContent.startsWith(`step ${step} of`)", arg=step
    )
