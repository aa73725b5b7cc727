"""What the lifecycle says of the messages of one response, as its effects tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

from livekit.agents import llm

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.values import MessageRecord

from ..response import Response

PLACEHOLDER = ""
"""The text of a message that keeps its place in history only, until it is known what was heard of it."""


@dataclass(eq=False)
class Account:
    """The messages of a response: first held, then either unheard or committed."""

    response: Response
    held: set[str] = field(default_factory=set)
    """Announced, and not settled."""
    blank: set[str] = field(default_factory=set)
    """Those that ended without content: nothing to remember, and nothing to forget."""
    unheard: set[str] = field(default_factory=set)
    commits: dict[str, fx.CommitMessage] = field(default_factory=dict)
    """What was heard."""
    is_closed: bool = False
    """History was brought in line: from here on the application may say what it likes."""
    _interim: dict[str, set[str]] = field(default_factory=dict)
    """The texts that history had for a message before it was brought in line."""

    @property
    def message_ids(self) -> set[str]:
        """All of them."""
        return {*self.held, *self.blank, *self.unheard, *self.commits}

    def settle(self, record: MessageRecord) -> None:
        """Note that a message is over: unheard, unless it is committed in the same step."""
        self.held.discard(record.message_id)
        has_content = record.received_ms > 0 or record.generated_text
        (self.unheard if has_content else self.blank).add(record.message_id)
        self.note_interim(record.message_id, record.generated_text)

    def remove(self, message_id: str) -> None:
        """Note that the server is asked to forget a message. History may keep what was heard for less than 1 ms."""
        if message_id in self.blank:
            self.blank.remove(message_id)
            self.unheard.add(message_id)

    def commit(self, effect: fx.CommitMessage) -> None:
        """Note what was heard of a message."""
        self.blank.discard(effect.message_id)
        self.unheard.discard(effect.message_id)
        self.commits[effect.message_id] = effect

    def note_interim(self, message_id: str, text: str) -> None:
        """Note a text that was given to a message before it was known what was heard of it."""
        self._interim.setdefault(message_id, {PLACEHOLDER}).add(text)

    def correct(self, message: llm.ChatMessage) -> bool:
        """Have a message of a context say what was heard, unless it has the application's own words.

        A context may be copied while a message plays, and applied when that is long over, by a handoff or by the
        application (N26). What was heard at the end counts, not what the copy said in the middle.

        Returns:
            Whether it said something else.
        """
        commit = self.commits.get(message.id)
        text = message.text_content or ""
        if text not in self._interim.get(message.id, ()):
            return False
        if commit is not None:
            return put_heard(message, commit)
        if message.id not in self.unheard:
            return False
        message.content = []
        return text != PLACEHOLDER


def put_heard(message: llm.ChatMessage, commit: fx.CommitMessage) -> bool:
    """Put what was heard into a message. Whoever has the same message in another context sees it, too.

    Returns:
        Whether it said something else.
    """
    before = (message.text_content or "", message.interrupted)
    if before[0] != commit.text:
        message.content = _content(commit)
    message.interrupted = commit.interrupted
    return before != (commit.text, commit.interrupted)


def message_of(commit: fx.CommitMessage) -> llm.ChatMessage:
    """Return a new message that says what was heard."""
    return llm.ChatMessage(
        id=commit.message_id, role="assistant", content=_content(commit), interrupted=commit.interrupted
    )


def _content(commit: fx.CommitMessage) -> list[llm.ChatContent]:
    return [commit.text] if commit.text else []
