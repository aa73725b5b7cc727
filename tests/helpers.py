"""A small language for tests: a transcript of one speech, speeches in wanted configurations, events that may come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from speech_lifecycle.fsm import Capabilities, Message, MessageRecord, Policy, Reply, Speech, SpeechMachine
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import Effect, ReportSpeechDone
from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    Pause,
    Resume,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
)

E = TypeVar("E", bound=Effect)

TIMERS = ("stall", "playout", "stop", "reconcile")


class Transcript:
    """One speech, with everything it was told and everything it answered."""

    def __init__(self, *events: Event, capabilities: Capabilities | None = None, policy: Policy | None = None) -> None:
        self.machine = SpeechMachine(capabilities or Capabilities(), policy or Policy())
        self.effects: list[Effect] = []
        self.tell(*events)

    @property
    def speech(self) -> Speech:
        return self.machine.speech

    def send(self, event: Event) -> Reply:
        """Send an event, whatever the answer."""
        reply = self.machine.send(event)
        self.effects += reply.effects
        return reply

    def tell(self, *events: Event) -> tuple[Effect, ...]:
        """Send events that must be handled; return their effects."""
        effects: list[Effect] = []
        for event in events:
            reply = self.send(event)
            assert reply.kind == "handled", f"{event} was {reply.kind}: {getattr(reply, 'reason', '')}"
            effects += reply.effects
        return tuple(effects)

    def play(self, *ids: str) -> tuple[Effect, ...]:
        """Play messages to their ends, one after the other. Their sources must have ended."""
        effects: list[Effect] = []
        for message_id in ids:
            ms = self.message(message_id).received_ms
            effects += self.tell(
                OutputAudioHandedOver(message_id, ms),
                OutputPlaybackStarted(message_id),
                OutputPlaybackFinished(message_id, ms),
            )
        return tuple(effects)

    def of(self, *effect_types: type[E]) -> list[E]:
        """Return the effects of some types, so far."""
        return [effect for effect in self.effects if isinstance(effect, effect_types)]

    @property
    def state(self) -> str:
        return self.speech.state

    @property
    def states(self) -> dict[str, str]:
        """The messages' states."""
        return {message_id: message.state for message_id, message in self.speech.messages.items()}

    def message(self, message_id: str) -> Message:
        return self.speech.messages[message_id]

    def record(self, message_id: str) -> MessageRecord:
        record = self.message(message_id).record
        assert record is not None, f"{message_id} is {self.message(message_id).state}"
        return record

    @property
    def outcome(self) -> str:
        (done,) = self.of(ReportSpeechDone)
        return done.outcome


def only(effects: Iterable[Effect], *effect_types: type[E]) -> list[E]:
    """Return the effects of some types."""
    return [effect for effect in effects if isinstance(effect, effect_types)]


def text_of(message_id: str) -> str:
    return f"These are the words of {message_id}."


def audio_message(message_id: str, ms: int = 1000) -> tuple[Event, ...]:
    """An announcement, and all that the server has to say of it but its end."""
    return (
        SessionMessageAdded("r", message_id, ("audio",)),
        SessionTextReceived(message_id, text_of(message_id)),
        SessionAudioReceived(message_id, ms),
    )


def text_message(message_id: str) -> tuple[Event, ...]:
    return SessionMessageAdded("r", message_id, ("text",)), SessionTextReceived(message_id, text_of(message_id))


def queued(
    *ids: str,
    response_ended: bool = False,
    capabilities: Capabilities | None = None,
    policy: Policy | None = None,
) -> Transcript:
    """A speech without the floor, whose messages have each a second of audio from the server."""
    transcript = Transcript(SessionResponseCreated("r"), capabilities=capabilities, policy=policy)
    for message_id in ids:
        transcript.tell(*audio_message(message_id))
    if response_ended:
        transcript.tell(SessionResponseEnded("r"))
    return transcript


def waiting(*ids: str, **options: object) -> Transcript:
    """The same with the floor; nothing is heard yet."""
    transcript = queued(*ids, **options)  # type: ignore[arg-type]
    transcript.tell(Authorize())
    return transcript


def speaking(*ids: str, **options: object) -> Transcript:
    """The same, with all of the first message handed over and its first frame heard."""
    transcript = waiting(*ids, **options)
    transcript.tell(OutputAudioHandedOver(ids[0], 1000), OutputPlaybackStarted(ids[0]))
    return transcript


