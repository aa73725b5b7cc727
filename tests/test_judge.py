"""The judge: what a server must remember is known from the wire alone, and so an adapter's faults are found."""

from __future__ import annotations

import ast
import asyncio
import base64
from pathlib import Path

import pytest
from msgspec.structs import replace

from speech_lifecycle import simulation
from speech_lifecycle.adapters.sessions import openai_realtime
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol
from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.simulation import replay as replaying
from speech_lifecycle.simulation.observed_connection import observe
from speech_lifecycle.simulation.recording import Recording
from speech_lifecycle.simulation.replay import load_source, replay
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.wire_memory import _HANDLERS as HANDLED
from speech_lifecycle.simulation.wire_memory import WireMemory
from speech_lifecycle.simulation.world import SimulatedWorld

FOLDER = Path(simulation.__path__[0])


def imported_by(module: str) -> set[str]:
    """Return the modules of this package, as paths from its root, that a module of `simulation` imports, and so on."""
    found: set[str] = set()
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            name = ("simulation." if node.level == 1 else "") + (node.module or "")
            found.add(name.removeprefix("speech_lifecycle."))
        elif isinstance(node, ast.Import):
            found |= {each.name.removeprefix("speech_lifecycle.") for each in node.names}
    for name in list(found):
        if name.startswith("simulation."):
            found |= imported_by(name.removeprefix("simulation."))
    return found


def test_the_judge_shares_no_code_with_the_adapters():
    imported = imported_by("wire_memory")
    assert "simulation.conversation" in imported
    assert [name for name in imported if name.partition(".")[0] in ("adapters", "fsm", "speech_lifecycle")] == []


# The judge is right: at the simulated server it knows what the server remembers, from the wire.


class ObservedWorld(SimulatedWorld):
    """A world with an onlooker at the client's socket."""

    memory: WireMemory

    async def open_session(self, exit_stack):
        self.memory = WireMemory()
        session = await super().open_session(exit_stack)
        observe(session._connection, self.memory)
        return session


COUNTS_OTHERWISE = "server-counts-less"
"""Its server believes that it sent less than it did, and does not say so."""


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, each in SCENARIOS.items()
        # Of what a server plays by itself nothing comes over the wire.
        if not each.reconnects and not each.server_plays and name != COUNTS_OTHERWISE
    ],
)
def test_the_judge_remembers_what_the_server_does(name):
    _, world = asyncio.run(play(SCENARIOS[name], make_world=ObservedWorld))
    remembered = world.server_session.conversation.remembered()
    judged = [(each.id, each.audio_ms, each.text) for each in world.memory.remembered()]
    assert judged == [(each.id, each.audio_ms, each.text) for each in remembered]
    sent_ms = {message_id: ms for message_id, ms in world.memory.sent_ms.items() if ms}
    assert sent_ms == world.server_session.audio_sent_ms


# The judge can condemn: whatever an adapter does wrong, the accounts of its run differ.


class Adapter(OpenAIRealtimeProtocol):
    """The adapter with a fault planted in what it reads, or in what it writes."""

    def receive(self, event):
        for read in self.misread(event):
            super().receive(read)

    def translate(self, effect):
        return [event for each in self.miswrite(effect) for event in super(Adapter, self).translate(each)]

    def misread(self, event):
        return [event]

    def miswrite(self, effect):
        return [effect]


def without(event, item_ids):
    """Return what is left of an event for an adapter that overlooks all about these items: the event, or nothing."""
    if {event.get("item_id"), (event.get("item") or {}).get("id")} & item_ids:
        return []
    response = event.get("response")
    if response is None or "output" not in response:
        return [event]
    return [{**event, "response": {**response, "output": [i for i in response["output"] if i["id"] not in item_ids]}}]


