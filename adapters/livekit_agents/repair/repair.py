"""Brings server and history in line with what was heard, where the framework does not (spec, sections 2.3 and 8).

Everything here goes through LiveKit's public methods. Only assistant messages of watched speeches are touched; what
the application says to the chat context itself stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from livekit.agents import Agent, llm

from speech_lifecycle.fsm import effects as fx

from ..openai_events import OpenAIEvents
from ..response import Response
from ..server_context import put_heard_text, remove_messages, replace_message
from .account import PLACEHOLDER, Account, message_of, put_heard

logger = logging.getLogger(__name__)


class Repair:
    """Performs the lifecycle's effects on LiveKit's sessions, and keeps contexts free of what was not heard."""

    def __init__(self) -> None:
        self._accounts: dict[Response, Account] = {}
        self._lost: set[llm.RealtimeSession[Any]] = set()
        """Those whose server is another one by now, and was not brought in line."""
        self._tasks: set[asyncio.Task[None]] = set()

    # From the lifecycle

    def begin(self, response: Response) -> None:
        """Expect effects about a response."""
        self._accounts.setdefault(response, Account(response))

    def forget(self, response: Response) -> None:
        """Let go of a response that is long over."""
        self._accounts.pop(response, None)

    def hold(self, response: Response, message_id: str) -> None:
        """Note that the lifecycle has a message, until it settles it."""
        self._accounts[response].held.add(message_id)

    def perform(self, response: Response, effect: fx.Effect) -> None:
        """Do what an effect asks for. The server's answers are reported by the session's raw events."""
        account = self._accounts[response]
        if isinstance(effect, fx.CommitMessage):
            account.commit(effect)
        elif isinstance(effect, fx.ReportMessageSettled):
            account.settle(effect.record)
        elif isinstance(effect, fx.CreateResponse):
            if response.request is not None:
                response.request.send()
        elif isinstance(effect, fx.CancelResponse):
            if not response.is_discarded and not response.raw_events.cancel(effect.response_id):
                response.session.interrupt()
        elif isinstance(effect, fx.TruncateMessage):
            self._truncate(account, effect)
        elif isinstance(effect, fx.RemoveMessages):
            for message_id in effect.message_ids:
                account.remove(message_id)
            self._run(remove_messages(response.session, response.raw_events, effect))
        elif isinstance(effect, fx.ReplaceMessage):
            self._run(replace_message(response.session, response.raw_events, effect))

    def _truncate(self, account: Account, effect: fx.TruncateMessage) -> None:
        session, events = account.response.session, account.response.raw_events
        commit = account.commits.get(effect.message_id)
        if effect.message_id in events.created_by_client and commit is not None and commit.text_status != "unknown":
            self._run(put_heard_text(session, events, effect.message_id, commit.text))
        elif not events.truncate(effect.message_id, effect.audio_end_ms):
            events.expect("truncate", effect.message_id)
            session.truncate(message_id=effect.message_id, modalities=["audio"], audio_end_ms=effect.audio_end_ms)

    def settle_history(self, response: Response, current: Agent | None, history: llm.ChatContext) -> None:
        """Have history say what was heard: framework and lifecycle are done with a response.

        Args:
            response: the one that is over.
            current: the agent that has the conversation now, which may have a copy of the other's context.
            history: the session's.
        """
        account = self._accounts[response]
        self._repair_context_of(response.agent, account)
        self._repair_history(history, account)
        account.is_closed = True
        if current is not None and current is not response.agent:
            self._repair_copy(current)
        self._replay_if_settled(response.session)

    def restore(self, session: llm.RealtimeSession[Any]) -> None:
        """Bring a new server in line, as soon as history is what was heard."""
        self._lost.add(session)
        self._replay_if_settled(session)

    # The framework's requests (see watch.gate)

    @property
    def sends_requests(self) -> bool:
        """The lifecycle sends requests and cancels by itself, when it says so (C1, C4)."""
        return True

    def passes_truncation(self, message_id: str) -> bool:
        """The lifecycle truncates its messages by itself."""
        return not any(message_id in account.message_ids for account in self._accounts.values())

    def context(
        self, session: llm.RealtimeSession[Any], wanted: llm.ChatContext, known: Collection[str]
    ) -> llm.ChatContext:
        """Return the context that the server is given, when the framework wants `wanted`, and knew of these items.

        The lifecycle's messages stay on the server as they are until it has settled them: no request of the framework
        removes what is being heard, or writes a text in the place of audio. After that, what the application changed
        or took away is changed or taken away; what came only while this request waited for another is not. Where the
        server can remove nothing, nothing of them is touched at all.
        """
        remote = session.chat_ctx
        unheard: set[str] = set()
        kept: set[str] = set()
        said: dict[str, str] = {}
        for account in self._accounts.values():
            is_of_another = account.response.session is not session
            if not is_of_another:
                # It was done, and need not be asked for again.
                kept.update(account.response.raw_events.deleted_unnamed)
            if not session.capabilities.mutable_chat_context and not is_of_another:
                kept.update(account.message_ids)
                continue
            unheard.update(account.unheard)
            kept.update(account.held, account.blank)
            if account.is_closed or is_of_another:
                said.update({commit.message_id: commit.text for commit in account.commits.values()})
            else:
                kept.update(account.commits)
        self._correct(item for item in wanted.items if item is not remote.get_by_id(item.id))
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
            if item.id not in present and (item.id in kept or item.id not in {*known, *unheard}):
                at = next((index for index, other in enumerate(items) if other.id == previous_id), len(items) - 1)
                items.insert(at + 1, item)
            previous_id = item.id
        return llm.ChatContext(items)

    def item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """Return what the framework hears of an item of the server's.

        It puts the item into history as a placeholder that shares the content of the plugin's own record, and so
        becomes what the model said, heard or not (M3). A copy without text keeps the place only. It is not without
        content: LiveKit leaves such messages out of copies, and what is heard of this one belongs into them.
        """
        item = event.item
        if not isinstance(item, llm.ChatMessage) or item.role != "assistant":
            return event
        return replace(event, item=item.model_copy(update={"content": [PLACEHOLDER]}))

    # A new server

    def _replay_if_settled(self, session: llm.RealtimeSession[Any]) -> None:
        accounts = self._of_session(session)
        if session not in self._lost or not session.capabilities.mutable_chat_context:
            return
        if accounts and all(account.is_closed for account in accounts):
            self._lost.discard(session)
            latest = accounts[-1].response
            self._run(self._replay(session, latest.raw_events, latest.agent))

    async def _replay(self, session: llm.RealtimeSession[Any], events: OpenAIEvents, agent: Agent) -> None:
        """Have a new server remember what the agent's history says.

        The plugin replays what the model generated, also of messages that were cut.
        """
        await events.wait_until_created([item.id for item in agent.chat_ctx.items])
        async with events.context_lock:
            items = [
                item
                for item in agent.chat_ctx.items
                if not (isinstance(item, llm.ChatMessage) and item.role == "assistant" and not item.text_content)
            ]
            try:
                await session.update_chat_ctx(llm.ChatContext(items))
            except llm.RealtimeError as error:
                logger.warning("after the reconnection the server's context could not be repaired: %s", error)

    # History

    def _repair_context_of(self, agent: Agent, account: Account) -> None:
        """Have the context of the agent that spoke say what was heard of the messages, and no more."""
        missing = []
        for commit in account.commits.values():
            item = agent.chat_ctx.get_by_id(commit.message_id)
            if isinstance(item, llm.ChatMessage):
                account.note_interim(item.id, item.text_content or "")
                put_heard(item, commit)
            else:
                missing.append(message_of(commit))
        removed = {message_id for message_id in account.unheard if agent.chat_ctx.get_by_id(message_id) is not None}
        if removed or missing:
            self._run(self._update_context(agent, removed, missing))

    def _repair_history(self, history: llm.ChatContext, account: Account) -> None:
        """Have the session's history say the same.

        The framework leaves out what it has no text of, such as a message that was cut before its first word.
        """
        for commit in account.commits.values():
            item = history.get_by_id(commit.message_id)
            if isinstance(item, llm.ChatMessage):
                put_heard(item, commit)
            else:
                of_agent = account.response.agent.chat_ctx.get_by_id(commit.message_id)
                history.insert(of_agent if isinstance(of_agent, llm.ChatMessage) else message_of(commit))
        for message_id in account.unheard:
            if history.get_by_id(message_id) is not None:
                history.remove(message_id)

    def _repair_copy(self, agent: Agent) -> None:
        """Have the context of an agent that has a copy of another's say what was heard in the end."""
        unheard = {message_id for account in self._accounts.values() for message_id in account.unheard}
        removed = {item.id for item in agent.chat_ctx.items if item.id in unheard}
        if self._correct(agent.chat_ctx.items) or removed:
            self._run(self._update_context(agent, removed, []))

    def _correct(self, items: Iterable[llm.ChatItem]) -> bool:
        """Correct what copies say of messages that are over by now. Returns whether anything was wrong."""
        was_wrong = False
        for item in items:
            if isinstance(item, llm.ChatMessage):
                for account in self._accounts.values():
                    was_wrong |= account.correct(item)
        return was_wrong

    async def _update_context(self, agent: Agent, removed: set[str], missing: list[llm.ChatMessage]) -> None:
        chat_ctx = agent.chat_ctx.copy()
        chat_ctx.items = [*(item for item in chat_ctx.items if item.id not in removed), *missing]
        try:
            await agent.update_chat_ctx(chat_ctx, exclude_invalid_function_calls=False)
        except llm.RealtimeError as error:
            logger.warning("the agent's context was repaired, but the server's could not be updated: %s", error)

    # Small things

    def _of_session(self, session: llm.RealtimeSession[Any]) -> list[Account]:
        return [account for account in self._accounts.values() if account.response.session is session]

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
