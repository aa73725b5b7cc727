"""Changes of the server's memory through LiveKit's `chat_ctx` and `update_chat_ctx`.

`update_chat_ctx` does not say what became of each item. Its `chat_ctx` does, afterwards: sessions that can change
their context keep it in step with the server's answers.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

from livekit.agents import llm

from speech_lifecycle.adapters.livekit_agents.openai_events import OpenAIEvents
from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage

logger = logging.getLogger(__name__)


async def remove_messages(session: llm.RealtimeSession[Any], events: OpenAIEvents, effect: RemoveMessages) -> None:
    """Remove messages, all in one update, and report for each what became of it."""
    answers = events.answers
    known = {item.id for item in session.chat_ctx.items}
    for message_id in effect.message_ids:
        events.expect("remove", message_id)
    unwanted = set(effect.message_ids)
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
    answers = events.answers
    events.expect("replace", effect.message_id)
    items = []
    for item in session.chat_ctx.items:
        if item.id == effect.message_id and isinstance(item, llm.ChatMessage):
            item = copy.copy(item)
            item.content = [effect.text]
        items.append(item)
    error = await _update(session, items)
    if not answers.is_expected("replace", effect.message_id):
        return
    now = session.chat_ctx.get_by_id(effect.message_id)
    if isinstance(now, llm.ChatMessage) and now.text_content == effect.text:
        answers.acknowledge("replace", effect.message_id)
    elif now is None and error is None:
        answers.refuse("replace", effect.message_id, "unknown_message", "", "the session's chat_ctx never had it")
    else:
        answers.refuse("replace", effect.message_id, "other", "", error or "the session's chat_ctx has another text")


async def _update(session: llm.RealtimeSession[Any], items: list[llm.ChatItem]) -> str | None:
    """Update the context, and return what LiveKit says if it fails."""
    try:
        await session.update_chat_ctx(llm.ChatContext(items))
    except llm.RealtimeError as error:
        logger.warning("the server's context could not be changed: %s", error)
        return str(error)
    return None
