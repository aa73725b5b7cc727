"""Changes of the server's memory through LiveKit's `chat_ctx` and `update_chat_ctx`.

`update_chat_ctx` does not say what became of each item. Its `chat_ctx` does, afterwards: sessions that can change
their context keep it in step with the server's answers.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

from livekit.agents import llm

from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage
from speech_lifecycle.fsm.values import Reconciliation

from .openai_events import OpenAIEvents

logger = logging.getLogger(__name__)


async def remove_messages(session: llm.RealtimeSession[Any], events: OpenAIEvents, effect: RemoveMessages) -> None:
    """Remove messages, all in one update, and report for each what became of it."""
    answers = events.answers
    await events.wait_until_created(effect.message_ids)
    known = {item.id for item in session.chat_ctx.items}
    for message_id in effect.message_ids:
        events.expect("remove", message_id)
    unwanted = set(effect.message_ids)
    async with events.context_lock:
        error = await _update(session, [item for item in session.chat_ctx.items if item.id not in unwanted])
    left = {item.id for item in session.chat_ctx.items}
    for message_id in effect.message_ids:
        if not answers.is_expected("remove", message_id):
            continue  # the server has answered it
        if message_id in left:
            answers.refuse("remove", message_id, "other", "", error or "it is still in the session's chat_ctx")
        elif message_id in known:
            answers.acknowledge("remove", message_id)
        elif events.are_heard:
            answers.refuse("remove", message_id, "unknown_message", "", "the server never added it")
        else:
            answers.refuse("remove", message_id, "other", "", "the session's chat_ctx never had it")


async def replace_message(session: llm.RealtimeSession[Any], events: OpenAIEvents, effect: ReplaceMessage) -> None:
    """Put another text in the place of a message's, and report what became of it."""
    await events.wait_until_created([effect.message_id])
    events.expect("replace", effect.message_id)
    await _put_texts(session, events, "replace", {effect.message_id: effect.text})


async def put_heard_text(session: llm.RealtimeSession[Any], events: OpenAIEvents, message_id: str, text: str) -> None:
    """Do for a message that LiveKit has brought back as a text what a truncation would do for its audio."""
    await events.wait_until_created([message_id])
    events.expect("truncate", message_id)
    await _put_texts(session, events, "truncate", {message_id: text})


async def restore_heard_texts(
    session: llm.RealtimeSession[Any], events: OpenAIEvents, heard: Mapping[str, str]
) -> None:
    """Cut messages again that were cut before a reconnection: LiveKit brings them back whole."""
    await events.wait_until_created(heard)
    await _put_texts(session, events, None, heard)


async def _put_texts(
    session: llm.RealtimeSession[Any],
    events: OpenAIEvents,
    operation: Reconciliation | None,
    texts: Mapping[str, str],
) -> None:
    """Set the texts of messages; "" forgets one. The answer to `operation` is reported, if one was asked for."""
    async with events.context_lock:
        items: list[llm.ChatItem] = []
        for item in session.chat_ctx.items:
            if isinstance(item, llm.ChatMessage) and item.id in texts:
                if texts[item.id] == "":
                    continue
                item = copy.copy(item)
                item.content = [texts[item.id]]
            items.append(item)
        error = await _update(session, items)
    if operation is None:
        return
    now = session.chat_ctx
    for message_id, text in texts.items():
        item_now = now.get_by_id(message_id)
        if not events.answers.is_expected(operation, message_id):
            continue  # the server has answered it
        if (item_now.text_content or "" if isinstance(item_now, llm.ChatMessage) else "") == text:
            events.answers.acknowledge(operation, message_id)
        elif item_now is None and error is None:
            events.answers.refuse(operation, message_id, "unknown_message", "", "the chat_ctx never had it")
        else:
            events.answers.refuse(operation, message_id, "other", "", error or "the chat_ctx has another text")


async def _update(session: llm.RealtimeSession[Any], items: list[llm.ChatItem]) -> str | None:
    """Update the context, and return what LiveKit says if it fails."""
    try:
        await session.update_chat_ctx(llm.ChatContext(items))
    except llm.RealtimeError as error:
        logger.warning("the server's context could not be changed: %s", error)
        return str(error)
    return None
