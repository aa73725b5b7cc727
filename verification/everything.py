"""All named bounds and all properties, of speeches and of conversations."""

from __future__ import annotations

from .bounds import LARGE, REFERENCE, SMALL
from .conversation.bounds import LARGE_CONVERSATIONS, REFERENCE_CONVERSATIONS, SMALL_CONVERSATIONS
from .conversation.properties import CONVERSATION_PROPERTIES
from .explorer import AnyBounds
from .property import PROPERTIES, Property

EVERY_SMALL: dict[str, AnyBounds] = {**SMALL, **SMALL_CONVERSATIONS}
EVERY_LARGE: dict[str, AnyBounds] = {**LARGE, **LARGE_CONVERSATIONS}
EVERY_REFERENCE: dict[str, AnyBounds] = {**REFERENCE, **REFERENCE_CONVERSATIONS}
EVERY_PROPERTY: dict[str, Property] = {**PROPERTIES, **CONVERSATION_PROPERTIES}
