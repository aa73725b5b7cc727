"""The output of a server that plays by itself: what its own events tell of the playback (spec, section 7).

In a WebRTC or SIP call the audio goes from the server to the user, and none of it comes over the connection that the
agent has beside the call. `output_audio_buffer.started`, `stopped` and `cleared` say when a response is played, and
`conversation.item.truncated` how much of a message was, if it was cut (openai/openai-ruby#530).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.effects import CancelResponse, RemoveMessages, SessionEffect

from ..clock import Clock, ScheduledCall
from ..ports import SessionReceiver
from .fields import identifier, optional
from .server_plays import Play, PlayedMessage

_TICK_MS = 100
"""How often it reports that it still plays."""
_GRACE_MS = 250
"""How long the server may take to say where it cut what it has cleared."""
_MS_PER_CHARACTER = 65.0
"""How long a character of a transcript takes to be spoken, until a response has shown how long it takes this voice."""
_PLAYS_KEPT = 64
"""Responses that are remembered: far more than are played at a time."""


class ServerOutput:
    """What a session offers the driver as its output if the server plays by itself, and cuts what it plays.

    It stands between the session's facts and the driver: `between` gives what the session is to report to.

    What it knows: when a response began to play and ended, and where the server cut a message. What it reckons: how far
    a message has got meanwhile, by the time since it began; when one message of a response follows another, by the
    length of their transcripts; and so how much audio there is of one. `received_ms` is no less than what was played,
    and of a message that was cut its reckoned length.
    """

    can_pause = False
    shows_text = False

    def __init__(self, clock: Clock, sample_rate: int, send: Callable[[dict[str, Any]], None]) -> None:
        """Take the driver's clock, the sample rate that the session names, and what sends a client event."""
        self.sample_rate = sample_rate
        self._clock = clock
        self._send = send
        self._tell: Callable[[ev.OutputFact], None] = lambda fact: None
        self._receiver: SessionReceiver | None = None
        self._plays: dict[str, Play] = {}
        self._messages: dict[str, PlayedMessage] = {}
        self._in_hand: PlayedMessage | None = None
        self._tick: ScheduledCall | None = None
        self._graces: dict[str, ScheduledCall] = {}
        self._ms_per_character = _MS_PER_CHARACTER
        self._is_closed = False

    # For the driver

    def attach(self, report: Callable[[ev.OutputFact], None]) -> None:
        """Take the function that facts are reported to."""
        self._tell = report

    def start(self, message_id: str) -> None:
        """Report on this message next."""
        self._in_hand = self._messages.get(message_id)
        self._advance()

    def write(self, message_id: str, pcm: bytes) -> None:
        """Do nothing: the server plays it."""

    def write_text(self, message_id: str, text: str) -> None:
        """Do nothing: there is no screen."""

    def flush(self, message_id: str) -> None:
        """Report the end of a message that was played whole."""
        message = self._messages.get(message_id)
        if message is not None and message.is_whole:
            self._finish(message, None, interrupted=False)

    def clear(self, message_id: str) -> None:
        """Have the server stop, and report how far it got when it says so."""
        message = self._messages.get(message_id)
        if message is None or message.is_over:
            return
        message.is_stopped = True
        if message.is_whole:
            self._finish(message, message.handed_over_ms, interrupted=False)
        elif message.play.ended_ms is None:
            self._advance()
            self._send({"type": "output_audio_buffer.clear"})
        else:
            self._advance()

    def pause(self) -> None:
        """Do nothing: the server cannot hold its playback."""

    def resume(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Report nothing more. The call is not the driver's to end."""
        self._is_closed = True
        self._stop_ticking()
        for grace in self._graces.values():
            grace.cancel()
        self._graces.clear()

    # For the session

    def between(self, receiver: SessionReceiver) -> SessionReceiver:
        """Return what the session is to report to, in place of the receiver, which gets all of it."""
        self._receiver = receiver
        return self

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        """Pass on a fact of the session, and learn from it."""
        if isinstance(fact, ev.SessionResponseCreated):
            self._play_of(fact.response_id)
        elif isinstance(fact, ev.SessionMessageAdded) and "audio" in fact.modalities:
            self._expect(fact)
        self._session.report(fact, speech_id=speech_id)
        if isinstance(fact, ev.SessionTextReceived):
            self._count_text(fact)
        elif isinstance(fact, ev.SessionResponseEnded) and fact.status in ("cancelled", "failed"):
            play = self._plays.get(fact.response_id)
            if play is not None and play.started_ms is None:
                self._end(play, was_cleared=True, awaits_cut=False)
        elif isinstance(fact, ev.SessionLost):
            for play in tuple(self._plays.values()):
                self._end(play, was_cleared=True, awaits_cut=False)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        """Drop audio that comes all the same: the server plays it."""
        message = self._messages.get(message_id)
        if message is not None:
            self._receive(message, 1)

    def user_started_speaking(self) -> None:
        """Pass it on."""
        self._session.user_started_speaking()

    def user_stopped_speaking(self) -> None:
        """Pass it on."""
        self._session.user_stopped_speaking()

    def note(self, effect: SessionEffect) -> None:
        """Learn what the server is told: what nobody wants any more must not go on playing, or begin to."""
        unwanted: list[Play] = []
        if isinstance(effect, CancelResponse):
            unwanted = [self._plays[effect.response_id]] if effect.response_id in self._plays else []
        elif isinstance(effect, RemoveMessages):
            unwanted = [self._messages[each].play for each in effect.message_ids if each in self._messages]
        for play in unwanted:
            is_in_hand = self._in_hand is not None and self._in_hand.play is play and not self._in_hand.is_over
            if not play.is_unwanted and not is_in_hand:
                self._silence(play)
            play.is_unwanted = True

    def receive(self, event: Mapping[str, Any]) -> None:
        """Take a server event, once its facts have been reported. Those that are not about playback mean nothing here.

        Raises:
            FieldError: a field that the protocol promises is missing.
        """
        name = event.get("type")
        if name == "output_audio_buffer.started":
            self._begin(self._play_of(identifier(event, "response_id")))
        elif name == "output_audio_buffer.stopped":
            self._end(self._play_of(identifier(event, "response_id")), was_cleared=False, awaits_cut=False)
        elif name == "output_audio_buffer.cleared":
            self._end(self._play_of(identifier(event, "response_id")), was_cleared=True, awaits_cut=True)
        elif name == "conversation.item.truncated":
            self._cut_at(identifier(event, "item_id"), optional(event, "audio_end_ms"))

    # What is known

    @property
    def _session(self) -> SessionReceiver:
        if self._receiver is None:
            raise RuntimeError("the output is not between a session and its driver")
        return self._receiver

    def _play_of(self, response_id: str) -> Play:
        play = self._plays.get(response_id)
        if play is None:
            play = self._plays[response_id] = Play(response_id, self._clock.now_ms())
            if len(self._plays) > _PLAYS_KEPT:
                for message in self._plays.pop(next(iter(self._plays))).messages:
                    self._messages.pop(message.message_id, None)
        return play

    def _expect(self, fact: ev.SessionMessageAdded) -> None:
        if fact.message_id not in self._messages:
            play = self._play_of(fact.response_id)
            message = self._messages[fact.message_id] = PlayedMessage(fact.message_id, play)
            play.messages.append(message)

    def _count_text(self, fact: ev.SessionTextReceived) -> None:
        message = self._messages.get(fact.message_id)
        if message is not None:
            message.characters += len(fact.text)
            # What has a transcript has audio, and is open until the server has played it.
            self._receive(message, 1)

    def _begin(self, play: Play) -> None:
        if play.started_ms is None and play.ended_ms is None:
            play.started_ms = self._clock.now_ms()
            if play.is_unwanted:
                self._silence(play)
            self._advance()

    def _end(self, play: Play, *, was_cleared: bool, awaits_cut: bool) -> None:
        if play.ended_ms is not None:
            return
        play.ended_ms = self._clock.now_ms()
        play.was_cleared = was_cleared
        play.awaits_cut = awaits_cut and play.started_ms is not None
        characters = sum(message.characters for message in play.messages)
        was_cut = was_cleared or any(message.cut_ms is not None for message in play.messages)
        if not was_cut and characters and play.started_ms is not None:
            self._ms_per_character = play.reached_ms(play.ended_ms) / characters
        if play.awaits_cut:
            self._after_grace(play, lambda: self._ask_to_cut(play))
        self._advance()

    def _cut_at(self, message_id: str, audio_end_ms: object) -> None:
        message = self._messages.get(message_id)
        if message is None or isinstance(audio_end_ms, bool) or not isinstance(audio_end_ms, int) or audio_end_ms < 0:
            return
        message.cut_ms = audio_end_ms
        if message.play.ended_ms is None and message.play.started_ms is not None:
            play = message.play
            self._after_grace(play, lambda: self._end(play, was_cleared=True, awaits_cut=False))
        self._advance()

    def _silence(self, play: Play) -> None:
        if play.started_ms is not None and play.ended_ms is None:
            self._send({"type": "output_audio_buffer.clear"})

    def _ask_to_cut(self, play: Play) -> None:
        """Have the server remember no more than was played, if it does not say that it has seen to that."""
        message = self._in_hand
        if message is None or message.play is not play or message.is_over:
            play.awaits_cut = False
            return
        reached_ms = int(self._reached_ms(message))
        if reached_ms > 0:
            self._send(
                {
                    "type": "conversation.item.truncate",
                    "item_id": message.message_id,
                    "content_index": 0,
                    "audio_end_ms": reached_ms,
                }
            )
        self._after_grace(play, lambda: self._await_no_cut(play))

    def _await_no_cut(self, play: Play) -> None:
        play.awaits_cut = False
        self._advance()

    def _after_grace(self, play: Play, then: Callable[[], None]) -> None:
        def go_on() -> None:
            self._graces.pop(play.response_id, None)
            then()

        earlier = self._graces.pop(play.response_id, None)
        if earlier is not None:
            earlier.cancel()
        self._graces[play.response_id] = self._clock.call_later(_GRACE_MS, go_on)

    # What follows from it for the message in hand

    def _reached_ms(self, message: PlayedMessage) -> float:
        return max(0.0, message.play.reached_ms(self._clock.now_ms()) - message.play.before_ms)

    def _advance(self) -> None:
        """Report how far the message has got that the driver waits for."""
        self._stop_ticking()
        message = self._in_hand
        if message is None or message.is_whole or message.is_over:
            return
        play = message.play
        reached_ms = self._reached_ms(message)
        cut_later = next((later.cut_ms for later in message.later if later.cut_ms is not None), None)
        if play.ended_ms is None:
            if play.started_ms is not None:
                self._go_on(message, reached_ms)
        elif play.started_ms is None:
            self._cut(message, 0)
        elif message.cut_ms is not None:
            self._cut(message, message.cut_ms)
        elif cut_later is not None:
            self._take_whole(message, reached_ms - cut_later)
        elif not play.was_cleared:
            characters = sum(each.characters for each in (message, *message.later))
            share = message.characters / characters if characters else 1
            self._take_whole(message, reached_ms * share)
        elif reached_ms <= 0 and not message.has_started:
            self._cut(message, 0)
        elif play.awaits_cut:
            self._take_played(message, reached_ms)
        else:
            self._cut(message, None)

    def _go_on(self, message: PlayedMessage, reached_ms: float) -> None:
        length_ms = message.characters * self._ms_per_character
        if not message.is_stopped and message.later and 0 < length_ms <= reached_ms:
            self._take_whole(message, length_ms)
        else:
            if not message.is_stopped:  # nobody knows whether it plays on
                self._tick = self._clock.call_later(_TICK_MS, self._advance)
            self._take_played(message, reached_ms)

    def _take_played(self, message: PlayedMessage, reached_ms: float) -> None:
        """Report a part that was played; more may follow, so that more counts as received than as handed over."""
        played_ms = max(1, int(reached_ms))
        self._receive(message, played_ms + 1)
        self._hand_over(message, played_ms)
        self._report_start(message)
        self._report(ev.OutputPlaybackProgressed(message.message_id, int(reached_ms), int(self._clock.now_ms())))

    def _take_whole(self, message: PlayedMessage, reached_ms: float) -> None:
        """Report that all of it was played. Its end is reported when the driver flushes it, or waits for it."""
        # All but the last millisecond, so that it stays open until the last report of these.
        self._take_played(message, max(reached_ms - 1, message.handed_over_ms))
        message.is_whole = True
        message.play.before_ms += message.received_ms
        # The driver may flush it, and start the next one, from inside this report.
        self._hand_over(message, message.received_ms)
        if message.is_stopped and not message.is_over:
            self._finish(message, message.handed_over_ms, interrupted=False)

    def _cut(self, message: PlayedMessage, position_ms: int | None) -> None:
        """Report that it was cut, at a position that the server has told, or else at one that is reckoned."""
        reached_ms = position_ms if position_ms is not None else int(self._reached_ms(message))
        self._receive(message, max(reached_ms + 1, int(message.characters * self._ms_per_character)))
        self._hand_over(message, max(1, reached_ms))
        if reached_ms > 0:
            self._report_start(message)
        message.play.before_ms += reached_ms
        self._finish(message, position_ms, interrupted=True)

    # Reports

    def _receive(self, message: PlayedMessage, received_ms: int) -> None:
        if received_ms > message.received_ms:
            message.received_ms = received_ms
            self._session.report(ev.SessionAudioReceived(message.message_id, received_ms))

    def _hand_over(self, message: PlayedMessage, handed_over_ms: int) -> None:
        if handed_over_ms > message.handed_over_ms:
            message.handed_over_ms = handed_over_ms
            self._report(ev.OutputAudioHandedOver(message.message_id, handed_over_ms, int(message.play.known_at_ms)))

    def _report_start(self, message: PlayedMessage) -> None:
        if not message.has_started:
            message.has_started = True
            # The event may have been long on its way. The server's own word for where it cut must not seem impossible.
            self._report(ev.OutputPlaybackStarted(message.message_id, int(message.play.known_at_ms)))

    def _finish(self, message: PlayedMessage, position_ms: int | None, *, interrupted: bool) -> None:
        message.is_over = True
        self._report(ev.OutputPlaybackFinished(message.message_id, position_ms, interrupted))

    def _report(self, fact: ev.OutputFact) -> None:
        if not self._is_closed:
            self._tell(fact)

    def _stop_ticking(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
