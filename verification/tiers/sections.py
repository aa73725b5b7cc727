"""Which sections of the specification a step is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from speech_lifecycle.fsm.effects import CommitMessage, ReportDivergence, ReportMessageSettled, SessionEffect
from speech_lifecycle.fsm.events import (
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    name_of,
)

from ..conformance.reading import Unread

_OF_CHARTS = {"message": "3", "speech": "4", "conversation": "12"}
_HEARD = frozenset(map(name_of, (CommitMessage, ReportMessageSettled)))
_SERVER = frozenset(map(name_of, (*get_args(SessionEffect), ReportDivergence)))
_ANSWERS = frozenset(map(name_of, (SessionReconciliationAcknowledged, SessionReconciliationRefused)))


def section_of(transition_id: str) -> str:
    """Return the section whose table has a transition."""
    return _OF_CHARTS[transition_id.partition(".")[0]]


def sections_of(steps: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the sections that steps of a vector are about, given as JSON data.

    Those are the charts that answered (3, 4, 12), what comes in, if something was no event (5), what was heard, if
    something of it was written down (7), and the server, if it was asked for something or answered that (8).
    """
    found: set[str] = set()
    for step in steps:
        found.update(section_of(each) for each in step.get("transitions", ()))
        effects = {effect["type"] for effect in step.get("effects", ())}
        event = step.get("event")
        name = event.get("type") if isinstance(event, dict) else None
        if step.get("reason") in get_args(Unread):
            found.add("5")
        if effects & _HEARD:
            found.add("7")
        if effects & _SERVER or (isinstance(name, str) and name in _ANSWERS):
            found.add("8")
    return found


def is_section(tag: str) -> bool:
    """Whether a tag is a section, such as 8 or 9.15."""
    return tag.replace(".", "").isdigit()


def in_order(sections: Iterable[str]) -> list[str]:
    """Return sections in the order of the specification."""
    return sorted(sections, key=lambda section: [int(part) for part in section.split(".")])
