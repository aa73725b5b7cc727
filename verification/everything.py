"""All named bounds, of speeches and of conversations, explored and compared in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .agreement import Agreement, Disagreement, disagreements
from .bounds import LARGE, REFERENCE, SMALL, Bounds
from .conversation import (
    CONVERSATION_PROPERTIES,
    LARGE_CONVERSATIONS,
    REFERENCE_CONVERSATIONS,
    SMALL_CONVERSATIONS,
    ConversationBounds,
    ConversationCounterexample,
    conversation_disagreements,
    explore_conversation,
)
from .counterexample import Counterexample
from .explorer import Exploration, Progress, explore
from .property import PROPERTIES, Property

AnyBounds = Bounds | ConversationBounds
AnyExploration = Exploration[Bounds, Counterexample] | Exploration[ConversationBounds, ConversationCounterexample]

EVERY_SMALL: dict[str, AnyBounds] = {**SMALL, **SMALL_CONVERSATIONS}
EVERY_LARGE: dict[str, AnyBounds] = {**LARGE, **LARGE_CONVERSATIONS}
EVERY_REFERENCE: dict[str, AnyBounds] = {**REFERENCE, **REFERENCE_CONVERSATIONS}
EVERY_PROPERTY: dict[str, Property] = {**PROPERTIES, **CONVERSATION_PROPERTIES}


def explore_any(bounds: AnyBounds, *, watch: Callable[[Progress], str] | None = None) -> AnyExploration:
    """Explore a bounded speech or conversation."""
    if isinstance(bounds, ConversationBounds):
        return explore_conversation(bounds, watch=watch)
    return explore(bounds, watch=watch)


def any_disagreements(
    bounds: AnyBounds, agreement: Agreement, *, watch: Callable[[], str] | None = None
) -> Iterator[Disagreement[Any]]:
    """Yield every step that the compiled table and python-statemachine's engine take differently: none."""
    if isinstance(bounds, ConversationBounds):
        return conversation_disagreements(bounds, agreement, watch=watch)
    return disagreements(bounds, agreement, watch=watch)
