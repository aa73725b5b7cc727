"""Replay: a recorded session, or a trace, once more through the adapter, the machine and a simulated speaker.

What the server sent is given; what the listener hears, and when the speech is interrupted, is new. The recordings
hold no times and no audio worth the name, so both are supplied here.
"""

from __future__ import annotations

import asyncio
import base64
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.ports import SessionReceiver
from speech_lifecycle.adapters.sessions.audio_format import PCM_24K
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, ProtocolError
from speech_lifecycle.adapters.sessions.resumption import Resumption
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.effects import CancelResponse, SessionEffect
from speech_lifecycle.fsm.trace import Header, Record, Trace, TraceReader, definition_digest
from speech_lifecycle.fsm.values import Capabilities, Policy

from .account import Account
from .conversation import ServerRefusal, item_from_client
from .first_sound import FirstSound
from .listener import Listener
from .recording import Recording, load_recording
from .report import Report, compare
from .simulated_speaker import SimulatedSpeaker
from .stored_trace import SESSION_FACTS, ReplayError, StoredTrace, happened_in
from .wire_memory import WireMemory

_BYTES_PER_MS = 2 * PCM_24K.sample_rate // 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """What a recording does not say."""

    event_interval_ms: float = 10.0
    """Time between two events of the server."""
    delta_ms: int = 100
    """Audio in one delta. Recordings hold a few bytes of each."""


Deed = Callable[[], object]
"""Something that happens once more."""


