"""What a user's mistake looks like: one line that names the place and the remedy, and an exit code that is not 0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .terminal import complain

EXIT_DIFFERENT = 1
"""Heard, history and server are not the same."""
EXIT_USAGE = 2
"""The command could not do what it was asked."""
EXIT_INTERRUPTED = 130
"""Ctrl-C."""


class UsageError(SpeechLifecycleError):
    """The user asked for something that cannot be had. The message says what, and what to do."""


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn errors that are the user's to repair into one line and an exit code."""
    try:
        yield
    except (UsageError, ImportError, OSError) as error:
        complain(str(error))
        raise SystemExit(EXIT_USAGE) from None
    except KeyboardInterrupt:
        complain("stopped")
        raise SystemExit(EXIT_INTERRUPTED) from None
