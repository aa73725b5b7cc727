"""What a driver has told of a whole run. A driver itself keeps the latest only."""

from __future__ import annotations

from speech_lifecycle.adapters.driven_speech import DrivenSpeech
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.values import MessageRecord


class Account:
    """Listens to a driver from its beginning, and forgets nothing: for runs that end."""

    def __init__(self, driver: Driver) -> None:
        self.speeches: list[DrivenSpeech] = []
        """Every speech, in order of creation."""
        self.history: list[fx.CommitMessage] = []
        self.divergences: list[fx.ReportDivergence] = []
        self.speaking_announced = 0
        """How often the agent's state became "speaking"."""
        driver.listen(self._take)

    @property
    def records(self) -> list[MessageRecord]:
        """Of the messages of all speeches that are final."""
        return [record for speech in self.speeches for record in speech.records]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """How each speech ended."""
        return tuple(speech.snapshot.state for speech in self.speeches)

    def _take(self, speech: DrivenSpeech | None, effect: fx.AgentEffect) -> None:
        if isinstance(effect, fx.ReportSpeechBegun) and speech is not None:
            self.speeches.append(speech)
        elif effect == fx.AnnounceAgentState("speaking"):
            self.speaking_announced += 1
        elif isinstance(effect, fx.CommitMessage):
            self.history.append(effect)
        elif isinstance(effect, fx.ReportDivergence):
            self.divergences.append(effect)
