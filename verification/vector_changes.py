"""What the changelog says of vectors that expect something else: an entry, with before and after, for each change.

The newest entry cites a digest of what all vectors expect. It is the vectors' own as long as nothing changes unsaid.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .vectors import Vector

HEADING = "### What vectors expect"
MOST_NAMED = 5
"""So many vectors of one change are named."""
_ENTRY = re.compile(r"^- `([0-9a-f]{12})`", re.MULTILINE)


class ChangelogError(SpeechLifecycleError):
    """The vectors expect something that the changelog does not say. The message says what to write."""


def digest_of(vectors: Iterable[Vector]) -> str:
    """Return a digest of what vectors expect. Order, tags, harm and the specification's version do not count."""
    left_out = {"spec_version", "tags", "harm"}
    lines = sorted(each.model_dump_json(exclude_defaults=True, exclude=left_out) for each in vectors)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def digest_cited(changelog: str) -> str:
    """Return the digest in the newest entry, which is the first.

    Raises:
        ChangelogError: there is none.
    """
    found = _ENTRY.search(changelog, max(0, changelog.find(HEADING)))
    if HEADING not in changelog or found is None:
        raise ChangelogError(f"CHANGELOG.md has no part {HEADING!r} with an entry that begins with a digest: - `...`")
    return found[1]


def noted(changelog: str, was: Iterable[Vector], now: Iterable[Vector], changes: Sequence[str]) -> str:
    """Return a changelog whose newest entry cites what vectors expect now.

    What changed gets an entry of its own, with before and after. Vectors that were only added, or dropped, are of the
    entry that is there: they expect what the machines did before, too.

    Args:
        changelog: its text.
        was: the vectors as they stood in their files.
        now: the vectors as the machines make them now.
        changes: what is different, of each vector that expects something else: see `vectors.what_changed`.

    Raises:
        ChangelogError: the changelog does not cite what stood in the files, so that nobody can know what has changed.
    """
    cited, digest = digest_cited(changelog), digest_of(now)
    if digest == cited:
        return changelog
    if digest_of(was) != cited:
        raise ChangelogError(
            f"the vectors expect `{digest}`, and the newest entry of CHANGELOG.md, {HEADING!r}, is `{cited}`. "
            f"See `git diff main -- vectors`: if vectors of before expect something else now, put "
            f"- `{digest}`: what they expected before, what after, and why  as an entry of its own above it; "
            f"if vectors were only added or dropped, put the new digest in the place of the old"
        )
    if not changes:
        return changelog.replace(f"- `{cited}`", f"- `{digest}`", 1)
    return changelog.replace(f"- `{cited}`", f"{_entry(digest, changes)}\n- `{cited}`", 1)


def _entry(digest: str, changes: Sequence[str]) -> str:
    shown = [f"  - {' '.join(change.split())}" for change in changes[:MOST_NAMED]]
    number = "1 vector expects" if len(changes) == 1 else f"{len(changes):,} vectors expect"
    first = " The first:" if len(changes) > MOST_NAMED else ""
    return "\n".join([f"- `{digest}`: {number} something else.{first}", *shown])
