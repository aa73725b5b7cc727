"""Whatever stands in a file, the terminal and the pictures show it as text; broken and huge files are borne."""

from __future__ import annotations

import io
import json
import sys
from xml.etree import ElementTree

import pytest
from rich.table import Table
from test_cli import run

from speech_lifecycle.cli.terminal import one_line, printable
from speech_lifecycle.fsm.trace import TraceError, dump_record, load_trace

HOSTILE = [
    "You close it with [/INST].",
    "Well [laughs] that is :smile: it.",
    "[bold red]not red[/bold red] [link=file:///etc/passwd]here[/link]",
    "clear \x1b[2J, title \x1b]0;owned\x07, clipboard \x1b]52;c;aGk=\x07",
    "of one byte: \x9b2J\x9d0;owned\x9c",
    "back\x08\x08\x08\x08 and \rover it",
    "turned \u202egnp.exe\u202c \u2067about\u2069",
    "lines\nof\u2028their\u0085own",
]
OBEYED = ["\x1b", "\x9b", "\x9d", "\x07", "\x08", "\r", "\u202e", "\u2067", "\u2028", "\u0085"]


def recording_of(path, words, item_id="A"):
    """Write a recording of one response that says `words`."""
    of = {"response_id": "r", "item_id": item_id, "content_index": 0}
    received = [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "response_id": "r", "item": {"id": item_id, "type": "message"}},
        {"type": "response.content_part.added", **of, "part": {"type": "audio"}},
        {"type": "response.output_audio_transcript.delta", **of, "delta": words},
        {"type": "response.output_audio.delta", **of, "delta": "AAAA"},
        {"type": "response.done", "response": {"id": "r", "status": "completed"}},
    ]
    interactions = [{"kind": "message", "direction": "received", "data": event} for event in received]
    path.write_text(json.dumps({"interactions": interactions}), encoding="utf-8")
    return path


@pytest.mark.parametrize("words", HOSTILE)
def test_what_was_said_and_what_it_is_called_is_shown_as_text(tmp_path, words):
    recording = recording_of(tmp_path / "call.yaml", words, words)
    done = run("replay", recording, "--output", "out", cwd=tmp_path, COLUMNS="400")
    assert done.returncode == 0, done.stdout + done.stderr
    assert one_line(words) in done.stdout
    assert [each for each in OBEYED if each in done.stdout] == []
    again = run("replay", tmp_path / "out" / "call.jsonl", cwd=tmp_path, COLUMNS="400")
    assert one_line(words) in again.stdout
    ElementTree.parse(tmp_path / "out" / "call.svg")


@pytest.mark.parametrize("name", ["[b]call[b]", ":smile:", "\x1b[2J", "\u202ecall"])
def test_what_files_and_folders_are_called_is_shown_as_text(tmp_path, name):
    recording = recording_of(tmp_path / f"{name}.yaml", "hello")
    done = run("replay", recording, "--output", name, cwd=tmp_path, COLUMNS="400")
    assert done.returncode == 0, done.stderr
    assert f"wrote {printable(name)}/{printable(name)}.jsonl" in done.stdout
    missing = run("replay", f"{name}.jsonl", cwd=tmp_path)
    assert missing.returncode == 2
    assert printable(name) in missing.stderr
    assert [each for each in OBEYED if each in done.stdout + missing.stderr] == []