class ReplayedSession:
    """A session whose server says what it said before, and answers requests by its model of the conversation."""

    sample_rate = PCM_24K.sample_rate
    capabilities = Capabilities()

    def __init__(self, clock: VirtualClock, pace: Pace) -> None:
        self._clock = clock
        self._pace = pace
        self._cancelled: set[str] = set()
        self._is_lost = False
        self._connections = 1
        self.memory = WireMemory()
        """What the server remembers, by what it says: the adapter has no part in it."""
        self._receiver: SessionReceiver
        self._protocol: OpenAIRealtimeProtocol

    def attach(self, receiver: SessionReceiver) -> None:
        """Take the receiver of facts and audio."""
        self._receiver = receiver
        self._protocol = OpenAIRealtimeProtocol(receiver)

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> None:
        """Do nothing: the responses come as they came."""

    def perform(self, effect: SessionEffect) -> None:
        """Answer as the server would, a moment later."""
        if isinstance(effect, CancelResponse):
            self._clock.call_later(self._pace.event_interval_ms, partial(self._end_cancelled, effect.response_id))
        for request in self._protocol.translate(effect):
            answer = self._answer(request)
            if answer is not None:
                self._clock.call_later(
                    self._pace.event_interval_ms, partial(self._receive_answer, self._connections, answer)
                )

    async def run(self) -> None:
        """Wait to be cancelled: what the server sends is on the clock."""
        await asyncio.Event().wait()

    def course_of(self, recording: Recording) -> Iterator[tuple[float, Deed]]:
        """Yield what the server says in a recording, and when."""
        number = 0
        for index, connection in enumerate(recording.connections):
            if index > 0:
                at_ms = number * self._pace.event_interval_ms
                yield at_ms, partial(self._lose_connection, may_resume=bool(connection))
                yield at_ms, partial(self._connect_as_recorded, connection)
            for event in connection:
                at_ms = number * self._pace.event_interval_ms
                number += 1
                yield (
                    at_ms,
                    partial(self._say_as_recorded, event, f"{recording.name}: event {number} of those received"),
                )

    def course_of_trace(self, trace: StoredTrace) -> Iterator[tuple[float, Deed]]:
        """Yield what the server says in a trace, and when."""
        received_ms: dict[str, int] = {}
        for at_ms, _, event in trace.events:
            if isinstance(event, ev.SessionAudioReceived):
                more_ms = max(0, event.received_ms - received_ms.get(event.message_id, 0))
                received_ms[event.message_id] = received_ms.get(event.message_id, 0) + more_ms
                yield at_ms, partial(self._deliver, event.message_id, more_ms)
            elif isinstance(event, ev.SessionLost):
                yield at_ms, partial(self._lose_connection, may_resume=event.may_resume)
            elif isinstance(event, ev.SessionResumed):
                yield at_ms, partial(self._connect_as_traced, event.conversation_kept)
            elif isinstance(event, SESSION_FACTS):
                yield at_ms, partial(self._report, event)

    def _lose_connection(self, *, may_resume: bool = False) -> None:
        if not self._is_lost:
            self._is_lost = True
            self.memory.lose_connection()
            self._protocol.end_connection()
            self._receiver.report(ev.SessionLost(may_resume))

    def _connect_as_recorded(self, connection: Sequence[Mapping[str, Any]]) -> None:
        """Connect again, to the conversation that the first events of the connection say."""
        resumption = Resumption(self._protocol.conversation_id)
        if any(resumption.is_decided_by(event) for event in connection):
            for event in connection:
                self.memory.greet(event)
            self._connect(resumption.conversation_is_kept)

    def _connect(self, conversation_kept: bool = False) -> None:
        """Whatever the server says after a loss, it says in another connection."""
        if self._is_lost:
            self._is_lost = False
            self._connections += 1
            self._receiver.report(ev.SessionResumed(conversation_kept))

    def _connect_as_traced(self, conversation_kept: bool) -> None:
        if conversation_kept and self._is_lost:
            self.memory.keep_conversation()
        self._connect(conversation_kept)

    def _deliver(self, message_id: str, ms: int) -> None:
        self._connect()
        pcm = bytes(ms * _BYTES_PER_MS)
        self.memory.count_audio(message_id, len(pcm))
        self._receiver.deliver_audio(message_id, pcm)

    def _report(self, fact: ev.SessionFact) -> None:
        self._connect()
        if getattr(fact, "response_id", "") not in self._cancelled:
            for event in said_by(fact):
                self.memory.receive(event)
            self._receiver.report(fact)

    def _say(self, event: Mapping[str, Any], place: str = "the simulated server") -> None:
        """Say an event as the server: it remembers what it says."""
        if _id_in(event, "response_id") not in self._cancelled and _id_in(event, "response") not in self._cancelled:
            self._connect()
            self.memory.receive(event)
            self._receive(event, place)

    def _receive(self, event: Mapping[str, Any], place: str = "the simulated server") -> None:
        try:
            self._protocol.receive(event)
        except ProtocolError as error:
            raise ReplayError(f"{place}: {error}") from None

    def _receive_answer(self, asked_in: int, answer: Mapping[str, Any]) -> None:
        """An answer does not survive the connection that it was asked in. What it says is remembered since then."""
        if asked_in == self._connections:
            self._receive(answer)

    def _end_cancelled(self, response_id: str) -> None:
        """A real server that is told to cancel sends no more of the response, and ends it."""
        if response_id in self.memory.generating:
            self._say({"type": "response.done", "response": {"id": response_id, "status": "cancelled"}})
            self._cancelled.add(response_id)

    def _say_as_recorded(self, event: Mapping[str, Any], place: str) -> None:
        self._say(_without_format(self._with_audio(event)), place)

    def _with_audio(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        if event["type"] in ("response.output_audio.delta", "response.audio.delta"):
            audio = bytes(self._pace.delta_ms * _BYTES_PER_MS)
            return {**event, "delta": base64.b64encode(audio).decode()}
        return event

    def _answer(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        conversation = self.memory.conversation
        refusal: ServerRefusal | None = None
        if request["type"] == "conversation.item.truncate":
            name = self.memory.name_of(request["item_id"])
            refusal = conversation.truncate(name, request["content_index"], request["audio_end_ms"])
            answer = {"type": "conversation.item.truncated", "item_id": request["item_id"]}
        elif request["type"] == "conversation.item.delete":
            refusal = self.memory.delete(request["item_id"])
            answer = {"type": "conversation.item.deleted", "item_id": request["item_id"]}
        elif request["type"] == "conversation.item.create":
            created = dict(request["item"])
            if "id" in created:
                created["id"] = self.memory.name_of_created(created["id"])
            item = item_from_client(created, "", "")
            previous = request.get("previous_item_id")
            previous = previous and self.memory.name_of(previous)
            refusal = item if isinstance(item, ServerRefusal) else conversation.insert(item, previous)
            answer = {"type": "conversation.item.added", "item": request["item"]}
        else:
            return None
        if refusal is None:
            return answer
        error = {"code": refusal.code, "message": refusal.message, "event_id": request["event_id"]}
        return {"type": "error", "error": error}


def _without_format(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event without the format of the recorded audio, in whose place there is other audio."""
    shortened = {
        name: {key: value for key, value in said.items() if key not in ("audio", "output_audio_format")}
        for name, said in event.items()
        if name in ("session", "response") and isinstance(said, Mapping)
    }
    return {**event, **shortened}


def said_by(fact: ev.SessionFact) -> list[Mapping[str, Any]]:
    """Return the events by which a server says what a trace has as a fact."""
    if isinstance(fact, ev.SessionResponseCreated):
        conversation = {"conversation_id": None} if fact.is_out_of_band else {}
        return [{"type": "response.created", "response": {"id": fact.response_id, **conversation}}]
    if isinstance(fact, ev.SessionMessageAdded):
        of = {"response_id": fact.response_id}
        kind = "output_audio" if "audio" in fact.modalities else "output_text"
        return [
            {"type": "response.output_item.added", **of, "item": {"id": fact.message_id, "type": "message"}},
            {"type": "response.content_part.added", **of, "item_id": fact.message_id, "part": {"type": kind}},
        ]
    if isinstance(fact, ev.SessionTextReceived):
        name = "response.output_audio_transcript.delta"
        return [{"type": name, "item_id": fact.message_id, "delta": fact.text}]
    if isinstance(fact, ev.SessionResponseEnded):
        return [{"type": "response.done", "response": {"id": fact.response_id, "status": fact.status}}]
    return []


def _id_in(event: Mapping[str, Any], key: str) -> object:
    found = event.get(key)
    found = found.get("id") if isinstance(found, Mapping) else found
    return found if isinstance(found, str) else None


def load_source(path: Path) -> Recording | StoredTrace:
    """Read a recording (YAML) or a trace (JSON lines), told apart by the file's name.

    Raises:
        ReplayError: the file is neither, or cannot be read; the message names file, place and remedy.
    """
    try:
        if path.suffix in (".jsonl", ".ndjson"):
            with path.open("rb") as lines:
                reader = TraceReader(lines, str(path))
                events = happened_in(reader, str(path))
                return StoredTrace(events, reader.is_cut_off)
        if path.suffix in (".yaml", ".yml"):
            return load_recording(path)
    except ReplayError:
        raise
    except (ValueError, OSError) as error:
        raise ReplayError(str(error)) from None
    raise ReplayError(f"{path}: expected a recording (.yaml) or a trace (.jsonl)")


@dataclass(frozen=True)
class Replayed:
    """What came of a replay."""

    report: Report
    trace: Trace


async def replay(
    source: Recording | StoredTrace | Trace,
    *,
    interrupt_at_ms: float | None = None,
    pace: Pace | None = None,
    policy: Policy | None = None,
    on_record: Callable[[Record], None] | None = None,
    keep_trace: bool = True,
) -> Replayed:
    """Replay a recording or a trace in virtual time.

    Args:
        source: what the server sent.
        interrupt_at_ms: interrupt everything, this long after the first sound, or after the first text if there is no
            sound. None replays the commands that a trace holds.
        pace: what a recording does not say.
        policy: for every speech.
        on_record: is given the new trace, from its header on.
        keep_trace: return the new trace, too.

    Raises:
        ReplayError: there is no response in it, or something that cannot be played; the message says where.
    """
    clock = VirtualClock()
    session = ReplayedSession(clock, pace or Pace())
    speaker = SimulatedSpeaker(clock, listener=Listener(keeps_samples=False), shows_text=True)
    trace = Trace(Header(definition=definition_digest()))
    policy = policy or Policy()

    def on_first_sound() -> None:
        if interrupt_at_ms is not None:
            clock.call_later(interrupt_at_ms, lambda: driver.interrupt_all())

    first_sound = FirstSound(on_first_sound)

    def record(new: Record) -> None:
        if keep_trace and not isinstance(new, Header):
            trace.records.append(new)
        if on_record is not None:
            on_record(new)
        first_sound.watch(new)

    driver = Driver(session, speaker, clock=clock, policy=policy, trace=record)
    account = Account(driver)
    if on_record is not None:
        on_record(trace.header)
    if isinstance(source, Trace):
        source = StoredTrace(happened_in(source.records))
    if isinstance(source, Recording):
        _play(clock, session.course_of(source))
    elif interrupt_at_ms is None:
        _play(clock, heapq.merge(session.course_of_trace(source), _commands(source, driver), key=lambda deed: deed[0]))
    else:
        _play(clock, session.course_of_trace(source))
    if not account.speeches:
        raise ReplayError("there is no response in it")
    report = compare(
        account.records,
        heard=speaker.listener.heard,
        history=account.history,
        conversation=session.memory.conversation,
        plays_audio=True,
        frame_ms=policy.frame_ms,
        sent_ms=session.memory.sent_ms,
        lost=session.memory.lost,
        outcomes=account.outcomes,
        divergences=account.divergences,
        speaking_announced=account.speaking_announced,
    )
    return Replayed(report, trace)


def _play(clock: VirtualClock, course: Iterator[tuple[float, Deed]]) -> None:
    """Let everything happen at its time. What is given comes before what it leads to at the same instant."""
    for at_ms, deed in course:
        while (due_ms := clock.next_due_ms) is not None and due_ms < at_ms:
            clock.advance_to_next()
        clock.move_to(at_ms)
        deed()
    while clock.advance_to_next():
        pass


def _commands(trace: StoredTrace, driver: Driver) -> Iterator[tuple[float, Deed]]:
    """Yield the agent's commands. The floor is given by the driver, as it was."""

    def command(speech_id: str, command: ev.Command) -> None:
        driver.command(command, next((speech for speech in driver.speeches if speech.id == speech_id), None))

    for at_ms, speech_id, event in trace.events:
        if isinstance(event, ev.Interrupt | ev.Pause | ev.Resume | ev.Close):
            yield at_ms, partial(command, speech_id, event)
