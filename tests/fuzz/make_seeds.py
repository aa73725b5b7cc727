"""Writes the seeds that are no recordings, and the dictionary: `python -m fuzz.make_seeds`, after the formats changed.

Small pieces of what is real: the trace of a scenario, and the words of the recordings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from fuzz.seeds import CAPTURES, few_of, few_of_a_kind

from speech_lifecycle.fsm import values
from speech_lifecycle.fsm.codec import EFFECTS, EVENTS, dump_speech
from speech_lifecycle.fsm.effects import EFFECT_TYPES
from speech_lifecycle.fsm.events import EVENT_TYPES, name_of
from speech_lifecycle.fsm.trace import Record, dump_record
from speech_lifecycle.simulation.recording import load_recording
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

HERE = Path(__file__).parent
SCENARIO_NAMES = ("second-response-queued", "user-speaks")


def main() -> None:
    words: set[str] = set()
    for path in CAPTURES:
        for event in few_of_a_kind(load_recording(path)).received:
            words |= words_of(event)
    for name in SCENARIO_NAMES:
        _, world = asyncio.run(play(SCENARIOS[name]))
        trace = world.trace
        write("trace", f"{name}.jsonl", "\n".join(map(dump_record, (trace.header, *trace.records[:40]))))
        once: dict[str, Any] = {}
        for step in trace.steps:
            for family, value in ((EVENTS, step.event), *((EFFECTS, effect) for effect in step.effects)):
                once.setdefault(name_of(type(value)), family.dump(value))
        speech = dump_speech(world.speeches[-1].snapshot)
        write("events", f"{name}.jsonl", "\n".join(map(json.dumps, (*once.values(), speech))))
    for name in (name for name in SCENARIOS if name.startswith("dialect-")):
        _, world = asyncio.run(play(SCENARIOS[name]))
        events = [event for session in world.server.sessions for event in few_of(session.events_sent)]
        for event in events:
            if event["type"].endswith("audio.delta"):
                event["delta"] = event["delta"][:64]
        write("protocol", f"{name}.jsonl", "\n".join(map(json.dumps, events)))
        words |= {word for event in events for word in words_of(event)}
    for value_type in (*EVENT_TYPES, *EFFECT_TYPES, *get_args(Record), values.Capabilities, values.Policy):
        words |= {name_of(value_type), *value_type.__struct_fields__}
    (HERE / "dictionary.txt").write_text("".join(f'"{word}"\n' for word in sorted(words)), encoding="utf-8")


def write(target: str, name: str, text: str) -> None:
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"{text}\n", encoding="utf-8")


def words_of(data: Any) -> set[str]:
    """All keys, and the values of "type" and "status"."""
    if isinstance(data, list):
        return {word for item in data for word in words_of(item)}
    if not isinstance(data, Mapping):
        return set()
    told = {data[key] for key in ("type", "status", "role") if isinstance(data.get(key), str)}
    return set(data) | told | {word for item in data.values() for word in words_of(item)}


if __name__ == "__main__":
    main()
