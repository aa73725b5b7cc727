"""Events, effects and snapshots as JSON (fsm/codec.py): one value in a line.

What loads is of its declared types, dumps to the same data, and does a machine no harm.
"""

from __future__ import annotations

from fuzz.oracles import dumps, load_or_refuse

from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.codec import EFFECTS, EVENTS, CodecError, dump_speech, load_speech, parse_json
from speech_lifecycle.fsm.events import (
    Authorize,
    OutputAudioHandedOver,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionResponseCreated,
)
from speech_lifecycle.fsm.validity import is_valid

BEGIN = (
    SessionResponseCreated("r"),
    Authorize(),
    SessionMessageAdded("r", "m0"),
    SessionAudioReceived("m0", 1000),
    OutputAudioHandedOver("m0", 1000),
)


def check(data: bytes) -> None:
    machine = SpeechMachine()
    for event in BEGIN:
        machine.send(event)
    for line in data.decode(errors="replace").splitlines():
        value = load_or_refuse(lambda line=line: parse_json(line), CodecError)
        for family in (EVENTS, EFFECTS):
            loaded = load_or_refuse(lambda family=family, value=value: family.load(value), CodecError)
            if loaded is None:
                continue
            dumped = dumps(family.dump(loaded))
            assert dumps(family.dump(family.load(parse_json(dumped)))) == dumped, f"{dumped} loads to something else"
            if family is EVENTS:
                assert is_valid(loaded), f"{loaded} is not of its declared types"
                machine.send(loaded)
                dumps(dump_speech(machine.speech))
        speech = load_or_refuse(lambda value=value: load_speech(value), CodecError)
        if speech is not None:
            dumped = dumps(dump_speech(speech))
            assert dumps(dump_speech(load_speech(parse_json(dumped)))) == dumped