def flush_overtaken_by_audio() -> list[Event]:
    """More audio comes of a message that has been flushed; then the output is cleared at the very end of it."""
    return [
        SessionResponseCreated("r"),
        Authorize(),
        SessionMessageAdded("r", "a"),
        SessionAudioReceived("a", 60),
        SessionMessageEnded("a"),
        OutputAudioHandedOver("a", 60),
        SessionAudioReceived("a", 100),
        OutputAudioHandedOver("a", 100),
        OutputPlaybackFinished("a", 100, interrupted=True),
    ]


def interrupted(*ids: str, **options: object) -> Transcript:
    """The same, interrupted; the output has not yet said how far it got."""
    transcript = speaking(*ids, **options)
    transcript.tell(Interrupt())
    return transcript


def paused(*ids: str, **options: object) -> Transcript:
    """The same as `speaking`, held."""
    transcript = speaking(*ids, **options)
    transcript.tell(Pause())
    return transcript


def plausible_events(speech: Speech, limit: int = 3) -> list[Event]:
    """What may well come next in a speech of at most `limit` messages; what comes often stands here often."""
    events: list[Event] = [Pause()]
    if speech.state == "queued":
        events += [Authorize()] * 6
    elif speech.messages:
        events.append(Interrupt())
    if speech.state == "paused":
        events += [Resume()] * 4
    if speech.timer is not None:
        events += [TimerFired(speech.timer)] * (1 if speech.state in ("waiting", "speaking") else 4)
    if speech.response_id is None:
        events += [SessionResponseCreated("r")] * 12
    elif not speech.response_has_ended:
        if len(speech.messages) < limit:
            new = f"m{len(speech.messages)}"
            events += [SessionMessageAdded("r", new)] * 3
            events += [SessionMessageAdded("r", new, ("audio", "text")), SessionMessageAdded("r", new, ("text",))]
        events += [SessionResponseEnded("r"), SessionResponseEnded("r", "failed")]
    for operation, message_id in speech.awaited:
        events += [SessionReconciliationAcknowledged(operation, message_id)] * 2
        events += [
            SessionReconciliationRefused(operation, message_id, refusal, "some_code", "in words")
            for refusal in ("already_shorter", "unknown_message", "other")
        ]
    for message in speech.messages.values():
        if not message.is_final:
            events += _plausible_about(message)
        elif not speech.response_has_ended:
            # The end of its source may have been a wrong guess.
            events.append(SessionTextReceived(message.message_id, "late "))
            events.append(SessionAudioReceived(message.message_id, message.received_ms + 100))
    return events


def _plausible_about(message: Message) -> list[Event]:
    message_id, received, handed_over = message.message_id, message.received_ms, message.handed_over_ms
    events: list[Event] = []
    if not message.source_has_ended:
        events += [SessionTextReceived(message_id, "word ")] * 3
        events.append(SessionMessageEnded(message_id))
    if message.expects_audio and (not message.source_has_ended or received > 0):
        events += [SessionAudioReceived(message_id, received + 100)] * (1 if message.source_has_ended else 8)
    if message.state == "streaming" and handed_over < received:
        events += [OutputAudioHandedOver(message_id, received)] * 10
    if message.is_forwarding and handed_over > 0:
        half = (message.position_ms + handed_over) // 2
        events += [OutputPlaybackStarted(message_id)] * (0 if message.has_started else 4)
        events += [OutputPlaybackProgressed(message_id, half)] * 3
        events += [OutputPlaybackProgressed(message_id, handed_over), OutputFailed(message_id)]
        events.append(OutputPlaybackFinished(message_id, half, True))
        if message.state != "streaming":
            events += [OutputPlaybackFinished(message_id, half, True, transcript) for transcript in ("", "word")]
            events += [OutputPlaybackFinished(message_id, handed_over)] * 6
            events += [OutputPlaybackFinished(message_id, 0, True), OutputPlaybackFinished(message_id, None, True)]
            events.append(OutputPlaybackFinished(message_id, handed_over, True))
    return events


