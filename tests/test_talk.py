"""`speech-lifecycle talk`, used as a person uses it: in a real Chromium, by a voice in its microphone, and by keys."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from browser_room import missing, open_browser
from spoken import silence, voice, write_wav

from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.asyncio(loop_scope="module"),
]

PATIENCE_S = 90
"""A machine that is busy may take so long to start a program."""
LISTENS_MS = 4_000
"""What the user hears before he speaks."""


@asynccontextmanager
async def talk(*arguments, **environment):
    """Run the command, and give the address that it prints. It ends by Ctrl-C, and says so."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    command = [str(Path(sys.executable).parent / "speech-lifecycle"), "talk", "--no-open", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={**own, **environment})
    try:
        printed = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/", printed)):
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
            assert line, printed
            printed += line.decode()
        yield found.group()
        process.send_signal(signal.SIGINT)
        rest, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 0
        assert "settled, and stopped" in rest.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address():
    async with talk() as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    """Without a microphone."""
    async with open_browser() as browser:
        yield browser


@asynccontextmanager
async def open_page(browser, address, **options):
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_S * 1_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
    await page.goto(address)
    yield page
    assert complaints == []
    await context.close()


async def texts_of(message):
    """What a message says of itself: its words by how they look, and its facts."""
    words = {look: " ".join(await message.locator(f".words > .{look}").all_inner_texts()) for look in LOOKS}
    facts = dict(
        zip(await message.locator("dt").all_inner_texts(), await message.locator("dd").all_inner_texts(), strict=True)
    )
    return {look: text for look, text in words.items() if text}, facts


LOOKS = ("heard", "cut", "unheard", "coming")


def seconds_of(fact):
    return [float(found) for found in re.findall(r"(\d+\.\d) s", fact)]


async def test_a_voice_interrupts_and_all_accounts_are_the_same(address, tmp_path):
    said = write_wav(tmp_path / "said.wav", silence(LISTENS_MS, 48_000), voice(1_500, 48_000), silence(60_000, 48_000))
    async with open_browser(microphone=said) as browser, open_page(browser, address) as page:
        await page.evaluate(NOTE_FLOORS)
        await page.get_by_role("button", name="Talk").click()
        cut = page.locator(".message.partial").first
        await cut.wait_for()
        await page.locator(".turn.user", has_text="You spoke (").filter(has_not_text="speaking").wait_for()
        words, facts = await texts_of(cut)
        heard_s, received_s = seconds_of(facts["State"])
        assert set(words) == {"heard", "cut"}
        assert 0 < heard_s < received_s
        assert "heard in part, interrupted" in facts["State"]
        assert f"“{words['heard']}” — cut" in facts["History"]
        assert seconds_of(facts["Server"]) == [heard_s]
        for rest in await page.locator(".turn.agent").first.locator(".message.skipped").all():
            words, facts = await texts_of(rest)
            assert set(words) <= {"unheard"}
            assert (facts["History"], facts["Server"]) == ("nothing", "has forgotten it")
        await page.locator(".turn.agent").nth(1).locator(".message.streaming, .message.draining").first.wait_for()
        floors = await page.evaluate("floors")
        assert [floor for floor in floors if floor != "Nobody"][:3] == ["Agent", "You", "Agent"]


NOTE_FLOORS = """() => {
  window.floors = [];
  new MutationObserver(() => {
    const now = document.querySelector("#floor [aria-current=true]")?.innerText;
    if (now && now !== floors.at(-1)) floors.push(now);
  }).observe(document.getElementById("floor"), { subtree: true, attributes: true });
}"""
"""Who has had the floor, as the page showed it."""


async def test_it_can_be_used_by_keys_alone_and_without_a_microphone(address, browser):
    async with open_page(browser, address) as page:
        assert await page.evaluate("document.activeElement.id") == "talk"
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").get_by_text("Without a microphone").wait_for()
        playing = page.locator(".message.streaming .heard, .message.draining .heard")
        await playing.first.wait_for()
        await page.keyboard.press("Escape")
        await page.locator(".message.partial").wait_for()
        assert "heard in part" in await page.get_by_role("status").inner_text()
        await page.get_by_role("button", name="Have the agent speak").wait_for()
        await page.keyboard.press("Enter")
        await page.locator(".turn.agent").nth(1).locator(".heard").first.wait_for()
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("Space")
        await page.locator(".turn.agent").nth(1).locator(".message.partial").wait_for()


