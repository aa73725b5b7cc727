"""The seeds of each target: small pieces of what is real.

Those of `capture` and `protocol` are the recordings of `tests/captures`, with one event of each kind; those of
`events` and `trace`, and of dialects of which there is no recording, stand in `corpus`, where `make_seeds` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from speech_lifecycle.simulation.recording import Recording, load_recording

HERE = Path(__file__).parent
CAPTURES = sorted((HERE.parent / "captures").glob("*.yaml"))
PER_KIND = 1
"""Events of one kind that a seed keeps: more of the same would only slow the fuzzer down."""


def seeds_of(target: str) -> dict[str, bytes]:
    """By name."""
    if target not in ("capture", "protocol"):
        return written_seeds(target)
    recordings = {path.stem: few_of_a_kind(load_recording(path)) for path in CAPTURES}
    if target == "protocol":
        recorded = {name: "\n".join(map(json.dumps, each.received)).encode() for name, each in recordings.items()}
        return {**recorded, **written_seeds(target)}
    return {
        name: yaml.safe_dump({"version": 1, "interactions": interactions_of(recording)}, sort_keys=False).encode()
        for name, recording in recordings.items()
    }


def written_seeds(target: str) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((HERE / "corpus" / target).iterdir())}


def interactions_of(recording: Recording) -> list[Mapping[str, Any]]:
    interactions: list[Mapping[str, Any]] = []
    for index, connection in enumerate(recording.connections):
        if index > 0:
            interactions.append({"kind": "close"})
        interactions += [{"kind": "message", "direction": "received", "data": event} for event in connection]
    return interactions


def few_of_a_kind(recording: Recording) -> Recording:
    return Recording(recording.name, tuple(tuple(_few(connection)) for connection in recording.connections))


def few_of(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return one event of each kind."""
    return list(_few(events))


def _few(events: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    seen: dict[str, int] = {}
    for event in events:
        seen[event["type"]] = seen.get(event["type"], 0) + 1
        if seen[event["type"]] <= PER_KIND and not event["type"].startswith("session."):
            yield event
