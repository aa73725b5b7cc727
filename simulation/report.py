"""The report: what was heard, what history says, what the server remembers, and whether they are the same.

The one truth of the lifecycle (spec, first page), measured from outside the machine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from speech_lifecycle.fsm.effects import CommitMessage, ReportDivergence
from speech_lifecycle.fsm.values import MessageRecord

from .conversation import Conversation, RememberedMessage
from .world import SimulatedWorld

Evidence = Literal["listener", "output"]


@dataclass(frozen=True, slots=True)
class MessageReport:
    """One message, as the listener, the machine, the history and the server know it."""

    record: MessageRecord
    listened_ms: int | None
    """What the listener heard; None without an audio output."""
    history: CommitMessage | None
    server: RememberedMessage | None
    sent_ms: int
    """How much audio the server sent."""
    differences: tuple[str, ...]
    """How heard, history and server differ; empty if they are the same."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    messages: tuple[MessageReport, ...]
    outcomes: tuple[str, ...]
    """How each speech ended."""
    divergences: tuple[ReportDivergence, ...]
    speaking_announced: int
    """How often the agent's state became "speaking"."""
    server_errors: tuple[str, ...]
    """The errors that the server sent, as `code: message`."""
    differences: tuple[str, ...]
    """Differences that belong to no one message: order, strangers."""

    @property
    def is_equal(self) -> bool:
        """Whether heard, history and server are the same."""
        return not self.differences and not any(message.differences for message in self.messages)


def build_report(world: SimulatedWorld, evidence: Evidence = "listener") -> Report:
    """Report on a simulated world whose speeches are over."""
    session = world.server_session
    return compare(
        world.account.records,
        heard=world.listener.heard if world.plays_audio and evidence == "listener" else None,
        history=world.account.history,
        conversation=session.conversation if not session.is_closed else None,
        sent_ms=session.audio_sent_ms,
        plays_audio=world.plays_audio,
        received_is_reckoned=world.plays_audio and world.speaker is None,
        frame_ms=world.policy.frame_ms,
        outcomes=world.account.outcomes,
        divergences=world.account.divergences,
        speaking_announced=world.account.speaking_announced,
        server_errors=tuple(f"{e['error']['code']}: {e['error']['message']}" for e in session.errors_sent),
    )


def compare(
    records: Sequence[MessageRecord],
    *,
    heard: Mapping[str, int] | None,
    history: Sequence[CommitMessage],
    conversation: Conversation | None,
    sent_ms: Mapping[str, int],
    plays_audio: bool,
    frame_ms: int,
    outcomes: tuple[str, ...],
    divergences: Sequence[ReportDivergence],
    speaking_announced: int,
    server_errors: tuple[str, ...] = (),
    lost: Collection[str] = (),
    received_is_reckoned: bool = False,
) -> Report:
    """Compare the four accounts of every message.

    `heard` is what a listener heard of each message, in milliseconds; None takes the machine's records for it,
    where there is no listener, or the output is known to lie. Without a `conversation`, the session was lost, and the
    server's memory with it; of a session that has had several connections, `lost` names the messages that were lost so.
    `received_is_reckoned`: no audio came to the client, which can only reckon how much there was.
    """
    remembered = {message.id: message for message in conversation.remembered()} if conversation else {}
    committed = {message.message_id: message for message in history}
    messages = tuple(
        MessageReport(
            record=record,
            listened_ms=None if heard is None else heard.get(record.message_id, 0),
            history=committed.get(record.message_id),
            server=remembered.get(record.message_id),
            sent_ms=sent_ms.get(record.message_id, 0),
            differences=tuple(
                _differences(
                    record,
                    record.heard_ms if heard is None else heard.get(record.message_id, 0),
                    committed.get(record.message_id),
                    remembered.get(record.message_id),
                    sent_ms.get(record.message_id, 0),
                    plays_audio,
                    frame_ms,
                    conversation is not None and record.message_id not in lost,
                    received_is_reckoned,
                )
            ),
        )
        for record in records
    )
    return Report(
        messages,
        outcomes,
        tuple(divergences),
        speaking_announced,
        server_errors,
        tuple(_overall_differences(records, history, remembered)),
    )


def _differences(
    record: MessageRecord,
    heard_ms: int,
    history: CommitMessage | None,
    server: RememberedMessage | None,
    sent_ms: int,
    plays_audio: bool,
    frame_ms: int,
    has_server: bool,
    received_is_reckoned: bool,
) -> list[str]:
    differences = []
    is_text = not plays_audio or record.received_ms == 0
    # Played to the end means: to within one frame of the end.
    allowed_ms = frame_ms if record.state == "played" else 0
    if abs(heard_ms - record.heard_ms) > allowed_ms:
        differences.append(f"heard {heard_ms} ms, recorded {record.heard_ms} ms")
    is_remembered = has_server and server is not None and server.audio_ms is not None
    if record.received_ms > sent_ms and is_remembered and not received_is_reckoned:
        differences.append(f"the server sent {sent_ms} ms, recorded as received are {record.received_ms} ms")
    if record.state == "skipped":
        if history is not None:
            differences.append("history has it, though it was not heard")
        if server is not None and (server.audio_ms or server.text):
            differences.append("the server remembers it, though it was not heard")
        return differences
    if history is None:
        return [*differences, "heard, but not in history"]
    if history.interrupted != (record.state == "partial"):
        differences.append("history has the wrong interrupted flag")
    if not has_server:
        return differences
    if record.received_ms and not is_text and not sent_ms:
        # The server's conversation is a new one, which can only have been told the heard text.
        told = server.text if server is not None else ""
        if told != history.text or history.text_status == "unknown":
            differences.append(f"history says {history.text!r}, the new conversation was told {told!r}")
    elif server is None:
        if record.heard_ms > 0 or record.state == "played" or (is_text and history.text):
            differences.append("heard, but the server does not remember it")
    elif server.audio_ms is None or is_text:
        if server.text != history.text:
            differences.append(f"history says {history.text!r}, the server remembers {server.text!r}")
    elif record.state == "played" and sent_ms > record.received_ms:
        # More was sent than was played, and the server must have cut it, its text included.
        if server.audio_ms > record.received_ms:
            differences.append(f"the server remembers {server.audio_ms} ms, heard were {record.received_ms} ms")
    elif record.state == "played":
        if server.text is None:
            differences.append("played to the end, but the server has lost its text")
        elif server.text != history.text and history.text_status != "unknown":
            differences.append(f"history says {history.text!r}, the server remembers {server.text!r}")
    elif server.audio_ms > record.heard_ms or (
        # Each part is cut at a whole millisecond, and may end between two.
        server.text is None and server.audio_ms < record.heard_ms - (server.audio_parts - 1)
    ):
        # A server that was not truncated may remember less than was heard, if it counts less than it sent (T8).
        differences.append(f"the server remembers {server.audio_ms} ms, heard were {record.heard_ms} ms")
    return differences


def _overall_differences(
    records: Sequence[MessageRecord], history: Sequence[CommitMessage], remembered: Mapping[str, RememberedMessage]
) -> list[str]:
    order = [record.message_id for record in records]
    differences = []
    if [message.message_id for message in history] != [m for m in order if m in {h.message_id for h in history}]:
        differences.append("history has another order than the messages")
    if [m for m in remembered if m in order] != [m for m in order if m in remembered]:
        differences.append("the server remembers another order than the messages had")
    # Of a message without content there is nothing to remember.
    strangers = [m for m, server in remembered.items() if m not in order and (server.audio_ms or server.text)]
    differences += [f"the server remembers {m}, which nobody recorded" for m in strangers]
    return differences
