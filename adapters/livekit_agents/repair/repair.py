"""Brings server and history in line with what was heard, where the framework does not (spec, sections 2.3 and 8).

Everything here goes through LiveKit's public methods. Only assistant messages of watched speeches are touched; what
the application says to the chat context itself stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import Any

from livekit.agents import Agent, llm

from speech_lifecycle.fsm import effects as fx

from ..openai_events import OpenAIEvents
from ..server_context import remove_messages, replace_message
from ..watch.speech import WatchedSpeech

logger = logging.getLogger(__name__)


class Repair:
    """Performs the lifecycle's requests on one LiveKit session, and keeps contexts free of what was not heard."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    # The server

    def perform(self, session: llm.RealtimeSession[Any], events: OpenAIEvents, effect: fx.SessionEffect) -> None:
        """Send what the effect asks for. The answers come through `events`."""
        if isinstance(effect, fx.TruncateMessage):
            if not events.truncate(effect.message_id, effect.audio_end_ms):
                events.expect("truncate", effect.message_id)
                session.truncate(message_id=effect.message_id, modalities=["audio"], audio_end_ms=effect.audio_end_ms)
        elif isinstance(effect, fx.RemoveMessages):
            self.run(remove_messages(session, events, effect))
        elif isinstance(effect, fx.ReplaceMessage):
            self.run(replace_message(session, events, effect))

    def chat_ctx_for_server(
        self,
        speeches: Iterable[WatchedSpeech],
        remote: llm.ChatContext,
        wanted: llm.ChatContext,
        *,
        can_remove: bool,
    ) -> llm.ChatContext:
        """Return the context that the server shall have, when the framework wants `wanted`.

        The lifecycle's messages stay on the server as they are until it has settled them: no request of the framework
        removes what is being heard, or writes a text in the place of audio. After that, what the application changed
        or took away is changed or taken away. Where the server can remove nothing, nothing of them is touched at all.
        """
        unheard: set[str] = set()
        kept: set[str] = set()
        said: dict[str, str] = {}
        for speech in speeches:
            for message_id, message in speech.snapshot.messages.items():
                commit = speech.commits.get(message_id)
                if not can_remove:
                    kept.add(message_id)
                elif message.record is not None and commit is None:
                    unheard.add(message_id)
                elif not speech.history_is_settled:
                    kept.add(message_id)
                elif commit is not None:
                    said[message_id] = commit.text
        items = []
        for item in wanted.items:
            remembered = remote.get_by_id(item.id)
            if item.id in unheard or (item.id in kept and remembered is None):
                continue
            is_unchanged = isinstance(item, llm.ChatMessage) and said.get(item.id) == (item.text_content or "")
            items.append(remembered if remembered is not None and (item.id in kept or is_unchanged) else item)
        present = {item.id for item in items}
        previous_id: str | None = None
        for item in remote.items:
            if item.id in kept and item.id not in present:
                at = next((index for index, other in enumerate(items) if other.id == previous_id), len(items) - 1)
                items.insert(at + 1, item)
            previous_id = item.id
        return llm.ChatContext(items)

    async def replay(self, session: llm.RealtimeSession[Any], events: OpenAIEvents, agent: Agent) -> None:
        """Have a new server remember what the agent's history says.

        The plugin replays what the model generated, also of messages that were cut.
        """
        await events.wait_until_created([item.id for item in agent.chat_ctx.items])
        items = [
            item
            for item in agent.chat_ctx.items
            if not (isinstance(item, llm.ChatMessage) and item.role == "assistant" and not item.content)
        ]
        try:
            await session.update_chat_ctx(llm.ChatContext(items))
        except llm.RealtimeError as error:
            logger.warning("after the reconnection the server's context could not be repaired: %s", error)

    # History

    def placeholder(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """Return what the framework shall hear of an item of the server's.

        It puts the item into history as a placeholder that shares the content of the plugin's own record, and so
        becomes what the model said, heard or not (M3). An empty copy keeps the place only.
        """
        item = event.item
        if not isinstance(item, llm.ChatMessage) or item.role != "assistant":
            return event
        return replace(event, item=item.model_copy(update={"content": []}))

    def repair_history(self, speech: WatchedSpeech) -> None:
        """Have the agent's history say of this speech's messages what was heard, and no more."""
        agent = speech.agent
        removed = set()
        missing = []
        for record in speech.records:
            item = agent.chat_ctx.get_by_id(record.message_id)
            commit = speech.commits.get(record.message_id)
            if commit is None and item is not None:
                removed.add(record.message_id)
            elif commit is not None and isinstance(item, llm.ChatMessage):
                # The same object is in the session's history.
                if (item.text_content or "") != commit.text:
                    item.content = [commit.text] if commit.text else []
                item.interrupted = commit.interrupted
            elif commit is not None:
                missing.append(commit)
        if removed or missing:
            self.run(self._update_history(agent, removed, missing))

    async def _update_history(self, agent: Agent, removed: set[str], missing: list[fx.CommitMessage]) -> None:
        chat_ctx = agent.chat_ctx.copy()
        chat_ctx.items = [item for item in chat_ctx.items if item.id not in removed]
        for commit in missing:
            content: list[llm.ChatContent] = [commit.text] if commit.text else []
            chat_ctx.items.append(
                llm.ChatMessage(id=commit.message_id, role="assistant", content=content, interrupted=commit.interrupted)
            )
        try:
            await agent.update_chat_ctx(chat_ctx)
        except llm.RealtimeError as error:
            logger.warning("the agent's history was repaired, but the server's context could not be updated: %s", error)

    # Small things

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
