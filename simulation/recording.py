"""Recorded sessions: what a real server sent and was sent, in order, from a YAML file.

The format is that of the recordings in `tests/captures`: `interactions`, a list of
`{kind: message, direction: sent | received, data: {type, ...}}`. `{kind: close, ...}` ends a connection; what follows
is said in the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_lifecycle.fsm.errors import SpeechLifecycleError

_LARGEST_BYTES = 32 * 1024 * 1024
_LONGEST_WORDS = 200
"""Of an error: some repeat what they found, however long it is."""


class RecordingError(SpeechLifecycleError, ValueError):
    """A recording cannot be read. The message names the file, the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The server events of a recorded session, in order."""

    name: str
    connections: tuple[tuple[Mapping[str, Any], ...], ...]
    """What was received in each connection. All but the last were closed: if nothing follows a close, it is empty."""

    @property
    def received(self) -> tuple[Mapping[str, Any], ...]:
        """What was received in all connections."""
        return tuple(event for connection in self.connections for event in connection)


def load_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: it is not one.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size > _LARGEST_BYTES:
        raise RecordingError(
            f"{path}: {size} bytes are more than a recording may have ({_LARGEST_BYTES}); cut its audio, which is not "
            "played anyway"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: not UTF-8: {error}") from None
    return parse_recording(text, str(path))


def parse_recording(text: str, name: str) -> Recording:
    """Read a recording from its text.

    Raises:
        RecordingError: it is not one; the message begins with `name`.
    """
    try:
        import yaml

        from .json_yaml import load_json_yaml
    except ImportError:
        raise RecordingError("recordings need PyYAML. Install it with: pip install 'speech-lifecycle[cli]'") from None
    try:
        data = load_json_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise RecordingError(f"{name}{place}: not YAML: {str(error.problem)[:_LONGEST_WORDS]}") from None
    except yaml.YAMLError as error:
        raise RecordingError(f"{name}: not YAML: {str(error)[:_LONGEST_WORDS]}") from None
    interactions = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(interactions, list):
        raise RecordingError(f"{name}: field 'interactions' must be a list; this is no recording of a session")
    connections: list[list[Mapping[str, Any]]] = [[]]
    for index, interaction in enumerate(interactions):
        if isinstance(interaction, dict) and interaction.get("kind") == "close":
            connections.append([])
            continue
        event = interaction.get("data") if isinstance(interaction, dict) else None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise RecordingError(f"{name}: field 'interactions[{index}].data.type' is missing")
        if interaction.get("direction") not in ("sent", "received"):
            raise RecordingError(f"{name}: field 'interactions[{index}].direction' must be 'sent' or 'received'")
        if interaction["direction"] == "received":
            connections[-1].append(event)
    if not any(connections):
        raise RecordingError(f"{name}: the server says nothing in it")
    return Recording(Path(name).name, tuple(map(tuple, connections)))
