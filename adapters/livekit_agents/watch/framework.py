"""The `AgentSession`: which of its speeches plays which response, and what it does with it."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from livekit.agents import Agent, AgentSession, AgentStateChangedEvent, CloseEvent, SpeechCreatedEvent, llm
from livekit.agents.voice import SpeechHandle

from speech_lifecycle.fsm import events as ev

from ..response import Response
from .facts import AgentSpoke, Report, SpeechHandleDone


class Framework:
    """Listens to a session, and joins its speech handles with the responses that they play."""

    def __init__(self, session: AgentSession[Any], report: Report) -> None:
        self._session = session
        self._report = report
        self._announcing: Response | None = None
        self._speakers: WeakKeyDictionary[SpeechHandle, Agent] = WeakKeyDictionary()
        """Who speaks: a reply to a tool that hands over is still the old agent's, and has the handle of its call."""
        self._running: list[Response] = []
        """Those with a handle that was not interrupted, and is not done."""
        session.on("speech_created", self._on_speech_created)
        session.on("agent_state_changed", self._on_agent_state_changed)
        session.on("close", self._on_close)

    @property
    def is_speaking(self) -> bool:
        """Whether the agent is announced as speaking."""
        return self._session.agent_state == "speaking"

    @property
    def shows_text(self) -> bool:
        """Whether a text reaches the user beside the audio: written, or spoken by the session's TTS."""
        output = self._session.output
        is_written = output.transcription is not None and output.transcription_enabled
        return is_written or self._session.tts is not None

    @property
    def agent(self) -> Agent | None:
        """The agent that has the conversation; None while there is none."""
        try:
            return self._session.current_agent
        except RuntimeError:
            return None

    @property
    def history(self) -> llm.ChatContext:
        """The session's own, over all agents."""
        return self._session.history

    def begin(self, response: Response) -> None:
        """Note that the framework is about to hear of a response."""
        response.agent = self._session.current_agent
        if not response.is_requested:
            self._announcing = response
        elif self._session.current_speech is not None:
            self._join(response, self._session.current_speech)

    def has_dropped(self, response: Response) -> bool:
        """Whether the framework, having heard of a response of the server's own, makes no speech of it."""
        if self._announcing is not response:
            return False
        self._announcing = None
        return response.handle is None

    def newly_interrupted(self) -> list[Response]:
        """Return those that were interrupted since this was last asked. The handles know; nothing announces it."""
        interrupted = [response for response in self._running if response.is_interrupted]
        for response in interrupted:
            self._running.remove(response)
        return interrupted

    def stop(self, response: Response) -> None:
        """End the framework's speech, which waits for a report that will not come, or would play on."""
        if response.handle is not None:
            response.handle.interrupt(force=True)

    def _join(self, response: Response, handle: SpeechHandle) -> None:
        response.handle = handle
        response.agent = self._speakers.get(handle, response.agent)
        self._running.append(response)
        handle.add_done_callback(lambda _: self._on_done(response))

    def _on_done(self, response: Response) -> None:
        self._report(SpeechHandleDone(), response)
        if response in self._running:
            self._running.remove(response)

    def _on_speech_created(self, event: SpeechCreatedEvent) -> None:
        self._speakers[event.speech_handle] = self._session.current_agent
        if self._announcing is not None:
            self._join(self._announcing, event.speech_handle)

    def _on_agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._report(AgentSpoke())

    def _on_close(self, _: CloseEvent) -> None:
        self._report(ev.Close())
