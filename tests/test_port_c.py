"""The C that is exported compiles without a warning, and does what the machines do; so does it as WebAssembly."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from port_walks import Walk, difference, not_passed, walk

from speech_lifecycle.exports import DefinitionFile, definition_file, export
from speech_lifecycle.exports import trees as t
from speech_lifecycle.exports.c import c_files
from speech_lifecycle.fsm.compile.definition import DefinitionError
from speech_lifecycle.verification.conformance.serving import Server

EVENTS = int(os.environ.get("PORT_EVENTS", "20000"))
"""How many random events are compared: by hand a million, in CI as many as take a quarter of a minute."""
AT_A_TIME = 20_000
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZED = ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DSL_GROWTH=1")
"""A machine that takes no more memory than an event may need, and so moves with nearly every one."""
SOURCES = ("speech_lifecycle.c", "machine.c", "json.c", "run.c")
Command = list[str | Path]
Data = dict[str, Any]

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("make") is None,
    reason="there is no C compiler: install gcc or clang, and make",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("c")
    export("c", folder)
    return folder


@pytest.fixture(scope="module")
def port(library) -> Command:
    """The port as its own `run` makes it, with every warning an error."""
    run_compiler(["make", "-s", "CFLAGS=-O1 -Werror"], library)
    assert (library / "build" / "speech_lifecycle.a").exists()
    return [library / "run"]


@pytest.fixture(scope="module")
def sanitized(library, tmp_path_factory) -> list[str | Path]:
    """The compiler with all but a program, which is to be added."""
    folder = tmp_path_factory.mktemp("sanitized")
    sources = [library / name for name in SOURCES if name != "run.c"]
    run_compiler(["cc", *STRICT, *SANITIZED, "-c", *sources], folder)
    return ["cc", *STRICT, *SANITIZED, f"-I{library}", *sorted(folder.glob("*.o")), "-lm"]


@pytest.fixture(scope="module")
def sanitized_port(sanitized, library, tmp_path_factory) -> Command:
    folder = tmp_path_factory.mktemp("sanitized_port")
    run_compiler([*sanitized, library / "run.c", "-o", "port"], folder)
    return [folder / "port"]


@pytest.fixture(scope="module")
def wasm_port(library) -> Command:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed, which runs WebAssembly")
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("there is no compiler for WebAssembly: pip install 'speech-lifecycle[wasm]'")
    run_compiler(["make", "-s", "wasm", f"PYTHON={sys.executable}", "CFLAGS=-O2 -Werror"], library)
    return ["node", library / "run.mjs"]


def test_it_passes_every_tier(port):
    assert not_passed(port) == []


def compiled(compiler: str, library: Path, output: Path, options: Iterable[str] = ()) -> Path:
    sources = [library / name for name in SOURCES]
    run_compiler([*compiler.split(), *STRICT, *options, "-o", output, *sources, "-lm"], output.parent)
    return output


def run_compiler(command: Command, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def told(port: Command, commands: Iterable[Data | str]) -> list[Data]:
    lines = (each if isinstance(each, str) else json.dumps(each) for each in commands)
    done = subprocess.run(
        port, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(port: Command, events: int, seed: int = 0) -> set[str]:
    """Compare so many random events; return the transitions that were taken."""
    compared, taken = 0, set()
    while compared < events:
        walks: list[Walk] = []
        while sum(len(each.steps) for each in walks) < min(AT_A_TIME, events):
            walks.append(walk(seed, 200))
            seed += 1
        commands: list[Data] = []
        for each in walks:
            begin = {"machine": each.machine, "capabilities": each.capabilities, "policy": each.policy}
            commands += [{"command": "begin", **begin}, *({"command": "step", "event": s.event} for s in each.steps)]
        given = iter(told(port, [*commands, {"command": "stop"}]))
        for each in walks:
            assert next(given)["state"] == each.initial
            for step, answer in zip(each.steps, given, strict=False):
                assert difference(step, answer) == "", each.machine
                taken.update(answer["transitions"])
                compared += 1
    return taken


def test_it_agrees_on_random_events_in_replies_effects_and_whole_snapshots(port):
    taken = compare(port, EVENTS)
    ids = {name for chart in definition_file().charts.values() for name in chart.transitions}
    assert len(taken & ids) > 0.75 * len(ids)


def test_webassembly_agrees_too(wasm_port):
    compare(wasm_port, EVENTS // 4, seed=50_000)


def test_no_memory_is_misused_while_it_moves_with_nearly_every_event(sanitized_port):
    compare(sanitized_port, EVENTS // 8, seed=100_000)


def test_the_memory_that_is_asked_for_is_enough_for_the_worst_events(sanitized_port):
    """If not, the process aborts."""
    commands: list[Data] = []
    for count in (1, 5, 60):
        for modality in ("audio", "text"):
            for ending in ENDINGS:
                policy = {"estimate_heard_text": True}
                commands.append({"command": "begin", "machine": "speech", "policy": policy})
                commands += steps(messages(count, modality))
                commands += steps(ending)
    for count in (1, 12):
        commands.append({"command": "begin", "machine": "conversation", "policy": {"speeches_kept": 3}})
        for number in range(count):
            speech = {"speech_id": f"s{number}", "response_id": f"r{number}"}
            commands += steps([{"type": "request_response", "speech_id": f"s{number}"}])
            commands += steps([{"type": "session_response_created", **speech}, *messages(4, "audio", f"r{number}")[2:]])
            commands += steps([{"type": "session_response_ended", "response_id": f"r{number}"}])
        commands += steps([{"type": "interrupt", "force": True}, {"type": "session_lost"}, {"type": "close"}])
    answered = told(sanitized_port, commands)
    assert answered[-1]["state"]["connection"] == "closing"
    kinds = [each["reply"] for each in answered if "reply" in each]
    assert kinds.count("handled") > 0.9 * len(kinds)
    assert "full" not in kinds


ENDINGS: tuple[list[Data], ...] = (
    [
        {"type": "interrupt"},
        {"type": "output_playback_finished", "message_id": "r-m0", "position_ms": 900, "interrupted": True},
        {"type": "session_response_ended", "response_id": "r"},
        {"type": "timer_fired", "timer": "reconcile"},
    ],
    [{"type": "session_lost", "may_resume": True}, {"type": "session_resumed", "conversation_kept": True}],
    [{"type": "close"}, {"type": "timer_fired", "timer": "stop"}],
    [{"type": "session_response_ended", "response_id": "r"}],
)


def steps(events: Iterable[Data]) -> list[Data]:
    return [{"command": "step", "event": event} for event in events]


def messages(count: int, modality: str, response_id: str = "r") -> list[Data]:
    events: list[Data] = [{"type": "authorize"}, {"type": "session_response_created", "response_id": response_id}]
    for number in range(count):
        name = {"message_id": f"{response_id}-m{number}"}
        events.append({"type": "session_message_added", "response_id": response_id, "modalities": [modality], **name})
        events.append({"type": "session_text_received", "text": "a " * (2000 if number == 0 else 5), **name})
        if modality == "audio":
            events.append({"type": "session_audio_received", "received_ms": 1000, **name})
    if modality == "audio":
        name = {"message_id": f"{response_id}-m0"}
        events.append({"type": "output_audio_handed_over", "handed_over_ms": 1000, **name})
    return events


def test_a_long_conversation_needs_two_pieces_of_memory_and_no_malloc(sanitized, tmp_path):
    run_compiler([*sanitized, Path(__file__).parent / "c" / "memory.c", "-o", "memory"], tmp_path)
    done = subprocess.run([tmp_path / "memory"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    moves, effects, ids, speeches, size = map(int, re.findall(r"\d+", done.stdout))
    assert moves > 100
    assert effects > 300 * 10
    assert ids < 100, "ids that are forgotten are given anew"
    assert speeches == 2
    assert size < 20_000


def test_the_header_is_one_for_cplusplus_too(library, tmp_path):
    if shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler: install g++ or clang++")
    (tmp_path / "use.cpp").write_text('#include "speech_lifecycle.h"\nsl_event (*make)() = sl_event_authorize;\n')
    warnings = ("-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
    run_compiler(["c++", *warnings, f"-I{library}", "-fsyntax-only", "use.cpp"], tmp_path)


def test_it_says_what_it_was_made_from(port):
    (started,) = told(port, [{"command": "start"}])
    own = definition_file()
    assert started["spec_version"] == own.spec_version
    assert started["behaviour_digest"] == own.behaviour_digest


@pytest.mark.parametrize("seed", [2, 3], ids=["speech", "conversation"])
def test_whole_snapshots_can_be_loaded(sanitized_port, seed):
    found = walk(seed, 120)
    middle = len(found.steps) // 2
    before = found.steps[middle - 1].expected["state"]
    load = {"command": "load", "machine": found.machine, "state": before}
    loaded, *got = told(sanitized_port, [load, *steps(step.event for step in found.steps[middle:])])
    assert loaded["state"] == before
    assert [difference(*each) for each in zip(found.steps[middle:], got, strict=True)] == [""] * len(got)


MALFORMED: tuple[Any, ...] = (
    None,
    5,
    {},
    {"type": "authorise"},
    {"type": ["authorize"]},
    {"type": "request_response"},
    {"type": "authorize", "speech": "s"},
    {"type": "interrupt", "force": 1},
    {"type": "interrupt", "force": None},
    {"type": "interrupt", "observed_ms": None},
    {"type": "interrupt", "observed_ms": -1},
    {"type": "timer_fired"},
    {"type": "timer_fired", "timer": "none"},
    {"type": "timer_fired", "timer": ""},
    {"type": "session_response_created"},
    {"type": "session_response_created", "response_id": None},
    {"type": "session_message_added", "response_id": "r", "message_id": "m", "modalities": "audio"},
    {"type": "session_message_added", "response_id": "r", "message_id": "m", "modalities": ["smell"]},
    {"type": "session_audio_received", "message_id": "m", "received_ms": 2**53 - 1},
    {"type": "session_audio_received", "message_id": "m", "received_ms": 2**53},
    {"type": "session_audio_received", "message_id": "m", "received_ms": 10**400},
    {"type": "session_audio_received", "message_id": "m", "received_ms": 1.5},
    {"type": "session_audio_received", "message_id": "m", "received_ms": True},
    {"type": "output_playback_progressed", "message_id": "m", "position_ms": "many"},
    {"type": "output_playback_progressed", "message_id": "m", "position_ms": True},
    {"type": "output_playback_progressed", "message_id": "m", "position_ms": "nan"},
    {"type": "output_playback_progressed", "message_id": "m", "position_ms": "-inf"},
)


@pytest.mark.parametrize("machine", ["speech", "conversation"])
def test_what_is_malformed_or_out_of_range_is_rejected_for_the_same_reason(sanitized_port, machine):
    server, commands = Server(), [{"command": "begin", "machine": machine}, *steps(MALFORMED)]
    expected = [json.loads(json.dumps(server.answer(command))) for command in commands]
    assert told(sanitized_port, commands) == expected


def test_texts_are_what_they_were(sanitized_port):
    texts = ["Grüße, 世界 \U0001f600", 'quotes " and \\ and / and \x00\x01\n\x7f', "", " " * 5, "x" * 70_000]
    added = {"type": "session_message_added", "response_id": "r\x00é", "message_id": "m\U0001f600"}
    response = {"type": "session_response_created", "response_id": "r\x00é"}
    received = [{"type": "session_text_received", "message_id": "m\U0001f600", "text": text} for text in texts]
    *_, last = told(sanitized_port, [{"command": "begin"}, *steps([{"type": "authorize"}, response, added, *received])])
    assert last["state"]["messages"]["m\U0001f600"]["text"] == "".join(texts)


def test_what_is_no_command_is_said_and_the_next_is_answered(sanitized_port):
    wrong: list[Data | str] = [
        "{", "[1, 2", "nul", '{"command": "st\\q"}', "[" * 100_000, "5", {"command": "fly"}, {"command": 5},
        {"command": "begin", "policy": {"frame_ms": -1}}, {"command": "begin", "capabilities": {"can_fly": True}},
        {"command": "load"}, {"command": "load", "state": {"state": "asleep"}},
    ]  # fmt: skip
    *said, started = told(sanitized_port, [*wrong, {"command": "start"}])
    assert [list(each) for each in said] == [["error"]] * len(wrong)
    assert started["language"] == "C"


@pytest.mark.parametrize("compiler", ["clang", "zig"])
def test_clang_has_no_warning_either(library, tmp_path, compiler):
    command = "clang" if compiler == "clang" else f"{sys.executable} -m ziglang cc"
    if compiler == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    if compiler == "zig" and importlib.util.find_spec("ziglang") is None:
        pytest.skip("zig's clang is not installed: pip install 'speech-lifecycle[wasm]'")
    compiled(command, library, tmp_path / "port", ["-O1", "-Wpedantic"])


def test_the_example_of_its_readme_runs(library, port, tmp_path):
    """It is in memory of its own, without malloc."""
    (example, *_) = re.findall(r"```c\n(.*?)```", (library / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "example.c").write_text(example, encoding="utf-8")
    archive = library / "build" / "speech_lifecycle.a"
    run_compiler(["cc", *STRICT, f"-I{library}", "-o", "example", "example.c", archive, "-lm"], tmp_path)
    said = subprocess.run([tmp_path / "example"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "  play item_1" in said
    assert said[-1] == "session is to blame: audio_went_backwards"


@pytest.mark.parametrize(
    ("path", "own", "other"),
    [
        ("layer.h", "return other < one ? other : one;", "return other < one ? one : other;"),
        ("machine.c", "if (text.place != SL_YOURS || text.data == NULL) {", "if (text.place != 7) {"),
    ],
    ids=["the least", "texts that are not kept"],
)
def test_a_fault_is_found(library, tmp_path, path, own, other):
    shutil.copytree(library, tmp_path / "broken", ignore=shutil.ignore_patterns("build"))
    broken = tmp_path / "broken" / path
    text = broken.read_text(encoding="utf-8")
    assert own in text
    broken.write_text(text.replace(own, other), encoding="utf-8")
    port = compiled("cc", tmp_path / "broken", tmp_path / "port", ["-O0"])
    with pytest.raises(AssertionError, match=r"after|: error"):
        compare([port], 4000)


def changed(function: str, *body: t.Statement) -> DefinitionFile:
    own = definition_file()
    node = own.functions[function].model_copy(update={"body": body})
    return own.model_copy(update={"functions": {**own.functions, function: node}})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (t.Value(value="item_1"), "'item_1' is no id"),
        (t.Get(of=t.Name(name="speech"), field="text"), "is text, and has to be id"),
        (t.Name(name="nobody"), "nobody is named in another block"),
    ],
)
def test_what_has_no_c_is_named_with_its_function(value, said):
    setting = t.Set(of=t.Name(name="speech"), field="forwarding_id", value=value)
    with pytest.raises(DefinitionError, match=f"message.actions.flush cannot be written in C: .*{said}"):
        c_files(changed("message.actions.flush", setting))


def test_the_repository_keeps_of_it_what_runs_it_and_that_says_how_to_get_the_rest(library, tmp_path):
    kept = Path(__file__).parent.parent / "ports" / "c" / "run"
    assert kept.read_bytes() == (library / "run").read_bytes()
    done = subprocess.run([shutil.copy(kept, tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"run `speech-lifecycle export c --output {tmp_path}`" in done.stderr


def test_the_header_says_what_the_definition_says(library):
    text = (library / "speech_lifecycle.h").read_text(encoding="utf-8")
    own = definition_file()
    words = " ".join(re.sub(r"^ *\*? ?|/\*\*|\*/", "", line) for line in text.splitlines())
    for family in (own.structs, own.events, own.effects):
        for each in family.values():
            assert " ".join(each.doc.split()) in " ".join(words.split())
    for chart in own.charts.values():
        assert all(f"/* {name} */" in text for name in chart.transitions)
