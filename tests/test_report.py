"""The report of calls: one page that opens from disk, in a real Chromium, looked at step by step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import pytest_asyncio
from browser_room import missing, open_browser
from report_pages import NASTY, at_step, faults_of_access, hostile, lines_of, open_page, press, written

from speech_lifecycle.cli.app import app
from speech_lifecycle.cli.heard import write_heard
from speech_lifecycle.diagrams.animated import animated_svg
from speech_lifecycle.diagrams.call_reading import read_call
from speech_lifecycle.diagrams.report import write_report
from speech_lifecycle.diagrams.report.pages import STEPS_PER_PAGE
from speech_lifecycle.diagrams.report.sound import sound_beside
from speech_lifecycle.diagrams.report.writing import SECTIONS
from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.effects import AnnounceAgentState, CommitMessage
from speech_lifecycle.fsm.trace import ConversationStep, SpeechBegun, Step
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

in_browser = pytest.mark.skipif(bool(missing()), reason=missing())
pytestmark = pytest.mark.asyncio(loop_scope="module")
SPEC = Path(__file__).parent.parent / "docs" / "spec.md"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def two_speeches(trace, folder):
    """The page of two speeches, the first of which is interrupted."""
    return page_of(folder, "two", lines_of(trace))


def page_of(folder, name, *calls, says=()):
    """The address of the page of calls, given as lines."""
    traces = [written(folder / f"{name}-{number}.jsonl", lines) for number, lines in enumerate(calls)]
    notes = write_report(traces, folder / f"{name}.html")
    assert len(notes) == len(says)
    for note, words in zip(notes, says, strict=True):
        assert words in note
    return (folder / f"{name}.html").as_uri()


def course_of(trace):
    """What each step leads to: the state of its speech and message, by running the machines again, and of the agent."""
    machines, focus, agent = {}, None, "listening"
    for record in trace.records:
        if isinstance(record, SpeechBegun):
            machines[record.speech] = SpeechMachine(record.capabilities, record.policy)
            focus = record.speech
        elif isinstance(record, Step):
            focus = record.speech
            machines[focus].send(record.event)
        if isinstance(record, ConversationStep):
            for effect in record.effects:
                agent = effect.state if isinstance(effect, AnnounceAgentState) else agent
        speech = machines[focus].speech
        named = speech.messages.get(getattr(getattr(record, "event", None), "message_id", ""))
        yield with_compounds("speech", speech.state), agent, named and with_compounds("message", named.state)


def with_compounds(chart, state):
    return sorted(getattr(definition(), chart).ancestry(state))


LIT = """() => ["speech", "conversation", "message"].map((chart) =>
  [...document.querySelectorAll(`#chart-${chart} .lit`)].map((each) => each.dataset.state).sort())"""
STEP_THROUGH = """async () => {
  const lit = LIT;
  const [where, forward] = ["where", "forward"].map((id) => document.getElementById(id));
  const seen = [];
  for (let step = 1; ; step += 1) {
    while (!where.textContent.startsWith(`step ${step} of`)) await new Promise(requestAnimationFrame);
    seen.push(lit());
    if (forward.ariaDisabled === "true") return seen;
    forward.click();
  }
}""".replace("LIT", LIT)
"""What is lit at each step, from the present one to the last, by the button."""


@in_browser
async def test_every_step_lights_the_states_that_the_machines_are_in(browser, two_speeches, trace):
    async with open_page(browser, two_speeches) as page:
        seen = await page.evaluate(STEP_THROUGH)
    expected = list(course_of(trace))
    assert len(seen) == len(expected) == len(trace.records)
    for (speech, conversation, message), (its_speech, agent, its_message) in zip(seen, expected, strict=True):
        assert speech == its_speech
        assert set(conversation) & {"listening", "thinking", "speaking"} == {agent}
        assert its_message is None or message == its_message
    assert {state for _, _, message in expected for state in message or ()} >= {
        "pending",
        "draining",
        "stopping",
        "partial",
    }


@in_browser
async def test_keys_step_and_what_has_keys_of_its_own_keeps_them(browser, two_speeches, trace):
    count = len(trace.records)
    async with open_page(browser, two_speeches) as page:
        await at_step(page, 1)
        await press(page, "ArrowRight", 2)
        await press(page, "ArrowLeft", 1)
        await press(page, "ArrowLeft", 1)
        await press(page, "Shift+ArrowRight", 11)
        await press(page, "End", count)
        await press(page, "Shift+ArrowLeft", count - 10)
        await press(page, "Home", 1)
        for _ in range(9):
            await page.keyboard.press("ArrowRight")
        await press(page, "ArrowRight", 11)
        await press(page, "Home", 1)
        await page.focus("#scrubber")
        await press(page, "ArrowRight", 2)
        await page.focus("#log [aria-current] button")
        await press(page, "ArrowDown", 3)
        assert await page.evaluate("document.activeElement.closest('[aria-current]') !== null")
        await page.focus("#speech")
        await page.keyboard.press("ArrowDown")
        await page.wait_for_function("() => document.getElementById('speech').value === '0'")


@in_browser
async def test_buttons_scrubber_and_log_lead_to_the_same_steps(browser, two_speeches, trace):
    late = max(index for index, record in enumerate(trace.records) if record.at_ms < 1_000) + 1
    async with open_page(browser, two_speeches) as page:
        await page.get_by_role("button", name="Last", exact=True).click()
        await at_step(page, len(trace.records))
        await page.get_by_role("button", name="Back", exact=True).click()
        await at_step(page, len(trace.records) - 1)
        await page.get_by_role("slider").fill("999.9")
        await at_step(page, late)
        await page.locator("#log button").nth(4).click()
        await at_step(page, 5)
        await page.get_by_role("button", name="First", exact=True).click()
        await at_step(page, 1)


@in_browser
async def test_one_speech_can_be_chosen_of_several(browser, two_speeches, trace):
    async with open_page(browser, two_speeches) as page:
        options = await page.locator("#speech option").all_inner_texts()
        assert [speech.speech in option for speech, option in zip(trace.speeches, options[1:], strict=True)] == [
            True,
            True,
        ]
        await page.select_option("#speech", "1")
        await at_step(page, 1)
        begun = trace.records.index(trace.speeches[1]) + 1
        assert await page.locator("#step dd").last.inner_text() == str(begun + 1)
        await page.keyboard.press("End")
        await page.wait_for_selector("#forward[aria-disabled=true]")
        assert await page.locator("#step dd").nth(1).inner_text() == trace.speeches[1].speech


@in_browser
async def test_the_timeline_says_where_the_step_is_and_leads_to_others(browser, two_speeches, trace):
    async with open_page(browser, two_speeches) as page:
        middle = next(step for step, record in enumerate(trace.records, 1) if record.at_ms > 1_000)
        await page.get_by_role("slider").fill(str(trace.records[middle - 1].at_ms))
        at, begin, end = await page.evaluate(CURSOR)
        speech = [record.at_ms for record in trace.records if getattr(record, "speech", "") == "speech_1"]
        share = (trace.records[middle - 1].at_ms - speech[0]) / (speech[-1] - speech[0])
        assert (at - begin) / (end - begin) == pytest.approx(share, abs=0.01)
        x, y = await page.evaluate(PLACE, 0.53)
        await page.mouse.click(x, y)
        clicked_ms = speech[0] + 0.53 * (speech[-1] - speech[0])
        step = max(index for index, record in enumerate(trace.records, 1) if record.at_ms <= clicked_ms)
        await at_step(page, step)


CURSOR = """() => {
  const { left, right } = document.querySelector("#timeline [data-from]").dataset;
  return [Number(document.getElementById("cursor").getAttribute("x1")), Number(left), Number(right)];
}"""
PLACE = """(share) => {
  const svg = document.querySelector("#timeline svg");
  const { left, right, top } = svg.querySelector("[data-from]").dataset;
  const x = Number(left) + share * (right - left);
  const { x: px, y: py } = new DOMPoint(x, Number(top) + 30).matrixTransform(svg.getScreenCTM());
  return [px, py];
}"""
"""Where on the page a part of the timeline's first line is."""


