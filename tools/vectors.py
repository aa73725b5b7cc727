"""Chooses the courses of the vectors that have to reach every transition, and every guard in both ways: half a minute.

Run it after a chart has got another transition or guard: `make vectors`. What the vectors expect is renewed by
`tools/generate.py`, which is quick, and says in CI if anything is stale.
"""

from __future__ import annotations

from pathlib import Path

from speech_lifecycle.diagrams.files import replace_file
from speech_lifecycle.verification.tiers import TIERS
from speech_lifecycle.verification.tiers.making import CHOSEN, MADE, chosen, made
from speech_lifecycle.verification.vectors import Vector, load_vectors, text_of

VECTORS = Path(__file__).parent.parent / "vectors"


def known(tier: str) -> list[Vector]:
    """Return the vectors of a tier, as they are made or stand in its file."""
    path = VECTORS / f"{tier}.jsonl"
    if tier in MADE:
        return made(tier)
    return list(load_vectors(path.read_text(encoding="utf-8").splitlines(), path.name)) if path.exists() else []


def main() -> None:
    """Write the files."""
    candidates = [vector for tier in TIERS for vector in known(tier)]
    for tier in CHOSEN:
        vectors = chosen(tier, candidates)
        replace_file(VECTORS / f"{tier}.jsonl", text_of(vectors).encode())
        print(f"{tier}: {len(vectors)} vectors")


if __name__ == "__main__":
    main()
