"""What the listener of a demonstration heard: as a sound file, and on the sound card."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from speech_lifecycle.fsm.events import OutputFact, OutputFailed, OutputPlaybackFinished, OutputPlaybackProgressed
from speech_lifecycle.simulation.report import Report
from speech_lifecycle.simulation.world import SimulatedWorld

from .errors import UsageError
from .terminal import console, one_line


def write_heard(world: SimulatedWorld, report: Report, output: Path) -> list[Path]:
    """Write what was heard as `heard.wav`, with the cut points in `heard.json`, and return the paths.

    Without an audio output there is nothing to hear; without soundfile, a line that says so.
    """
    if not world.plays_audio:
        return []
    try:
        from speech_lifecycle.adapters.outputs.heard_file import HeardFile
    except ImportError as error:
        console.print(f"no heard.wav: {error}", style="dim", soft_wrap=True)
        return []
    rate = world.sample_rate
    records = {message.record.message_id: message.record for message in report.messages}
    file = HeardFile(output / "heard.wav", rate)
    try:
        timeline = world.listener.timeline
        taken: dict[str, int] = {}
        for index, heard in enumerate(timeline):
            start = taken.get(heard.message_id, 0)
            end = taken[heard.message_id] = start + (heard.to_ms - heard.from_ms) * rate // 1000
            file.add(heard, world.listener.samples(heard.message_id)[start:end].astype("<i2").tobytes())
            if all(later.message_id != heard.message_id for later in timeline[index + 1 :]):
                record = records.pop(heard.message_id, None)
                if record is not None:
                    interrupted = record.state != "played"
                    file.end_message(record.message_id, record.heard_ms, record.received_ms, interrupted=interrupted)
        for record in records.values():
            file.end_message(record.message_id, 0, record.received_ms, interrupted=True)
        file.close()
    except BaseException:
        file.discard()
        raise
    return [file.path, file.sidecar_path]


def play_heard(path: Path | None) -> None:
    """Play the sound file on the sound card, and print each message's beginning and end as it passes.

    Raises:
        UsageError: the sound card failed, or there is nothing to play.
        ImportError: what plays it is not installed.
    """
    # Each says what to install.
    from speech_lifecycle.adapters.outputs.heard_file import read_sound
    from speech_lifecycle.adapters.outputs.sound_card import SoundCardError

    if path is None:
        raise UsageError("this scenario has no audio output, and nothing was heard: there is nothing to play")
    pcm, rate = read_sound(path)
    marks: list[tuple[int, str]] = []
    for message in json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["messages"]:
        if message["begins_at_ms"] is not None:
            name = one_line(message["message_id"])
            how = "is cut" if message["interrupted"] else "ends"
            marks += [(message["begins_at_ms"], f"{name} begins"), (message["ends_at_ms"], f"{name} {how}")]
    try:
        asyncio.run(_play(pcm, rate, sorted(marks, key=lambda mark: mark[0])))
    except SoundCardError as error:
        raise UsageError(str(error)) from error


async def _play(pcm: bytes, rate: int, marks: list[tuple[int, str]]) -> None:
    from speech_lifecycle.adapters.outputs.sound_card import SoundCardOutput

    card = SoundCardOutput(sample_rate=rate)
    over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def take(fact: OutputFact) -> None:
        if isinstance(fact, OutputPlaybackProgressed | OutputPlaybackFinished):
            while marks and marks[0][0] <= (fact.position_ms or 0):
                at_ms, what = marks.pop(0)
                console.print(f"{at_ms:>9} ms  {what}", soft_wrap=True)
        if isinstance(fact, OutputPlaybackFinished):
            over.set_result("")
        elif isinstance(fact, OutputFailed):
            over.set_result(fact.detail)

    try:
        card.attach(take)
        card.start("heard")
        card.write("heard", pcm)
        card.flush("heard")
        failure = await over
    finally:
        await card.aclose()
    if failure:
        raise UsageError(failure)
