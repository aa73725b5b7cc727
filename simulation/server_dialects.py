"""Servers that speak the protocol each in its own way: what they leave out, say twice, or call otherwise.

Taken from recorded sessions (tests/captures) and public reports (docs/field-bugs.md, "The wire"). What such a server
remembers, and when it speaks, is as with any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .conversation import ServerRefusal
from .legacy_names import to_legacy, with_legacy_name
from .wire import WireEvent


@dataclass(frozen=True, slots=True)
class ServerDialect:
    """What a server does otherwise than OpenAI's.

    event_names: the names since the general availability, those of before with their flat objects (Azure Voice Live),
        or each event that has two names under both.
    takes_response_fields: whether `response.create` may have any (N17).
    echoes_response: whether a response brings back metadata, conversation and modalities.
    announces_responses: whether it says that a response begins, and not only what comes of it.
    announces_items: whether it says that items and their parts begin and end, and not only what comes of them (N8).
    transcripts: word by word; a `done` for each sentence; or only in the events that close the item (N20).
    names_items_in_answers: whether an answer to a deletion names the item (N21).
    says_predecessors: whether it says behind which item one stands (N37).
    refusals: its own codes and words for refusals; without one of the client's event ids.
    keeps_ids: whether a conversation that goes on in another connection has the ids of before. If not, its messages are
        announced anew as texts.
    """

    event_names: Literal["ga", "legacy", "both"] = "ga"
    takes_response_fields: bool = True
    echoes_response: bool = True
    announces_responses: bool = True
    announces_items: bool = True
    transcripts: Literal["words", "sentences", "closing"] = "words"
    names_items_in_answers: bool = True
    says_predecessors: bool = True
    refusals: tuple[tuple[str, str, str], ...] = ()
    """Of each: the usual code, its own, and its own words, in which `{}` is the item."""
    keeps_ids: bool = True

    def refusal(self, usual: ServerRefusal, item_id: str) -> ServerRefusal:
        """Return a refusal as this server words it."""
        own = {code: (said, words.format(item_id)) for code, said, words in self.refusals}
        if usual.code not in own:
            return usual
        code, message = own[usual.code]
        return replace(usual, code=code, message=message, param=None)

    @property
    def names_refused_events(self) -> bool:
        """Whether a refusal names the client's event."""
        return not self.refusals


OPENAI = ServerDialect()
AZURE = ServerDialect(event_names="legacy")
"""Azure Voice Live, as recorded. Azure OpenAI speaks as OpenAI does."""
XAI = ServerDialect(
    echoes_response=False,
    names_items_in_answers=False,
    refusals=(
        ("item_truncate_invalid_item_id", "not_found", "Item {} not found"),
        ("item_delete_invalid_item_id", "not_found", "Item {} not found"),
    ),
    keeps_ids=False,
)
GATEWAY = ServerDialect(event_names="both", takes_response_fields=False, echoes_response=False, says_predecessors=False)
"""A gateway before other models, as NVIDIA's nemotron-voice-agent has to do with."""
BARE = ServerDialect(echoes_response=False, announces_items=False, transcripts="sentences", says_predecessors=False)
"""A small server of one's own, as huggingface/speech-to-speech was."""
CONTENTS = ServerDialect(
    echoes_response=False, announces_responses=False, announces_items=False, says_predecessors=False
)
"""One that announces nothing: what comes of a response is all that it says, and in the end that it is done."""
LATE = ServerDialect(transcripts="closing", names_items_in_answers=False, refusals=XAI.refusals)
"""One that says what was spoken only when it has been."""

_ABOUT_ITEMS = frozenset(
    {
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "conversation.item.added",
        "conversation.item.done",
    }
)
_SENTENCE = re.compile(r"\s*[^.!?]*[.!?]+(?=\s|$)")
_TRANSCRIPT = "response.output_audio_transcript"


@dataclass
class Voice:
    """Says the events of one session in a dialect."""

    dialect: ServerDialect
    _transcripts: dict[tuple[str, int], str] = field(default_factory=dict)
    """What was not said yet of a transcript, by the item's id and the part of its content."""

    def events(self, event: WireEvent) -> Iterator[WireEvent]:
        """Yield what this server sends in the place of an event."""
        for shaped in self._with_its_transcript(event):
            if not self.dialect.announces_items and shaped["type"] in _ABOUT_ITEMS and not _is_of_the_user(shaped):
                continue
            if not self.dialect.announces_responses and shaped["type"] == "response.created":
                continue
            shaped = self._without_what_it_does_not_say(shaped)
            if self.dialect.event_names == "legacy":
                legacy = to_legacy(shaped)
                if legacy is not None:
                    yield legacy
                continue
            yield shaped
            if self.dialect.event_names == "both" and (copy := with_legacy_name(shaped)) is not None:
                yield copy

    def _with_its_transcript(self, event: WireEvent) -> Iterator[WireEvent]:
        kind = event["type"]
        if self.dialect.transcripts == "words" or not kind.startswith(_TRANSCRIPT):
            yield event
        elif self.dialect.transcripts == "closing":
            return
        elif kind.endswith(".delta"):
            part = event["item_id"], event["content_index"]
            said = self._transcripts.pop(part, "") + event["delta"]
            sentences = _SENTENCE.findall(said)
            self._transcripts[part] = said[len("".join(sentences)) :]
            yield from (self._sentence(event, sentence) for sentence in sentences)
        elif rest := self._transcripts.pop((event["item_id"], event["content_index"]), "").strip():
            yield self._sentence(event, rest)

    def _sentence(self, event: WireEvent, words: str) -> WireEvent:
        rest = {key: value for key, value in event.items() if key not in ("delta", "transcript", "type")}
        return {"type": f"{_TRANSCRIPT}.done", **rest, "transcript": words.strip()}

    def _without_what_it_does_not_say(self, event: WireEvent) -> WireEvent:
        event = dict(event)
        if not self.dialect.echoes_response and "response" in event:
            unsaid = ("metadata", "conversation_id", "output_modalities", "audio")
            event["response"] = {key: value for key, value in event["response"].items() if key not in unsaid}
        if not self.dialect.says_predecessors and "previous_item_id" in event:
            event["previous_item_id"] = None
        if not self.dialect.names_items_in_answers and event["type"] == "conversation.item.deleted":
            event["item_id"] = ""
        if not self.dialect.names_refused_events and event["type"] == "error":
            event["error"] = {**event["error"], "event_id": None}
        return event


def _is_of_the_user(event: WireEvent) -> bool:
    item: dict[str, Any] = event.get("item") or {}
    return event["type"].startswith("conversation.") and item.get("status") == "completed"
