"""What history says."""

from __future__ import annotations

from speech_lifecycle.fsm.events import OutputPlaybackStarted
from speech_lifecycle.fsm.values import Policy

from .. import misbehaviour as bad
from ..scenario import Action, Scenario
from .making import SLOW, scenario

HISTORY: tuple[Scenario, ...] = (
    scenario(
        "no-word-played",
        "interrupted before the first word: the output reports an empty transcript",
        actions=(Action(40, "interrupt"),),
        synchronize_text=True,
        bugs="H2",
    ),
    scenario("heard-without-transcript", "an output without transcripts: heard, with unknown text", bugs="H3 H10"),
    scenario(
        "text-estimated",
        "the same, with the policy that estimates the heard words",
        policy=Policy(estimate_heard_text=True),
        bugs="H3 H10",
    ),
    scenario(
        "paused-before-first-sound",
        "held before the first sound and resumed: heard and recorded",
        SLOW,
        actions=(Action(320, "pause", "request"), Action(900, "resume", "request")),
        output_latency_ms=400,
        bugs="H4 P5",
    ),
    scenario(
        "start-never-reported",
        "the output never reports that playback began",
        actions=(Action(3_300, "interrupt", "request"),),
        misbehaviour=bad.NeverReportsStarted(),
        bugs="H5",
    ),
    scenario(
        "start-reported-late",
        "the start of playback is reported a second late",
        misbehaviour=bad.Late(1_000, (OutputPlaybackStarted,)),
        actions=(Action(3_300, "interrupt", "request"),),
        bugs="H5",
    ),
    scenario(
        "closed-while-playing", "the agent shuts down in mid-answer", actions=(Action(3_200, "close"),), bugs="H6"
    ),
    scenario(
        "interruption-denied",
        "the output says that it was not interrupted, after it was cleared",
        misbehaviour=bad.DeniesInterruption(),
        bugs="H7",
    ),
    scenario(
        "facts-name-previous-message",
        "facts about the second message name the first",
        misbehaviour=bad.OnlyFor(1, bad.WrongMessageId(kinds=(OutputPlaybackStarted,))),
        bugs="H8 H9",
    ),
    scenario(
        "output-fails",
        "the output breaks in mid-answer",
        actions=(),
        misbehaviour=bad.OnlyFor(1, bad.FailsAfter(1_400)),
        bugs="H12",
    ),
    scenario(
        "cleared-from-outside",
        "another party clears the output in the preamble; the answer is played all the same",
        actions=(Action(900, "clear_from_outside"),),
        bugs="H13",
    ),
)
