"""The contract of outputs (docs/outputs.md): kept by those that play by a clock, and broken by none unseen."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.outputs import ClockedOutput
from speech_lifecycle.fsm.events import OutputPlaybackProgressed
from speech_lifecycle.simulation import misbehaviour as mb
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.virtual_loop import run_in_virtual_time
from speech_lifecycle.testing import OUTPUT_CHECKS, Bench, OutputContractError, OutputUnderTest

CHECK_NAMED = {check.name: check for check in OUTPUT_CHECKS}


@asynccontextmanager
async def open_clocked(**options):
    yield OutputUnderTest(ClockedOutput(**options), tolerance_ms=1, latency_ms=1)


@asynccontextmanager
async def open_speaker(misbehaviour=None, output_class=SimulatedSpeaker, **options):
    speaker = output_class(LoopClock(), misbehaviour=misbehaviour, **options)

    async def heard_ms():
        return sum(speaker.listener.heard.values())

    yield OutputUnderTest(speaker, tolerance_ms=1, latency_ms=options.get("latency_ms", 0) + 1, heard_ms=heard_ms)


def held(check, open_output) -> str | None:
    return run_in_virtual_time(check(open_output))


@pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
def test_the_clocked_output_keeps_the_contract(check):
    reason = held(check, open_clocked)
    assert reason is None or check.needs == "failure"


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_it_keeps_the_contract_at_other_rates(rate):
    for check in OUTPUT_CHECKS:
        held(check, partial(open_clocked, sample_rate=rate))


def test_in_real_time_it_keeps_the_contract_too():
    @asynccontextmanager
    async def open_output():
        yield OutputUnderTest(ClockedOutput(), tolerance_ms=100, latency_ms=100)

    async def all_at_once():
        await asyncio.gather(*(check(open_output) for check in OUTPUT_CHECKS))

    asyncio.run(all_at_once())


@pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
@pytest.mark.parametrize(
    "options", [{}, {"latency_ms": 120}, {"can_pause": False}, {"report_progress_every_ms": 7}], ids=str
)
def test_the_simulated_speaker_keeps_the_contract(check, options):
    held(check, partial(open_speaker, **options))


class Threaded(SimulatedSpeaker):
    """Reports each fact from a thread of its own."""

    def attach(self, report):
        def report_from_a_thread(fact):
            thread = threading.Thread(target=report, args=(fact,))
            thread.start()
            thread.join()

        super().attach(report_from_a_thread)


@pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
def test_facts_may_come_from_any_thread(check):
    held(check, partial(open_speaker, output_class=Threaded))


class Hasty(SimulatedSpeaker):
    """Reports from inside the call that makes a fact true."""

    def _tell(self, playback, fact):
        if not self._closed and self._report is not None:
            self._report(fact)


@pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
def test_facts_may_come_from_inside_a_call(check):
    held(check, partial(open_speaker, output_class=Hasty))


class Forgetful(SimulatedSpeaker):
    """Plays what is written after the end of a message as part of the next."""

    def write(self, message_id, pcm):
        super().write(self._playback.message_id if self._playback else message_id, pcm)

    def clear(self, message_id):
        super().clear(message_id)
        if self._playback is None and message_id in self._done:
            self._done.remove(message_id)
            self.start(message_id)


class Talkative(SimulatedSpeaker):
    """Says something after it was closed."""

    async def aclose(self):
        message_id = self._playback.message_id if self._playback else "m"
        await super().aclose()
        asyncio.get_running_loop().call_later(0.05, self._report, OutputPlaybackProgressed(message_id, 1))


class Choosy(SimulatedSpeaker):
    """Takes whole frames only."""

    def write(self, message_id, pcm):
        super().write(message_id, pcm[: len(pcm) - len(pcm) % 960])


class Stopping(SimulatedSpeaker):
    """Ends a message when it runs dry."""

    def write(self, message_id, pcm):
        super().write(message_id, pcm)
        self.flush(message_id)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a_message_is_played_to_its_end", {"misbehaviour": mb.NeverReportsStarted()}),
        ("a_message_is_played_to_its_end", {"misbehaviour": mb.NeverReportsProgress()}),
        ("a_message_is_played_to_its_end", {"misbehaviour": mb.SurplusFinishes()}),
        ("a_message_is_played_to_its_end", {"misbehaviour": mb.ReportsPosition(None)}),
        ("a_message_is_played_to_its_end", {"misbehaviour": mb.ReportsPosition(0.0)}),
        ("a_message_is_played_to_its_end", {"misbehaviour": mb.Silent()}),
        ("pieces_may_have_any_size", {"output_class": Choosy}),
        ("silence_in_between_is_not_counted", {"output_class": Stopping}),
        ("a_clear_reports_how_far_the_message_got", {"misbehaviour": mb.ReportsQueuedPosition()}),
        ("a_clear_reports_how_far_the_message_got", {"misbehaviour": mb.OverReports(by_ms=90)}),
        ("a_clear_reports_how_far_the_message_got", {"misbehaviour": mb.DeniesInterruption()}),
        ("a_clear_reports_how_far_the_message_got", {"misbehaviour": mb.Silent(only_after_clear=True)}),
        ("what_is_written_after_a_clear_is_dropped", {"output_class": Forgetful}),
        ("messages_follow_each_other", {"misbehaviour": mb.WrongMessageId()}),
        ("a_pause_holds_and_loses_nothing", {"misbehaviour": mb.StartsAgainOnResume()}),
        ("a_pause_holds_and_loses_nothing", {"misbehaviour": mb.LosesAudioOnPause(80)}),
        ("after_aclose_nothing_is_said", {"output_class": Talkative}),
    ],
    ids=str,
)
def test_whoever_breaks_a_rule_is_found(name, options):
    with pytest.raises(OutputContractError):
        held(CHECK_NAMED[name], partial(open_speaker, **options))


@pytest.mark.parametrize("name", [check.name for check in OUTPUT_CHECKS if check.needs == "failure"])
def test_an_output_that_breaks_says_so(name):
    @asynccontextmanager
    async def open_broken():
        async with open_speaker(misbehaviour=mb.FailsAfter(50)) as under_test:

            async def fail():
                await asyncio.sleep(0.1)

            yield OutputUnderTest(under_test.output, fail=fail)

    assert held(CHECK_NAMED[name], open_broken) is None


def test_one_that_breaks_in_silence_is_found():
    @asynccontextmanager
    async def open_silent():
        async with open_speaker() as under_test:

            async def fail():
                await under_test.output.aclose()

            yield OutputUnderTest(under_test.output, fail=fail)

    with pytest.raises(OutputContractError, match="waited in vain until the failure is reported"):
        held(CHECK_NAMED["a_failure_is_reported"], open_silent)


def test_one_that_blocks_the_loop_is_found():
    async def run():
        bench = Bench(OutputUnderTest(ClockedOutput()))
        with pytest.raises(OutputContractError, match="blocked the event loop for"):
            bench.call(lambda: threading.Event().wait(0.3))

    asyncio.run(run())


def test_a_rule_that_does_not_apply_says_why():
    for check in OUTPUT_CHECKS:
        reason = held(check, partial(open_speaker, can_pause=False))
        assert (reason is not None) == (check.needs is not None)


def test_each_check_says_its_rule():
    assert len(CHECK_NAMED) == len(OUTPUT_CHECKS) > 20
    assert all(check.rule for check in OUTPUT_CHECKS)


def test_the_code_of_the_page_runs():
    page = (Path(__file__).parent.parent / "docs" / "outputs.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    namespace: dict[str, object] = {}
    exec(compile(code, "docs/outputs.md", "exec"), namespace)
    namespace["test_my_output"](CHECK_NAMED["messages_follow_each_other"])


def test_the_kit_needs_no_test_framework():
    code = "import sys, speech_lifecycle.testing; assert not {'pytest', 'numpy', 'openai'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