async def test_a_reload_in_mid_speech_settles_what_was_heard_and_goes_on(address, browser):
    async with open_page(browser, address) as page:
        await page.get_by_role("button", name="Talk").click()
        await page.locator(".message.streaming .heard, .message.draining .heard").first.wait_for()
        await page.reload()
        cut = page.locator(".message.partial")
        await cut.wait_for()
        words, facts = await texts_of(cut)
        assert "the page was gone" in facts["State"]
        assert words["heard"] in facts["History"]
        await page.get_by_role("button", name="Go on talking").click()
        await page.get_by_role("button", name="Have the agent speak").click()
        await page.locator(".turn.agent").nth(1).locator(".heard").first.wait_for()


async def test_two_tabs_have_a_conversation_each(address, browser):
    async with open_page(browser, address) as one, open_page(browser, address) as two:
        for page in (one, two):
            await page.get_by_role("button", name="Talk").click()
            await page.locator(".message .heard").first.wait_for()
        await two.keyboard.press("Escape")
        await two.locator(".message.partial").wait_for()
        # The other goes on, or has ended meanwhile: that depends on how busy the machine is.
        await one.locator(".message.played").first.wait_for()
        assert await one.locator(".message.partial").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_telephone_and_can_be_read(address, browser, scheme):
    async with open_page(browser, address, viewport={"width": 320, "height": 640}, color_scheme=scheme) as page:
        await page.get_by_role("button", name="Talk").click()
        await page.locator(".message .heard").first.wait_for()
        await page.keyboard.press("Escape")
        await page.locator(".message.partial").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        assert await page.evaluate(CONTRASTS) == []


CONTRASTS = """() => {
  const level = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const back = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (!color.endsWith(", 0)")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const written = document.querySelectorAll("p, dt, dd, li, span, del, button, h1");
  return [...written].filter((each) => each.innerText).map((each) => {
    const [one, two] = [level(getComputedStyle(each).color), level(back(each))].sort((a, b) => b - a);
    return [each.className || each.tagName, (one + 0.05) / (two + 0.05)];
  }).filter(([, contrast]) => contrast < 4.5);
}"""
"""What is written in colours that differ less than WCAG 2 asks of text (AA)."""


async def test_a_connection_that_is_lost_is_said_and_one_can_talk_again(browser):
    said = "<img src=x onerror=alert(1)> is how some begin, & go on"
    slowly = Pacing(speed=1.2, transcript_lead_ms=None)
    async with (
        SimulatedRealtimeServer([ScriptedResponse((ScriptedMessage(said, 6_000),), pacing=slowly)]) as server,
        talk(OPENAI_API_KEY="any", OPENAI_BASE_URL=server.base_url) as address,
        open_page(browser, address) as page,
    ):
        await page.get_by_role("button", name="Talk").click()
        await page.locator(".message .heard").first.wait_for()
        server.sessions[0].drop_connection()
        await page.locator(".message.partial", has_text="<img").wait_for()
        assert "cannot be reached" in (await texts_of(page.locator(".message.partial")))[1]["Server"]
        assert await page.locator("img").count() == 0
        await page.get_by_role("alert").get_by_text("The connection to the server is lost.").wait_for()
        await page.get_by_role("button", name="Talk again").click()
        await page.locator(".message.played", has_text="All right.").wait_for()


async def test_a_server_that_refuses_the_key_is_said_on_the_page(browser):
    async with (
        SimulatedRealtimeServer(api_key="right") as server,
        talk(OPENAI_API_KEY="sk-wrong", OPENAI_BASE_URL=server.base_url) as address,
        open_page(browser, address) as page,
    ):
        await page.get_by_role("button", name="Talk").click()
        alert = page.get_by_role("alert").get_by_text("refuses the connection with HTTP 401: check OPENAI_API_KEY")
        await alert.wait_for()
        await page.get_by_role("button", name="Talk again").wait_for()
        assert "sk-wrong" not in await page.content()