def dubious_events(speech: Speech) -> list[Event]:
    """What bad outputs and sessions say of the messages there are: too much, too little, too late, or no number."""
    events: list[Event] = []
    for message in speech.messages.values():
        message_id = message.message_id
        events += [
            SessionAudioReceived(message_id, message.received_ms + 100),
            SessionTextReceived(message_id, "late "),
            SessionMessageEnded(message_id),
        ]
        if message.is_forwarding:
            events += [OutputAudioHandedOver(message_id, message.received_ms + more) for more in (0, 1, 100) * 4]
        for position in (None, float("nan"), -5.0, 0, 0.9, message.handed_over_ms // 2, message.handed_over_ms, 10_000):
            events += [
                OutputPlaybackProgressed(message_id, position),
                OutputPlaybackFinished(message_id, position),
                OutputPlaybackFinished(message_id, position, interrupted=True),
            ]
    if speech.messages:
        events += [Interrupt()] * 3
    return events


def rare_events() -> list[Event]:
    """What may come at any time, but ends a speech."""
    return [Close(), Interrupt(force=True), SessionLost()]


def hostile_events(ids: Iterable[str] = ("m0", "m1", "foreign")) -> list[Event]:
    """Anything at all, in any state: late, early, twice, foreign, and with numbers that mean nothing."""
    events: list[Event] = [Authorize(), Interrupt(), Interrupt(force=True), Pause(), Resume(), Close(), SessionLost()]
    for response_id in ("r", "other"):
        events += [SessionResponseCreated(response_id)]
        events += [SessionResponseEnded(response_id, status) for status in ("completed", "cancelled", "failed")]
    for message_id in ids:
        events += [
            SessionMessageAdded("r", message_id),
            SessionMessageAdded("r", message_id, ("text",)),
            SessionMessageAdded("r", message_id, ()),
            SessionMessageAdded("other", message_id),
            SessionTextReceived(message_id, ""),
            SessionTextReceived(message_id, "word "),
            SessionMessageEnded(message_id),
            OutputPlaybackStarted(message_id),
            OutputFailed(message_id, "broken"),
        ]
        for ms in (-1, 0, 100, 300):
            events += [SessionAudioReceived(message_id, ms), OutputAudioHandedOver(message_id, ms)]
        for position in (None, float("nan"), float("inf"), -5.0, 0, 60, 99.9, 10_000):
            events += [
                OutputPlaybackProgressed(message_id, position),
                OutputPlaybackFinished(message_id, position),
                OutputPlaybackFinished(message_id, position, interrupted=True),
                OutputPlaybackFinished(message_id, position, interrupted=True, transcript=""),
            ]
        for operation in ("truncate", "replace", "remove"):
            events.append(SessionReconciliationAcknowledged(operation, message_id))
            events += [
                SessionReconciliationRefused(operation, message_id, refusal)
                for refusal in ("already_shorter", "unknown_message", "other")
            ]
    return events + [TimerFired(timer) for timer in TIMERS]


_fields_of_message = attrgetter(*(name for name in Message.__struct_fields__))
_fields_of_speech = attrgetter(*(name for name in Speech.__struct_fields__ if name != "messages"))


def fingerprint(speech: Speech) -> tuple[object, ...]:
    """Return all data of a speech as something that can be looked up."""
    return _fields_of_speech(speech), tuple(_fields_of_message(message) for message in speech.messages.values())


@dataclass(slots=True, eq=False)
class Configuration:
    """A snapshot, and how it was first reached."""

    speech: Speech
    before: Configuration | None = None
    event: Event | None = None

    def path(self) -> list[Event]:
        """Return the events that lead here from the start."""
        events: list[Event] = []
        at: Configuration | None = self
        while at is not None and at.event is not None:
            events.append(at.event)
            at = at.before
        return events[::-1]


def explore(
    start: Speech,
    events: Iterable[Event],
    may_come: Callable[[Speech, Event], bool] = lambda speech, event: True,
    key: Callable[[Speech], object] = fingerprint,
) -> Iterator[Configuration]:
    """Yield every configuration that the events lead to, nearest first."""
    events = list(events)
    seen = {key(start)}
    queue = deque([Configuration(start)])
    while queue:
        here = queue.popleft()
        yield here
        machine = SpeechMachine(speech=copy_speech(here.speech))
        for event in events:
            if may_come(here.speech, event) and machine.send(event).kind == "handled":
                found = machine.speech
                machine = SpeechMachine(speech=copy_speech(here.speech))
                if (known_as := key(found)) not in seen:
                    seen.add(known_as)
                    queue.append(Configuration(found, here, event))


def is_new_text(speech: Speech, event: Event) -> bool:
    """Text comes once for each message: it would grow without end."""
    if not isinstance(event, SessionTextReceived):
        return True
    message = speech.messages.get(event.message_id)
    return message is None or not message.text


def one_message_events(message_id: str = "m0", audio_ms: int = 100, cut_ms: int = 60) -> list[Event]:
    """All that can happen to a speech of one message, with one amount of audio and one place to cut it."""
    return [
        Authorize(),
        Interrupt(),
        Pause(),
        Resume(),
        Close(),
        SessionResponseCreated("r"),
        SessionResponseEnded("r"),
        SessionResponseEnded("r", "failed"),
        SessionLost(),
        *(TimerFired(timer) for timer in TIMERS),
        SessionMessageAdded("r", message_id),
        SessionMessageAdded("r", message_id, ("text",)),
        SessionTextReceived(message_id, "word"),
        SessionAudioReceived(message_id, audio_ms),
        SessionMessageEnded(message_id),
        OutputAudioHandedOver(message_id, audio_ms),
        OutputPlaybackStarted(message_id),
        OutputPlaybackProgressed(message_id, cut_ms),
        OutputPlaybackProgressed(message_id, audio_ms),
        OutputPlaybackFinished(message_id, audio_ms),
        OutputPlaybackFinished(message_id, audio_ms, interrupted=True),
        OutputPlaybackFinished(message_id, cut_ms, interrupted=True),
        OutputPlaybackFinished(message_id, None, interrupted=True),
        OutputFailed(message_id),
        SessionReconciliationAcknowledged("truncate", message_id),
        SessionReconciliationAcknowledged("replace", message_id),
        SessionReconciliationAcknowledged("remove", message_id),
        SessionReconciliationRefused("truncate", message_id),
        SessionReconciliationRefused("remove", message_id, "unknown_message"),
    ]


def two_message_events() -> list[Event]:
    """What can happen to a speech of two audio messages, with one amount of audio and one place to cut it."""
    events: list[Event] = [
        SessionResponseCreated("r"),
        Authorize(),
        Interrupt(),
        Pause(),
        Resume(),
        SessionResponseEnded("r"),
        TimerFired("stop"),
        TimerFired("reconcile"),
    ]
    for message_id in ("m0", "m1"):
        events += [
            SessionMessageAdded("r", message_id),
            SessionAudioReceived(message_id, 100),
            OutputAudioHandedOver(message_id, 100),
            OutputPlaybackStarted(message_id),
            OutputPlaybackFinished(message_id, 100),
            OutputPlaybackFinished(message_id, 60, interrupted=True),
            OutputPlaybackFinished(message_id, None, interrupted=True),
        ]
    return events


def representative_events(ids: Iterable[str]) -> list[Event]:
    """One event of each kind that a guard can tell apart, for messages that are known, and one that is not."""
    events: list[Event] = [Authorize(), Interrupt(), Interrupt(force=True), Pause(), Resume(), Close(), SessionLost()]
    for response_id in ("r", "other"):
        events += [SessionResponseCreated(response_id), SessionResponseEnded(response_id)]
    events += [SessionResponseEnded("r", "failed"), SessionMessageAdded("other", "unknown")]
    events += [SessionAudioReceived("unknown", 100), OutputPlaybackFinished("unknown", 100)]
    for message_id in ids:
        events += [
            SessionMessageAdded("r", message_id),
            SessionMessageAdded("r", message_id, ("text",)),
            SessionTextReceived(message_id, "word "),
            SessionMessageEnded(message_id),
            OutputPlaybackStarted(message_id),
            OutputFailed(message_id, "broken"),
        ]
        for ms in (0, 100, 300):
            events += [SessionAudioReceived(message_id, ms), OutputAudioHandedOver(message_id, ms)]
        for position in (None, 0, 60, 10_000):
            events += [
                OutputPlaybackProgressed(message_id, position),
                OutputPlaybackFinished(message_id, position),
                OutputPlaybackFinished(message_id, position, interrupted=True, transcript=""),
            ]
        for operation in ("truncate", "replace", "remove"):
            events.append(SessionReconciliationAcknowledged(operation, message_id))
            events += [
                SessionReconciliationRefused(operation, message_id, means) for means in ("already_shorter", "other")
            ]
    return events + [TimerFired(timer) for timer in TIMERS]
