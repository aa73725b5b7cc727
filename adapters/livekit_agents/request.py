"""A request for a response, which waits until the lifecycle sends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livekit.agents import llm

Answer = asyncio.Future[llm.GenerationCreatedEvent]


class Request:
    """Stands between who asks a realtime session for a response, and the plugin's session."""

    def __init__(
        self,
        ask: Callable[[], Answer],
        on_given_up: Callable[[], None],
        on_refused: Callable[[str], None],
    ) -> None:
        """Ask for nothing yet.

        Args:
            ask: asks the plugin's session.
            on_given_up: called when whoever asked does not wait any more.
            on_refused: is told why there will be no response.
        """
        self.answer: Answer = asyncio.get_running_loop().create_future()
        """For whoever asked: the same event that the plugin's session gives."""
        self._ask = ask
        self._asked: Answer | None = None
        self._is_answered = False
        """Without the plugin's knowledge."""
        self._on_given_up = on_given_up
        self._on_refused = on_refused
        self.answer.add_done_callback(self._on_answer)

    @property
    def is_given_up(self) -> bool:
        """Whether it was sent, and the plugin told that nobody waits for it any more."""
        return self._asked is not None and self._asked.cancelled()

    def is_answered_by(self, event: llm.GenerationCreatedEvent) -> bool:
        """Whether a response is the one that was asked for."""
        asked = self._asked
        if asked is None or asked.cancelled():
            return False
        if not asked.done():
            # Plugins may announce a response before they answer the request for it.
            return event.user_initiated
        return asked.exception() is None and asked.result() is event

    def answer_with(self, event: llm.GenerationCreatedEvent) -> None:
        """Take a response for the one that was asked for: the plugin could not know that it is, and waits on."""
        if not self.answer.done():
            event.user_initiated = True
            self._is_answered = True
            self.answer.set_result(event)

    def send(self) -> None:
        """Ask the plugin's session, unless nobody waits any more."""
        if self.answer.done():
            return
        try:
            self._asked = self._ask()
        except Exception as error:
            self._refuse(error)
        else:
            self._asked.add_done_callback(self._on_asked)

    def _on_asked(self, asked: Answer) -> None:
        if asked.cancelled():
            self.answer.cancel()
            return
        error = asked.exception()
        if self._is_answered:
            return
        if error is not None:
            self._refuse(error)
        elif not self.answer.done():
            self.answer.set_result(asked.result())

    def _refuse(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
        self._on_refused(str(error))

    def _on_answer(self, answer: Answer) -> None:
        if answer.cancelled():
            if self._asked is not None:
                self._asked.cancel()
            self._on_given_up()
