"""Connecting again: how often, how soon, and after which errors.

The waiting is tenacity's: exponential backoff with jitter, and a bounded number of attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState

logger = logging.getLogger(__name__)

_TEMPORARY_STATUSES = frozenset({408, 425, 429})
"""Of those below 500: too slow, too early, too often."""


@dataclass(frozen=True, slots=True)
class Reconnection:
    """How a session connects again. All durations are in milliseconds.

    The first attempt is made at once. Before the others the waits double, from the first to the longest, and a random
    part is added, so that a server that comes back does not meet all its clients at the same time. With the defaults a
    session gives up after some 35 seconds of waiting.
    """

    attempts: int = 8
    """How often to try before the connection is lost for good. At least 1."""
    first_wait_ms: int = 500
    """Before the second attempt."""
    longest_wait_ms: int = 10_000
    """No wait is longer, but for `jitter_ms`."""
    jitter_ms: int = 500
    """The most that is added to a wait by chance."""
    lasting_ms: int = 10_000
    """A new connection that is lost sooner counts as a failed attempt: some servers accept, and close at once."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be 1 or more, not {self.attempts}")
        for name in ("first_wait_ms", "longest_wait_ms", "jitter_ms", "lasting_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")

    def retrying(self, sleep_ms: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
        """Return what calls a coroutine function until it succeeds. It raises the last error if none may follow."""
        import tenacity

        async def sleep(seconds: float) -> None:
            await sleep_ms(seconds * 1000)

        return tenacity.AsyncRetrying(
            sleep=sleep,
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=tenacity.wait_exponential(self.first_wait_ms / 1000, self.longest_wait_ms / 1000)
            + tenacity.wait_random(0, self.jitter_ms / 1000),
            retry=tenacity.retry_if_exception(is_temporary),
            before_sleep=_log_failure,
            reraise=True,
        )


def is_temporary(error: BaseException) -> bool:
    """Whether another attempt to connect may succeed where this error came: the network's, or a busy server's.

    A server that refuses the key or the request (401, 403, 404) will refuse the next one too, and so is whatever else
    the agent's own code raises final.
    """
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

    if isinstance(error, InvalidStatus):
        return error.response.status_code >= 500 or error.response.status_code in _TEMPORARY_STATUSES
    # Before Python 3.11, asyncio's TimeoutError is no OSError.
    return isinstance(error, OSError | asyncio.TimeoutError | ConnectionClosed | InvalidHandshake)


def _log_failure(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    logger.warning(
        "no connection that lasts after attempt %d: %r; the next is in %.1f s",
        state.attempt_number,
        error,
        state.upcoming_sleep,
    )
