"""What an agent gets that chooses nothing."""

from __future__ import annotations

from speech_lifecycle.fsm.values import Policy

DEFAULT_POLICY = Policy(estimate_heard_text=True)
"""The machine's own defaults, and an estimate of the heard text where the output does not tell it, marked as such."""
