"""Plays every LiveKit scenario plain, watched and mended, and writes docs/livekit_scenarios.md.

`python docs/livekit_table.py` takes minutes, because the sweeps interrupt at every 20 ms; `--check` fails if the file
is stale; `--quick` prints the table with coarse sweeps and writes nothing.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from livekit.agents import __version__ as livekit_version

from speech_lifecycle.adapters.livekit_agents.outcome import Outcome
from speech_lifecycle.adapters.livekit_agents.rehearsal import Watching
from speech_lifecycle.adapters.livekit_agents.scenarios import FRAME_MS, LIVEKIT_SCENARIOS, LiveKitScenario
from speech_lifecycle.adapters.livekit_agents.verdict import differences

FILE = Path(__file__).parent / "livekit_scenarios.md"
MODES: tuple[Watching, ...] = ("plain", "watched", "mended")
QUICK_MS = 500

HEAD = f"""# LiveKit scenarios

Written by `python docs/livekit_table.py` with livekit-agents {livekit_version}. Each scenario is played by a real
`AgentSession` with the OpenAI plugin, over a socket to the simulated server, in virtual time. "-": what was heard,
history and server are the same, and the agent's states are right. Of a sweep: at how many of its instants they differ,
and how.

`watched` names the rules that the framework broke in front of the watch, which changed nothing. What an output lies
about, or a server cannot do, cannot be mended: `over-reports`, `cannot-truncate`, `cannot-remove`. The bugs' ids are
those of the specification.

| scenario | | bugs | plain framework | watched: forbidden steps | mended |
|---|---|---|---|---|---|
"""

DETAILS = """
## What each party says

"heard" is the listener's account. The server's is audio in ms, "+" with its transcript. History: the text's words of
those generated, "/" marks it as interrupted. Only what somebody has is listed. Sweeps are left out.

| scenario | how | heard | server | history | agent states |
|---|---|---|---|---|---|
"""


def table(step_ms: int) -> str:
    """Return the whole file."""
    rows, details = [], []
    for scenario in LIVEKIT_SCENARIOS.values():
        outcomes = {mode: [instant.play(mode) for instant in scenario.instants(step_ms)] for mode in MODES}
        rows.append(row_of(scenario, outcomes))
        details += details_of(scenario, outcomes)
        print(rows[-1], file=sys.stderr, flush=True)
    return HEAD + "\n".join(rows) + "\n" + DETAILS + "\n".join(details) + "\n"


def row_of(scenario: LiveKitScenario, outcomes: Mapping[Watching, list[Outcome]]) -> str:
    """Return the scenario's row of the first table."""
    cells = [scenario.name, scenario.summary, " ".join(scenario.bugs)]
    cells += [_verdict(scenario, outcomes["plain"]), _steps(scenario, outcomes["watched"])]
    cells.append(_verdict(scenario, outcomes["mended"]))
    return f"| {' | '.join(cells)} |"


def details_of(scenario: LiveKitScenario, outcomes: Mapping[Watching, list[Outcome]]) -> list[str]:
    """Return the scenario's rows of the second table; a sweep has none."""
    if scenario.sweep_ms is not None:
        return []
    plain, mended = _accounts(outcomes["plain"][0]), _accounts(outcomes["mended"][0])
    return [f"| {scenario.name} | plain | {' | '.join(plain)} |", f"|  | mended | {' | '.join(mended)} |"]


def _verdict(scenario: LiveKitScenario, outcomes: list[Outcome]) -> str:
    found = [differences(outcome) for outcome in outcomes]
    if scenario.sweep_ms is None:
        return "<br>".join(found[0]) or "-"
    count = sum(map(bool, found))
    if not count:
        return f"0 of {len(outcomes)}"
    kinds = Counter(difference for each in found for difference in each)
    return f"{count} of {len(outcomes)}:<br>" + "<br>".join(f"{kind} ({times})" for kind, times in kinds.items())


def _steps(scenario: LiveKitScenario, outcomes: list[Outcome]) -> str:
    rules = Counter(rule for outcome in outcomes for rule in sorted({step.rule for step in outcome.forbidden_steps}))
    if scenario.sweep_ms is None:
        return "<br>".join(f"`{rule}`" for rule in sorted(rules)) or "-"
    return "<br>".join(f"`{rule}` ({times})" for rule, times in sorted(rules.items())) or "-"


def _accounts(outcome: Outcome) -> Iterator[str]:
    yield _listed(f"{message_id} {heard_ms}" for message_id, heard_ms in outcome.heard_ms.items())
    yield _listed(
        f"{message.id} {'text' if message.audio_ms is None else message.audio_ms}{'+' if message.text else ''}"
        for message in outcome.server.values()
    )
    yield _listed(
        f"{said.message_id} {len(said.text.split())} of {len(outcome.generated_text.get(said.message_id, '').split())}"
        f"{' /' if said.interrupted else ''}"
        for said in outcome.history.values()
    )
    yield _listed(outcome.agent_states)


def _listed(parts: Iterator[str] | list[str]) -> str:
    return "<br>".join(parts) or "-"


def main() -> int:
    """Write, check or print."""
    logging.disable(logging.CRITICAL)
    if "--quick" in sys.argv:
        print(table(QUICK_MS))
        return 0
    content = table(FRAME_MS)
    if "--check" in sys.argv:
        is_stale = not FILE.exists() or FILE.read_text(encoding="utf-8") != content
        if is_stale:
            print(f"{FILE.name} is stale: run `python docs/livekit_table.py`", file=sys.stderr)
        return int(is_stale)
    FILE.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
