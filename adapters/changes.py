"""What an embedder is told while it happens: the states of messages and speeches, and its own code's failures.

One kind of event for all adapters. The changes are read off the machine's snapshots after each step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from speech_lifecycle.fsm.state import Message, Speech
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES, MessageState, Reason, SpeechState


@dataclass(frozen=True, slots=True)
class MessageStateChanged:
    """A message is in another state; from a driver also: it is heard for the first time, in the state that it was in.

    `heard_ms` and `text` are those of its record once it is final; before, `heard_ms` is the last position that the
    output reported, and `text` is what was generated so far.
    """

    speech_id: str
    message_id: str
    old_state: MessageState | None
    """None when the message is announced."""
    new_state: MessageState
    heard_ms: int
    text: str
    """What was generated so far; once it is final, what was heard."""
    reason: Reason | None = None
    """Why it ended; None before."""
    is_heard: bool = False
    """Whether the listener has heard something of it, by the output's evidence: it plays, or has."""

    def __str__(self) -> str:
        """Say which message is how, how much of it is known to have been heard, and why it ended."""
        heard = f", heard {self.heard_ms} ms" if self.is_heard else ""
        return f"{self.message_id} {self.new_state}{heard}{f', {self.reason}' if self.reason else ''}"


@dataclass(frozen=True, slots=True)
class SpeechStateChanged:
    """A speech is in another state."""

    speech_id: str
    old_state: SpeechState
    new_state: SpeechState

    def __str__(self) -> str:
        """Say which speech is how."""
        return f"{self.speech_id} {self.new_state}"


@dataclass(frozen=True, slots=True)
class EmbedderFailed:
    """Code of the embedder's raised: a listener, the trace, the output, the session. Whoever called it goes on."""

    place: str
    """The file and line that raised, or what was called, if there is no line."""
    error: str
    what: str = ""
    """What failed."""

    def __str__(self) -> str:
        """Say what failed, where and how."""
        return f"{self.what or 'failed'}, at {self.place}: {self.error}"


Change = MessageStateChanged | SpeechStateChanged | EmbedderFailed
"""What an embedder is told."""
ChangeListener = Callable[[Change], object]
"""What `Driver.on_change` takes. It must not be a coroutine function."""


@dataclass(slots=True)
class _Told:
    """What was told of a speech."""

    state: SpeechState
    messages: dict[str, tuple[MessageState, bool] | None] = field(default_factory=dict)
    """State and `is_heard` of the messages that are not final; None if nothing was told yet."""
    known: int = 0
    """How many of its messages there were."""


class StateChanges:
    """Finds what has changed since it was asked the last time."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    @property
    def open_ids(self) -> list[str]:
        """The speeches of which it was not yet told that they are over."""
        return [speech_id for speech_id, told in self._told.items() if told.state not in FINAL_SPEECH_STATES]

    def of(self, speech: Speech) -> list[MessageStateChanged | SpeechStateChanged]:
        """Return what has changed in a speech, in the order of its messages."""
        changes: list[MessageStateChanged | SpeechStateChanged] = []
        told = self._told.get(speech.speech_id)
        if told is None:
            told = self._told[speech.speech_id] = _Told(speech.state)
        elif told.state != speech.state:
            changes.append(SpeechStateChanged(speech.speech_id, told.state, speech.state))
            told.state = speech.state
        if len(speech.messages) > told.known:
            told.messages.update(dict.fromkeys(islice(speech.messages, told.known, None)))
            told.known = len(speech.messages)
        for message_id, before in tuple(told.messages.items()):
            message = speech.messages[message_id]
            now = (message.state, _is_heard(message))
            if now != before:
                told.messages[message_id] = now
                changes.append(change_of(speech.speech_id, message, None if before is None else before[0]))
            if message.is_final:
                del told.messages[message_id]
        return changes

    def forget(self, speech_id: str) -> None:
        """Let go of a speech of which nothing more is asked."""
        self._told.pop(speech_id, None)


def _is_heard(message: Message) -> bool:
    record = message.record
    if record is not None:
        return record.state != "skipped"
    return message.has_started or message.position_ms > 0


def change_of(speech_id: str, message: Message, old_state: MessageState | None) -> MessageStateChanged:
    """Return what there is to tell of a message that was in another state."""
    record = message.record
    return MessageStateChanged(
        speech_id,
        message.message_id,
        old_state,
        message.state,
        message.position_ms if record is None else record.heard_ms,
        message.text if record is None else record.heard_text,
        None if record is None else record.reason,
        _is_heard(message),
    )
