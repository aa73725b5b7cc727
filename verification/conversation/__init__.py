"""Every reachable configuration of a bounded conversation, and what must hold there (spec, section 9)."""

from .bounds import LARGE_CONVERSATIONS, REFERENCE_CONVERSATIONS, SMALL_CONVERSATIONS, ConversationBounds
from .counterexample import ConversationCounterexample
from .properties import CONVERSATION_PROPERTIES

__all__ = [
    "CONVERSATION_PROPERTIES",
    "LARGE_CONVERSATIONS",
    "REFERENCE_CONVERSATIONS",
    "SMALL_CONVERSATIONS",
    "ConversationBounds",
    "ConversationCounterexample",
]