class OverlooksItems(Adapter):
    """Overlooks messages, whatever the server says of them."""

    first = 0

    def __post_init__(self):
        super().__post_init__()
        self.known = []

    def misread(self, event):
        item = event.get("item") or {}
        item_id = event.get("item_id") or item.get("id")
        if event["type"] == "response.output_item.added" and item["type"] == "message":
            self.known.append(item_id)
        if event["type"] == "response.done":
            return [{**event, "response": {**event["response"], "output": []}}]
        return [] if item_id in self.known[self.first :] else [event]

    def receive_delta(self, delta):
        if delta.item_id not in self.known[self.first :]:
            super().receive_delta(delta)


class OverlooksTheSecondItem(OverlooksItems):
    first = 1


class LosesDeltas(Adapter):
    """Loses one delta of a kind, the first, or a later one."""

    kind, which, seen = "", 0, 0

    def misread(self, event):
        if event["type"].endswith(self.kind):
            self.seen += 1
            return [] if self.seen == self.which else [event]
        return [event]


class LosesTheFirstAudio(LosesDeltas):
    kind, which = "audio.delta", 1


class LosesLaterAudio(LosesDeltas):
    kind, which = "audio.delta", 3


class LosesText(LosesDeltas):
    """The text that comes whole in the end would mend it."""

    kind, which = "transcript.delta", 1

    def misread(self, event):
        return [] if event["type"].endswith("transcript.done") else super().misread(event)


class TakesDeltasTwice(Adapter):
    def misread(self, event):
        return [event, event] if event["type"].endswith("audio.delta") else [event]


class MisnamesItems(Adapter):
    """Takes one id for another, wherever it stands."""

    def misread(self, event):
        item_id = event.get("item_id") or (event.get("item") or {}).get("id")
        return [event if item_id is None else renamed(event, item_id, f"{item_id}_")]

    def receive_delta(self, delta):
        super().receive_delta(replace(delta, item_id=f"{delta.item_id}_"))


def renamed(event, was, now):
    if isinstance(event, dict):
        return {key: renamed(value, was, now) for key, value in event.items()}
    return now if event == was else event


class GivesAudioToTheItemBefore(Adapter):
    """Takes the audio of each message but the first for that of the one before."""

    def __post_init__(self):
        super().__post_init__()
        self.known = []

    def misread(self, event):
        if event["type"] == "response.output_item.added" and event["item"]["type"] == "message":
            self.known.append(event["item"]["id"])
        if event["type"].endswith("audio.delta") and event["item_id"] in self.known[1:]:
            event = {**event, "item_id": self.known[self.known.index(event["item_id"]) - 1]}
        return [event]


class TruncatesElsewhere(Adapter):
    by_ms = 0

    def miswrite(self, effect):
        if isinstance(effect, TruncateMessage):
            effect = TruncateMessage(effect.message_id, max(0, effect.audio_end_ms + self.by_ms))
        return [effect]


class TruncatesTooFarBack(TruncatesElsewhere):
    by_ms = -20


class TruncatesTooLate(TruncatesElsewhere):
    by_ms = 20


class Forgets(Adapter):
    """Does not send what it should, and says that it is done."""

    kind: type = TruncateMessage
    operation = "truncate"

    def miswrite(self, effect):
        if not isinstance(effect, self.kind):
            return [effect]
        for message_id in getattr(effect, "message_ids", ()) or (effect.message_id,):
            self.answers.acknowledge(self.operation, message_id)
        return []


class ForgetsToTruncate(Forgets):
    pass


class ForgetsToDelete(Forgets):
    kind, operation = RemoveMessages, "remove"


class ForgetsToReplace(Forgets):
    kind, operation = ReplaceMessage, "replace"


class ReplacesByOtherWords(Adapter):
    def miswrite(self, effect):
        return [ReplaceMessage(effect.message_id, effect.text + "!") if isinstance(effect, ReplaceMessage) else effect]


class MergesMessages(Adapter):
    """Takes a message for the one before that had its id."""

    def __post_init__(self):
        super().__post_init__()
        ids, begin = self._client.message_ids, self._client.message_ids.begin
        ids.begin = lambda item_id: ids.name_of(item_id) if ids.is_known(item_id) else begin(item_id)