@in_browser
async def test_the_three_accounts_are_those_of_the_trace(browser, two_speeches, trace):
    commits = {effect.message_id: effect for effect in trace.effects if isinstance(effect, CommitMessage)}
    async with open_page(browser, two_speeches) as page:
        assert await page.locator(".message").count() == 0
        await press(page, "End", len(trace.records))
        for message in await page.locator(".message").all():
            message_id = await message.locator("h3 bdi").inner_text()
            heard, history, _, same = await message.locator("dd").all_inner_texts()
            assert same == "yes"
            if message_id in commits:
                assert f"“{commits[message_id].text}”" in history
                assert ("interrupted" in history) == commits[message_id].interrupted
            else:
                assert history == "nothing"
                assert "heard: " not in heard.replace("never heard: ", "")


@in_browser
async def test_a_server_that_cannot_be_brought_in_line_is_told(browser, folder):
    trace = (await play(SCENARIOS["truncation-refused"]))[1].trace
    async with open_page(browser, page_of(folder, "refused", lines_of(trace))) as page:
        await page.keyboard.press("End")
        await page.wait_for_selector("#forward[aria-disabled=true]")
        assert await page.locator(".differs").count() == 1


@in_browser
async def test_what_is_hostile_is_text(browser, folder, trace):
    async with open_page(browser, page_of(folder, "hostile", hostile(lines_of(trace)))) as page:
        shown = NASTY.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
        await page.evaluate(STEP_THROUGH)
        await press(page, "Home", 1)
        await press(page, "Shift+ArrowRight", 11)
        assert await page.locator("img, main script").count() == 0
        for place in ("#speech option", "#step", "#messages", "#log", "#summary", "#timeline"):
            assert shown in " ".join(await page.locator(place).all_text_contents()), place
        everything = await page.evaluate("document.body.innerText")
        assert not {"\x1b", "\u202e"} & set(everything)


