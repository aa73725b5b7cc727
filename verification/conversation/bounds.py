"""How large a conversation the explorer looks at: what is bounded, and why nothing a guard can see is lost by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from msgspec import structs

from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

Detail = Literal["minimal", "coarse"]
Options = tuple[Capabilities, ConversationPolicy]

DEFAULT: Options = (Capabilities(), ConversationPolicy())
HOLDS: Options = (Capabilities(), ConversationPolicy(barge_in="pause"))
EVERY_OPTION: tuple[Options, ...] = (
    DEFAULT,
    HOLDS,
    (Capabilities(), ConversationPolicy(barge_in="ignore")),
    (Capabilities(), ConversationPolicy(authorize_when_free=False)),
    (Capabilities(), ConversationPolicy(barge_in="pause", authorize_when_free=False)),
    (Capabilities(), ConversationPolicy(speech=Policy(interruptible=False))),
    (Capabilities(can_pause=False), ConversationPolicy(barge_in="pause")),
    (Capabilities(), ConversationPolicy(authorize_when_free=False, floor_is_given_elsewhere=True)),
)
"""The policies and capabilities that a guard of the conversation can tell apart.

Barge-in comes in three ways. Who gives the floor matters to what waits, and what waits is held or not, so it is
combined with the policy that holds. Where it is given elsewhere, several speeches may have had it. That a speech
cannot be interrupted, or an output cannot pause, turns one answer into another. What else the server is able to do
matters to single speeches only, which are explored by themselves.
"""


@dataclass(frozen=True)
class ConversationBounds:
    """What one exploration covers.

    Everything that is about the conversation comes at any time: commands with and without a name, the user, the
    connection, responses, refusals, timers. Facts about the message of a speech come as an honest server and output
    give them, in any interleaving with all else: what they may do in the wrong order is explored for single speeches.
    Names carry no meaning, so conversations that differ in them alone are one configuration; that of a speech that is
    forgotten is given again, and so a conversation goes on for as long as it likes.
    """

    live: int = 2
    """How many speeches may be going on at a time."""
    messages: int = 1
    """How many messages a response may have, 0 or 1."""
    detail: Detail = "minimal"
    """`coarse` also has what is ignored in every state of a speech, failing outputs and responses, and late audio."""
    resumes: bool = True
    """Whether a lost session may resume, or its server begin anew; else each loss is for good."""
    kept: int = 1
    """How many speeches that are over are remembered: fewer than usual, so that some are forgotten."""
    options: tuple[Options, ...] = (DEFAULT,)

    def __post_init__(self) -> None:
        if not 1 <= self.live <= 3:
            raise ValueError(f"ConversationBounds.live must be 1 to 3, not {self.live!r}")
        if self.messages not in (0, 1):
            raise ValueError(f"ConversationBounds.messages must be 0 or 1, not {self.messages!r}")
        if self.detail not in get_args(Detail):
            raise ValueError(f"ConversationBounds.detail must be one of {get_args(Detail)}, not {self.detail!r}")
        if self.kept not in (0, 1, 2):
            raise ValueError(f"ConversationBounds.kept must be 0 to 2, not {self.kept!r}")
        if not self.options:
            raise ValueError("ConversationBounds.options must hold at least one combination of capabilities and policy")

    @property
    def starts(self) -> tuple[Options, ...]:
        """The options, with the policy to remember as many speeches as said."""
        return tuple(
            (capabilities, structs.replace(policy, speeches_kept=self.kept)) for capabilities, policy in self.options
        )

    @property
    def summary(self) -> str:
        """What is covered, in words."""
        said = [
            f"conversation, {self.live} speech{'' if self.live == 1 else 'es'} at a time",
            f"{self.messages} message{'' if self.messages == 1 else 's'} each",
            f"{self.detail} classes",
            f"{self.kept} remembered",
        ]
        if not self.resumes:
            said.append("every loss is for good")
        if len(self.options) > 1:
            said.append(f"{len(self.options)} combinations of capabilities and policy")
        return ", ".join(said)

    def with_every_option(self) -> ConversationBounds:
        """Return these bounds over every combination of capabilities and policy."""
        return replace(self, options=EVERY_OPTION)


SMALL_CONVERSATIONS: dict[str, ConversationBounds] = {
    "conversation-1": ConversationBounds(live=1),
    "conversation-1-coarse": ConversationBounds(live=1, detail="coarse", kept=0).with_every_option(),
    "conversation-2": ConversationBounds(live=2, messages=0).with_every_option(),
    "conversation-2-messages": ConversationBounds(live=2, kept=0, resumes=False),
}
"""Explorations that take seconds."""

LARGE_CONVERSATIONS: dict[str, ConversationBounds] = {
    "conversation-1-kept": ConversationBounds(live=1, detail="coarse", kept=2),
    "conversation-2-resumed": ConversationBounds(live=2, kept=0),
}
"""Explorations that take minutes."""

REFERENCE_CONVERSATIONS: dict[str, ConversationBounds] = {
    "conversation-1": SMALL_CONVERSATIONS["conversation-1"],
    "conversation-2": SMALL_CONVERSATIONS["conversation-2"],
    "conversation-2-messages": SMALL_CONVERSATIONS["conversation-2-messages"],
}
"""Where the compiled conversation is compared with python-statemachine's engine."""