def test_an_adapter_that_merges_messages_of_one_name_is_found(captures, monkeypatch):
    once = load_source(captures / f"{SPOKEN}.yaml").connections[0]
    recording = Recording("twice", ((*once, *(event for event in once if "response" in event["type"])),))
    for at_ms in (None, 3_400):
        replayed = asyncio.run(replay(recording, interrupt_at_ms=at_ms))
        assert replayed.report.is_equal, replayed.report
        first, second = replayed.report.messages
        assert second.record.message_id == f"{first.record.message_id}#2"
        assert first.sent_ms == second.sent_ms > 0
        monkeypatch.setattr(replaying, "OpenAIRealtimeProtocol", MergesMessages)
        assert not asyncio.run(replay(recording, interrupt_at_ms=at_ms)).report.is_equal
        monkeypatch.undo()


@pytest.mark.parametrize("at_ms", [None, 700])
def test_a_message_is_numbered_beside_one_outside_the_conversation_that_had_its_id(captures, at_ms):
    once = load_source(captures / f"{SPOKEN}.yaml").connections[0]
    response = [event for event in once if "response" in event["type"]]
    begin = next(event for event in response if event["type"] == "response.created")
    outside = [event for event in response if event is not begin]
    begin_outside = {**begin, "response": {**begin["response"], "conversation_id": None}}
    before = [event for event in once if event not in response]
    recording = Recording("aside", ((*before, begin_outside, *outside, *response),))
    replayed = asyncio.run(replay(recording, interrupt_at_ms=at_ms))
    assert replayed.report.is_equal, replayed.report
    (message,) = replayed.report.messages
    assert message.record.message_id.endswith("#2")
    assert message.sent_ms > 0


SPOKEN, TWO_SPOKEN, TYPED = "openai_spoken_turn", "xai_preamble_and_tool_call", "openai_preamble_and_tool_call"
OLDER_NAMES = "azure_voice_live_spoken_turn"
FAULTS = [
    *(
        (fault, name, None)
        for fault in (OverlooksItems, MisnamesItems, TakesDeltasTwice)
        for name in (SPOKEN, OLDER_NAMES)
    ),
    *(
        (fault, name, None)
        for fault in (LosesTheFirstAudio, LosesLaterAudio, LosesText)
        for name in (SPOKEN, TWO_SPOKEN)
    ),
    (OverlooksItems, TYPED, None),
    (OverlooksTheSecondItem, TWO_SPOKEN, None),
    (GivesAudioToTheItemBefore, TWO_SPOKEN, None),
    (TruncatesTooFarBack, SPOKEN, 700),
    (TruncatesTooLate, SPOKEN, 700),
    (TruncatesTooLate, OLDER_NAMES, 250),
    (ForgetsToTruncate, TWO_SPOKEN, 700),
    (ForgetsToDelete, SPOKEN, 0),
    (ForgetsToReplace, TYPED, 55),
    (ReplacesByOtherWords, TYPED, 55),
]


@pytest.mark.parametrize(
    ("fault", "name", "interrupt_at_ms"), FAULTS, ids=lambda each: getattr(each, "__name__", str(each))
)
def test_an_adapters_fault_is_found(captures, monkeypatch, fault, name, interrupt_at_ms):
    recording = load_source(captures / f"{name}.yaml")
    assert asyncio.run(replay(recording, interrupt_at_ms=interrupt_at_ms)).report.is_equal
    monkeypatch.setattr(replaying, "OpenAIRealtimeProtocol", fault)
    assert not asyncio.run(replay(recording, interrupt_at_ms=interrupt_at_ms)).report.is_equal


@pytest.mark.parametrize("fault", [OverlooksItems, OverlooksTheSecondItem, MisnamesItems, TruncatesTooLate])
def test_an_adapters_fault_is_found_at_the_simulated_server_too(monkeypatch, fault):
    monkeypatch.setattr(openai_realtime, "OpenAIRealtimeProtocol", fault)
    report, _ = asyncio.run(play(SCENARIOS["answer-interrupted"]))
    assert not report.is_equal


