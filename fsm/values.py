"""The words of the lifecycle: states, reasons, records, capabilities and policies (spec, section 1)."""

from __future__ import annotations

import re
import reprlib
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from msgspec import Meta, Struct

LARGEST = 2**53 - 1
"""The largest integer that every language keeps exactly, JavaScript and JSON readers included."""
Whole = Annotated[int, Meta(ge=0, le=LARGEST)]
"""The integers of the lifecycle: amounts, positions and durations in whole milliseconds."""

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Modality = Literal["audio", "text"]
"""What a message consists of: audio, or nothing but text."""
MessageState = Literal["pending", "streaming", "draining", "stopping", "played", "partial", "skipped"]
"""The leaf states of the message chart (spec, section 3)."""
SettledState = Literal["played", "partial", "skipped"]
"""The final states of a message: heard to the end, in part, or not at all."""
SpeechState = Literal[
    "queued", "waiting", "speaking", "paused", "stopping", "reconciling", "completed", "interrupted", "failed"
]
"""The leaf states of the speech chart (spec, section 4)."""
Outcome = Literal["completed", "interrupted", "failed"]
"""How a speech ended; `failed` if its response failed or was never begun, or the session was lost."""
ResponseStatus = Literal["completed", "cancelled", "failed", "incomplete"]
"""How the server says that a response ended."""
AgentState = Literal["listening", "thinking", "speaking"]
"""What the agent does, as the listener would describe it."""
ConnectionState = Literal["connected", "disconnected", "restoring", "closing", "closed"]
"""Whether there is a server to talk to, and whether the conversation is being closed (spec, section 12)."""
UserState = Literal["silent", "talking"]
"""Whether the user speaks, by what the session tells."""
FloorState = Literal["free", "held", "taken", "suspended"]
"""Who may play: nobody yet, nobody because all is held, a speech, or a speech that is held."""
GenerationState = Literal["idle", "requested", "generating"]
"""What the server does: nothing that is known, it was asked for a response, or it generates one."""
BargeIn = Literal["interrupt", "pause", "ignore"]
"""What the start of the user's speech does to every speech that is not over."""
Timer = Literal["stall", "playout", "stop", "reconcile", "user"]
"""What a timer waits for: a sign of life, an end, a report, an answer, or the silence of the user."""
Reason = Literal[
    "finished",
    "interrupted",
    "cleared",
    "closed",
    "output_failed",
    "source_failed",
    "timed_out",
    "never_authorized",
    "no_content",
    "not_shown",
]
"""Why a message ended as it did (spec, section 3, has the table)."""
HeardTextStatus = Literal["exact", "synchronized", "estimated", "unknown"]
"""How the heard text is known: it is all, the output told it, it is reckoned, or it is not known."""
HeardMsStatus = Literal["reported", "estimated"]
"""How the heard milliseconds are known: the output reported them, or time stands in for it."""
Reconciliation = Literal["truncate", "replace", "remove"]
"""What the server is asked to do about a message (spec, section 8)."""
Refusal = Literal["already_shorter", "unknown_message", "other"]
"""What a refusal of the server means: the first two leave nothing unheard on it (T8, T10)."""
DivergenceCause = Literal["cannot_truncate", "cannot_remove", "refused", "unanswered", "text_beyond_heard"]
"""Why the server remembers something else than was heard (spec, section 8)."""

FINAL_MESSAGE_STATES: frozenset[str] = frozenset({"played", "partial", "skipped"})
FORWARDING_STATES: frozenset[str] = frozenset({"streaming", "draining", "stopping"})
FINAL_SPEECH_STATES: frozenset[str] = frozenset({"completed", "interrupted", "failed"})
SETTLED_SPEECH_STATES: frozenset[str] = FINAL_SPEECH_STATES | {"reconciling"}
STOPPABLE_SPEECH_STATES: frozenset[str] = frozenset({"queued", "waiting", "speaking", "paused"})


def snake_case(name: str) -> str:
    """Return a class's name as charts and files write it: `TimerFired` is `timer_fired`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Value(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A small immutable value. msgspec makes one in a fifth of the time that a frozen dataclass takes.

    It is a type for pydantic too: for a model's field, a `TypeAdapter`, settings. pydantic is imported when it asks.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return pydantic's schema of this value."""
        from .pydantic_schema import core_schema_of

        return core_schema_of(cls, handler)


