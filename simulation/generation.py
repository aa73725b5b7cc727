"""The generation of one response: which event leaves when, and what a cancel leaves behind.

The course of a response is a generator that sends what is due and yields the milliseconds until the
next thing is. Each step runs in a callback of the clock, so whatever falls due is sent before the clock
moves on, and nothing is ever half sent.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from speech_lifecycle.adapters.clock import Clock, ScheduledCall
from speech_lifecycle.adapters.sessions.audio_format import PCM_24K

from . import wire
from .conversation import Conversation, FunctionCallItem, ItemStatus, MessageItem
from .script import ScriptedFunctionCall, ScriptedItem, ScriptedMessage, ScriptedResponse
from .tone import BYTES_PER_MS, tone_base64

CancelReason: TypeAlias = Literal["client_cancelled", "turn_detected"]

_ARGUMENTS_PIECE_CHARS = 8


class Channel(Protocol):
    """What a generation needs of its session."""

    @property
    def clock(self) -> Clock:
        """The clock that paces the response."""
        ...

    @property
    def session_object(self) -> dict[str, Any]:
        """The session as the wire shows it."""
        ...

    def emit(self, event: wire.WireEvent) -> None:
        """Send an event."""
        ...

    def new_id(self, kind: str) -> str:
        """Return an id that no other thing on the server has."""
        ...

    def new_number(self, kind: str) -> int:
        """Count things of one kind, from 0."""
        ...

    def send_audio(self, delta: wire.WireEvent, audio_ms: int) -> None:
        """Send audio of an item, and count it."""
        ...

    def drop_connection(self) -> None:
        """Cut the connection once everything sent so far is out."""
        ...

    def generation_ended(self, generation: Generation) -> None:
        """Note that `response.done` was sent."""
        ...


@dataclass(slots=True)
class _OutputItem:
    """An item of the response, and how far it has got."""

    item: MessageItem | FunctionCallItem
    events: wire.ResponseItemEvents
    tone: int = 0
    """Which of the session's tones its audio is."""
    sent_texts: list[str] = field(default_factory=list)
    """Of each part of its content that has begun."""
    pcm: bytes = b""
    """Its audio, if it is no tone."""
    is_generated: bool = False
    is_ended: bool = False