@in_browser
async def test_a_long_call_looks_the_same_from_wherever_one_comes(browser, folder, trace):
    lines = lines_of(trace)
    again = [re.sub(r'"speech_(\d)', r'"again_\1', line) for line in lines[1:]]
    address = page_of(folder, "long", [*lines, *again, *again[:40]])
    count = 2 * len(trace.records) + 40
    assert count > 2 * STEPS_PER_PAGE
    async with open_page(browser, address) as page:
        one_by_one = await page.evaluate(STEP_THROUGH)
        await press(page, "Home", 1)
        await page.get_by_role("button", name="Later", exact=True).click()
        await at_step(page, STEPS_PER_PAGE + 1)
        for step in (STEPS_PER_PAGE + 1, STEPS_PER_PAGE, STEPS_PER_PAGE - 1):
            assert await page.evaluate(LIT) == one_by_one[step - 1]
            await press(page, "ArrowLeft", step - 1)
        await press(page, "End", count)
        assert await page.evaluate(LIT) == one_by_one[-1]


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1_400])
async def test_everybody_can_read_it(browser, two_speeches, trace, scheme, width):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    async with open_page(browser, two_speeches, **options) as page:
        await press(page, "End", len(trace.records))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await faults_of_access(page) == []


@in_browser
async def test_the_sound_and_the_scrubber_are_in_step(browser, folder):
    report, world = await play(SCENARIOS["answer-interrupted"])
    (folder / "sound").mkdir()
    write_heard(world, report, folder / "sound")
    address = page_of(folder / "sound", "call", lines_of(world.trace))
    async with open_page(browser, address) as page:
        audio = page.locator("audio")
        await page.wait_for_function("() => document.querySelector('audio').readyState > 0")
        assert abs(await audio.evaluate("(audio) => audio.duration") - 3.2) < 0.01
        await page.get_by_role("slider").fill("2500")
        await page.wait_for_function("() => document.querySelector('audio').currentTime === 2.5")
        await audio.evaluate("(audio) => { audio.currentTime = 1 }")
        await page.wait_for_function("() => document.getElementById('where').textContent.endsWith(', 1.000 s')")


async def test_a_long_sound_is_linked_and_that_of_another_call_is_not(tmp_path):
    trace = written(tmp_path / "trace.jsonl", [])
    (tmp_path / "heard.json").write_text('{"messages": [{"message_id": "A", "begins_at_ms": 200}]}', encoding="utf-8")
    with (tmp_path / "heard.wav").open("wb") as file:
        file.truncate(30_000_000)
    found = sound_beside(trace, ("A", 1_200.0))
    assert found.as_json() == {"name": "heard.wav", "at_ms": 1_000.0, "href": "heard.wav"}
    assert sound_beside(trace, ("B", 1_200.0)) is None
    assert sound_beside(trace, None) is None


# What cannot be read


