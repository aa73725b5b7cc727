"""Servers that can do less."""

from __future__ import annotations

from speech_lifecycle.fsm.values import Capabilities

from ..scenario import Scenario
from ..script import ServerBehaviour
from .making import IN_PREAMBLE, scenario

ABILITIES: tuple[Scenario, ...] = (
    scenario(
        "truncation-refused",
        "the server refuses to truncate: the difference is reported",
        behaviour=ServerBehaviour(refuse_truncate="server_error"),
        bugs="T9 T10",
    ),
    scenario(
        "never-answered",
        "the server never answers: the difference is reported",
        behaviour=ServerBehaviour(lost=frozenset({"conversation.item.truncate", "conversation.item.delete"})),
        actions=(IN_PREAMBLE,),
        bugs="T10",
    ),
    scenario(
        "cannot-truncate",
        "a server without truncation: the difference is reported",
        capabilities=Capabilities(can_truncate=False),
    ),
    scenario(
        "cannot-remove",
        "a server whose context cannot be changed: the difference is reported",
        actions=(IN_PREAMBLE,),
        capabilities=Capabilities(can_remove=False),
    ),
)
