"""What must hold of what a conversation writes down, and of every step."""

from __future__ import annotations

from speech_lifecycle.fsm.state import Conversation

from ..property import Complaint
from .asking import generates
from .declaring import of_configurations, of_engines


@of_configurations("9.25")
def bookkeeping_is_consistent(conversation: Conversation) -> Complaint:
    """Section 9.25: what is written down of the speeches is what they are, and no more is kept than was said."""
    speeches = conversation.speeches
    if speeches.keys() != {*conversation.live, *conversation.over} or conversation.live.keys() & conversation.over:
        return f"{[*speeches]} are known, {[*conversation.live]} go on, {[*conversation.over]} are over"
    wrong = [name for name, speech in speeches.items() if speech.is_over != (name in conversation.over)]
    if wrong:
        return f"{wrong} are wrongly said to be over, or not to be"
    if len(conversation.over) > conversation.policy.speeches_kept:
        return f"{[*conversation.over]} are kept"
    responses = {speech.response_id: name for name, speech in speeches.items() if speech.response_id is not None}
    if responses != conversation.by_response:
        return f"responses are of {responses}, written down is {conversation.by_response}"
    messages = {message_id: name for name, speech in speeches.items() for message_id in speech.messages}
    if messages != conversation.by_message:
        return f"messages are of {messages}, written down is {conversation.by_message}"
    misnamed = [name for name, speech in speeches.items() if speech.speech_id != name]
    return f"{misnamed} have another name" if misnamed else None


@of_configurations("9.25")
def what_runs_is_written_down(conversation: Conversation) -> Complaint:
    """Section 9.25: every response that runs is known to, and nothing that is forgotten."""
    runs = {name for name, speech in conversation.speeches.items() if generates(speech)}
    missing = runs - {*conversation.generating_ids}
    if missing:
        return f"{sorted(missing)} run, and nobody knows"
    forgotten = {*conversation.generating_ids} - conversation.speeches.keys()
    return f"{sorted(forgotten)} are forgotten, and said to run" if forgotten else None


@of_engines("9.13")
def nothing_changes_unless_handled() -> None:
    """Section 9.13: an event that is rejected or ignored changes nothing in the conversation and its speeches."""


@of_engines("9.14")
def pure_and_in_place_agree() -> None:
    """Section 9.14: the same snapshot and event give the same result, in place and as a pure function."""


@of_engines("9.26")
def every_event_has_its_answer() -> None:
    """Section 9.26: every event is handled, ignored or rejected in every configuration, and none raises."""
