"""Recordings (simulation/recording.py): YAML.

What loads is JSON data that survives being written as YAML, and can be replayed or is refused in words.
"""

from __future__ import annotations

import yaml
from fuzz.oracles import load_or_refuse, plays_or_is_refused

from speech_lifecycle.simulation.recording import RecordingError, parse_recording

NAME = "call.yaml"


def check(data: bytes) -> None:
    text = data.decode(errors="replace")
    recording = load_or_refuse(lambda: parse_recording(text, NAME), RecordingError, NAME)
    if recording is None:
        return
    interactions = [{"direction": "received", "data": event} for event in recording.received]
    again = parse_recording(yaml.safe_dump({"interactions": interactions}, sort_keys=False), NAME)
    assert repr(again.received) == repr(recording.received)  # by repr: NaN is not equal to itself
    plays_or_is_refused(recording)
