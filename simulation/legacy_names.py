"""The same events under the older names, as Azure Voice Live sends them.

Taken from a recorded Voice Live session: `response.audio.*` and `response.text.*`, one
`conversation.item.created` in place of `added`, no `conversation.item.done` for what the model made,
content parts without `output_`, and flat session and response objects.
"""

from __future__ import annotations

from typing import Any

from speech_lifecycle.adapters.sessions.audio_format import PCM_24K, AudioFormat

from .wire import WireEvent

_RENAMED_PREFIXES = {
    "response.output_audio_transcript.": "response.audio_transcript.",
    "response.output_audio.": "response.audio.",
    "response.output_text.": "response.text.",
    "conversation.item.added": "conversation.item.created",
}


def with_legacy_name(event: WireEvent) -> WireEvent | None:
    """Return the same event under its older name; None if it has had but one."""
    kind: str = event["type"]
    older = next((older + kind[len(new) :] for new, older in _RENAMED_PREFIXES.items() if kind.startswith(new)), None)
    return None if older is None else {**event, "type": older}


def to_legacy(event: WireEvent) -> WireEvent | None:
    """Return the event as an older server sends it; None if such a server does not send it."""
    kind: str = event["type"]
    if kind == "conversation.item.done" and event["item"].get("role") != "user":
        return None
    legacy = dict(event)
    for prefix, older in _RENAMED_PREFIXES.items():
        if kind.startswith(prefix):
            legacy["type"] = older + kind[len(prefix) :]
    if "item" in legacy:
        legacy["item"] = _legacy_item(legacy["item"])
    if "session" in legacy:
        legacy["session"] = _legacy_session(legacy["session"])
    if "response" in legacy:
        legacy["response"] = _legacy_response(legacy["response"])
    return legacy


def _legacy_item(item: dict[str, Any]) -> dict[str, Any]:
    legacy = {"object": "realtime.item", **item}
    if "content" in item:
        legacy["content"] = [{**part, "type": part["type"].removeprefix("output_")} for part in item["content"]]
    return legacy


def _legacy_session(session: dict[str, Any]) -> dict[str, Any]:
    audio_input, audio_output = session["audio"]["input"], session["audio"]["output"]
    kept = ("id", "object", "model", "instructions", "tools", "tool_choice")
    return {
        **{name: session[name] for name in kept},
        "modalities": _legacy_modalities(session["output_modalities"]),
        "voice": audio_output["voice"],
        "input_audio_format": "pcm16",
        "output_audio_format": legacy_format(audio_output["format"]),
        "input_audio_transcription": audio_input["transcription"],
        "input_audio_noise_reduction": audio_input["noise_reduction"],
        "turn_detection": audio_input["turn_detection"],
        "max_response_output_tokens": session["max_output_tokens"],
        "input_audio_sampling_rate": 24000,
    }


def _legacy_response(response: dict[str, Any]) -> dict[str, Any]:
    legacy = {name: value for name, value in response.items() if name not in ("audio", "output_modalities")}
    legacy["output"] = [_legacy_item(item) for item in response["output"]]
    legacy["modalities"] = _legacy_modalities(response["output_modalities"])
    legacy["voice"] = response["audio"]["output"]["voice"]
    legacy["output_audio_format"] = legacy_format(response["audio"]["output"]["format"])
    legacy["temperature"] = None
    return legacy


def legacy_format(output_format: dict[str, Any]) -> str:
    """Return the word of older servers for a format."""
    audio_format = AudioFormat.of(output_format)
    if audio_format.encoding != "pcm":
        return f"g711_{audio_format.encoding}"
    return "pcm16" if audio_format == PCM_24K else f"pcm16_{audio_format.sample_rate}hz"


def _legacy_modalities(output_modalities: list[str]) -> list[str]:
    # An older server counts the transcript as text.
    return ["audio", "text"] if "audio" in output_modalities else ["text"]


def session_from_legacy(update: dict[str, Any]) -> dict[str, Any]:
    """Return a flat session update as the nested one that the server keeps."""
    nested: dict[str, Any] = {name: update[name] for name in ("instructions", "tools") if name in update}
    if "modalities" in update:
        nested["output_modalities"] = ["audio"] if "audio" in update["modalities"] else ["text"]
    if "tool_choice" in update:
        nested["tool_choice"] = update["tool_choice"]
    audio_input = {
        name: update[older]
        for older, name in (
            ("turn_detection", "turn_detection"),
            ("input_audio_transcription", "transcription"),
            ("input_audio_noise_reduction", "noise_reduction"),
        )
        if older in update
    }
    audio: dict[str, Any] = {"input": audio_input} if audio_input else {}
    audio_output: dict[str, Any] = {"voice": update["voice"]} if "voice" in update else {}
    if "output_audio_format" in update:
        audio_output["format"] = AudioFormat.of(update["output_audio_format"]).on_the_wire
    if audio_output:
        audio["output"] = audio_output
    return {**nested, "audio": audio} if audio else nested
