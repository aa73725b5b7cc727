"""Recordings (simulation/recording.py): YAML.

What loads is JSON data that survives being written as YAML, and can be replayed or is refused in words.
"""

from __future__ import annotations

import yaml
from fuzz.oracles import load_or_refuse, plays_or_is_refused
from fuzz.seeds import interactions_of

from speech_lifecycle.simulation.recording import RecordingError, parse_recording

NAME = "call.yaml"


def check(data: bytes) -> None:
    text = data.decode(errors="replace")
    recording = load_or_refuse(lambda: parse_recording(text, NAME), RecordingError, NAME)
    if recording is None:
        return
    again = parse_recording(yaml.safe_dump({"interactions": interactions_of(recording)}, sort_keys=False), NAME)
    assert repr(again) == repr(recording)  # by repr: NaN is not equal to itself
    plays_or_is_refused(recording)
