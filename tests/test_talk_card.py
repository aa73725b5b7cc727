"""`speech-lifecycle talk --soundcard`, used as a person uses it: by a voice in the microphone, and by keys."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.text import Text
from sound_room import missing, sound_room
from spoken import voice

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PATIENCE_S = 90
"""A machine that is busy may take so long to start a program."""
COMMAND = [str(Path(sys.executable).parent / "speech-lifecycle"), "talk", "--soundcard"]
ENVIRONMENT = {"COLUMNS": "100", "LINES": "30", "TERM": "xterm-256color"}


@pytest.fixture(scope="module")
def room():
    with sound_room() as room:
        yield room


@asynccontextmanager
async def talk(room, stdin, stdout):
    """Run the command, until the agent has been heard for a second."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    room.listen()
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=stdin, stdout=stdout, env={**own, **ENVIRONMENT})
    try:
        await until(lambda: room.heard_ms() > 1_000)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(is_so):
    loop = asyncio.get_running_loop()
    limit_s = loop.time() + PATIENCE_S
    while not is_so():
        assert loop.time() < limit_s, "waited in vain"
        await asyncio.sleep(0.02)


async def test_a_voice_interrupts_and_ctrl_c_settles_what_was_heard(room):
    async with talk(room, asyncio.subprocess.PIPE, asyncio.subprocess.PIPE) as process:
        await asyncio.to_thread(room.say, voice(1_500).tobytes())
        room.listen()
        await until(lambda: room.heard_ms() > 500)  # the answer
        process.send_signal(signal.SIGINT)
        printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    text = printed.decode()
    assert process.returncode == 0
    assert text.rstrip().endswith("settled, and stopped")
    cut = re.findall(r"agent  heard in part, interrupted, (\S+) s of (\S+) s: (.*?) ?~(.+)~\n", text)
    assert cut, text
    heard_s, received_s, words, _ = cut[0]
    assert 0 < float(heard_s) < float(received_s)
    assert f"heard in part: history says “{words}”, cut; the server remembers {heard_s} s\n" in text
    assert re.search(r"\nyou  spoke \(\d\.\d s\)\n", text)
    assert "f flushed  > started  x cleared" in text, "the timeline"


async def test_keys_interrupt_and_end_it_and_the_terminal_is_as_it_was(room):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    shown = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: shown.extend(os.read(ours, 65_536)))
    try:
        async with talk(room, theirs, theirs) as process:
            os.write(ours, b" ")
            await until(lambda: b"interrupted" in shown)
            os.write(ours, b"q")
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
            assert termios.tcgetattr(theirs) == before
            await until(lambda: b"settled, and stopped" in shown)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
    assert "The agent has the floor." in shown.decode()
    assert re.search(r"agent  █", shown.decode()), "a bar that shows how loud it is"


def test_without_a_sound_card_it_says_so_in_one_line(room):
    environment = {**os.environ, "PULSE_SERVER": "unix:/nowhere"}
    run = subprocess.run(
        COMMAND, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "the default sound output cannot be used" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_what_is_missing_is_named_with_the_remedy():
    code = "import sys; sys.modules['sounddevice'] = None; import speech_lifecycle.cli.talk.on_card"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[soundcard]'" in run.stderr


HOSTILE = "\x1b]0;mine\x07 [red]no[/red] \u202e :smile:\n\x9b2J"


def test_hostile_words_are_text_in_three_looks():
    from speech_lifecycle.cli.talk.screen import accounts_of, turns_of
    from speech_lifecycle.cli.terminal import _PlainConsole

    message = {
        "state": "partial",
        "reason": "interrupted",
        "heard_ms": 1_000,
        "received_ms": 2_000,
        "words": [("heard", HOSTILE), ("cut", HOSTILE), ("unheard", HOSTILE)],
        "history": {"text": HOSTILE, "how": "estimated", "cut": True},
        "isLost": False,
        "server": {"text": None, "ms": 1_000},
    }
    user = {"who": "user", "began_ms": 0, "text": HOSTILE, "ms": 500}
    view = {"turns": [user, {"who": "agent", "why": HOSTILE, "messages": [message]}]}
    file = io.StringIO()
    console = _PlainConsole(file=file, force_terminal=True, markup=False, color_system=None, width=1_000)
    for text in (*turns_of(view), *accounts_of(view)):
        assert isinstance(text, Text)
        console.print(text)
    printed = file.getvalue()
    assert not re.search("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e]", re.sub(r"\x1b\[[0-9;]*m", "", printed))
    written = r"\x1b]0;mine\x07 [red]no[/red] \u202e :smile:\n\x9b2J"
    assert f"{written} ~{written}~ ({written})" in printed
    assert len(printed.splitlines()) == 4


def test_a_level_rises_at_once_and_falls_slowly():
    from speech_lifecycle.cli.talk.level import Level

    level = Level()
    assert level.bar(10) == "·" * 10
    level.take(voice(100).tobytes())
    loud = level.bar(10).count("█")
    assert loud >= 5
    level.take(bytes(960))
    assert 0 < level.bar(10).count("█") < loud
    for piece in (b"", *[bytes(960)] * 20):
        level.take(piece)
    assert level.bar(10) == "·" * 10
