"""A story, and the beginnings that stories have in common."""

from __future__ import annotations

from dataclasses import dataclass

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.state import DEFAULT_CAPABILITIES, DEFAULT_POLICY
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Modality, Policy

Events = tuple[ev.Event, ...]
MS = 1000
"""How much audio each message has."""
CANCELLED = ev.SessionResponseEnded("r", "cancelled")
ENDED = ev.SessionResponseEnded("r")


@dataclass(frozen=True)
class Story:
    """What happened once."""

    bug: str
    """Its id in docs/field-bugs.md."""
    name: str
    """What tells it from other stories of that bug."""
    harm: str
    """What a listener, or the agent, suffers from a machine that does something else."""
    events: Events
    capabilities: Capabilities = DEFAULT_CAPABILITIES
    policy: Policy | ConversationPolicy = DEFAULT_POLICY

    @property
    def id(self) -> str:
        """The id of its vector."""
        return f"stories-{self.bug}-{self.name}"


def arrived(*message_ids: str, modality: Modality = "audio") -> Events:
    """Messages of the response `r`, with all that the server has to say of them but their ends."""
    events: list[ev.Event] = []
    for message_id in message_ids:
        events.append(ev.SessionMessageAdded("r", message_id, (modality,)))
        events.append(ev.SessionTextReceived(message_id, f"These are the words of {message_id}."))
        if modality == "audio":
            events.append(ev.SessionAudioReceived(message_id, MS))
    return tuple(events)


def queued(*message_ids: str, ended: bool = False) -> Events:
    """A speech without the floor."""
    return (ev.SessionResponseCreated("r"), *arrived(*message_ids), *((ENDED,) if ended else ()))


def waiting(*message_ids: str, ended: bool = False) -> Events:
    """The same with the floor; nothing is heard yet."""
    return (*queued(*message_ids, ended=ended), ev.Authorize())


def handed_over(*message_ids: str, ended: bool = False) -> Events:
    """The same, with all of the first message handed over."""
    return (*waiting(*message_ids, ended=ended), ev.OutputAudioHandedOver(message_ids[0], MS))


def speaking(*message_ids: str, ended: bool = False) -> Events:
    """The same, with its first frame heard."""
    return (*handed_over(*message_ids, ended=ended), ev.OutputPlaybackStarted(message_ids[0]))


def interrupted(*message_ids: str, ended: bool = False) -> Events:
    """The same, interrupted; the output has not yet said how far it got."""
    return (*speaking(*message_ids, ended=ended), ev.Interrupt())


def paused(*message_ids: str) -> Events:
    """The same as `speaking`, held."""
    return (*speaking(*message_ids), ev.Pause())


def played(message_id: str, ms: int = MS) -> Events:
    """A message is played to its end."""
    return (
        ev.OutputAudioHandedOver(message_id, ms),
        ev.OutputPlaybackStarted(message_id),
        ev.OutputPlaybackFinished(message_id, ms),
    )


def cut(message_id: str, ms: float | None, transcript: str | None = None) -> ev.Event:
    """The output says how far it got before it was cleared."""
    return ev.OutputPlaybackFinished(message_id, ms, interrupted=True, transcript=transcript)


def kept(message_id: str) -> ev.Event:
    """The server has truncated."""
    return ev.SessionReconciliationAcknowledged("truncate", message_id)


def removed(*message_ids: str) -> Events:
    """The server has removed."""
    return tuple(ev.SessionReconciliationAcknowledged("remove", message_id) for message_id in message_ids)
