"""How servers of the OpenAI Realtime protocol differ in what they take, and in what they call their refusals.

Most differences need no choice: whatever a server sends is understood in every form that is known
(docs/openai-realtime.md, "Dialects"). What is left is here as data. Without a choice a session begins as with OpenAI
and learns the rest from the server's first answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.values import Refusal


class DialectError(SpeechLifecycleError, ValueError):
    """No dialect has this name. The message says which there are."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What to expect of a server."""

    name: str
    """As in `OpenAIRealtimeSession(dialect=...)`."""
    takes_metadata: bool = True
    """Whether `response.create` may carry metadata. Some gateways refuse any field in it (N17)."""
    echoes_metadata: bool = True
    """Whether a response brings back the metadata that it was asked for with. If not, its place in order tells."""
    announces_responses: bool = True
    """Whether an event says that a response begins. If not, the first that comes of it tells."""


OPENAI = Dialect("openai")
AZURE = Dialect("azure")
XAI = Dialect("xai", echoes_metadata=False)
PERMISSIVE = Dialect("permissive", takes_metadata=False, echoes_metadata=False)
"""A server of which nothing is taken for granted."""

DIALECTS = {dialect.name: dialect for dialect in (OPENAI, AZURE, XAI, PERMISSIVE)}


def dialect_of(chosen: Dialect | str) -> Dialect:
    """Return the dialect that is chosen.

    Raises:
        DialectError: none has this name.
    """
    if isinstance(chosen, Dialect):
        return chosen
    if not isinstance(chosen, str) or chosen not in DIALECTS:
        raise DialectError(f"the dialect {chosen!r} is none of {', '.join(DIALECTS)}")
    return DIALECTS[chosen]


# What errors mean. A pattern is looked for in the code and the words of an error, in lower case.

_MEANINGS: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (re.compile(r"already shorter"), "already_shorter"),
    (
        re.compile(
            r"invalid_item_id|\b(item|message)\b.*\b(not found|not exist|unknown|no such|not in)"
            r"|(no such|unknown|non-?existent) (conversation )?(item|message)|item_not_found|unknown_item"
        ),
        "unknown_message",
    ),
)
_ABOUT_FIELDS = re.compile(
    r"metadata|override|parameter|\bfields?\b|extra input|additional propert|unrecogni[sz]ed|unexpected key|schema"
)

_ABOUT_A_RESPONSE = re.compile(
    r"response[. ]create|(creat|generat|start|begin)\w* (a |the |another )?(new )?response"
    r"|(active|already|another|in progress|ongoing|running|pending)\b.{0,40}\bresponse"
    r"|response.{0,40}\b(active|already|in progress|ongoing|running|pending)"
)
_ABOUT_ITS_END = re.compile(r"cancel|\bno (active|ongoing|running) ")


def meaning_of(code: str, words: str) -> Refusal:
    """Return what the refusal of a request about an item means (spec, section 10)."""
    said = f"{code} {words}".lower()
    # The fault of another item than the one that it is about leaves that one as it is.
    if "previous" in said:
        return "other"
    return next((meaning for pattern, meaning in _MEANINGS if pattern.search(said)), "other")


def is_about_fields(code: str, words: str, param: object) -> bool:
    """Whether an error says that an event has a field too many."""
    said = f"{code} {words} {param}".lower()
    return bool(_ABOUT_FIELDS.search(said)) or (isinstance(param, str) and param.split(".")[0] == "response")


def is_about_a_response(code: str, words: str, param: str) -> bool:
    """Whether an error says that a response cannot begin, and not that one cannot be cancelled."""
    said = f"{code} {words}".lower().replace("_", " ")
    if _ABOUT_ITS_END.search(said):
        return False
    return param.split(".")[0] == "response" or _ABOUT_A_RESPONSE.search(said) is not None


def is_about_place(code: str, words: str, param: object) -> bool:
    """Whether an error says that an item cannot stand where it was to."""
    return "previous" in f"{code} {words} {param}".lower()
