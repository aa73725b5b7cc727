"""One client's session on the simulated server: its conversation, and the answer to each client event.

Every client frame is answered synchronously, and responses are generated in callbacks of the clock, so
the conversation never changes between two frames for any other reason than time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from speech_lifecycle.adapters.clock import Clock

from . import wire
from .client_events import ClientEvent, parse_client_event
from .conversation import Conversation, Item, MessageItem, ServerRefusal, item_from_client
from .generation import CancelReason, Generation
from .listener import Listener
from .script import ScriptedResponse, ServerBehaviour
from .server_dialects import Voice
from .server_player import ServerPlayer
from .session_object import merge_session, new_session
from .user_turns import Ear, UserTurns

_TEXT_DELTAS = frozenset({"response.output_audio_transcript.delta", "response.output_text.delta"})


@dataclass(slots=True)
class GeneratedContent:
    """What was generated of a message."""

    text: str = ""
    first_audio: bytes = b""
    """The first piece of it, by which it is known."""


class Host(Protocol):
    """What a session needs of its server."""

    @property
    def clock(self) -> Clock:
        """The clock that paces every response."""
        ...

    @property
    def behaviour(self) -> ServerBehaviour:
        """The server's habits."""
        ...

    @property
    def keeps_events(self) -> bool:
        """Whether sessions keep all that was received and sent."""
        ...

    def new_ear(self) -> Ear | None:
        """Return what hears the user of a session; None if speech is announced by the caller."""
        ...

    @property
    def call_listener(self) -> Listener | None:
        """Who hears what the server plays by itself; None if it sends its audio to the client."""
        ...

    def next_response(self) -> ScriptedResponse:
        """Take the next response of the script."""
        ...

    def new_number(self, kind: str) -> int:
        """Count things of one kind over all sessions, from 0."""
        ...