def test_a_folder_may_look_like_markup(tmp_path):
    done = run("draw", "--format", "dot", "--output", "a[/b]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "wrote a[/b]/message.dot" in done.stdout


def test_a_table_and_a_title_take_no_markup_either(monkeypatch):
    from speech_lifecycle.cli import terminal

    written = io.StringIO()
    console = terminal._PlainConsole(file=written, markup=True, emoji=True, width=200)
    table = Table("[b]heading[/b]", title="[i]title[/i]")
    table.add_row("[/b] :smile: \x1b[2J")
    console.print(table)
    assert "[b]heading[/b]" in written.getvalue()
    assert "[/b] :smile: \\x1b[2J" in written.getvalue()
    assert "[i]title[/i]" in written.getvalue()


def test_half_of_a_surrogate_pair_is_shown(tmp_path):
    recording = tmp_path / "call.yaml"
    recording_of(recording, "half")
    recording.write_text(recording.read_text(encoding="utf-8").replace('"half"', r'"half \ud83d"'), encoding="utf-8")
    done = run("replay", recording, "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_the_terminal_has_no_characters_for_is_written_out(tmp_path, encoding):
    recording = recording_of(tmp_path / "call.yaml", "“quoted”, 日本語, 😀")
    done = run("replay", recording, cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_line_of_ten_megabytes_is_borne(tmp_path):
    recording = recording_of(tmp_path / "call.yaml", "word " * 2_000_000)
    first = run("replay", recording, "--output", "out", cwd=tmp_path)
    again = run("replay", tmp_path / "out" / "call.jsonl", cwd=tmp_path)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert max(len(first.stdout), len(again.stdout)) < 100_000


# Files that were broken off, or are no text


@pytest.mark.parametrize("lost", [1, 2, 40])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_of_a_trace_that_was_broken_off_in_a_line_all_before_that_is_read(trace, lost, as_bytes):
    whole = "".join(f"{dump_record(record)}\n" for record in (trace.header, *trace.records))
    broken = io.StringIO(whole[:-lost])
    read = load_trace(io.BytesIO(whole[:-lost].encode()) if as_bytes else broken, "call.jsonl")
    is_whole = lost == 1
    assert read.records == (trace.records if is_whole else trace.records[:-1])
    assert read.is_cut_off == (not is_whole)


def test_a_trace_that_was_broken_off_in_a_character_is_read_to_there(trace):
    whole = "".join(f"{dump_record(record)}\n" for record in (trace.header, *trace.records)).encode()
    read = load_trace(io.BytesIO(whole + '{"record": "unrouted", "reason": "é'.encode()[:-1]))
    assert read.records == trace.records
    assert read.is_cut_off


def test_a_line_that_is_broken_elsewhere_is_an_error(trace):
    header, *lines = [f"{dump_record(record)}\n" for record in (trace.header, *trace.records)]
    with pytest.raises(TraceError, match=r"call\.jsonl, line 2, column .* not JSON"):
        load_trace([header, lines[0][:-9] + "\n", *lines[1:]], "call.jsonl")
    with pytest.raises(TraceError, match=r"call\.jsonl, line 3: not UTF-8"):
        load_trace([header.encode(), lines[0].encode(), b"\xff\xfe\n", lines[1].encode()], "call.jsonl")
    with pytest.raises(TraceError, match="line 1"):
        load_trace([header[:-9]], "call.jsonl")


def test_a_replay_says_that_the_end_of_a_trace_is_missing(trace, tmp_path):
    path = tmp_path / "call.jsonl"
    path.write_text("".join(f"{dump_record(each)}\n" for each in (trace.header, *trace.records))[:-9], encoding="utf-8")
    done = run("replay", path, cwd=tmp_path)
    assert "its last line was broken off, and is left out" in done.stdout


def test_a_mark_of_the_byte_order_is_no_part_of_a_trace(trace, tmp_path):
    path = tmp_path / "call.jsonl"
    path.write_text("\ufeff" + "".join(f"{dump_record(each)}\n" for each in (trace.header, *trace.records)), "utf-8")
    with path.open("rb") as lines:
        assert load_trace(lines).records == trace.records


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_a_file_that_is_no_text_is_named(tmp_path, trace):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text("".join(f"{dump_record(each)}\n" for each in (trace.header, *trace.records)), encoding="utf-8")
    bad.write_bytes(b"\xff\xfe")
    for command in (("replay", good, bad), ("explore", "--replay", bad)):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert "bad.jsonl, line 1: not UTF-8" in done.stderr
        assert done.stdout == ""
