"""What the simulated agent of `talk` says, and with which voice."""

from __future__ import annotations

import asyncio
import io
import shutil
import wave
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, cycle

from speech_lifecycle.adapters.outputs.resampler import Resampler
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse

_RATE = 24_000
_TONE_MS_PER_WORD = 320

GREETING = (
    "Hello! Nothing of me is real but my voice: I am a server that is simulated on your own machine.",
    "Talk over me whenever you like. What you did not hear, I will not believe to have said.",
)
ANSWERS = (
    (
        "Let me check that for you.",
        "It is sunny in London today, with a light breeze from the west, and there will be no rain before the evening.",
        "Shall I look up tomorrow as well?",
    ),
    (
        "I did hear that you spoke, but not what you said.",
        "Below you see each of my messages: what you heard of it, what was cut off, and what never reached you. "
        "The history of the agent and the memory of the server say the same.",
    ),
    (
        "One moment, please.",
        "There are three trains in the morning: at seven, at half past eight, and at ten, all from platform two.",
        "The one at ten is the cheapest.",
        "Would you like a seat by the window?",
    ),
)


async def scripted_responses() -> tuple[Iterator[ScriptedResponse], str]:
    """Return what the server says, without end, and what its voice is: espeak-ng's, or tones."""
    speaks = shutil.which("espeak-ng") or shutil.which("espeak")
    turns = [await _response(texts, speaks) for texts in (GREETING, *ANSWERS)]
    return chain(turns[:1], cycle(turns[1:])), "the voice of espeak-ng" if speaks else "a voice of tones"


async def _response(texts: Iterable[str], speaks: str | None) -> ScriptedResponse:
    messages = [ScriptedMessage(text, _TONE_MS_PER_WORD * len(text.split())) for text in texts]
    if speaks is not None:
        voices = await asyncio.gather(*(_spoken(speaks, message.text) for message in messages))
        messages = [
            replace(message, audio_ms=len(pcm) * 1000 // (2 * _RATE), pcm=pcm)
            for message, pcm in zip(messages, voices, strict=True)
        ]
    return ScriptedResponse(tuple(messages), pacing=Pacing(speed=4, start_delay_ms=150))


async def _spoken(speaks: str, text: str) -> bytes:
    """Return a text as 16-bit mono PCM."""
    process = await asyncio.create_subprocess_exec(
        speaks, "--stdout", "-v", "en-gb", "-s", "160", "--", text, stdout=asyncio.subprocess.PIPE
    )
    sound, _ = await process.communicate()
    with wave.open(io.BytesIO(sound)) as file:
        resampler = Resampler(file.getframerate(), _RATE)
        # espeak-ng writes the length before it knows it.
        return resampler.take(file.readframes(len(sound) // 2)) + resampler.end()