class RealtimeSession:
    """A connection to the simulated server.

    conversation: what the server remembers.
    events_received, events_sent, errors_sent: client events, server events and refusals in order.
    audio_sent_ms: milliseconds of audio sent, by item id; by the session that it resumes too.
    responses_begun: how many responses began, announced or not.
    generated: what was generated and sent, by item id, in whatever dialect.
    frames_handled: client frames whose handling is finished, with everything that was due in answer.
    frames_sent: frames handed to the connection, which sends them in order and without waiting for
        the clock. Counted at that moment: when the client has handled as many, none is on its way.
    """

    def __init__(
        self, connection: ServerConnection, host: Host, model: str, resumed: RealtimeSession | None = None
    ) -> None:
        """Take an accepted connection; `run` speaks on it. If it resumes another session, it has its conversation."""
        self._connection = connection
        self._host = host
        self.session_object = new_session(self.new_id("sess"), model)
        self.conversation: Conversation = Conversation(self.new_id("conv")) if resumed is None else resumed.conversation
        self.conversation.break_off()
        self.events_received: list[dict[str, Any]] = []
        self.events_sent: list[wire.WireEvent] = []
        self.errors_sent: list[wire.WireEvent] = []
        self.audio_sent_ms: dict[str, int] = {} if resumed is None else resumed.audio_sent_ms
        self.responses_begun = 0
        self.generated: dict[str, GeneratedContent] = {}
        self.frames_handled = 0
        self.frames_sent = 0
        self._is_closed = False
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._generations: dict[str, Generation] = {}
        self._owes_response = False
        self._user_turns = UserTurns(self, host.new_ear())
        self._dialect = host.behaviour.dialect
        self._voice = Voice(self._dialect)
        self._is_resumed = resumed is not None
        self._player = None if host.call_listener is None else ServerPlayer(self, host.call_listener)
        self._handlers: dict[str, Callable[[ClientEvent], ServerRefusal | None]] = {
            "session.update": self._update_session,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.retrieve": self._retrieve_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
            "input_audio_buffer.append": self._user_turns.append,
            "input_audio_buffer.commit": self._user_turns.commit,
            "input_audio_buffer.clear": self._user_turns.clear,
            "output_audio_buffer.clear": self._clear_output,
        }

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        return self._host.clock

    @property
    def is_closed(self) -> bool:
        """Whether the connection is gone; frames sent shortly before may never have arrived."""
        return self._is_closed

    async def run(self) -> None:
        """Greet the client, and answer it until the connection ends."""
        self._writer = asyncio.create_task(self._write_frames(), name="simulated realtime session writer")
        try:
            self.emit(wire.session_event("session.created", self.session_object))
            if self._host.behaviour.after_loss != "unsaid":
                self.emit(wire.conversation_created(self.conversation.id))
            if self._is_resumed and not self._dialect.keeps_ids:
                self._announce_anew()
            async for frame in self._connection:
                self._handle_frame(frame)
        except ConnectionClosed:
            pass
        finally:
            await self.shut_down()

    async def shut_down(self) -> None:
        """Send nothing more. A client that left frames unread loses them, and the connection."""
        self._close()
        if self._writer is not None:
            # A writer that waits for a client to read keeps the connection from closing, for ever.
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        if not self._outbox.empty():
            self._connection.transport.abort()
        while not self._outbox.empty():
            self._outbox.get_nowait()
            self._outbox.task_done()

    async def flushed(self) -> None:
        """Return when everything sent so far has been handed to the socket."""
        await self._outbox.join()

    async def user_starts_speaking(self) -> None:
        """Act as if the server heard the user begin to speak.

        Sends `input_audio_buffer.speech_started`; with `interrupt_response` the active response is
        cancelled. With turn detection off the server does not listen for speech, and nothing happens.
        """
        self._user_turns.start()
        await self.flushed()

    async def user_stops_speaking(self, transcript: str | None = None) -> None:
        """Act as if the server heard the user finish.

        Commits the turn as a user message; with `create_response` a response follows, after the active
        one if that still generates. `transcript` is sent if the session has input transcription on.
        """
        self._user_turns.stop(transcript)
        await self.flushed()

    # What a generation asks of its session.

    def emit(self, event: wire.WireEvent) -> None:
        """Send an event after all those sent before, unless the connection is gone."""
        if self._is_closed:
            return
        self._note_generated(event)
        for said in self._voice.events(event):
            self._send(said)

    def _send(self, sent: wire.WireEvent) -> None:
        sent = {"type": sent["type"], "event_id": self.new_id("event"), **sent}
        self.frames_sent += 1
        frame = json.dumps(sent)
        # What was sent is kept as the client got it; the objects in it go on changing.
        if self._host.keeps_events:
            self.events_sent.append(json.loads(frame))
        if sent["type"] == "error":
            self.errors_sent.append(json.loads(frame))
        self._outbox.put_nowait(frame)

    def _note_generated(self, event: wire.WireEvent) -> None:
        if event["type"] == "response.created":
            self.responses_begun += 1
        elif event["type"] in _TEXT_DELTAS:
            self.generated.setdefault(event["item_id"], GeneratedContent()).text += event["delta"]
        elif event["type"] == "response.output_audio.delta":
            content = self.generated.setdefault(event["item_id"], GeneratedContent())
            content.first_audio = content.first_audio or base64.b64decode(event["delta"])

    def new_id(self, kind: str) -> str:
        """Return an id that no other thing on the server has."""
        return f"{kind}_{self._host.new_number(kind) + 1:06d}"

    def new_number(self, kind: str) -> int:
        """Count things of one kind over all sessions, from 0."""
        return self._host.new_number(kind)

    def send_audio(self, delta: wire.WireEvent, audio_ms: int) -> None:
        """Send audio of an item, to the client or into the call, and count it."""
        item_id = delta["item_id"]
        self.audio_sent_ms[item_id] = self.audio_sent_ms.get(item_id, 0) + audio_ms
        if self._player is None:
            self.emit(delta)
        else:
            self._player.add(delta["response_id"], item_id, base64.b64decode(delta["delta"]))

    def drop_connection(self) -> None:
        """Cut the connection without a closing handshake, once everything sent so far is out."""
        if not self._is_closed:
            self._close()
            self._outbox.put_nowait(None)

    def generation_ended(self, generation: Generation) -> None:
        """Let the next response write to the conversation."""
        del self._generations[generation.response_id]
        if self._player is not None:
            self._player.end(generation.response_id)
        generation.conversation.end_response()
        self._pay_owed_response()

    # What the user's turns ask of the session.

    def announce(self, item: Item) -> None:
        """Tell the client of an item that is complete from the start."""
        for kind in ("conversation.item.added", "conversation.item.done"):
            self.emit(wire.item_event(kind, item, self.conversation.previous_id(item.id)))

    def cancel_active(self, reason: CancelReason, response_id: str | None = None) -> ServerRefusal | None:
        """Cancel the response that writes to the conversation, which must be the one named, if any is."""
        if reason == "turn_detected":
            self._owes_response = False
        active_id = self.conversation.active_response_id
        refusal = self.conversation.cancel(response_id)
        if refusal is None and active_id is not None:
            self._generations[active_id].cancel(reason)
        if reason == "turn_detected" and self._player is not None:
            self._player.clear(truncates=True)
        return refusal

    def owe_response(self) -> None:
        """Start a response to the user's turn, now or when the active one has ended."""
        self._owes_response = True
        self._pay_owed_response()

    def _announce_anew(self) -> None:
        """Tell the client of the messages of a conversation that goes on: as texts, under other ids (xAI)."""
        for item in self.conversation.items:
            if isinstance(item, MessageItem) and item.role == "assistant" and item.text:
                item.first_id = item.first_id or item.id
                item.id = self.new_id("item")
                item.status = "completed"
                self.emit(wire.item_event("conversation.item.added", item, self.conversation.previous_id(item.id)))

    # Answers to client events.

    def _handle_frame(self, frame: str | bytes) -> None:
        if self._is_closed:
            return
        try:
            event = parse_client_event(frame, legacy=self._is_legacy())
            if self._host.keeps_events:
                self.events_received.append(event.data)
            if event.type not in self._host.behaviour.lost:
                refusal = event.refusal or self._handlers[event.type](event)
                if refusal is not None:
                    refusal = self._dialect.refusal(refusal, str(event.data.get("item_id", "")))
                    self.emit(wire.error(refusal, event.event_id))
        finally:
            self.frames_handled += 1

    def _update_session(self, event: ClientEvent) -> None:
        self.session_object = merge_session(self.session_object, event.data["session"])
        self.emit(wire.session_event("session.updated", self.session_object))

    def _create_item(self, event: ClientEvent) -> ServerRefusal | None:
        item = item_from_client(event.data["item"], self.new_id("item"), self.new_id("call"))
        if isinstance(item, ServerRefusal):
            return item
        refusal = self.conversation.insert(item, event.data.get("previous_item_id"))
        if refusal is None:
            self.announce(item)
        return refusal

    def _delete_item(self, event: ClientEvent) -> ServerRefusal | None:
        item_id: str = event.data["item_id"]
        if (code := self._host.behaviour.refuse_delete) is not None:
            return ServerRefusal(f"Error deleting item: '{item_id}' cannot be deleted.", code, "item_id")
        refusal = self.conversation.delete(item_id)
        if refusal is None:
            self._acknowledge(event, {"type": "conversation.item.deleted", "item_id": item_id})
        return refusal

    def _truncate_item(self, event: ClientEvent) -> ServerRefusal | None:
        item_id: str = event.data["item_id"]
        content_index: int = event.data["content_index"]
        audio_end_ms: int = event.data["audio_end_ms"]
        if (code := self._host.behaviour.refuse_truncate) is not None:
            return ServerRefusal(f"Error truncating item: '{item_id}' cannot be truncated.", code, "item_id")
        refusal = self.conversation.truncate(item_id, content_index, audio_end_ms)
        if refusal is None:
            self._acknowledge(event, wire.item_truncated(item_id, content_index, audio_end_ms))
        return refusal

    def _acknowledge(self, event: ClientEvent, answer: wire.WireEvent) -> None:
        if event.type not in self._host.behaviour.unacknowledged:
            self.emit(answer)

    def _retrieve_item(self, event: ClientEvent) -> ServerRefusal | None:
        item_id: str = event.data["item_id"]
        item = self.conversation.find(item_id)
        if item is None:
            return ServerRefusal(
                f"Error retrieving item: the item with id '{item_id}' does not exist.",
                "item_retrieve_invalid_item_id",
                "item_id",
            )
        self.emit({"type": "conversation.item.retrieved", "item": wire.item_object(item)})
        return None

    def _create_response(self, event: ClientEvent) -> ServerRefusal | None:
        parameters: dict[str, Any] = event.data.get("response") or {}
        if parameters and not self._dialect.takes_response_fields:
            return ServerRefusal("Overrides are not supported.", "unsupported_response_override", "response")
        # An out-of-band response has a conversation of its own, so it never stands in another's way.
        is_out_of_band = parameters.get("conversation") == "none"
        return self._start_response(Conversation(None) if is_out_of_band else self.conversation, parameters)

    def _start_response(self, conversation: Conversation, parameters: dict[str, Any]) -> ServerRefusal | None:
        response_id = self.new_id("resp")
        refusal = conversation.begin_response(response_id)
        if refusal is None:
            script = self._host.next_response()
            generation = Generation(self, conversation, script, response_id, parameters)
            self._generations[response_id] = generation
            generation.start()
        return refusal

    def _pay_owed_response(self) -> None:
        if self._owes_response and self.conversation.active_response_id is None and not self._is_closed:
            self._owes_response = False
            self._start_response(self.conversation, {})

    def _cancel_response(self, event: ClientEvent) -> ServerRefusal | None:
        response_id: str | None = event.data.get("response_id")
        generation = self._generations.get(response_id) if response_id is not None else None
        if generation is None or generation.conversation is self.conversation:
            return self.cancel_active("client_cancelled", response_id)
        refusal = generation.conversation.cancel(response_id)
        if refusal is None:
            generation.cancel("client_cancelled")
        return refusal

    def _clear_output(self, event: ClientEvent) -> ServerRefusal | None:
        # The buffer is the server's own player, which only WebRTC and SIP calls have.
        if self._player is not None:
            self._player.clear(truncates=False)
            return None
        return ServerRefusal("output_audio_buffer.clear is for WebRTC and SIP calls only.", "invalid_value", "type")

    def _is_legacy(self) -> bool:
        return self._dialect.event_names == "legacy"

    # The connection.

    def _close(self) -> None:
        self._is_closed = True
        for generation in self._generations.values():
            generation.stop()
        if self._player is not None:
            self._player.stop()

    async def _write_frames(self) -> None:
        while True:
            frame = await self._outbox.get()
            try:
                if frame is None:
                    self._connection.transport.close()
                else:
                    await self._connection.send(frame)
            except ConnectionClosed:
                pass  # The reader learns the same, and ends the session.
            finally:
                self._outbox.task_done()