class NamedValue(Value, frozen=True, tag_field="type", tag=snake_case):
    """A value of a family: in files its name, under "type", tells it from the others."""

    @property
    def type(self) -> str:
        """Its name in charts and files: `TimerFired` is `timer_fired`."""
        return cast(str, self.__struct_config__.tag)


class Capabilities(Value, frozen=True):
    """What the session's server and the output are able to do. They do not change during a speech."""

    can_truncate: bool = True
    """The server can cut an audio message at a position."""
    can_remove: bool = True
    """The server's context can be changed in mid-session: messages can be removed from it, and texts replaced."""
    truncates_by_itself: bool = False
    """The server plays the audio itself and truncates on barge-in (OpenAI over WebRTC or SIP)."""
    plays_audio: bool = True
    """There is an audio output. Without one, the text is what reaches the user."""
    can_pause: bool = True
    """The output can hold its playback and go on later."""
    shows_text: bool = True
    """Texts reach the user: there is a screen. On a telephone nobody hears or sees a text."""


def _check_whole(policy: Value, name: str, unit: str) -> None:
    value = getattr(policy, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise ValueError(
            f"{type(policy).__name__}.{name} must be a whole number{unit}, 0 to 2**53 - 1, not {reprlib.repr(value)}"
        )


class Policy(Value, frozen=True):
    """What the embedding agent wants. All durations are in milliseconds."""

    interruptible: bool = True
    """Whether `interrupt` works without `force`."""
    estimate_heard_text: bool = False
    """Estimate the heard text of a partial message, if the output gives no synchronized transcript."""
    frame_ms: Whole = 20
    """One frame of the output: a position this close to the end counts as the end."""
    stall_timeout_ms: Whole = 30_000
    """How long neither session nor output may be silent beyond the audio that is still to be played."""
    playout_margin_ms: Whole = 2_000
    """How late the output may report the end of a flushed message."""
    stop_timeout_ms: Whole = 1_000
    """How long to wait for the output's report after a clear."""
    reconcile_timeout_ms: Whole = 5_000
    """How long to wait for the server's answers, and for the end of its response."""
    resume_timeout_ms: Whole = 120_000
    """How long to wait for a lost session to resume, if another attempt follows."""

    def __post_init__(self) -> None:
        for name in (
            "frame_ms",
            "stall_timeout_ms",
            "playout_margin_ms",
            "stop_timeout_ms",
            "reconcile_timeout_ms",
            "resume_timeout_ms",
        ):
            _check_whole(self, name, " of milliseconds")


class ConversationPolicy(Value, frozen=True):
    """What the embedding agent wants of a conversation."""

    speech: Policy = Policy()
    """For every speech."""
    barge_in: BargeIn = "interrupt"
    """What the start of the user's speech does to every speech that is not over."""
    authorize_when_free: bool = True
    """Give the floor to the next speech as soon as it is free and the user is silent; else the agent authorizes."""
    floor_is_given_elsewhere: bool = False
    """Who plays is decided elsewhere, and `Authorize` only tells of it: a speech that has the floor loses it to the
    next one, and goes on settling without it."""
    speeches_kept: Whole = 64
    """How many speeches that are over are remembered, for facts that come late."""
    user_timeout_ms: Whole = 120_000
    """How long the user is thought to speak if the session says no more about it, in milliseconds (N5)."""

    def __post_init__(self) -> None:
        _check_whole(self, "speeches_kept", "")
        _check_whole(self, "user_timeout_ms", " of milliseconds")


class MessageRecord(Value, frozen=True):
    """How a message ended: what was generated, and what of it was heard (spec, section 3)."""

    message_id: str
    state: SettledState
    reason: Reason
    """Why it ended: the table in section 3."""
    heard_ms: Whole
    """How much was heard, from its start: the final position of an audio message, else 0."""
    received_ms: Whole
    """How much audio had come of it."""
    generated_text: str
    """All text that had come of it; of an audio message the transcript."""
    heard_text: str
    """What was heard or read of that; "" if it is unknown."""
    heard_text_status: HeardTextStatus
    code: str = ""
    """What the server calls the reason why its response failed or was cut, if that was known when it settled (N6)."""
    heard_ms_status: HeardMsStatus = "reported"
    """Whether the output reported the position, or time stands in for a report that is missing or cannot be true."""