class Generation:
    """One response, from the request to `response.done`."""

    def __init__(
        self,
        channel: Channel,
        conversation: Conversation,
        script: ScriptedResponse,
        response_id: str,
        parameters: dict[str, Any],
    ) -> None:
        """Take what to say. `parameters` are those of the client's `response.create`.

        `conversation` is the session's own, or for an out-of-band response one without an id, whose
        items are not announced as items of the conversation.
        """
        self.response_id = response_id
        self.conversation = conversation
        self._channel = channel
        self._script = script
        self._parameters = parameters
        self._outputs: list[_OutputItem] = []
        self._context = conversation.items
        self._audio_format = wire.output_format(channel.session_object, parameters)
        self._audio_sent_ms = 0
        self._is_created = False
        self._is_over = False
        self._cancel_reason: CancelReason | None = None
        self._steps = self._course()
        self._next_step: ScheduledCall | None = None
        self._late_end: ScheduledCall | None = None

    def start(self) -> None:
        """Send what is due now, and schedule the rest."""
        self._advance()

    def cancel(self, reason: CancelReason) -> None:
        """Stop generating, at once or when the script's late deltas are over, and end the response."""
        self._cancel_reason = reason
        if self._script.late_deltas_after_cancel_ms > 0 and self._is_created:
            self._late_end = self._channel.clock.call_later(self._script.late_deltas_after_cancel_ms, self._end)
        else:
            self._end()

    def stop(self) -> None:
        """Send nothing more, not even the end: the connection is gone."""
        self._is_over = True
        for call in (self._next_step, self._late_end):
            if call is not None:
                call.cancel()

    def _advance(self) -> None:
        for wait_ms in self._steps:
            if self._is_over:
                return
            if wait_ms > 0:
                self._next_step = self._channel.clock.call_later(wait_ms, self._advance)
                return
        self._end()

    def _course(self) -> Iterator[float]:
        pacing = self._script.pacing
        yield pacing.start_delay_ms
        self._create()
        yield pacing.first_item_delay_ms
        for index, scripted in enumerate(self._script.items):
            if index:
                yield pacing.item_pause_ms
            output = self._begin_item(index, scripted)
            if isinstance(scripted, ScriptedFunctionCall):
                yield from self._call_function(output, scripted)
            elif scripted.audio_ms:
                yield from self._speak(output, scripted)
            else:
                yield from self._write(output, scripted.text)
            output.is_generated = True
            if pacing.done_events == "end_of_item":
                self._end_item(output, self._status_of(output))
        for output, scripted in zip(self._outputs, self._script.items, strict=True):
            if isinstance(scripted, ScriptedMessage) and scripted.late_audio_ms:
                self._send_audio(output, scripted.audio_ms, scripted.late_audio_ms)
                yield pacing.audio_wait_ms(scripted.late_audio_ms)

    def _create(self) -> None:
        self._is_created = True
        self._channel.emit({"type": "response.created", "response": self._response_object("in_progress")})
        self._drop_if_scripted()

    def _begin_item(self, index: int, scripted: ScriptedItem) -> _OutputItem:
        item: MessageItem | FunctionCallItem
        if isinstance(scripted, ScriptedMessage):
            item = MessageItem(
                scripted.message_id or self._channel.new_id("item"),
                "assistant",
                scripted.modality,
                "in_progress",
                counts_ms_less=self._script.server_counts_ms_less,
            )
        else:
            call_id = self._channel.new_id("call")
            item = FunctionCallItem(self._channel.new_id("item"), call_id, scripted.name, "", "in_progress")
        refusal = self.conversation.insert(item)
        if refusal is not None:
            raise ValueError(f"the script cannot be played: {refusal.message}")
        output = _OutputItem(item, wire.ResponseItemEvents(self.response_id, index, item))
        self._outputs.append(output)
        self._channel.emit(output.events.output_item_added())
        self._emit_item_event("conversation.item.added", item, self.conversation.previous_id(item.id))
        if isinstance(item, MessageItem):
            self._begin_part(output)
        return output

    def _begin_part(self, output: _OutputItem) -> None:
        if output.sent_texts:
            self._end_part(output)
        self._channel.emit(output.events.part_added(len(output.sent_texts)))
        output.sent_texts.append("")

    def _end_part(self, output: _OutputItem) -> None:
        for event in output.events.part_done(output.sent_texts[-1], len(output.sent_texts) - 1):
            self._channel.emit(event)

    def _speak(self, output: _OutputItem, scripted: ScriptedMessage) -> Iterator[float]:
        pacing, output.tone = self._script.pacing, self._channel.new_number("tone")
        output.pcm = scripted.pcm if self._audio_format == PCM_24K else b""
        words, sent_words = split_words(scripted.text), 0
        for start_ms, length_ms, part in _chunks(scripted, pacing.chunk_ms):
            if part == len(output.sent_texts):
                for word in words[sent_words : _share(len(words), part, scripted.content_parts)]:
                    self._send_text(output, word)
                    sent_words += 1
                self._begin_part(output)
            due = _words_due(len(words), scripted.audio_ms, start_ms + length_ms, pacing.transcript_lead_ms)
            due = min(due, _share(len(words), part + 1, scripted.content_parts))
            for word in words[sent_words:due]:
                self._send_text(output, word)
            sent_words = max(sent_words, due)
            self._send_audio(output, start_ms, length_ms, part)
            yield pacing.audio_wait_ms(length_ms)
        for word in words[sent_words:]:
            self._send_text(output, word)

    def _send_audio(self, output: _OutputItem, start_ms: int, length_ms: int, part: int = 0) -> None:
        assert isinstance(output.item, MessageItem)
        if output.pcm:
            audio = base64.b64encode(output.pcm[start_ms * BYTES_PER_MS :][: length_ms * BYTES_PER_MS]).decode("ascii")
        else:
            audio = tone_base64(output.tone, start_ms, length_ms, self._audio_format)
        output.item.add_audio(length_ms, part)
        self._channel.send_audio(output.events.audio_delta(audio, part), length_ms)
        self._audio_sent_ms += length_ms
        self._drop_if_scripted()

    def _write(self, output: _OutputItem, text: str) -> Iterator[float]:
        for word in split_words(text):
            self._send_text(output, word)
            yield self._script.pacing.text_wait_ms()

    def _send_text(self, output: _OutputItem, delta: str) -> None:
        assert isinstance(output.item, MessageItem)
        output.item.add_text(delta)
        output.sent_texts[-1] += delta
        self._channel.emit(output.events.text_delta(delta, len(output.sent_texts) - 1))

    def _call_function(self, output: _OutputItem, scripted: ScriptedFunctionCall) -> Iterator[float]:
        assert isinstance(output.item, FunctionCallItem)
        for start in range(0, len(scripted.arguments), _ARGUMENTS_PIECE_CHARS):
            delta = scripted.arguments[start : start + _ARGUMENTS_PIECE_CHARS]
            output.item.arguments += delta
            self._channel.emit(output.events.arguments_delta(delta))
            yield self._script.pacing.text_wait_ms()

    def _status_of(self, output: _OutputItem) -> ItemStatus:
        if not output.is_generated:
            return "incomplete"
        # A response that breaks off by itself does so in the last of its items.
        is_last = len(self._outputs) == len(self._script.items) and output is self._outputs[-1]
        is_broken_off = self._script.status != "completed" and self._cancel_reason is None
        return "incomplete" if is_last and is_broken_off else "completed"

    def _end_item(self, output: _OutputItem, status: ItemStatus) -> None:
        output.is_ended = True
        item = output.item
        item.status = status
        if isinstance(item, MessageItem):
            item.transcripts = output.sent_texts
            self._end_part(output)
        else:
            self._channel.emit(output.events.arguments_done())
        if self.conversation.find(item.id) is not None:
            # In the recordings it is the previous item of the response, unlike in `added`.
            index = self._outputs.index(output)
            self._emit_item_event("conversation.item.done", item, self._outputs[index - 1].item.id if index else None)
        self._channel.emit(output.events.output_item_done())

    def _emit_item_event(self, kind: str, item: MessageItem | FunctionCallItem, previous_item_id: str | None) -> None:
        if self.conversation.id is not None:
            event = wire.item_event(kind, item, previous_item_id, with_content=kind.endswith("done"))
            self._channel.emit(event)

    def _end(self) -> None:
        if self._is_over:
            return
        self.stop()
        if not self._is_created:
            self._create()
        for output in self._outputs:
            if not output.is_ended:
                self._end_item(output, self._status_of(output))
        status = self._script.status if self._cancel_reason is None else "cancelled"
        self._channel.emit({"type": "response.done", "response": self._response_object(status)})
        self._channel.generation_ended(self)

    def _drop_if_scripted(self) -> None:
        drop_after_ms = self._script.drop_connection_after_audio_ms
        if drop_after_ms is not None and self._audio_sent_ms >= drop_after_ms:
            self._channel.drop_connection()

    def _response_object(self, status: str) -> dict[str, Any]:
        output = [output.item for output in self._outputs]
        is_done = status != "in_progress"
        return wire.response_object(
            response_id=self.response_id,
            conversation_id=self.conversation.id,
            session=self._channel.session_object,
            parameters=self._parameters,
            status=status,
            status_details=wire.status_details(status, self._cancel_reason or self._script.status_reason),
            output=output,
            usage=wire.usage(self._context, output) if is_done else None,
        )


def split_words(text: str) -> list[str]:
    """Split text into deltas, a word each; joined they are the text again."""
    return re.findall(r"\s*\S+|\s+$", text)


def _chunks(scripted: ScriptedMessage, chunk_ms: int) -> Iterator[tuple[int, int, int]]:
    """Yield where each piece of the audio begins, how long it is, and of which part of the content."""
    for part in range(scripted.content_parts):
        end_ms = _share(scripted.audio_ms, part + 1, scripted.content_parts)
        for start_ms in range(_share(scripted.audio_ms, part, scripted.content_parts), end_ms, chunk_ms):
            yield start_ms, min(chunk_ms, end_ms - start_ms), part


def _share(whole: int, parts: int, of_parts: int) -> int:
    """Return how much there is in the first of some equal parts."""
    return whole * parts // of_parts


def _words_due(words: int, audio_ms: int, sent_ms: int, lead_ms: int | None) -> int:
    if lead_ms is None:
        return words
    return min(words, max(0, math.ceil(words * (sent_ms + lead_ms) / audio_ms)))
