"""The page without what it shows: markup, style, script and charts, with a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from .charts import charts_css, charts_html

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    "text.js", "store.js", "standing.js", "step.js", "log.js", "words.js", "charts.js", "timeline.js", "sound.js",
    "main.js", "choices.js", "moving.js", "beginning.js",
)  # fmt: skip
"""In the order in which they stand in the page: one script."""
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def shell(*, is_live: bool = False) -> tuple[str, str]:
    """Return what stands before the data of a page, and what stands behind it.

    Raises:
        MissingExtraError: what draws the charts is not installed.
        RenderError: it failed.
    """
    script = _script()
    slots = {
        "live": " data-live" if is_live else "",
        "policy": policy(),
        "style": _read("page.css") + charts_css(),
        "charts": charts_html(),
        "script": script,
        "data": "\0",
    }
    before, _, after = _SLOT.sub(lambda slot: slots[slot[1]], _read("page.html")).partition("\0")
    return before, after


def policy() -> str:
    """Return the policy of a page, for its own sake and as a header: no script but ours, nothing from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        f"media-src blob: file: 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


@cache
def _script() -> str:
    return "\n".join(map(_read, SCRIPTS))


def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")
