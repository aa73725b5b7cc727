"""A browser's page as output, played in a real Chromium, and compared with what the sound server recorded."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio
from browser_room import open_browser, open_tab, sound_missing
from sound_room import sound_room

from speech_lifecycle.testing import OUTPUT_CHECKS, OutputContractError, OutputUnderTest

pytestmark = [
    pytest.mark.skipif(bool(sound_missing()), reason=sound_missing()),
    pytest.mark.asyncio(loop_scope="module"),
]

RECORDED_S = 0.3
"""What was recorded is on its way to us."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room():
    with sound_room() as room:
        yield room


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(room):
    async with open_browser() as browser:
        yield browser


def opener(browser, room):
    @asynccontextmanager
    async def open_output():
        async with open_tab(browser) as opened:
            room.listen()

            async def heard_ms():
                await asyncio.sleep(RECORDED_S)
                return room.heard_ms()

            yield OutputUnderTest(
                opened.tab.output, tolerance_ms=40, latency_ms=300, heard_ms=heard_ms, fail=opened.page.close
            )
            assert opened.complaints == []

    return open_output


LISTENING = [check for check in OUTPUT_CHECKS if "expect_heard" in inspect.getsource(check.run)]
"""They compare with what was recorded, so that nothing else may play."""


async def is_kept(check, browser, room):
    """A busy machine may stop this process in mid-check: what fails twice is the fault of the output."""
    with suppress(OutputContractError):
        return await check(opener(browser, room)) is None
    return await check(opener(browser, room)) is None


@pytest.mark.parametrize("check", LISTENING, ids=str)
async def test_the_browser_keeps_the_contract(check, browser, room):
    assert await is_kept(check, browser, room)


async def test_it_keeps_the_rest_of_the_contract_in_many_tabs_at_once(browser, room):
    others = [check for check in OUTPUT_CHECKS if check not in LISTENING]
    assert all(await asyncio.gather(*(is_kept(check, browser, room) for check in others)))
