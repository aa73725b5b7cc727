"""What is known of mutants from earlier runs, for as long as the machines do the same: nothing is judged twice."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.verification.judging import Verdict

PATH = Path(tempfile.gettempdir()) / "speech-lifecycle-mutants.json"
"""Outside the repository: it can be thrown away."""


class Memory:
    """The verdicts on mutants, and the mutants that were hunted in vain."""

    def __init__(self, path: Path = PATH) -> None:
        """Read what is there, if it is about machines that do what these do."""
        self._path = path
        self._digest = definition().behaviour_digest
        self._vectors: list[str] = []
        self._verdicts: dict[str, Verdict] = {}
        self._hunted: dict[str, int] = {}
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["digest"] == self._digest:
                self._verdicts = {name: Verdict(**parts) for name, parts in data["verdicts"].items()}
                self._vectors, self._hunted = data["vectors"], data["hunted"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is nothing that can be used

    def verdict(self, mutant_id: str, vectors: Collection[str]) -> Verdict | None:
        """Return what is known of a mutant that lint finds, or a vector: the first of just these."""
        found = self._verdicts.get(mutant_id)
        return found if found is not None and (found.fate == "lint" or self._vectors == sorted(vectors)) else None

    def was_hunted(self, mutant_id: str, each: int) -> bool:
        """Whether a mutant was hunted in vain, in as many steps of each kind or more."""
        return self._hunted.get(mutant_id, 0) >= each

    def note(self, verdicts: Iterable[Verdict], hunted: Iterable[str], each: int, vectors: Collection[str]) -> None:
        """Remember what lint and these vectors found, and what was hunted in vain."""
        self._vectors = sorted(vectors)
        self._verdicts |= {each.mutant: each for each in verdicts if each.fate in ("lint", "property", "vector")}
        self._hunted |= dict.fromkeys(hunted, each)
        data = {
            "digest": self._digest,
            "vectors": self._vectors,
            "verdicts": {name: asdict(verdict) for name, verdict in self._verdicts.items()},
            "hunted": self._hunted,
        }
        self._path.write_text(json.dumps(data), encoding="utf-8")
