"""`speech-lifecycle talk --soundcard`: the conversation in the terminal, by microphone and sound card."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from rich.live import Live

from speech_lifecycle.adapters.outputs.sound_card import SoundCardError
from speech_lifecycle.diagrams.call_reading import CallReading

from ..errors import UsageError
from ..printing import print_timeline
from ..terminal import console
from .card_place import CardPlace
from .screen import KEYS, Screen, accounts_of, turns_of
from .serving import agent_of

_SHOWN_PER_SECOND = 10


def talk_on_card(model: str) -> None:
    """Talk until q or Ctrl-C; then show what was heard, and the timeline.

    Raises:
        UsageError: the sound card cannot be used, or the server cannot be reached.
    """
    reading = CallReading()
    places: list[CardPlace] = []
    try:
        asyncio.run(_talk(model, reading, places))
    except SoundCardError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        pass
    for place in places:
        for text in (*turns_of(place.view), *accounts_of(place.view)):
            console.print(text, soft_wrap=True)
        if trouble := place.view.get("trouble"):
            raise UsageError(trouble)
    if not reading.call.is_empty:
        console.print()
        print_timeline(reading.call)
    console.print("\nsettled, and stopped")


async def _talk(model: str, reading: CallReading, places: list[CardPlace]) -> None:
    async with agent_of(model) as (agent, name):
        place = CardPlace()
        places.append(place)
        try:
            with place.open():
                console.print(f"talk to {name}", soft_wrap=True)
                console.print("with headphones: here nothing keeps the agent from hearing itself", soft_wrap=True)
                if place.no_microphone:
                    console.print(f"nobody hears you: {place.no_microphone}", soft_wrap=True)
                if console.is_terminal:
                    shown = Live(Screen(place), console=console, refresh_per_second=_SHOWN_PER_SECOND, transient=True)
                else:
                    console.print(KEYS)
                    shown = nullcontext()  # type: ignore[assignment]
                with shown:
                    await agent.converse(place, trace=reading)
        finally:
            await place.output.aclose()
