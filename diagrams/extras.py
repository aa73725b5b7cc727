"""What to say when an optional dependency is missing."""

from __future__ import annotations

from speech_lifecycle.fsm.errors import SpeechLifecycleError


class MissingExtraError(SpeechLifecycleError, ImportError):
    """A feature needs a package that is installed on request only. The message names the command."""


def missing_extra(extra: str, package: str) -> MissingExtraError:
    """Return the error to raise when `package`, which the extra `extra` brings, is not there."""
    return MissingExtraError(
        f"{package} is not installed. Install it with: pip install 'speech-lifecycle[{extra}]'", name=package
    )
