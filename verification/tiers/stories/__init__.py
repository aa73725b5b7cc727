"""The bugs of docs/field-bugs.md that lie in the charts, each a short course of events with the harm that it does."""

from __future__ import annotations

from . import cancelling, conversations, history, messages, outputs, reviews, truncation
from .story import Story

STORIES: tuple[Story, ...] = tuple(
    story
    for module in (messages, truncation, history, cancelling, outputs, conversations, reviews)
    for story in module.STORIES
)

__all__ = ["STORIES", "Story"]