# What servers of other habits say, the judge understands.


def remembered_after(*events, sent=()):
    memory = WireMemory()
    for event in sent:
        memory.send(event)
    for event in events:
        memory.receive(event)
    return [(each.id, each.audio_ms, each.text) for each in memory.remembered()]


def said(kind, value, item_id="A", **more):
    key = "transcript" if kind.endswith("done") else "delta"
    return {"type": f"response.{kind}", "response_id": "r", "item_id": item_id, key: value, **more}


def pcm(size):
    return base64.b64encode(bytes(size)).decode()


AUDIO = said("output_audio.delta", pcm(4800))


def test_a_message_that_is_only_ever_spoken_is_remembered():
    assert remembered_after(AUDIO, said("output_audio_transcript.delta", "Hi.")) == [("A", 100, "Hi.")]


def test_a_message_that_only_the_end_of_the_response_shows_is_remembered():
    item = {"id": "A", "type": "message", "content": [{"type": "output_text", "text": "Hi."}]}
    assert remembered_after({"type": "response.done", "response": {"id": "r", "output": [item]}}) == [
        ("A", None, "Hi.")
    ]


def test_what_comes_under_two_names_was_said_once():
    twice = [said(kind, pcm(4800)) for _ in range(2) for kind in ("audio.delta", "output_audio.delta")]
    words = [said(f"{kind}.delta", "Hi.") for kind in ("output_audio_transcript", "audio_transcript")]
    assert remembered_after(*twice, *words) == [("A", 200, "Hi.")]


@pytest.mark.parametrize(
    "pieces",
    [
        ["delta One.", "done One.", "delta  Two.", "done  Two."],
        ["done One.", "done  Two."],
        ["done One.", "done One. Two."],
        ["delta One.", "delta  Two.", "done One. Two."],
        ["delta One.", "done One. Two."],
    ],
)
def test_a_transcript_may_come_by_sentence_or_whole(pieces):
    events = [said(f"output_audio_transcript.{piece.split()[0]}", piece.partition(" ")[2]) for piece in pieces]
    assert remembered_after(AUDIO, *events) == [("A", 100, "One. Two.")]


@pytest.mark.parametrize("answer", [{"item_id": "A"}, {}])
def test_what_the_server_says_that_it_deleted_is_gone_and_stays_so(answer):
    asked = [{"type": "conversation.item.delete", "item_id": "A"}]
    deleted = {"type": "conversation.item.deleted", **answer}
    assert remembered_after(AUDIO, deleted, AUDIO, sent=asked) == []


def test_a_request_counts_when_it_is_answered():
    asked = [{"type": "conversation.item.truncate", "item_id": "A", "audio_end_ms": 40}]
    assert remembered_after(AUDIO, sent=asked) == [("A", 100, "")]
    assert remembered_after(AUDIO, {"type": "conversation.item.truncated", "item_id": "A"}, sent=asked) == [
        ("A", 40, None)
    ]


@pytest.mark.parametrize(
    ("output_format", "size"),
    [
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24_000}}}}, 4800),
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 16_000}}}}, 3200),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, 800),
        ({"output_audio_format": "g711_alaw"}, 800),
        ({"output_audio_format": "pcm16_16000hz"}, 3200),
        ({"audio": {"output": {"format": "audio/pcm;rate=22050"}}}, 4410),
    ],
)
def test_audio_is_counted_in_the_format_that_the_server_says(output_format, size):
    session = {"type": "session.updated", "session": output_format}
    assert remembered_after(session, said("output_audio.delta", pcm(size))) == [("A", 100, "")]


def test_audio_is_counted_whatever_its_pieces_are():
    assert remembered_after(*[said("output_audio.delta", pcm(16))] * 3) == [("A", 1, "")]


