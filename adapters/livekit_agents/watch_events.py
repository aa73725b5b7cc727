"""What a watch tells: states, and steps that the lifecycle forbids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..changes import EmbedderFailed, MessageStateChanged, SpeechStateChanged

__all__ = ["SECTIONS", "EmbedderFailed", "ForbiddenStep", "MessageStateChanged", "Rule", "SpeechStateChanged"]

Rule = Literal[
    "truncated_at_0",
    "truncated_beyond_received",
    "truncated_elsewhere",
    "truncated_though_not_partial",
    "left_on_server",
    "replayed_unheard",
    "removed_though_heard",
    "history_has_unheard",
    "history_lacks_heard",
    "history_has_wrong_flag",
    "spoke_unheard",
    "spoke_again",
    "never_spoke",
    "left_speaking",
    "cancelled_again",
    "rejected",
]
"""Which rule of the lifecycle a step breaks. The texts say where it stands in the specification."""

SECTIONS: dict[Rule, str] = {
    "truncated_at_0": "spec, section 8: what was heard for less than 1 ms is forgotten, not truncated (T1)",
    "truncated_beyond_received": "spec, section 9.5: a truncation is at most at what was received (T4, T10)",
    "truncated_elsewhere": "spec, section 8: the server keeps exactly what was heard",
    "truncated_though_not_partial": "spec, section 9.5: only a message that was heard in part is truncated (T2, T3)",
    "left_on_server": "spec, section 9.7: the server remembers what was heard, and no more (M2, M8)",
    "replayed_unheard": "spec, section 9.7: a new server remembers what was heard, and no more",
    "removed_though_heard": "spec, section 9.6: only messages of which nothing was heard are removed",
    "history_has_unheard": "spec, section 9.8: history says what was heard, and no more (M3, H1)",
    "history_lacks_heard": "spec, section 9.8: what was heard is in history (H3)",
    "history_has_wrong_flag": "spec, section 9.8: history says what was interrupted, and what was not",
    "spoke_unheard": "spec, section 9.9: speaking is announced only after something was heard",
    "spoke_again": "spec, section 9.9: speaking is announced once, unless paused in between (P2)",
    "never_spoke": "spec, section 2.4: the first audible frame makes the agent speaking (H5)",
    "left_speaking": "spec, section 2.6: whatever ends a speech, the agent's state follows (O1, O2)",
    "cancelled_again": "spec, section 9.10: a response is cancelled while it generates, and once (C4)",
    "rejected": "spec, section 5: the event is a violation",
}


@dataclass(frozen=True, slots=True)
class ForbiddenStep:
    """A step that the framework, the output or the server took and the lifecycle forbids."""

    rule: Rule
    speech_id: str
    message_id: str
    """"" if it is about no one message."""
    detail: str

    def __str__(self) -> str:
        """Say what was done, to which message, and where it is forbidden."""
        about = f" {self.message_id}" if self.message_id else ""
        return f"{self.speech_id}{about}: {self.detail} ({SECTIONS[self.rule]})"
