"""A port with one fault, named on its command line: the machines of this package, whose answers are spoilt."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from speech_lifecycle.verification.conformance.serving import Server

Data = dict[str, Any]


def messages_of(state: Data) -> list[Data]:
    speeches = state["speeches"].values() if "speeches" in state else [state]
    return [message for speech in speeches for message in speech["messages"].values()]


def effects_swapped(command: Data, answer: Data) -> None:
    """Performs effects in another order."""
    answer.get("effects", []).reverse()


def effect_lost(command: Data, answer: Data) -> None:
    """Never stops a timer."""
    if "effects" in answer:
        answer["effects"] = [effect for effect in answer["effects"] if effect["type"] != "cancel_timer"]


def refusal_swallowed(command: Data, answer: Data) -> None:
    """Takes what is a violation for a race."""
    if answer.get("reply") == "rejected":
        answer["reply"] = "ignored"


def guard_ignored(command: Data, answer: Data) -> None:
    """Handles what it has to reject."""
    if answer.get("reply") == "rejected":
        answer["reply"] = "handled"


def too_strict(command: Data, answer: Data) -> None:
    """Holds nothing, as an earlier definition had it."""
    if answer.get("reply") == "handled" and command["event"]["type"] == "pause":
        answer |= {"reply": "rejected", "reason": "output_cannot_pause", "blame": "agent", "effects": []}


def wrong_reason(command: Data, answer: Data) -> None:
    """Gives one reason for everything."""
    if answer.get("reason"):
        answer["reason"] = "no"


def wrong_blame(command: Data, answer: Data) -> None:
    """Blames the agent for what others do."""
    if answer.get("blame"):
        answer["blame"] = "agent"


def nan_taken(command: Data, answer: Data) -> None:
    """Takes a position that is no number for progress."""
    event = command.get("event", {})
    if event.get("type") == "output_playback_progressed" and event["position_ms"] == "nan":
        answer |= {"reply": "handled", "reason": "", "blame": None}


def position_cumulative(command: Data, answer: Data) -> None:
    """Counts positions from the start of the speech."""
    total = 0
    for message in messages_of(answer["state"]):
        total += message["position_ms"]
        message["position_ms"] = total


def text_forgotten(command: Data, answer: Data) -> None:
    """Keeps no text."""
    for message in messages_of(answer["state"]):
        message["text"] = ""


def order_lost(command: Data, answer: Data) -> None:
    """Keeps messages by name and not in the order of their announcement."""
    state = answer["state"]
    for speech in state["speeches"].values() if "speeches" in state else [state]:
        speech["messages"] = dict(sorted(speech["messages"].items(), reverse=True))


def other_transition(command: Data, answer: Data) -> None:
    """Cites transitions by the name of their state alone."""
    if "transitions" in answer:
        answer["transitions"] = [name.partition("#")[0] for name in answer["transitions"]]


def no_state(command: Data, answer: Data) -> None:
    """Keeps its state to itself."""
    del answer["state"]


def wrong_version(command: Data, answer: Data) -> None:
    """Was made from another specification."""


def crash(command: Data, answer: Data) -> None:
    """Dies of an interruption."""
    if command.get("event", {}).get("type") == "interrupt":
        print("Segmentation fault", file=sys.stderr)
        os._exit(139)


def hang(command: Data, answer: Data) -> None:
    """Waits for ever when the user speaks."""
    if command.get("event", {}).get("type") == "user_started_speaking":
        time.sleep(3600)


def noise(command: Data, answer: Data) -> None:
    """Writes its log where answers belong."""
    if command.get("event", {}).get("type") == "authorize":
        print("DEBUG authorized", flush=True)


def late(command: Data, answer: Data) -> None:
    """Takes its time."""
    if command["command"] == "step":
        time.sleep(0.1)


def context_updated(command: Data, answer: Data) -> None:
    """Has the server forget something after every interruption."""
    if any(effect["type"] == "clear_output" for effect in answer.get("effects", [])):
        answer["effects"].append({"type": "remove_messages", "message_ids": []})


def late_message_kept(command: Data, answer: Data) -> None:
    """Lets a message play that came after the interruption."""
    for message in messages_of(answer["state"]):
        if message["reason"] == "interrupted" and message["received_ms"] == 0:
            message["state"] = "pending"


def text_never_heard(command: Data, answer: Data) -> None:
    """Never says what was heard of a text."""
    for effect in answer.get("effects", []):
        if effect["type"] == "commit_message":
            effect["text"] = ""


def not_utf8(command: Data, answer: Data) -> None:
    """Writes another encoding than UTF-8."""
    if command.get("event", {}).get("type") == "authorize":
        sys.stdout.flush()
        sys.stdout.buffer.write(b'{"reply": "\xff"}\n')
        sys.stdout.flush()


def hostile(command: Data, answer: Data) -> None:
    """Says what terminals, XML and browsers might obey."""
    if answer.get("reason"):
        answer["reason"] = "\x1b]0;title\x07<script>alert('x')</script>]]>&\u202e"


FAULTS = {
    "wrong effects": (effects_swapped, effect_lost, context_updated, text_never_heard),
    "wrongly accepted": (guard_ignored, nan_taken),
    "wrongly refused": (refusal_swallowed, too_strict, wrong_reason, wrong_blame, hostile),
    "wrong state": (position_cumulative, text_forgotten, order_lost, late_message_kept),
    "wrong transitions": (other_transition,),
    "protocol error": (no_state, wrong_version, noise, not_utf8),
    "crashed": (crash,),
    "timed out": (hang, late),
}
"""By the verdict that each has to get."""


def no_conversations(command: Data, answer: Data) -> None:
    """Knows speeches only, and says so: no fault."""
    if command.get("machine") == "conversation":
        answer["skip"] = "no conversations"


class Deaf(Server):
    """Hears nothing of progress, so that its positions are wrong from then on."""

    def _step(self, data: Any) -> Data:
        if isinstance(data, dict) and data.get("type") == "output_playback_progressed":
            return {"reply": "handled", "effects": []}
        return super()._step(data)


def two_faults(command: Data, answer: Data) -> None:
    """Is deaf, and takes violations for races."""
    refusal_swallowed(command, answer)


def main() -> None:
    FAULTS["not one fault"] = (no_conversations, two_faults)
    (fault,) = (fault for faults in FAULTS.values() for fault in faults if fault.__name__ == sys.argv[1])
    server = Deaf() if fault is two_faults else Server()
    for line in sys.stdin:
        command = json.loads(line)
        answer = json.loads(json.dumps(server.answer(command)))
        if command["command"] != "start":
            fault(command, answer)
        elif fault is wrong_version:
            answer["spec_version"] = "99.0.0"
        elif fault is too_strict:
            answer["behaviour_digest"] = "0123456789ab"
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