def test_messages_of_one_name_are_kept_apart():
    """Each response has its own, by ids that every other one has, too; what is late or only listed begins none."""

    def response(words, *ends):
        created = {"type": "response.created", "response": {"id": "r"}}
        item = {"id": "A", "type": "message", "content": [{"type": "audio", "transcript": words}]}
        end = {"type": "response.done", "response": {"id": "r", "output": [item]}}
        return [created, AUDIO, said("output_audio_transcript.delta", words), *ends, end, AUDIO]

    listed = {"type": "response.done", "response": {"id": "s", "output": [{"id": "A", "type": "message"}]}}
    truncated = {"type": "conversation.item.truncated", "item_id": "A", "audio_end_ms": 40}
    deleted = {"type": "conversation.item.deleted", "item_id": "A"}
    first, second = ("A", 200, "One."), ("A#2", 200, "Two.")
    both = [*response("One."), *response("Two.")]
    assert remembered_after(*both, listed) == [first, second]
    assert remembered_after(*both, truncated) == [first, ("A#2", 40, None)]
    assert remembered_after(*response("One."), truncated, *response("Two.")) == [("A", 40, None), second]
    assert remembered_after(*both, deleted, *response("Three.")) == [first, ("A#3", 200, "Three.")]
    asked = [{"type": "conversation.item.create", "item": {"id": "A", "role": "assistant", "content": []}}]
    created = {"type": "conversation.item.added", "item": {"id": "A", "role": "assistant"}}
    replaced = remembered_after(*both, deleted, created, sent=asked)
    assert [name for name, _, _ in replaced] == ["A", "A#2"], "what comes in the place of a message has its name"


def test_a_connection_that_counts_anew_says_other_messages():
    memory = WireMemory()
    for number in range(2):
        memory.receive({"type": "response.created", "response": {"id": "r"}})
        memory.receive(AUDIO)
        assert [each.id for each in memory.remembered()] == [f"A#{number + 1}" if number else "A"]
        memory.lose_connection()


def test_a_message_outside_the_conversation_may_have_the_id_of_one_inside():
    outside = {"type": "response.created", "response": {"id": "o", "conversation_id": None}}
    inside = {"type": "response.created", "response": {"id": "r"}}
    aside = {**AUDIO, "response_id": "o"}
    assert remembered_after(inside, AUDIO, outside, aside, AUDIO) == [("A", 200, "")]
    assert remembered_after(outside, aside, inside, AUDIO) == [("A#2", 100, "")]
    assert remembered_after(outside, aside, aside, outside, aside, inside, AUDIO) == [("A#3", 100, "")]
    again = {"type": "response.created", "response": {"id": "s"}}
    late = {"type": "response.done", "response": {"id": "r"}}
    assert remembered_after(inside, AUDIO, late, outside, aside, again, {**AUDIO, "response_id": "s"}) == [
        ("A", 100, ""),
        ("A#3", 100, ""),
    ]


def test_a_response_that_is_not_announced_goes_on_until_its_end():
    memory = WireMemory()
    memory.receive(AUDIO)
    assert memory.generating == {"r"}
    memory.receive({"type": "response.done", "response": {"id": "r"}})
    memory.receive(AUDIO)
    assert memory.generating == set()


def test_what_is_said_outside_the_conversation_is_not_remembered():
    created = {"type": "response.created", "response": {"id": "r", "conversation_id": None}}
    assert remembered_after(created, AUDIO, said("output_audio_transcript.delta", "Hi.")) == []


@pytest.mark.parametrize("nonsense", [None, 7, "x", [], {}, {"id": 3}, {"id": "A", "type": "message", "content": [7]}])
def test_what_cannot_be_read_says_nothing(nonsense):
    names = [*HANDLED, "response.created", "unknown", None, 7]
    keys = ("item", "part", "response", "session", "conversation", "delta", "item_id", "error", "audio_end_ms")
    remembered_after(*({"type": name, **dict.fromkeys(keys, nonsense)} for name in names))
