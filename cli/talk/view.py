"""What the page of `talk` shows: who has the floor, what was heard of each message, what history and server say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.fsm.message.evidence import heard_text
from speech_lifecycle.fsm.state import Message
from speech_lifecycle.simulation.wire_memory import WireMemory
from speech_lifecycle.simulation.wire_reading import sound

Look = Literal["heard", "cut", "unheard", "coming"]
"""Heard; cut off in the middle of a message; of a message of which nothing was heard; not heard yet."""

_KEPT_TURNS = 30
_KEPT_CHARACTERS = 4_000
"""Of a message: nobody reads more, and a page is given all of it ten times a second."""
_UNHEARD: Mapping[str, Look] = {"played": "heard", "partial": "cut", "skipped": "unheard"}


class View:
    """Follows one conversation. `now` is the page's, in JSON's own types."""

    def __init__(self, driver: Driver, memory: WireMemory, server: str) -> None:
        self._driver = driver
        self._memory = memory
        self._server = server
        self._turns: dict[str, dict[str, Any]] = {}
        self.trouble = ""
        """What the user is to be told, besides."""
        self.is_lost = False
        """Whether the server is out of reach."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event of the server, for what the user says."""
        item_id = event.get("item_id")
        if not isinstance(item_id, str):
            return
        if event["type"] == "input_audio_buffer.speech_started":
            self._keep(
                item_id, {"who": "user", "began_ms": _whole(event.get("audio_start_ms")), "text": "", "ms": None}
            )
        turn = self._turns.get(item_id)
        if turn is None:
            return
        if event["type"] == "input_audio_buffer.speech_stopped":
            turn["ms"] = _whole(event.get("audio_end_ms")) - turn["began_ms"]
        elif event["type"] == "conversation.item.input_audio_transcription.completed":
            turn["text"] = sound(str(event.get("transcript", "")))[:_KEPT_CHARACTERS]

    def now(self) -> dict[str, Any]:
        """Return what is to be shown now."""
        # What a server that is out of reach remembers by now, nobody can say. On the way out it is known to the end.
        if self._driver.connection_state not in ("closing", "closed"):
            self.is_lost = self._driver.connection_state != "connected"
        is_lost = self.is_lost
        remembered = {} if is_lost else {message.id: message for message in self._memory.remembered()}
        history = {message.message_id: message for message in self._driver.history}
        for speech in self._driver.speeches:
            messages = speech.snapshot.messages.values()
            why = ": ".join(filter(None, speech.why)) if speech.snapshot.state == "failed" else ""
            if messages or why or not speech.is_over:
                turn = {
                    "who": "agent",
                    "why": sound(why)[:_KEPT_CHARACTERS],
                    "messages": [_message(message, history, remembered, is_lost=is_lost) for message in messages],
                }
                self._keep(speech.id, turn)
        return {
            "floor": self._floor(),
            "agent": self._driver.agent_state,
            "server": self._server,
            "trouble": self.trouble,
            "turns": list(self._turns.values()),
        }

    def _floor(self) -> str:
        if self._driver.user_is_speaking:
            return "user"
        return "nobody" if self._driver.floor is None else "agent"

    def _keep(self, turn_id: str, turn: dict[str, Any]) -> None:
        self._turns[turn_id] = turn
        while len(self._turns) > _KEPT_TURNS:
            del self._turns[next(iter(self._turns))]


def _message(
    message: Message, history: Mapping[str, Any], remembered: Mapping[str, Any], *, is_lost: bool
) -> dict[str, Any]:
    record = message.record
    said = history.get(message.message_id)
    known = remembered.get(message.message_id)
    return {
        "id": message.message_id,
        "state": message.state,
        "reason": message.reason,
        "heard_ms": message.position_ms if record is None else record.heard_ms,
        "received_ms": message.received_ms if record is None else record.received_ms,
        "words": words_of(message),
        "history": None
        if said is None
        else {"text": sound(said.text), "how": said.text_status, "cut": said.interrupted},
        "isLost": is_lost,
        "server": None if known is None else {"text": known.text, "ms": known.audio_ms},
    }


def words_of(message: Message) -> list[tuple[Look, str]]:
    """Return the words of a message, those that look the same together."""
    record = message.record
    words = sound(message.text)[:_KEPT_CHARACTERS].split()
    if record is None:
        heard = len(heard_text(message, True)[0].split()) if message.is_forwarding else 0
    else:
        heard = {"played": len(words), "skipped": 0}.get(record.state, len(record.heard_text.split()))
    rest: Look = "coming" if record is None else _UNHEARD[record.state]
    looks: tuple[tuple[Look, str], ...] = (("heard", " ".join(words[:heard])), (rest, " ".join(words[heard:])))
    return [(look, text) for look, text in looks if text]


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
