"""Servers that speak the protocol in ways of their own: names, announcements, audio formats."""

from __future__ import annotations

from dataclasses import replace

from speech_lifecycle.adapters.sessions.audio_format import AudioFormat

from ..scenario import Action, Scenario
from ..script import ScriptedResponse, ServerBehaviour
from ..server_dialects import AZURE, BARE, CONTENTS, GATEWAY, LATE, XAI, ServerDialect
from .making import IN_PREAMBLE, LATER, NEXT, THREE, TWO, scenario


def _spoken(name: str, summary: str, dialect: ServerDialect, bugs: str) -> Scenario:
    """Return the scenario of a dialect: one response is interrupted in its first message, and the next one is not."""
    return scenario(
        f"dialect-{name}",
        summary,
        THREE,
        ScriptedResponse((replace(LATER, text="Tomorrow will be cloudy. Take a coat!"),)),
        actions=(IN_PREAMBLE, Action(2_000, "request")),
        behaviour=ServerBehaviour(dialect=dialect),
        bugs=bugs,
    )


DIALECTS: tuple[Scenario, ...] = (
    scenario(
        "older-event-names",
        "a server with the event names of Azure Voice Live",
        behaviour=ServerBehaviour(dialect=AZURE),
    ),
    _spoken(
        "xai",
        "a server that echoes no metadata, and answers deletions and refuses without naming the item",
        XAI,
        bugs="N21",
    ),
    _spoken(
        "gateway",
        "a gateway that sends every event under both names, and takes response.create only bare",
        GATEWAY,
        bugs="N17 N18",
    ),
    _spoken(
        "bare",
        "a server that announces no items, and sends its transcript by sentences",
        BARE,
        bugs="N8 N20",
    ),
    _spoken(
        "contents",
        "a server that announces neither responses nor items: all that it sends are contents, and the end",
        CONTENTS,
        bugs="N8",
    ),
    _spoken(
        "late",
        "a server whose transcripts come only when an item is closed, with codes of its own",
        LATE,
        bugs="N20",
    ),
    scenario(
        "dialect-xai-resumed",
        "the connection breaks with the interruption; the conversation goes on, its messages are texts with other ids",
        TWO,
        NEXT,
        actions=(Action(900, "interrupt_and_drop"), Action(7_000, "request")),
        behaviour=ServerBehaviour(dialect=XAI, after_loss="kept"),
        reconnects=True,
        synchronize_text=True,
    ),
    scenario(
        "telephone-audio",
        "a server that sends G.711 mu-law, a byte a sample at 8 kHz, as telephones do",
        audio_format=AudioFormat("ulaw", 8_000),
        bugs="N4",
    ),
    scenario(
        "telephone-audio-older-names",
        "the same in A-law, from a server with the older names",
        audio_format=AudioFormat("alaw", 8_000),
        behaviour=ServerBehaviour(dialect=AZURE),
        bugs="N4",
    ),
    scenario(
        "wideband-audio",
        "a server that sends PCM at 16 kHz, as Azure Voice Live can",
        audio_format=AudioFormat("pcm", 16_000),
        behaviour=ServerBehaviour(dialect=AZURE),
        bugs="N4",
    ),
)
