"""Effects performed: on the session, the output, the clock, and told to the agent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev

from .clock import Clock, ScheduledCall
from .driven_speech import DrivenSpeech
from .driven_speeches import DrivenSpeeches
from .handover import Handover
from .ports import RestorableSession, Session
from .telling import Telling
from .turns import Turns

RequestEffect = fx.CreateResponse | fx.RestoreHistory | fx.SessionEffect
"""What a session is asked for."""


class Performer:
    """Calls, for each effect, the object that it is for. Whatever that raises is a fault, and nothing is left undone.

    What comes of it that the part itself does not report, such as a refusal, is put at the end of `waiting`.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        handover: Handover,
        speeches: DrivenSpeeches,
        telling: Telling,
        waiting: deque[ev.Event],
        take: Callable[[ev.Event], object],
        history_limit: int | None,
    ) -> None:
        """Perform on these parts; `take` is given the timers that fire."""
        self._session = session
        self._clock = clock
        self._handover = handover
        self._speeches = speeches
        self._telling = telling
        self._faults = telling.faults
        self._waiting = waiting
        self._take = take
        self._timers: dict[str, ScheduledCall] = {}
        """Those that run, of speeches by their names; the user's, by no name."""
        self.turns = Turns(telling.faults)
        self.history: deque[fx.CommitMessage] = deque(maxlen=history_limit)
        self.divergences: deque[fx.ReportDivergence] = deque(maxlen=history_limit)

    def perform(self, effect: fx.Effect) -> None:
        """Perform an effect."""
        if isinstance(effect, fx.OutputEffect):
            self._handover.perform(effect)
        elif isinstance(effect, RequestEffect):
            error = self._perform_on_session(effect)
            if error is not None:
                self._waiting.extend(_refusals(effect, repr(error)))
        elif isinstance(effect, fx.TimerEffect):
            self._perform_on_timer(effect)
        else:
            self._perform_on_agent(effect)

    # The session

    def _perform_on_session(self, effect: RequestEffect) -> BaseException | None:
        what = f"the session failed to perform {type(effect).__name__}"
        if isinstance(effect, fx.CreateResponse):
            return self._faults.attempt(what, self._request_response, effect)
        if not isinstance(effect, fx.RestoreHistory):
            return self._faults.attempt(what, self._session.perform, effect)
        error = None
        if isinstance(self._session, RestorableSession):
            error = self._faults.attempt(what, self._session.restore, tuple(self.history))
        self.turns.go_on()
        return error

    def _request_response(self, effect: fx.CreateResponse) -> None:
        options = self._speeches.by_id[effect.speech_id].options
        # A session that can be asked for nothing else has no parameters for that.
        more: dict[str, Any] = {"options": options} if options else {}
        if effect.is_out_of_band:
            more["is_out_of_band"] = True
        self._session.request_response(effect.speech_id, **more)

    # The clock

    def _perform_on_timer(self, effect: fx.TimerEffect) -> None:
        self.cancel_timer(effect.speech_id)
        if isinstance(effect, fx.StartTimer):
            self._faults.attempt("the clock failed to start a timer", self._start_timer, effect)
            if effect.speech_id not in self._timers:
                # Nobody would end the wait that it bounds.
                self._waiting.append(ev.TimerFired(effect.timer, effect.speech_id))

    def cancel_timer(self, speech_id: str = "") -> None:
        """Stop the timer of a speech, or the user's, if it runs."""
        timer = self._timers.pop(speech_id, None)
        if timer is not None:
            self._faults.attempt("the clock failed to cancel a timer", timer.cancel)

    def _start_timer(self, effect: fx.StartTimer) -> None:
        def fire() -> None:
            self._timers.pop(effect.speech_id, None)
            self._take(ev.TimerFired(effect.timer, effect.speech_id))

        self._timers[effect.speech_id] = self._clock.call_later(effect.delay_ms, fire)

    # The agent

    def _perform_on_agent(self, effect: fx.AgentEffect) -> None:
        speech = self._speech_told_of(effect)
        if isinstance(effect, fx.CommitMessage):
            self.history.append(effect)
        elif isinstance(effect, fx.ReportDivergence):
            self.divergences.append(effect)
        elif isinstance(effect, fx.AnnounceConnectionState):
            self.turns.note_connection(effect)
        elif isinstance(effect, fx.ReportSpeechDone) and speech is not None:
            self._end_speech(speech)
        self._telling.effect(speech, effect)

    def _speech_told_of(self, effect: fx.AgentEffect) -> DrivenSpeech | None:
        if isinstance(effect, fx.ReportSpeechBegun):
            return self._speeches.begin(effect.speech_id)
        if isinstance(effect, fx.ReportSpeechDone):
            return self._speeches.by_id[effect.speech_id]
        if isinstance(effect, fx.AnnounceAgentState | fx.AnnounceConnectionState):
            return self._speeches.latest
        message_id = effect.record.message_id if isinstance(effect, fx.ReportMessageSettled) else effect.message_id
        return self._speeches.of_message(message_id)

    def _end_speech(self, speech: DrivenSpeech) -> None:
        self._handover.drop(speech.snapshot.messages)
        for forgotten in self._speeches.end(speech):
            self._telling.last_changes(forgotten)
            self._handover.forget(forgotten.snapshot.messages)


def _refusals(effect: RequestEffect, detail: str) -> list[ev.SessionFact]:
    """What it comes to that a session could not send an effect: nobody will answer it."""
    if isinstance(effect, fx.CreateResponse):
        return [ev.SessionRequestRefused(effect.speech_id, "not_sent", detail)]
    if isinstance(effect, fx.TruncateMessage):
        return [ev.SessionReconciliationRefused("truncate", effect.message_id, "other", "not_sent", detail)]
    if isinstance(effect, fx.ReplaceMessage):
        return [ev.SessionReconciliationRefused("replace", effect.message_id, "other", "not_sent", detail)]
    if isinstance(effect, fx.RemoveMessages):
        return [
            ev.SessionReconciliationRefused("remove", message_id, "other", "not_sent", detail)
            for message_id in effect.message_ids
        ]
    return []
