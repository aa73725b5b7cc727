"""Recorded sessions: what a real server sent and was sent, in order, from a YAML file.

The format is that of the cassettes in `shared/captures`: `interactions`, a list of
`{kind: message, direction: sent | received, data: {type, ...}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class RecordingError(ValueError):
    """A recording cannot be read. The message names the file, the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The server events of a recorded session, in order."""

    name: str
    received: tuple[Mapping[str, Any], ...]


def load_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: it is not one.
        OSError: the file cannot be read.
    """
    try:
        import yaml
    except ImportError:
        raise RecordingError("recordings need PyYAML. Install it with: pip install 'speech-lifecycle[cli]'") from None
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise RecordingError(f"{path}{place}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: not YAML: {error}") from None
    interactions = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(interactions, list):
        raise RecordingError(f"{path}: field 'interactions' must be a list; this is no recording of a session")
    received = []
    for index, interaction in enumerate(interactions):
        event = interaction.get("data") if isinstance(interaction, dict) else None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise RecordingError(f"{path}: field 'interactions[{index}].data.type' is missing")
        if interaction.get("direction") not in ("sent", "received"):
            raise RecordingError(f"{path}: field 'interactions[{index}].direction' must be 'sent' or 'received'")
        if interaction["direction"] == "received":
            received.append(event)
    if not received:
        raise RecordingError(f"{path}: the server says nothing in it")
    return Recording(path.name, tuple(received))
