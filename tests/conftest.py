"""Where the recordings are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CAPTURES = Path(
    os.environ.get("SPEECH_LIFECYCLE_CAPTURES", Path(__file__).parent.parent.parent / "shared" / "captures")
)


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of recorded sessions, which stands beside the checkout and is not copied into it."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no recordings at {CAPTURES}; set SPEECH_LIFECYCLE_CAPTURES")
    return CAPTURES
