"""The session object of the realtime API: its defaults, and how an update changes it."""

from __future__ import annotations

from typing import Any

from speech_lifecycle.adapters.sessions.audio_format import AudioFormat

from .legacy_names import legacy_format


def new_session(session_id: str, model: str) -> dict[str, Any]:
    """Return a session as the server greets with, in the shape of the recorded ones."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "You are a voice assistant.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
        "include": None,
    }


def session_update(audio_format: AudioFormat, *, legacy: bool = False) -> dict[str, Any]:
    """Return the client event that asks for a format of the output audio, from a newer or an older server."""
    said = audio_format.on_the_wire
    if legacy:
        return {"type": "session.update", "session": {"output_audio_format": legacy_format(said)}}
    return {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"format": said}}}}


def merge_session(session: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """Return the session with the given fields changed, and all others kept.

    An object of another `type` (another turn detection, another format) replaces the old one whole.
    """
    merged = dict(session)
    for name, value in update.items():
        old = session.get(name)
        merged[name] = value
        if isinstance(old, dict) and isinstance(value, dict):
            old_type = old.get("type")
            if value.get("type", old_type) == old_type:
                merged[name] = merge_session(old, value)
    return merged
