"""The package's own machines as a port: commands in, answers out, as JSON data (docs/porting.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from speech_lifecycle.fsm.codec import EFFECTS, parse_json
from speech_lifecycle.fsm.compile.definition import SPEC_VERSION
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled, Rejected, Reply
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from .reading import read_event

Data = dict[str, Any]


class CommandError(SpeechLifecycleError):
    """A command cannot be understood. The message names the field."""


class Server:
    """One machine at a time, told by commands."""

    def __init__(self) -> None:
        """Have a speech that nobody has begun."""
        self._machine: SpeechMachine | ConversationMachine = SpeechMachine()

    def answers(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the answer to each line, until one says to stop. What cannot be understood is answered by an error."""
        for line in lines:
            if not line.strip():
                continue
            try:
                command = parse_json(line)
                if not isinstance(command, dict):
                    raise CommandError(f"a command is an object, not {type(command).__name__}")
                if command.get("command") == "stop":
                    return
                answer = self.answer(command)
            except (SpeechLifecycleError, ValueError) as error:
                answer = {"error": str(error)}
            yield json.dumps(answer, separators=(",", ":"))

    def answer(self, command: Data) -> Data:
        """Return the answer to one command.

        Raises:
            CommandError: there is no such command.
            msgspec.ValidationError: a field of it has a wrong type.
        """
        match command.get("command"):
            case "start":
                return {
                    "spec_version": SPEC_VERSION,
                    "behaviour_digest": SpeechMachine.definition_digest,
                    "implementation": "speech-lifecycle",
                    "language": "Python",
                }
            case "begin":
                self._machine = self._begun(command)
                return {"state": self._state()}
            case "load":
                self._machine = self._loaded(command)
                return {"state": self._state()}
            case "step":
                return {**self._step(command.get("event")), "state": self._state()}
        raise CommandError(f"no command {command.get('command')!r}; there are start, begin, step, load, stop")

    def _is_conversation(self, command: Data) -> bool:
        kind = command.get("machine", "speech")
        if kind not in ("speech", "conversation"):
            raise CommandError(f"no machine {kind!r}; there are speech, conversation")
        return bool(kind == "conversation")

    def _begun(self, command: Data) -> SpeechMachine | ConversationMachine:
        capabilities = msgspec.convert(command.get("capabilities", {}), Capabilities)
        policy = command.get("policy", {})
        if self._is_conversation(command):
            return ConversationMachine(capabilities, msgspec.convert(policy, ConversationPolicy))
        return SpeechMachine(capabilities, msgspec.convert(policy, Policy))

    def _loaded(self, command: Data) -> SpeechMachine | ConversationMachine:
        version = command.get("spec_version", SPEC_VERSION)
        if version != SPEC_VERSION:
            raise CommandError(f"the snapshot is of version {version!r} of the specification; this is {SPEC_VERSION!r}")
        if self._is_conversation(command):
            return ConversationMachine(conversation=msgspec.convert(command.get("state"), Conversation))
        return SpeechMachine(speech=msgspec.convert(command.get("state"), Speech))

    def _state(self) -> Any:
        machine = self._machine
        return msgspec.to_builtins(machine.speech if isinstance(machine, SpeechMachine) else machine.conversation)

    def _step(self, data: Any) -> Data:
        event = read_event(type(self._machine), data)
        return answer_of(event if isinstance(event, Rejected) else self._machine.send(event))


def answer_of(reply: Reply) -> Data:
    """Return a reply as a port answers it, but for the state."""
    cited = reply.transitions if isinstance(reply, Handled) else (reply.answer,) if reply.answer else ()
    return {
        "reply": reply.kind,
        "reason": "" if isinstance(reply, Handled) else reply.reason,
        "blame": reply.blame if isinstance(reply, Rejected) else None,
        "transitions": list(cited),
        "effects": [EFFECTS.dump(effect) for effect in reply.effects],
    }
