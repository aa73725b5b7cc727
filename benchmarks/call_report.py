"""How long the report of a long call takes: `python benchmarks/call_report.py`.

The call is a scenario's, said again and again, until its trace has 200 MB. Measured are the writing, in a process of
its own with its memory, and the opening in Chromium until the page shows a step, and until it shows the last one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TextIO

from speech_lifecycle.fsm.trace import Trace, dump_record
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

WRITING_S, WRITING_MB, OPENING_S = 20, 300, 3
"""What is allowed."""

_ID = re.compile(r'"(?:speech|speech_id|message_id|response_id|new_speech_id)": "\w+|"message_ids": \["\w+')
_AT = re.compile(r'"at_ms": [\d.]+')
_WRITE = """
import json, resource, sys, time
from pathlib import Path
began = time.perf_counter()
from speech_lifecycle.diagrams.report import write_report
notes = write_report([Path(sys.argv[1])], Path(sys.argv[2]))
took = [time.perf_counter() - began, time.process_time()]
print(json.dumps([*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, notes]))
"""


def write_trace(file: TextIO, megabytes: float, scenario: str = "answer-interrupted") -> None:
    """Write a trace of this length, in which the scenario's call comes to an end and begins anew again and again."""
    trace: Trace = asyncio.run(play(SCENARIOS[scenario]))[1].trace
    file.write(dump_record(trace.header) + "\n")
    lines = [(record.at_ms, dump_record(record)) for record in trace.records]
    length_ms = lines[-1][0] + 1_000
    number = 0
    while file.tell() < megabytes * 1e6:
        for at_ms, line in lines:
            said = _ID.sub(rf"\g<0>_{number}", line)
            file.write(_AT.sub(f'"at_ms": {at_ms + number * length_ms}', said, count=1) + "\n")
        number += 1


def writing(trace: Path, page: Path) -> tuple[float, float, float]:
    """Return the seconds, those of the CPU, and the megabytes that writing the page takes in a process of its own."""
    command = [sys.executable, "-c", _WRITE, str(trace), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, cpu_seconds, megabytes, notes = json.loads(done.stdout)
    if notes:
        raise SystemExit(f"the trace could not be read: {notes[0]}")
    return seconds, cpu_seconds, megabytes


async def opening(address: str) -> tuple[float, float]:
    """Return the seconds until Chromium shows the first step of the page there, and then until the last one."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        tab = await browser.new_page()
        began = perf_counter()
        await tab.goto(address, wait_until="commit")
        await tab.wait_for_selector("html[data-ready]", state="attached")
        first = perf_counter()
        await tab.keyboard.press("End")
        await tab.wait_for_selector("#forward[aria-disabled=true]")
        last = perf_counter()
        await browser.close()
    return first - began, last - first


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trace, page = Path(folder) / "call.jsonl", Path(folder) / "call.html"
        with trace.open("w", encoding="utf-8") as file:
            write_trace(file, asked.megabytes)
        seconds, cpu_seconds, megabytes = writing(trace, page)
        print(f"trace {trace.stat().st_size / 1e6:.0f} MB, page {page.stat().st_size / 1e6:.1f} MB")
        took = f"{seconds:.1f} s (at most {WRITING_S}; {cpu_seconds:.1f} s of the CPU)"
        print(f"written in {took}, in {megabytes:.0f} MB (at most {WRITING_MB})")
        first, last = asyncio.run(opening(page.absolute().as_uri()))
        print(f"opened in {first:.2f} s (at most {OPENING_S}); the last step after another {last:.2f} s")


if __name__ == "__main__":
    main()
