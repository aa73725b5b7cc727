"""Which versions of livekit-agents the adapters are tested with."""

from __future__ import annotations

import re
import warnings

OLDEST = (1, 8, 9)
BELOW = (1, 9)
TESTED = ">=1.8.9,<1.9"
"""The same as the extra `livekit` in pyproject.toml."""


def warn_if_untested(version: str) -> None:
    """Warn if this version of livekit-agents is outside the tested range."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if not OLDEST <= numbers < BELOW:
        warnings.warn(
            f"livekit-agents {version} is outside the tested range {TESTED}: what it reports may mean something else; "
            "install a tested version with: pip install 'speech-lifecycle[livekit]'",
            stacklevel=2,
        )
