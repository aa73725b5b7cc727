"""What comes out of the machines: to the repair, to the outputs, to the judge, and to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from livekit.agents import llm

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.message.guards import output_has_failed
from speech_lifecycle.fsm.replies import Rejected
from speech_lifecycle.fsm.speech import guards

from ...clock import Clock
from ..repair import Repair
from ..watch_events import MessageStateChanged, SpeechStateChanged
from .framework import Framework
from .judge import Judge
from .output import Outputs
from .speech import WatchedSpeech

WatchEvent = Literal[
    "speech_begun",
    "speech_state_changed",
    "message_state_changed",
    "message_settled",
    "forbidden_step",
    "embedder_failed",
]
Tell = Callable[..., Any]
"""Called with a WatchEvent and its values."""

_WRITING_MS = 250.0
"""How long after a speech the framework may take to write its history and announce the agent's state."""


class Performing:
    """Performs effects. None of the parts that it calls knows a machine."""

    def __init__(
        self,
        tell: Tell,
        clock: Clock,
        framework: Framework,
        outputs: Outputs,
        judge: Judge,
        repair: Repair | None,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._framework = framework
        self._outputs = outputs
        self._judge = judge
        self._repair = repair
        self._speeches: list[WatchedSpeech] = []
        """Those whose history is not settled."""

    def begin(self, speech: WatchedSpeech) -> None:
        """Expect effects of a new speech."""
        self._speeches.append(speech)
        if self._repair is not None:
            self._repair.begin(speech.response)
        self._tell("speech_begun", speech)

    def forget(self, speech: WatchedSpeech) -> None:
        """Let go of a speech that is long over."""
        if self._repair is not None:
            self._repair.forget(speech.response)

    def change(self, speech: WatchedSpeech, change: MessageStateChanged | SpeechStateChanged) -> None:
        """Tell a change of state."""
        if isinstance(change, SpeechStateChanged):
            self._tell("speech_state_changed", change)
            return
        if change.old_state is None and self._repair is not None:
            self._repair.hold(speech.response, change.message_id)
        self._tell("message_state_changed", change)

    def reject(self, speech: WatchedSpeech | None, event: ev.Event, reply: Rejected) -> None:
        """Report a violation. What names something unknown is none: it is about something else than the lifecycle."""
        if speech is not None:
            self._judge.rejection(speech, getattr(event, "message_id", ""), reply)

    def perform(self, session: llm.RealtimeSession[Any], speech: WatchedSpeech | None, effect: fx.Effect) -> None:
        """Perform an effect, each of which is one part's business, or several's."""
        if speech is not None:
            self._perform_on_speech(speech, effect)
        elif isinstance(effect, fx.RestoreHistory) and self._repair is not None:
            self._repair.restore(session)
        self._outputs.perform(effect)

    def _perform_on_speech(self, speech: WatchedSpeech, effect: fx.Effect) -> None:
        if isinstance(effect, fx.CommitMessage):
            speech.commits[effect.message_id] = effect
        elif isinstance(effect, fx.ReportMessageSettled):
            self._tell("message_settled", speech, effect.record)
        elif isinstance(effect, fx.ReportDivergence):
            self._judge.divergence(speech, effect)
        elif isinstance(effect, fx.PauseOutput):
            self._judge.held(speech)
        elif isinstance(effect, fx.CancelResponse):
            self._judge.expect_cancel(speech)
        elif isinstance(effect, fx.ReportSpeechDone):
            self._clock.call_later(_WRITING_MS, lambda: self.settle_history(speech))
        if self._repair is not None:
            self._repair.perform(speech.response, effect)
            if self._ends_the_frameworks(speech, effect):
                self._framework.stop(speech.response)

    def _ends_the_frameworks(self, speech: WatchedSpeech, effect: fx.Effect) -> bool:
        """Whether the framework, which clears its outputs by itself, has to be told: it knows of no failure."""
        if isinstance(effect, fx.ClearOutput):
            return output_has_failed(speech.snapshot, speech.snapshot.messages[effect.message_id], None)
        return isinstance(effect, fx.ReportMessageSettled) and guards.is_stopped(speech.snapshot, None)

    def settle_history(self, speech: WatchedSpeech) -> None:
        """When framework and lifecycle are both done with a speech, compare what they say of it."""
        if not (speech.is_over and speech.response.is_done) or speech.history_is_settled:
            return
        self._speeches.remove(speech)
        left_speaking = self._framework.is_speaking and all(other.is_over for other in self._speeches)
        self._judge.history(speech, left_speaking=left_speaking)
        speech.history_is_settled = True
        if self._repair is not None:
            self._repair.settle_history(speech.response, self._framework.agent, self._framework.history)
