"""A browser's page as loudspeaker and microphone, over a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Mapping
from typing import Any

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from ..queued_output import QueuedOutput
from .frames import (
    AUDIO_FRAME_BYTES,
    Asked,
    AudioState,
    Cut,
    Heard,
    Microphone,
    PageFrameError,
    microphone_audio,
    read_fact,
)
from .link import PageLink, Send
from .tab_playback import TabPlayback

try:
    from ..resampler import Resampler
except ImportError as error:
    raise ImportError("the browser needs numpy and soxr: pip install 'speech-lifecycle[browser]'") from error

logger = logging.getLogger(__name__)

_AHEAD_MS = 1_000
"""How much more than was heard a page is given: it bears a stall of ours, and is soon told to stop."""
_PROGRESS_MS = 100
_CUT_PATIENCE_S = 0.8
"""How long a page may take to say where it was cut: less than `Policy.stop_timeout_ms`."""


class BrowserOutput(QueuedOutput[TabPlayback]):
    """Plays on a page, in an AudioWorklet. Its position is what the page has rendered, the audio system's latency ago.

    What the page rendered before it was told to stop cannot be called back, and counts: it is heard. The embedder gives
    it each frame of the page by `run`, with any WebSocket library; `BrowserServer` does. When the page is gone, the
    message in hand fails at its last position; another page may come, and plays what comes then.
    """

    def __init__(self, *, sample_rate: int = 24_000, patience_ms: float = 3_000, shows_text: bool = False) -> None:
        """Wait for a page.

        Args:
            sample_rate: of the audio that is written, and of the microphone's.
            patience_ms: how long audio waits for a page, and a page may report nothing while it has audio to play;
                then the message fails.
            shows_text: whether the page shows the texts that it is sent.
        """
        super().__init__(sample_rate, can_pause=True)
        self._patience_ms = patience_ms
        self._shows_text = shows_text
        self._link: PageLink | None = None
        self._numbers = 0
        self._is_paused = False
        self._cutting: dict[int, tuple[TabPlayback, asyncio.TimerHandle]] = {}
        self._watching: asyncio.TimerHandle | None = None
        self._alive_ms = 0.0
        """When the page last did what it should, or nothing was expected of it."""
        self._view: Mapping[str, Any] | None = None
        self._on_asked: Callable[[dict[str, Any]], None] | None = None
        self._microphone: Resampler | None = None
        self.faults = 0
        """Frames of pages that could not be read, and facts that cannot be true."""

    @property
    def shows_text(self) -> bool:
        """Whether the user reads what `write_text` is given."""
        return self._shows_text

    @property
    def is_playing(self) -> bool:
        """Whether there is a page whose audio runs: the user has clicked on it."""
        return self._link is not None and self._link.is_playing

    # From the page

    async def run(
        self,
        send: Send,
        frames: AsyncIterable[str | bytes],
        *,
        on_microphone: Callable[[bytes], object] | None = None,
        on_asked: Callable[[dict[str, Any]], None] | None = None,
        on_state: Callable[[], object] | None = None,
    ) -> None:
        """Play on a page until there are no more frames of it. A page that was there before is let go.

        Args:
            send: sends a frame, text or bytes.
            frames: what the page sends.
            on_microphone: is given what the user says: 16-bit mono PCM at the output's rate.
            on_asked: is given what the page's own code asks for.
            on_state: is called when the page's audio begins to run, or stops.
        """
        self._leave_page("the conversation has gone on in another page")
        link = self._link = PageLink(send, lambda why: self._lose(link, why))
        self._microphone, self._on_asked = None, on_asked
        link.tell("begin", rate=self._sample_rate)
        if self._is_paused:
            link.tell("pause")
        if self._view is not None:
            link.show(self._view)
        self._catch_up()
        try:
            async for frame in frames:
                if link is not self._link:
                    return
                pcm = self._take(link, frame)
                if pcm and on_microphone is not None:
                    on_microphone(pcm)
                elif on_state is not None and not pcm:
                    on_state()
        finally:
            self._lose(link, "the page was closed, or loaded anew, or its connection is gone")

    def _take(self, link: PageLink, frame: str | bytes) -> bytes:
        """Take one frame of the page, whatever it is, and return what the user said in it."""
        try:
            if isinstance(frame, bytes):
                return self._heard_by(microphone_audio(frame))
            fact = read_fact(frame)
            if isinstance(fact, AudioState):
                link.state = fact
                self._alive_ms = self._now_ms
            elif isinstance(fact, Microphone):
                self._microphone = Resampler(fact.rate, self._sample_rate)
            elif isinstance(fact, Asked):
                if self._on_asked is not None:
                    self._on_asked(fact.what)
            else:
                self._note(fact)
        except PageFrameError as error:
            self.faults += 1
            logger.debug("%s", error)
        self._catch_up()
        return b""

    def _heard_by(self, pcm: bytes) -> bytes:
        if self._microphone is None:
            raise PageFrameError("a page sent sound before it said at which rate")
        return self._microphone.take(pcm)

    def _note(self, fact: Heard | Cut) -> None:
        """Take how far a message was heard, if that can be."""
        playback, timer = self._cutting.get(fact.message, (self._playback, None))
        if playback is None or playback.number != fact.message:
            if 0 < fact.message <= self._numbers:
                return  # it is over, which the page could not know yet
            raise PageFrameError(f"a page reports of message {fact.message}, which there never was")
        if timer is None and isinstance(fact, Cut):
            raise PageFrameError(f"a page has cut message {fact.message}, which it was not told to")
        if not playback.heard <= fact.samples <= playback.sent:
            raise PageFrameError(
                f"a page has heard {fact.samples} samples, after {playback.heard}, of {playback.sent} that it was sent"
            )
        playback.heard, self._alive_ms = fact.samples, self._now_ms
        playback.heard_at_ms = self._now_ms
        if timer is None:
            self._tell_position(playback)
        elif isinstance(fact, Cut):
            self._end_cut(playback)

    def _lose(self, link: PageLink, why: str) -> None:
        """Go on without this page: what it has in hand ends where it was heard to play last."""
        if link is not self._link:
            return
        link.abandon()
        self._leave_page(why)

    def _leave_page(self, why: str) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        link.abandon()
        for playback, _ in list(self._cutting.values()):
            self._end_cut(playback)
        if self._playback is not None and self._playback.sent:
            self._fail(self._playback, why)
        self._alive_ms = self._now_ms

    # From the embedder

    def show(self, view: Mapping[str, Any]) -> None:
        """Give the page's own code something to show: JSON's own types. A page that comes later gets the latest."""
        self._view = view
        if self._link is not None:
            self._link.show(view)

    async def drained(self) -> None:
        """Return when all that waits for the page is sent, or when that has taken a second."""
        if self._link is not None:
            await self._link.drained()

    # From the driver

    def pause(self) -> None:
        """Have the page hold, with all that it has."""
        self._hold(True)

    def resume(self) -> None:
        """Have the page go on."""
        self._hold(False)

    def _hold(self, is_paused: bool) -> None:
        if is_paused == self._is_paused:
            return
        self._is_paused = is_paused
        self._alive_ms = self._now_ms
        if self._link is not None:
            self._link.tell("pause" if is_paused else "resume")
        self._catch_up()

    async def aclose(self) -> None:
        """Have the page drop what it has, and play nothing more. The connection is the embedder's."""
        if self._closed:
            return
        playback, link = self._let_go(), self._link
        self._closed = True
        for timer in (self._watching, *(timer for _, timer in self._cutting.values())):
            if timer is not None:
                timer.cancel()
        self._cutting.clear()
        if link is not None:
            if playback is not None and playback.sent:
                link.cut(playback.number)
            await link.drained()

    def _begin(self, message_id: str) -> TabPlayback:
        self._numbers += 1
        return TabPlayback(message_id, self._numbers, self._sample_rate)

    def _take_text(self, playback: TabPlayback, text: str) -> None:
        if self._shows_text:
            playback.texts.append(text)
            self._catch_up()

    def _cut(self, playback: TabPlayback) -> None:
        if playback is self._playback:
            self._let_go()
        self._note_done(playback.message_id)
        if self._link is None or not playback.sent:
            self._tell_finish(playback, interrupted=True)
            return
        self._link.cut(playback.number)
        timer = asyncio.get_running_loop().call_later(_CUT_PATIENCE_S, self._end_cut, playback)
        self._cutting[playback.number] = (playback, timer)

    def _end_cut(self, playback: TabPlayback) -> None:
        _, timer = self._cutting.pop(playback.number)
        timer.cancel()
        self._tell_finish(playback, interrupted=True)

    def _catch_up(self) -> None:
        """Send what the page may have by now, and see whether the message is over."""
        playback = self._playback
        if playback is None or self._closed:
            return
        if self._link is not None and self._link.is_playing:
            self._send_on(self._link, playback)
        if playback.is_over:
            self._let_go()
            self._tell_finish(playback, interrupted=False)
        else:
            self._watch()

    def _send_on(self, link: PageLink, playback: TabPlayback) -> None:
        for text in playback.texts:
            link.tell("text", message=playback.number, text=text)
        playback.texts.clear()
        while pcm := playback.take(AUDIO_FRAME_BYTES, ahead_ms=_AHEAD_MS):
            if not playback.first_sent_ms:
                playback.first_sent_ms = self._now_ms
            link.send_audio(playback.number, pcm)

    # A page that does nothing

    def _watch(self) -> None:
        """See to it that what waits for a page does not wait for ever."""
        if self._is_paused or not self._awaits_page():
            self._alive_ms = self._now_ms
        elif self._watching is None:
            left_ms = max(0.0, self._alive_ms + self._patience_ms - self._now_ms)
            self._watching = asyncio.get_running_loop().call_later(left_ms / 1000, self._look)

    def _awaits_page(self) -> bool:
        playback = self._playback
        return playback is not None and (playback.heard < playback.written or bool(playback.texts))

    def _look(self) -> None:
        self._watching = None
        playback = self._playback
        if playback is None or self._closed or self._is_paused or not self._awaits_page():
            return
        if self._now_ms < self._alive_ms + self._patience_ms:
            self._watch()
        elif self._link is None:
            self._fail(playback, "no page has been opened")
        elif not self._link.is_playing:
            state = self._link.state.state
            self._fail(playback, f"the page's audio is {state}: it sounds when the user has clicked on it")
        else:
            self._fail(playback, f"the page has reported nothing for {self._patience_ms:g} ms")

    def _fail(self, playback: TabPlayback, detail: str) -> None:
        """The message ends where it was last known to be; what came after that is not known."""
        self._let_go()
        if self._link is not None and playback.sent:
            self._link.cut(playback.number)
        if playback.started:
            self._tell(OutputPlaybackProgressed(playback.message_id, playback.position_ms))
        observed_ms = int(playback.heard_at_ms) if playback.started else None
        self._tell(OutputFailed(playback.message_id, detail, observed_ms))

    # To the driver

    @property
    def _now_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000

    def _tell_position(self, playback: TabPlayback) -> None:
        if playback.heard and not playback.started:
            playback.started = True
            # The report was a while on its way: it may have been heard as soon as it was sent.
            self._tell(OutputPlaybackStarted(playback.message_id, observed_ms=int(playback.first_sent_ms)))
        if playback.position_ms - playback.told_ms >= _PROGRESS_MS:
            playback.told_ms = playback.position_ms
            self._tell(OutputPlaybackProgressed(playback.message_id, playback.position_ms))

    def _tell_finish(self, playback: TabPlayback, *, interrupted: bool) -> None:
        self._tell(OutputPlaybackFinished(playback.message_id, playback.position_ms, interrupted))

    def _tell(self, fact: OutputFact) -> None:
        if self._report is not None and not self._closed:
            self._report(fact)
