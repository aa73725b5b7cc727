"""What a simulated realtime server will answer, how fast, and how badly.

All values are immutable. A server takes one `ScriptedResponse` for each response it starts, whether
the client asked for it or the user's turn did, in the order given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .server_dialects import OPENAI, ServerDialect
from .tone import BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class ScriptedMessage:
    """One assistant message of a response.

    `text` is the transcript of an audio message (it may be empty) or the text of a text message.
    `audio_ms` is the length of its audio in whole milliseconds (it may be 0); a text message has none.
    `message_id` fixes the item id; without it the server makes one. `late_audio_ms` is how much more audio of it
    comes when all later items have been generated. `pcm` is the voice that speaks it, `audio_ms` of 16-bit mono PCM at
    24 kHz; without it, and where the client asked for another format, it is a tone. Audio and transcript come in
    `content_parts` parts of the message's content, one after the other and equally long.
    """

    text: str
    audio_ms: int = 0
    modality: Literal["audio", "text"] = "audio"
    message_id: str | None = None
    late_audio_ms: int = 0
    pcm: bytes = field(default=b"", repr=False)
    content_parts: int = 1

    def __post_init__(self) -> None:
        if self.content_parts < 1 or (self.content_parts > 1 and not self.audio_ms):
            raise ValueError(f"content_parts must be 1, or more of audio, not {self.content_parts}")
        if self.audio_ms < 0:
            raise ValueError(f"audio_ms must be 0 or more, not {self.audio_ms}")
        if self.modality == "text" and self.audio_ms:
            raise ValueError(f"a text message has no audio, but audio_ms is {self.audio_ms}")
        if self.late_audio_ms < 0 or (self.late_audio_ms and not self.audio_ms):
            raise ValueError(f"late_audio_ms must be 0, or more after audio, not {self.late_audio_ms}")
        if self.pcm and (len(self.pcm) // BYTES_PER_MS != self.audio_ms or self.late_audio_ms):
            raise ValueError(
                f"pcm must be audio_ms long, not {len(self.pcm) // BYTES_PER_MS} ms, and nothing comes late"
            )


@dataclass(frozen=True, slots=True)
class ScriptedFunctionCall:
    """One function call of a response. `arguments` is the JSON text that is streamed to the client."""

    name: str
    arguments: str = "{}"


ScriptedItem: TypeAlias = ScriptedMessage | ScriptedFunctionCall


@dataclass(frozen=True, slots=True)
class Pacing:
    """When the events of a response leave the server. Times are milliseconds of the server's clock.

    speed: audio is generated this many times faster than it plays; None sends everything at once.
    chunk_ms: audio in one delta.
    text_delta_ms: time between deltas of a text, of arguments, or of a transcript without audio.
    start_delay_ms: from the accepted request to `response.created`.
    first_item_delay_ms: from `response.created` to the first item.
    item_pause_ms: from the end of one item to the beginning of the next.
    transcript_lead_ms: how far the transcript runs ahead of the audio; None sends it all before the
        audio, a negative number lets it lag. The recorded sessions show a lead of a few words.
    done_events: at the end of the response, after later items have begun (what OpenAI does with a
        message and a function call in one response), or with each item (what xAI does).
    """

    speed: float | None = 8.0
    chunk_ms: int = 100
    text_delta_ms: float = 20.0
    start_delay_ms: float = 0.0
    first_item_delay_ms: float = 0.0
    item_pause_ms: float = 0.0
    transcript_lead_ms: int | None = 400
    done_events: Literal["end_of_response", "end_of_item"] = "end_of_response"

    def __post_init__(self) -> None:
        if self.speed is not None and not self.speed > 0:
            raise ValueError(f"speed must be above 0, or None for everything at once, not {self.speed}")
        if self.chunk_ms < 1:
            raise ValueError(f"chunk_ms must be 1 or more, not {self.chunk_ms}")

    def audio_wait_ms(self, audio_ms: int) -> float:
        """Return how long it takes to generate `audio_ms` of audio."""
        return audio_ms / self.speed if self.speed is not None else 0.0

    def text_wait_ms(self) -> float:
        """Return how long it takes to generate one piece of text."""
        return self.text_delta_ms if self.speed is not None else 0.0


AT_ONCE = Pacing(speed=None)
"""Everything in the instant of the request."""


@dataclass(frozen=True, slots=True)
class ScriptedResponse:
    """One response: its items in order, how it ends when nobody cancels it, and its misbehaviours.

    status_reason: for an incomplete response `max_output_tokens` (default) or `content_filter`; for a
        failed one the error code (default `server_error`). Its last item is then left incomplete.
    late_deltas_after_cancel_ms: after a cancel, generation goes on for this long, with new items if it
        comes to that, before `response.done` (field bugs C1, C6).
    server_counts_ms_less: the server believes each item's audio to be this much shorter than what it
        sent (field bug T8).
    drop_connection_after_audio_ms: cut the connection, without a closing handshake, as soon as this
        much audio of the response has been sent; 0 means right after `response.created`.
    """

    items: tuple[ScriptedItem, ...]
    status: Literal["completed", "failed", "incomplete"] = "completed"
    status_reason: str | None = None
    pacing: Pacing = field(default_factory=Pacing)
    late_deltas_after_cancel_ms: float = 0.0
    server_counts_ms_less: int = 0
    drop_connection_after_audio_ms: int | None = None

    def __post_init__(self) -> None:
        if self.status == "incomplete" and self.status_reason not in (
            None,
            "max_output_tokens",
            "content_filter",
        ):
            raise ValueError(f"a response is not incomplete for the reason {self.status_reason!r}")
        if self.server_counts_ms_less < 0:
            raise ValueError(f"server_counts_ms_less must be 0 or more, not {self.server_counts_ms_less}")


DEFAULT_RESPONSE = ScriptedResponse((ScriptedMessage("All right.", audio_ms=800),))
"""What a server answers when its script is used up."""


AfterLoss: TypeAlias = Literal["unsaid", "gone", "kept"]
Acknowledgeable: TypeAlias = Literal["conversation.item.truncate", "conversation.item.delete"]


@dataclass(frozen=True, slots=True)
class ServerBehaviour:
    """Habits and misbehaviours of a server that hold for every response.

    dialect: how it speaks the protocol.
    refuse_truncate, refuse_delete: refuse every such request with this error code.
    unacknowledged: requests that are carried out, but never answered.
    lost: requests that are neither carried out nor answered.
    after_loss: what a client finds that connects again when its connection is gone. An empty conversation, of which
        nothing is said (OpenAI); an empty one, with a new id in `conversation.created`; or the same one, with the same
        id and all that the server remembers, if the client asks for it by `?conversation_id=` (xAI, with resumption).
        The response in flight is over in any case.
    refuse_connections: the HTTP statuses that connections after the first are refused with, one after the other.
    """

    dialect: ServerDialect = OPENAI
    refuse_truncate: str | None = None
    refuse_delete: str | None = None
    unacknowledged: frozenset[Acknowledgeable] = frozenset()
    lost: frozenset[Acknowledgeable] = frozenset()
    after_loss: AfterLoss = "unsaid"
    refuse_connections: tuple[int, ...] = ()
