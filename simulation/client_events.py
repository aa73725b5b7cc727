"""What a client may send: parsed, and checked against the SDK's own types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from .conversation import ServerRefusal
from .legacy_names import session_from_legacy


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """A frame of the client. `refusal` says what is wrong with it, if anything is.

    `data` is the event as it came, or empty if the frame holds no JSON object.
    """

    type: str
    event_id: str | None
    data: dict[str, Any]
    refusal: ServerRefusal | None = None


def _adapters() -> dict[str, TypeAdapter[BaseModel]]:
    # The union is told apart by hand, so that an error speaks of one type and not of eleven.
    union = get_args(RealtimeClientEvent)[0]
    return {get_args(model.model_fields["type"].annotation)[0]: TypeAdapter(model) for model in get_args(union)}


_ADAPTERS = _adapters()


def parse_client_event(frame: str | bytes, *, legacy: bool = False) -> ClientEvent:
    """Read one frame. With `legacy`, a session update has the flat shape of older servers."""
    try:
        data = json.loads(frame, parse_constant=_no_constant)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        refusal = ServerRefusal("Invalid JSON: expected an object with a 'type'.", "invalid_json")
        return ClientEvent("", None, {}, refusal)
    kind, event_id = data.get("type"), data.get("event_id")
    event_id = event_id if isinstance(event_id, str) else None
    if kind not in _ADAPTERS:
        return ClientEvent(str(kind), event_id, data, _unknown_type(data))
    if legacy and kind == "session.update" and isinstance(data.get("session"), dict):
        data = {**data, "session": {"type": "realtime", **session_from_legacy(data["session"])}}
    try:
        # Strict, because the real server takes no "100" for 100; JSON, because strict Python input
        # would have to be model instances.
        _ADAPTERS[kind].validate_json(json.dumps(_as_the_sdk_knows_it(data, legacy)), strict=True)
    except ValidationError as invalid:
        details = invalid.errors(include_url=False)
        return ClientEvent(kind, event_id, data, _invalid(details))
    return ClientEvent(kind, event_id, data, _invalid_modalities(data))


def _no_constant(name: str) -> float:
    # Python reads NaN and Infinity; JSON does not know them, and neither does the real server.
    raise ValueError(f"{name} is not JSON")


def _as_the_sdk_knows_it(data: dict[str, Any], legacy: bool) -> dict[str, Any]:
    """Return the event without what a server takes and the SDK's own types do not know."""
    output = ((data.get("session") or {}).get("audio") or {}).get("output") or {}
    if legacy and "format" in output:
        # Azure Voice Live has PCM at 8 and 16 kHz, too.
        session = {**data["session"], "audio": {**data["session"]["audio"], "output": {**output, "format": None}}}
        return {**data, "session": session}
    return _without_references(data)


def _without_references(data: dict[str, Any]) -> dict[str, Any]:
    # The API accepts references to items in `response.input`, but the SDK's RealtimeClientEvent, unlike
    # its ResponseCreateEventWithReferencesParam, does not know them.
    response = data.get("response")
    if data["type"] != "response.create" or not isinstance(response, dict):
        return data
    items = response.get("input")
    if not isinstance(items, list):
        return data
    own = [item for item in items if not (isinstance(item, dict) and item.get("type") == "item_reference")]
    return {**data, "response": {**response, "input": own}}


def _unknown_type(data: dict[str, Any]) -> ServerRefusal:
    if "type" not in data:
        return ServerRefusal("Missing required parameter: 'type'.", "missing_required_parameter", "type")
    supported = ", ".join(f"'{kind}'" for kind in sorted(_ADAPTERS))
    return ServerRefusal(
        f"Invalid value: '{data['type']}'. Supported values are: {supported}.", "invalid_value", "type"
    )


def _invalid_modalities(data: dict[str, Any]) -> ServerRefusal | None:
    for name in ("session", "response"):
        modalities = (data.get(name) or {}).get("output_modalities")
        if modalities is not None and modalities not in (["text"], ["audio"]):
            return ServerRefusal(
                f"Invalid modalities: {modalities}. Supported combinations are: ['text'] and ['audio'].",
                "invalid_value",
                f"{name}.output_modalities",
            )
    return None


def _invalid(details: Sequence[ErrorDetails]) -> ServerRefusal:
    detail = _most_telling(details)
    param = _param(detail["loc"])
    if detail["type"] == "missing":
        return ServerRefusal(f"Missing required parameter: '{param}'.", "missing_required_parameter", param)
    code = "invalid_value" if detail["type"] == "literal_error" else "invalid_type"
    return ServerRefusal(f"Invalid value for '{param}': {detail['msg']}.", code, param)


def _most_telling(details: Sequence[ErrorDetails]) -> ErrorDetails:
    """Choose among the complaints of a union's members those of the member the client meant.

    That is the one whose `type` and `role` fit, and then the one that complains least.
    """
    by_member: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for detail in details:
        member = tuple(str(part) for part in detail["loc"] if not _is_parameter(part))
        by_member.setdefault(member[:1], []).append(detail)
    return min(by_member.values(), key=_strangeness)[0]


def _strangeness(complaints: Iterable[ErrorDetails]) -> tuple[int, int]:
    complaints = list(complaints)
    misfits = sum(detail["loc"][-1] in ("type", "role") for detail in complaints)
    return misfits, len(complaints)


def _is_parameter(part: int | str) -> bool:
    # pydantic puts the names of a union's members (classes, or `list[str]`) among the fields.
    return isinstance(part, int) or (part.islower() and "[" not in part)


def _param(location: Iterable[int | str]) -> str:
    parts = [part for part in location if _is_parameter(part)]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
