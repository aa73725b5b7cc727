"""How a driver lets go of other people's parts: it waits for each to end, but not for ever."""

from __future__ import annotations

import asyncio

from .faults import Faults
from .ports import AudioOutput

LONGEST_WAIT_S = 10.0
"""How long a session may take to stop reading, and an output to close."""


async def stop_reading(reading: asyncio.Task[None], faults: Faults) -> None:
    """Have the session read no more."""
    reading.cancel()
    await _wait_for(reading, "the session does not stop reading", faults)


async def release(output: AudioOutput, faults: Faults) -> None:
    """Close the output. If it raises, or does not close, it is a fault."""
    try:
        closing = asyncio.ensure_future(output.aclose())
    except Exception as error:
        faults.note("the output failed to close", error)
        return
    error_of_closing = await _wait_for(closing, "the output does not close", faults)
    if error_of_closing is not None:
        faults.note("the output failed to close", error_of_closing)


async def _wait_for(task: asyncio.Future[None], complaint: str, faults: Faults) -> BaseException | None:
    """Wait for a task to end, and return what it raised; cancel one that takes too long."""
    await asyncio.wait((task,), timeout=LONGEST_WAIT_S)
    if not task.done():
        faults.note(complaint, asyncio.TimeoutError(f"{complaint}: waited {LONGEST_WAIT_S:g} s"))
        task.cancel()
        return None
    return None if task.cancelled() else task.exception()