@in_browser
@pytest.mark.parametrize(
    ("change", "said", "lost"),
    [
        (lambda lines: [*lines[:9], "{oops}\n", *lines[9:]], ["line 10, column"], 0),
        (lambda lines: [*lines[:-1], lines[-1][:40]], ["its last line was broken off"], 1),
        (
            lambda lines: [lines[0].replace('"version": 2', '"version": 9'), *lines[1:]],
            ["line 1: field 'version' is 9"],
            0,
        ),
        (lambda lines: lines[1:], ["line 1: not a trace of speech-lifecycle"], 0),
        (lambda lines: [lines[0], *lines[2:]], ["line 3: the step at 0 ms is of speech 'speech_1'"], 1),
        (lambda lines: [], ["line 1: not a trace of speech-lifecycle"], None),
        (lambda lines: ["<html>\n"] * 30, [*[f"line {number}" for number in range(1, 21)], "10 more"], None),
    ],
    ids=["broken", "cut off", "of another version", "without a header", "without a beginning", "empty", "foreign"],
)
async def test_what_can_be_read_is_shown_and_the_rest_is_named(browser, tmp_path, trace, change, said, lost):
    address = page_of(
        tmp_path,
        "call",
        change(lines_of(trace)),
        says=[f"call-0.jsonl, {each}" if each.startswith("line") else each for each in said],
    )
    async with open_page(browser, address) as page:
        assert await page.locator("#notes-list li").count() == len(said)
        if lost is None:
            await page.get_by_text("There is no step to show.").wait_for()
        else:
            await press(page, "End", len(trace.records) - lost)


@in_browser
async def test_several_calls_are_in_one_page(browser, folder, trace):
    async with open_page(browser, page_of(folder, "several", lines_of(trace), lines_of(trace)[:30])) as page:
        assert await page.locator("#call option").all_inner_texts() == ["several-0.jsonl", "several-1.jsonl"]
        await page.select_option("#call", "1")
        await page.get_by_role("button", name="Last", exact=True).click()
        await at_step(page, 29)


# On the command line


async def test_the_command_writes_the_page_and_names_what_it_could_not_read(tmp_path, trace, capsys):
    path = written(tmp_path / "call.jsonl", [*lines_of(trace), "no record\n"])
    assert run("report", path, "-o", tmp_path / "call.html") == 0
    printed = capsys.readouterr().out
    assert f"call.jsonl, line {len(trace.records) + 2}" in printed
    assert f"wrote {tmp_path / 'call.html'}" in printed


async def test_the_command_animates_one_call(tmp_path, trace, capsys):
    path = written(tmp_path / "call.jsonl", lines_of(trace))
    assert run("report", path, "-o", tmp_path / "call.html", "--animate") == 0
    assert f"wrote {tmp_path / 'call.svg'}" in capsys.readouterr().out
    picture = (tmp_path / "call.svg").read_text(encoding="utf-8")
    assert picture == animated_svg(read_call(iter([line.encode() for line in lines_of(trace)]), str(path)))
    assert "@keyframes" in picture
    assert "<script" not in picture
    assert not (tmp_path / "call.html").exists()
    assert run("report", path, path, "--animate") == 2
    assert "one trace" in capsys.readouterr().err


async def test_the_command_takes_no_trace_for_the_page_and_names_a_missing_file(tmp_path, trace, capsys):
    path = written(tmp_path / "call.jsonl", lines_of(trace))
    assert run("report", path, "-o", path) == 2
    assert "is one of the traces" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "".join(lines_of(trace))
    assert run("report", tmp_path / "none.jsonl", "-o", tmp_path / "call.html") == 2
    assert "none.jsonl: No such file" in capsys.readouterr().err
    assert not (tmp_path / "call.html").exists()


def run(*arguments):
    """Run a command in this process, and return its exit code."""
    try:
        app([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code
    raise AssertionError("a command always ends")


@pytest.mark.parametrize("chart", [chart.name for chart in definition().every_chart])
async def test_the_section_that_a_transition_is_linked_to_is_there(chart):
    headings = re.findall(r"^#+ (.*)$", SPEC.read_text(encoding="utf-8"), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"): heading for heading in headings}
    section = SPEC.read_text(encoding="utf-8").split(f"# {anchors[SECTIONS[chart]]}\n")[1].split("\n## ")[0]
    assert all(f"`{transition.id}`" in section for transition in getattr(definition(), chart).transitions)
