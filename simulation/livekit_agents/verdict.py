"""Whether a rehearsal's listener, history and server agree (spec, first page), judged from outside any machine."""

from __future__ import annotations

from ..conversation import RememberedMessage
from .rehearsed import Rehearsed, Said

_FRAME_MS = 20


def differences(outcome: Rehearsed) -> list[str]:
    """Return how heard, history and server differ, message by message; empty if they are the same."""
    found = []
    for message_id, text in outcome.generated_text.items():
        said, remembered = outcome.history.get(message_id), outcome.server.get(message_id)
        if outcome.sent_ms.get(message_id) and outcome.plays_audio:
            problems = _about_audio(outcome, message_id, text, said, remembered)
        else:
            problems = _about_text(outcome.shown_text.get(message_id, ""), said, remembered)
        found += [f"{message_id}: {problem}" for problem in problems]
    if not outcome.responses:
        found.append("no response began")
    if outcome.agent_states.count("speaking") > outcome.responses:
        found.append('"speaking" was announced more than once')
    if any("already_has_active_response" in error for error in outcome.server_errors):
        found.append("a response was requested too early, and refused")
    if outcome.agent_states and outcome.agent_states[-1] == "speaking":
        found.append('the agent is left "speaking"')
    if outcome.heard_ms and "speaking" not in outcome.agent_states:
        found.append('heard, but "speaking" was never announced')
    if not outcome.came_to_its_end:
        found.append("the speech never came to its end")
    return found


def _about_audio(
    outcome: Rehearsed, message_id: str, text: str, said: Said | None, remembered: RememberedMessage | None
) -> list[str]:
    heard_ms, sent_ms = outcome.heard_ms.get(message_id, 0), outcome.sent_ms[message_id]
    if heard_ms == 0:
        return [
            *_unheard_in_history(said),
            *(["the server remembers it, unheard"] if remembered is not None and _is_memory(remembered) else []),
        ]
    problems = []
    if said is None:
        problems.append("heard, but not in history")
    elif heard_ms < sent_ms - _FRAME_MS:
        if not said.interrupted:
            problems.append("history takes it for whole")
        if len(said.text.split()) > len(text.split()) * heard_ms / sent_ms + 1:
            problems.append("history has text that was not heard")
    elif heard_ms == sent_ms and said.text != text:
        problems.append("history lacks text that was heard")
    if outcome.session_was_lost:
        # A replayed message is text: the audio was lost with the old server.
        if remembered is None and said is not None and said.text:
            problems.append("after the reconnection the server does not remember it")
        if remembered is not None and remembered.audio_ms is None and said is not None and remembered.text != said.text:
            problems.append("after the reconnection the server remembers another text than history")
        return problems
    if remembered is None:
        problems.append("heard, but the server does not remember it")
    elif remembered.audio_ms is None:
        if said is not None and remembered.text != said.text:
            problems.append("the server remembers another text than history")
    elif remembered.audio_ms > heard_ms + (_FRAME_MS if heard_ms >= sent_ms - _FRAME_MS else 0):
        problems.append("the server remembers audio that was not heard")
    return problems


def _about_text(shown: str, said: Said | None, remembered: RememberedMessage | None) -> list[str]:
    if not shown:
        return [
            *_unheard_in_history(said),
            *(["the server remembers it, not shown"] if remembered is not None and _is_memory(remembered) else []),
        ]
    problems = []
    if said is None:
        problems.append("shown, but not in history")
    elif said.text != shown:
        problems.append("history has other text than was shown")
    if remembered is not None and remembered.text != shown:
        problems.append("the server remembers other text than was shown")
    return problems


def _unheard_in_history(said: Said | None) -> list[str]:
    return ["history has it, unheard"] if said is not None and said.text else []


def _is_memory(remembered: RememberedMessage) -> bool:
    return bool(remembered.audio_ms or remembered.text)
