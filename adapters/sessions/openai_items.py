"""The items of an OpenAI Realtime server: the messages that it is building, and the places of those that it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from speech_lifecycle.fsm.values import Modality

from .audio_format import AudioFormat, AudioFormatError

_ITEMS_KEPT = 1024
"""Items of which is remembered what a later request needs: far more than one response has."""


@dataclass(slots=True)
class PartText:
    """The text of one content part, or the transcript of its audio, in the pieces that came."""

    pieces: list[str] = field(default_factory=list)
    since_done: list[str] = field(default_factory=list)
    """What came since it was last said to be done."""
    has_sounded: bool = False
    """Whether audio came since then."""

    def take(self, words: str) -> str:
        """Take a piece, and return it."""
        self.pieces.append(words)
        self.since_done.append(words)
        return words

    def take_whole(self, whole: str) -> str:
        """Take what is said to be the whole, and return what it has more than what came."""
        before = "".join(self.pieces)
        return self._more(whole[len(before) :] if whole.startswith(before) else "")

    def take_done(self, done: str) -> str:
        """Take a `done`, and return what it has more than what came. It is the whole, or one sentence of it (N20).

        A `done` that contradicts the pieces of its sentence changes nothing: those words were said, and may have been
        shown. One that only repeats what came before, without new audio, is the same once more.
        """
        before, since = "".join(self.pieces), "".join(self.since_done)
        self.pieces = [before]
        has_sounded, self.has_sounded = self.has_sounded, False
        self.since_done.clear()
        if done.startswith(before) and (len(done) > len(before) or since or not has_sounded):
            return self._more(done[len(before) :])
        sentence = done.strip()
        if since:
            return self._more(sentence[len(since.strip()) :] if sentence.startswith(since.strip()) else "")
        if not sentence or (before.rstrip().endswith(sentence) and not has_sounded):
            return ""
        return self._more(done if before[-1:].isspace() or done[:1].isspace() else f" {done}")

    def _more(self, words: str) -> str:
        self.pieces.append(words)
        return words


@dataclass(slots=True)
class OutputItem:
    """An assistant message, as the server builds it."""

    response_id: str
    modalities: tuple[Modality, ...] | None
    """None as long as nothing has shown what it has."""
    audio_format: AudioFormat | AudioFormatError
    """Of the audio that comes of it, or why that cannot be played."""
    is_announced: bool = False
    has_ended: bool = False
    texts: dict[int, PartText] = field(default_factory=dict)
    """Of its content parts, by index."""
    audio_runs: list[list[int]] = field(default_factory=list)
    """Its audio as it came: in turn the index of a part, and how many bytes of PCM came of it without a break."""
    names: dict[str, str] = field(default_factory=dict)
    """The name under which each kind of event comes, for servers that send each under two (N18)."""

    @property
    def whole_text(self) -> str:
        """All its text that came."""
        return "".join(piece for index in sorted(self.texts) for piece in self.texts[index].pieces)

    def text(self, content_index: int) -> PartText:
        """Return the text of a content part."""
        part = self.texts.get(content_index)
        if part is None:
            part = self.texts[content_index] = PartText()
        return part

    def add_audio(self, content_index: int | None, pcm_bytes: int) -> int:
        """Count audio of a part, by default of the latest one that had some, and return of which."""
        runs = self.audio_runs
        if content_index is None:
            content_index = runs[-1][0] if runs else 0
        if not runs or runs[-1][0] != content_index:
            runs.append([content_index, 0])
        runs[-1][1] += pcm_bytes
        return content_index


class Conversation:
    """What a later request must know of the latest items."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._has_forgotten = False
        """Whether there were more items than are known."""
        self._audio_runs: dict[str, list[list[int]]] = {}
        """Of the messages whose audio is not their first content alone."""

    def add(self, item_id: str, previous_item_id: str | None) -> None:
        """Learn where an item stands. Behind an unknown item, or none, it is the last.

        Some servers never say behind which item one is (N37).
        """
        if item_id in self._order:
            return
        place = self._order.index(previous_item_id) + 1 if previous_item_id in self._order else len(self._order)
        if previous_item_id is not None and previous_item_id not in self._order:
            # It is there, and was before anybody listened.
            self._order.append(previous_item_id)
            place = len(self._order)
            self._has_forgotten = True
        self._order.insert(place, item_id)
        while len(self._order) > _ITEMS_KEPT:
            del self._order[0]
            self._has_forgotten = True

    def rename(self, item_id: str, new_id: str) -> None:
        """Learn that the server calls an item otherwise."""
        if item_id in self._order:
            self._order[self._order.index(item_id)] = new_id

    def remove(self, item_id: str) -> None:
        """Learn that an item is gone: what stood behind it stands behind the one before (N37)."""
        if item_id in self._order:
            self._order.remove(item_id)

    def note_audio(self, item_id: str, runs: list[list[int]]) -> None:
        """Learn where the audio of an item is, if it is not its first content alone. `runs` may grow."""
        if item_id not in self._audio_runs and any(index > 0 for index, _ in runs):
            self._audio_runs[item_id] = runs
            if len(self._audio_runs) > _ITEMS_KEPT:
                del self._audio_runs[next(iter(self._audio_runs))]

    def cuts(self, item_id: str, kept_bytes: int) -> Iterator[tuple[int, int | None]]:
        """Return where the parts of an item are to be cut, so that of all its audio, as it came, so many bytes stay.

        Each is the index of a part and the bytes of it that stay; None stands for all of them, in an item of which but
        one part has audio.
        """
        runs = self._audio_runs.get(item_id, [[0, 0]])
        if len({index for index, _ in runs}) == 1:
            yield runs[0][0], None
            return
        kept: dict[int, int] = {}
        there: dict[int, int] = {}
        left = kept_bytes
        for index, pcm_bytes in runs:
            kept[index] = kept.get(index, 0) + min(left, pcm_bytes)
            there[index] = there.get(index, 0) + pcm_bytes
            left -= min(left, pcm_bytes)
        last = runs[-1][0]
        cut = [index for index in there if kept[index] < there[index]] or [last]
        for index in cut:
            yield index, kept[index]

    def place_of(self, item_id: str) -> dict[str, str]:
        """Return the fields of a client event that put an item where this one is."""
        if item_id not in self._order:
            return {}
        index = self._order.index(item_id)
        if index:
            return {"previous_item_id": self._order[index - 1]}
        return {} if self._has_forgotten else {"previous_item_id": "root"}
