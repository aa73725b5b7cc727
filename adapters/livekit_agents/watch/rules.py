"""Which steps of the framework the lifecycle forbids: comparisons of what it did with what the machine decided."""

from __future__ import annotations

from collections.abc import Iterator

from livekit.agents import llm

from speech_lifecycle.fsm.effects import ReportDivergence

from ..watch_events import ForbiddenStep, Rule
from .speech import WatchedSpeech


def about_truncation(speech: WatchedSpeech, message_id: str, audio_end_ms: int) -> ForbiddenStep | None:
    """Judge that an audio message is truncated at `audio_end_ms`."""
    message = speech.snapshot.messages[message_id]
    record = message.record

    def step(rule: Rule, why: str) -> ForbiddenStep:
        return ForbiddenStep(rule, speech.id, message_id, f"truncated at {audio_end_ms} ms, {why}")

    if audio_end_ms < 1:
        return step("truncated_at_0", "where nothing is left")
    if audio_end_ms > message.received_ms:
        return step("truncated_beyond_received", f"though only {message.received_ms} ms were received")
    if record is None or (record.state == "partial" and audio_end_ms == record.heard_ms):
        return None
    if message.outgrew_its_record and audio_end_ms == record.received_ms:
        return None
    if record.state == "partial":
        return step("truncated_elsewhere", f"heard were {record.heard_ms} ms")
    return step("truncated_though_not_partial", f"though it was {record.state}")


def about_removals(speech: WatchedSpeech, chat_ctx: llm.ChatContext) -> Iterator[ForbiddenStep]:
    """Judge that the server shall have `chat_ctx`."""
    kept = {item.id for item in chat_ctx.items}
    for record in speech.records:
        if record.message_id not in kept and record.state != "skipped" and record.heard_ms > 0:
            yield ForbiddenStep(
                "removed_though_heard", speech.id, record.message_id, f"removed, though {record.heard_ms} ms were heard"
            )


def about_replay(speech: WatchedSpeech, message: llm.ChatMessage) -> ForbiddenStep | None:
    """Judge that a server is given a message once more, after a reconnection."""
    commit = speech.commits.get(message.id)
    text, heard = message.text_content or "", "" if commit is None else commit.text
    if not text or text == heard:
        return None
    return ForbiddenStep("replayed_unheard", speech.id, message.id, f"replayed as {text!r}, heard was {heard!r}")


def about_divergence(speech: WatchedSpeech, effect: ReportDivergence) -> ForbiddenStep:
    """Judge that the server was not brought in line."""
    detail = f"the server remembers {effect.remembered_ms} ms, heard were {effect.heard_ms} ms"
    why = f"{effect.cause}: {effect.detail}" if effect.detail else effect.cause
    return ForbiddenStep("left_on_server", speech.id, effect.message_id, f"{detail}; {why}")


def about_speaking(speech: WatchedSpeech) -> ForbiddenStep | None:
    """Judge that the agent is announced as speaking."""
    if speech.is_announced:
        return ForbiddenStep("spoke_again", speech.id, "", "the agent is announced as speaking once more")
    if any(
        message.has_started or message.position_ms or (message.text and not message.expects_audio)
        for message in speech.snapshot.messages.values()
    ):
        return None
    return ForbiddenStep("spoke_unheard", speech.id, "", "the agent is announced as speaking")


def about_history(
    speech: WatchedSpeech, chat_ctx: llm.ChatContext, *, leaves_placeholders: bool
) -> Iterator[ForbiddenStep]:
    """Judge what the agent's history says about a speech that is over.

    `leaves_placeholders`: an assistant message without text is one that the watch put there for its place only.
    """
    for record in speech.records:
        item = chat_ctx.get_by_id(record.message_id)
        message = item if isinstance(item, llm.ChatMessage) else None
        text = (message.text_content or "") if message is not None else ""
        commit = speech.commits.get(record.message_id)
        if leaves_placeholders and message is not None and not text:
            continue

        def step(rule: Rule, detail: str, message_id: str = record.message_id) -> ForbiddenStep:
            return ForbiddenStep(rule, speech.id, message_id, detail)

        if commit is None:
            if text:
                yield step("history_has_unheard", f"history says {text!r}, nothing was heard")
        elif message is None:
            yield step("history_lacks_heard", f"{record.heard_ms} ms were heard, history has nothing")
        elif len(text) > len(commit.text):
            yield step("history_has_unheard", f"history says {text!r}, heard was {commit.text!r}")
        elif text != commit.text:
            yield step("history_lacks_heard", f"history says {text!r}, heard was {commit.text!r}")
        elif message.interrupted != commit.interrupted:
            yield step("history_has_wrong_flag", f"history says interrupted={message.interrupted}")
