"""Compares what the framework does with what the machine decided, and names the rules that it breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from livekit.agents import llm

from speech_lifecycle.fsm.effects import ReportDivergence
from speech_lifecycle.fsm.message import evidence
from speech_lifecycle.fsm.replies import Rejected
from speech_lifecycle.fsm.values import MessageRecord

from ..watch_events import ForbiddenStep, Rule
from .facts import TruncationRequested
from .speech import WatchedSpeech

logger = logging.getLogger(__name__)


class Judge:
    """Reads the machines' snapshots and records. Changes nothing but its own notes."""

    def __init__(self, tell: Callable[[ForbiddenStep], None], *, leaves_placeholders: bool) -> None:
        """Tell each forbidden step.

        Args:
            tell: is given the steps.
            leaves_placeholders: an assistant message without text is one that the watch left for its place only.
        """
        self.forbidden_steps: list[ForbiddenStep] = []
        """All of them, oldest first."""
        self._cancels: WeakKeyDictionary[llm.RealtimeSession[Any], tuple[WatchedSpeech, bool]] = WeakKeyDictionary()
        """What the lifecycle cancelled last in a session, and whether the framework has yet to cancel it."""
        self._tell = tell
        self._leaves_placeholders = leaves_placeholders

    def _forbid(self, rule: Rule, speech: WatchedSpeech, message_id: str, detail: str) -> None:
        step = ForbiddenStep(rule, speech.id, message_id, detail)
        self.forbidden_steps.append(step)
        logger.warning("%s", step)
        self._tell(step)

    # Requests to the server

    def expect_cancel(self, speech: WatchedSpeech) -> None:
        """The lifecycle cancels a response: the framework may do so once."""
        self._cancels[speech.response.session] = (speech, True)

    def cancel(self, session: llm.RealtimeSession[Any], answer: str) -> None:
        """The framework cancels what is generated; `answer` is why the lifecycle would not."""
        speech, is_expected = self._cancels.get(session, (None, False))
        if speech is None:
            return
        if answer == "already_cancelled" and not is_expected:
            self._forbid("cancelled_again", speech, "", "cancelled once more")
        self._cancels[session] = (speech, False)

    def truncation(self, speech: WatchedSpeech, request: TruncationRequested) -> None:
        """The framework truncates an audio message."""
        audio_end_ms, message = request.audio_end_ms, speech.snapshot.messages[request.message_id]
        record = message.record

        def forbid(rule: Rule, why: str) -> None:
            self._forbid(rule, speech, request.message_id, f"truncated at {audio_end_ms} ms, {why}")

        if audio_end_ms < 1:
            forbid("truncated_at_0", "where nothing is left")
        elif audio_end_ms > message.received_ms:
            forbid("truncated_beyond_received", f"though only {message.received_ms} ms were received")
        elif record is None or (message.outgrew_its_record and audio_end_ms == record.received_ms):
            return
        elif record.state != "partial":
            forbid("truncated_though_not_partial", f"though it was {record.state}")
        elif audio_end_ms != record.heard_ms:
            forbid("truncated_elsewhere", f"heard were {record.heard_ms} ms")

    def removals(self, speech: WatchedSpeech, chat_ctx: llm.ChatContext) -> None:
        """The framework wants the server to have `chat_ctx`."""
        kept = {item.id for item in chat_ctx.items}
        for record in speech.records:
            if record.message_id not in kept and record.message_id in speech.commits:
                detail = f"removed, though {record.heard_ms} ms were heard"
                self._forbid("removed_though_heard", speech, record.message_id, detail)

    def replay(self, speech: WatchedSpeech, message: llm.ChatMessage) -> None:
        """A server is given a message once more, after a reconnection."""
        commit = speech.commits.get(message.id)
        text, heard = message.text_content or "", "" if commit is None else commit.text
        if text and text != heard:
            detail = f"replayed as {text!r}, heard was {heard!r}"
            self._forbid("replayed_unheard", speech, message.id, detail)

    # What the machine says

    def rejection(self, speech: WatchedSpeech, message_id: str, reply: Rejected) -> None:
        """An event was a violation."""
        self._forbid("rejected", speech, message_id, str(reply))

    def divergence(self, speech: WatchedSpeech, effect: ReportDivergence) -> None:
        """The server was not brought in line."""
        detail = f"the server remembers {effect.remembered_ms} ms, heard were {effect.heard_ms} ms"
        why = f"{effect.cause}: {effect.detail}" if effect.detail else effect.cause
        self._forbid("left_on_server", speech, effect.message_id, f"{detail}; {why}")

    # The agent's state

    def held(self, speech: WatchedSpeech) -> None:
        """The lifecycle holds a speech: going on, it is announced again."""
        speech.is_announced = False

    def speaking(self, speech: WatchedSpeech) -> None:
        """The agent is announced as speaking."""
        if speech.is_announced:
            self._forbid("spoke_again", speech, "", "the agent is announced as speaking once more")
        elif not any(
            evidence.is_heard(speech.snapshot, message, None) for message in speech.snapshot.messages.values()
        ):
            self._forbid("spoke_unheard", speech, "", "the agent is announced as speaking")
        speech.is_announced = speech.was_announced = True

    # History

    def history(self, speech: WatchedSpeech, *, left_speaking: bool) -> None:
        """Framework and lifecycle are done with a speech.

        Args:
            speech: the one that is over.
            left_speaking: the agent is announced as speaking, though all speeches are over.
        """
        for record in speech.records:
            item = speech.agent.chat_ctx.get_by_id(record.message_id)
            self._message_in_history(speech, record, item if isinstance(item, llm.ChatMessage) else None)
        if not speech.was_announced and speech.snapshot.was_heard:
            self._forbid("never_spoke", speech, "", "heard, and the agent was not announced")
        if left_speaking:
            self._forbid("left_speaking", speech, "", "over, and the agent is still speaking")

    def _message_in_history(
        self, speech: WatchedSpeech, record: MessageRecord, message: llm.ChatMessage | None
    ) -> None:
        message_id = record.message_id
        text = (message.text_content or "") if message is not None else ""
        commit = speech.commits.get(message_id)
        if self._leaves_placeholders and message is not None and not text:
            return
        if commit is None:
            if text:
                self._forbid("history_has_unheard", speech, message_id, f"history says {text!r}, nothing was heard")
        elif message is None:
            self._forbid(
                "history_lacks_heard", speech, message_id, f"{record.heard_ms} ms were heard, history has nothing"
            )
        elif text != commit.text:
            rule: Rule = "history_has_unheard" if len(text) > len(commit.text) else "history_lacks_heard"
            self._forbid(rule, speech, message_id, f"history says {text!r}, heard was {commit.text!r}")
        elif message.interrupted != commit.interrupted:
            detail = f"history says interrupted={message.interrupted}"
            self._forbid("history_has_wrong_flag", speech, message_id, detail)
