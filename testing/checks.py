"""The rules of docs/outputs.md, each as a check. Its name and docstring are the rule."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.fsm.events import (
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from .scripted_session import ScriptedAudio, ScriptedSession
from .under_test import Bench, OpenOutput

Need = Literal["pause", "failure"]

_MISSING: dict[Need, str] = {
    "pause": "the output cannot pause",
    "failure": "nothing was given that has the output fail",
}


@dataclass(frozen=True)
class OutputCheck:
    """One rule."""

    name: str
    """Of the check: pytest shows it."""
    rule: str
    """What the output must do, in words."""
    run: Callable[[Bench], Awaitable[None]]
    """The check itself. It raises `OutputContractError`."""
    needs: Need | None = None
    """What an output must be able to do for the rule to apply to it."""
    attaches: bool = True
    """Whether the output is attached before the check runs."""

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    async def __call__(self, open_output: OpenOutput) -> str | None:
        """Check a new output. None if it keeps the rule, else why the rule does not apply to it.

        Raises:
            OutputContractError: it does not keep the rule.
        """
        async with open_output() as under_test:
            bench = Bench(under_test)
            can_do: dict[Need, bool] = {"pause": bench.output.can_pause, "failure": under_test.fail is not None}
            try:
                if self.needs is not None and not can_do[self.needs]:
                    return _MISSING[self.needs]
                if self.attaches:
                    bench.attach()
                await self.run(bench)
            finally:
                await bench.output.aclose()
        return None


_checks: list[OutputCheck] = []


def _check(
    *, needs: Need | None = None, attaches: bool = True
) -> Callable[[Callable[[Bench], Awaitable[None]]], Callable[[Bench], Awaitable[None]]]:
    def add(run: Callable[[Bench], Awaitable[None]]) -> Callable[[Bench], Awaitable[None]]:
        _checks.append(OutputCheck(run.__name__, run.__doc__ or "", run, needs, attaches))
        return run

    return add


# One message


@_check()
async def a_message_is_played_to_its_end(bench: Bench) -> None:
    """A flushed message starts, progresses, and finishes at its full length, not interrupted, in its own time."""
    began_ms = bench.now_ms
    bench.say("m", 400)
    finish = await bench.finished("m", 400)
    bench.expect_in_order()
    bench.expect(not finish.interrupted, "a finish that nobody asked for says interrupted")
    bench.expect(len(bench.of(OutputPlaybackStarted, "m")) == 1, "the start was not reported once")
    if bench.under_test.reports_progress:
        bench.expect(bool(bench.of(OutputPlaybackProgressed, "m")), "no progress was reported")
    bench.expect(abs((finish.position_ms or 0) - 400) <= 1, "a message played to the end is not at its end")
    bench.expect(
        bench.at_ms(finish) - began_ms >= 400 - bench.under_test.tolerance_ms, "the end came before it can be heard"
    )
    await bench.expect_heard(400, "played to the end", whole=True)


@_check()
async def pieces_may_have_any_size(bench: Bench) -> None:
    """Audio comes in pieces of one sample and of a second, and in none: all of it is played."""
    bench.call(bench.output.start, "m")
    for samples in (0, 1, 7, 239, 481, 997, 24_000):
        bench.write_pcm("m", b"\xe8\x03" * samples)
    bench.call(bench.output.flush, "m")
    finish = await bench.finished("m", 25_725 * 1000 / bench.output.sample_rate)
    bench.expect_in_order()
    bench.expect(abs((finish.position_ms or 0) - bench.written_ms["m"]) <= 1, "not all of what was written was played")


@_check()
async def a_message_without_audio_finishes_at_0(bench: Bench) -> None:
    """What is flushed without audio finishes soon, at 0, not interrupted."""
    bench.call(bench.output.start, "m")
    bench.call(bench.output.write_text, "m", "words")
    bench.call(bench.output.flush, "m")
    finish = await bench.finished("m")
    bench.expect((finish.position_ms, finish.interrupted) == (0, False), "it did not finish at 0")


@_check()
async def silence_in_between_is_not_counted(bench: Bench) -> None:
    """When audio comes too late the output waits: it starts once, and positions count audio, not time."""
    bench.call(bench.output.start, "m")
    bench.write("m", 100)
    await bench.started("m")
    await bench.sleep(100 + 300)
    bench.expect(not bench.of(OutputPlaybackFinished, "m"), "it finished before it was flushed")
    bench.write("m", 100)
    bench.call(bench.output.flush, "m")
    finish = await bench.finished("m", 200)
    bench.expect_in_order()
    bench.expect(abs((finish.position_ms or 0) - 200) <= 1, "silence was counted, or audio was not")
    await bench.expect_heard(200, "with silence in between", whole=True)


@_check()
async def audio_after_the_flush_is_played_too(bench: Bench) -> None:
    """A server may send more after all: what is written before the end is reported belongs to the message."""
    bench.say("m", 700)
    await bench.started("m")
    bench.write("m", 100)
    bench.call(bench.output.flush, "m")
    finish = await bench.finished("m", 800)
    bench.expect_in_order()
    bench.expect(abs((finish.position_ms or 0) - 800) <= 1, "what was written after the flush is missing")


@_check()
async def audio_after_the_end_is_refused(bench: Bench) -> None:
    """Who writes after a message was played out, and flushes or clears it, is told that it ended before that."""
    for message_id, stop in (("a", bench.output.flush), ("b", bench.output.clear)):
        bench.say(message_id, 100)
        end = await bench.finished(message_id, 100)
        bench.write(message_id, 100)
        bench.call(stop, message_id)
        refusal = await bench.finished_again(message_id)
        bench.expect(refusal.interrupted, "what was written after the end counts as played")
        bench.expect(refusal.position_ms == end.position_ms, "the end has moved")
    await bench.expect_heard(200, "written to after the end", whole=True)


# Clear


@_check()
async def a_clear_reports_how_far_the_message_got(bench: Bench) -> None:
    """`clear` stops at once and finishes interrupted, at the position of what has left."""
    bench.call(bench.output.start, "m")
    bench.write("m", 2_000)
    wrote_ms = bench.now_ms
    await bench.started("m")
    await bench.sleep(300)
    bench.call(bench.output.clear, "m")
    cleared_ms = bench.now_ms
    finish = await bench.finished("m")
    bench.expect_in_order()
    bench.expect(finish.interrupted, "a finish after a clear does not say interrupted")
    elapsed_ms = cleared_ms - wrote_ms
    bench.expect_by_clock(finish.position_ms, elapsed_ms, elapsed_ms, "cleared")
    await bench.quiet()
    bench.expect_in_order()
    await bench.expect_heard(finish.position_ms or 0, "cleared")


@_check()
async def a_clear_before_the_first_sound_reports_0(bench: Bench) -> None:
    """What is cleared in the instant it is written finishes interrupted, with next to nothing heard."""
    bench.call(bench.output.start, "m")
    bench.write("m", 500)
    bench.call(bench.output.clear, "m")
    finish = await bench.finished("m")
    bench.expect(finish.interrupted, "a finish after a clear does not say interrupted")
    bench.expect_by_clock(finish.position_ms, 0, 0, "cleared at once")


@_check()
async def a_clear_of_what_has_no_audio_reports_0(bench: Bench) -> None:
    """A message of which nothing was written can be cleared."""
    bench.call(bench.output.start, "m")
    bench.call(bench.output.clear, "m")
    finish = await bench.finished("m")
    bench.expect((finish.position_ms, finish.interrupted) == (0, True), "it did not finish interrupted at 0")


@_check()
async def what_is_written_after_a_clear_is_dropped(bench: Bench) -> None:
    """Late audio, text, flushes and clears of a message that is over change nothing, and raise nothing."""
    bench.call(bench.output.start, "m")
    bench.write("m", 500)
    await bench.started("m")
    bench.call(bench.output.clear, "m")
    bench.call(bench.output.write, "m", b"\xe8\x03" * 4_800)
    bench.call(bench.output.write_text, "m", "late")
    bench.call(bench.output.flush, "m")
    bench.call(bench.output.clear, "m")
    position_ms = (await bench.finished("m")).position_ms or 0
    bench.call(bench.output.clear, "m")
    await bench.quiet()
    bench.expect_in_order()
    await bench.expect_heard(position_ms, "cleared, and written to")


@_check()
async def a_clear_after_the_end_says_nothing(bench: Bench) -> None:
    """The caller may clear what has finished meanwhile."""
    bench.say("m", 60)
    await bench.finished("m", 60)
    bench.call(bench.output.clear, "m")
    await bench.quiet()
    bench.finish("m")


@_check()
async def after_a_clear_the_next_message_plays(bench: Bench) -> None:
    """What comes after an interruption is played from its own start, and nothing of the old comes with it."""
    bench.call(bench.output.start, "a")
    bench.write("a", 1_000)
    await bench.started("a")
    await bench.sleep(100)
    bench.call(bench.output.clear, "a")
    cut = await bench.finished("a")
    bench.say("b", 200)
    finish = await bench.finished("b", 200)
    bench.expect_in_order()
    bench.expect(not finish.interrupted, "the next message is interrupted too")
    bench.expect(abs((finish.position_ms or 0) - 200) <= 1, "the next message is not at its end")
    await bench.expect_heard((cut.position_ms or 0) + 200, "one cut, one whole")


# Several messages


@_check()
async def messages_follow_each_other(bench: Bench) -> None:
    """Each message has positions of its own, from 0 (T15), and nothing of one is reported as of another."""
    for message_id, ms in (("a", 150), ("b", 120), ("c", 90)):
        bench.say(message_id, ms)
        finish = await bench.finished(message_id, ms)
        bench.expect(abs((finish.position_ms or 0) - ms) <= 1, f"{message_id!r} is not at its end")
    bench.expect_in_order()
    order = [fact.message_id for fact in bench.facts]
    bench.expect(order == sorted(order), "facts of one message came among those of another")
    await bench.expect_heard(360, "three messages", whole=True)


@_check()
async def a_message_that_never_had_audio_makes_way(bench: Bench) -> None:
    """The next message may start while one that was started has no audio; nothing need be said of that one."""
    bench.call(bench.output.start, "empty")
    bench.say("m", 60)
    finish = await bench.finished("m", 60)
    bench.expect(not finish.interrupted, "the message that follows is interrupted")


# Pause


@_check(needs="pause")
async def a_pause_holds_and_loses_nothing(bench: Bench) -> None:
    """`pause` holds; `resume` goes on from there: nothing is lost, nothing is heard twice (P5)."""
    bench.say("m", 500)
    await bench.started("m")
    await bench.sleep(120)
    bench.call(bench.output.pause)
    await bench.sleep(600)
    bench.expect(not bench.of(OutputPlaybackFinished, "m"), "it played on while it was held")
    bench.call(bench.output.resume)
    finish = await bench.finished("m", 500)
    bench.expect_in_order()
    bench.expect(abs((finish.position_ms or 0) - 500) <= 1, "held, and not played to the end")
    await bench.expect_heard(500, "held and resumed", whole=True)


@_check(needs="pause")
async def what_is_held_can_be_cleared(bench: Bench) -> None:
    """A clear while held reports where it was held."""
    bench.call(bench.output.start, "m")
    bench.write("m", 1_000)
    wrote_ms = bench.now_ms
    await bench.started("m")
    await bench.sleep(150)
    bench.call(bench.output.pause)
    held_ms = bench.now_ms
    await bench.sleep(300)
    bench.call(bench.output.clear, "m")
    finish = await bench.finished("m")
    bench.expect_by_clock(finish.position_ms, held_ms - wrote_ms, held_ms - wrote_ms, "held and cleared")
    bench.call(bench.output.resume)
    bench.say("next", 60)
    await bench.finished("next", 60)
    await bench.expect_heard((finish.position_ms or 0) + 60, "held and cleared, and another")


@_check(needs="pause")
async def what_comes_while_held_waits(bench: Bench) -> None:
    """A pause before the first sound holds what is written later, and may be asked for twice."""
    bench.call(bench.output.pause)
    bench.call(bench.output.pause)
    bench.say("m", 100)
    await bench.sleep(300)
    bench.expect(bench.facts == [], "it played while it was held")
    bench.call(bench.output.resume)
    bench.call(bench.output.resume)
    finish = await bench.finished("m", 100)
    bench.expect(abs((finish.position_ms or 0) - 100) <= 1, "held, and not played to the end")


@_check()
async def pause_and_resume_never_raise(bench: Bench) -> None:
    """An output that cannot pause plays on; one with nothing in hand has nothing to hold."""
    bench.call(bench.output.resume)
    bench.call(bench.output.pause)
    bench.call(bench.output.resume)
    bench.say("m", 60)
    await bench.finished("m", 60)
    bench.expect_in_order()


# The end


@_check(needs="failure")
async def a_failure_is_reported(bench: Bench) -> None:
    """When what it plays on goes away, the message in hand ends with `OutputFailed`, with words that say why."""
    bench.call(bench.output.start, "m")
    bench.write("m", 5_000)
    await bench.started("m")
    if bench.under_test.fail is not None:
        await bench.under_test.fail()
    await bench.until(lambda: bool(bench.of(OutputFailed, "m")), "the failure is reported", 2_000)
    bench.expect_in_order()
    bench.expect(bool(bench.of(OutputFailed, "m")[0].detail), "the failure does not say what went wrong")
    bench.call(bench.output.clear, "m")
    await bench.quiet()
    bench.expect_in_order()


@_check(needs="failure")
async def a_message_after_a_failure_fails_or_plays(bench: Bench) -> None:
    """An output that is gone does not keep silent about the next message: it fails, raises, or has come back."""
    if bench.under_test.fail is not None:
        await bench.under_test.fail()
    await bench.sleep(100)
    try:
        bench.say("m", 60)
    except Exception as error:
        bench.expect(bool(str(error)), "what start, write or flush raised has no words")
        return
    is_over = (OutputFailed, OutputPlaybackFinished)
    await bench.until(lambda: any(isinstance(fact, is_over) for fact in bench.facts), "it fails or plays", 2_000)


@_check()
async def after_aclose_nothing_is_said(bench: Bench) -> None:
    """`aclose` in mid-speech silences the output, says nothing more, and may be called again."""
    bench.call(bench.output.start, "m")
    bench.write("m", 1_000)
    await bench.started("m")
    await bench.output.aclose()
    await bench.sleep(0)
    said = len(bench.facts)
    await bench.sleep(300)
    bench.expect(len(bench.facts) == said, "it reported after aclose")
    await bench.output.aclose()


@_check()
async def an_output_that_was_never_used_can_be_closed(bench: Bench) -> None:
    """A session may end before anything was said."""
    await bench.output.aclose()
    bench.expect(bench.facts == [], "it reported something that nobody gave it")


# With the driver


def _session(bench: Bench, *messages: tuple[str, int]) -> ScriptedSession:
    """A session whose pieces end in the middle of samples."""
    rate = bench.output.sample_rate
    audio = []
    for message_id, ms in messages:
        pcm = b"\xe8\x03" * (ms * rate // 1000)
        cuts = (0, 2401, 4800, 4801, 4801, len(pcm))
        pieces = [pcm[start:end] for start, end in itertools.pairwise(cuts)]
        audio.append(ScriptedAudio(message_id, pieces, "some words"))
    return ScriptedSession(audio, sample_rate=rate)


@_check(attaches=False)
async def the_driver_plays_it(bench: Bench) -> None:
    """With the driver, whichever thread the output reports from, a response of odd pieces is played whole."""
    async with Driver(_session(bench, ("a", 400), ("b", 330)), bench.output) as driver:
        records = await driver.request_response().done()
    states = [(record.message_id, record.state) for record in records]
    bench.expect(states == [("a", "played"), ("b", "played")], f"the driver has {records}")
    await bench.expect_heard(730, "two messages of a response", whole=True)


@_check(attaches=False)
async def the_driver_settles_it_however_its_block_is_left(bench: Bench) -> None:
    """Left in mid-speech, the driver settles what was heard before it closes the output."""
    async with Driver(_session(bench, ("a", 2_000)), bench.output) as driver:
        speech = driver.request_response()
        await bench.sleep(bench.under_test.latency_ms + bench.under_test.behind_ms + 300)
    (record,) = speech.records
    bench.expect(record.state == "partial", f"the driver has {record}")
    await bench.expect_heard(record.heard_ms, "left in mid-speech")


OUTPUT_CHECKS: tuple[OutputCheck, ...] = tuple(_checks)
"""All rules, in the order of docs/outputs.md."""
