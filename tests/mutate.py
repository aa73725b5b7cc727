"""Judges every mutant of the lifecycle, and writes docs/mutation.md and docs/mutation_functions.md: `make mutants`.

First come the lint and the vectors. What these do not find is hunted in what the tests and the explorations do, and
each course of events by which one is found becomes a vector. Exits with 1 if a mutant survives that is not listed in
equivalent_mutants.py, or if one is listed there wrongly.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from rich.progress import track

sys.path.insert(0, str(Path(__file__).parent))

from equivalent_mutants import EQUIVALENT, reason_of
from harvest import harvested
from mutant_vectors import Finding, courses, keep_what_it_takes, save, vectors
from one_mutant import ORIGINAL, killing_test, mutant_of
from verdict_memory import Memory

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.verification.field_bugs import field_bugs
from speech_lifecycle.verification.hunting import Hunt
from speech_lifecycle.verification.judging import (
    CONVERSATION_STAGES,
    LOOKED_AT,
    STAGES,
    Verdict,
    judge,
    judge_what_no_vector_finds,
    refused,
)
from speech_lifecycle.verification.mutants import Mutant, mutants
from speech_lifecycle.verification.replaying import Course, machine_of, told_apart, violated_in
from speech_lifecycle.verification.vectors import what_changed

T = TypeVar("T")
DOCS = Path(__file__).parent.parent / "docs"
REPORTS = {"transitions": DOCS / "mutation.md", "functions": DOCS / "mutation_functions.md"}
"""Where each part is reported. A part is judged as a whole, and may be judged alone."""
FATES = ("lint", "property", "vector", "test", "equivalent", "survived")
EACH = 2
"""So many steps of each kind a mutant is tried on that no vector finds."""
MOST_EACH = 1_000_000


@cache
def every_mutant() -> tuple[Mutant, ...]:
    """Return all of them, and the bugs of the field."""
    return (*field_bugs(), *mutants())


def verdict_on(mutant_id: str) -> Verdict | None:
    """Return what lint and vectors say of a mutant. Mutants hold functions, so only their ids go to other processes."""
    return judge(mutant_of(mutant_id), courses())


def verdict_of_tests(mutant_id: str) -> Verdict:
    """Return what becomes of a mutant that no vector finds."""
    mutant = mutant_of(mutant_id)
    return judge_what_no_vector_finds(mutant, reason_of(mutant.id, mutant.kind), killing_test)


def in_parallel(jobs: int, what: str, do: Callable[[str], T], ids: Sequence[str]) -> list[T]:
    """Do something with mutants, with a progress bar."""
    courses()  # so that the processes need not
    with ProcessPoolExecutor(jobs) as pool:
        return list(track(pool.map(do, ids, chunksize=8), description=what, total=len(ids)))


def hunted(mutant_ids: Sequence[str], each: int) -> list[Course]:
    """Return courses of events by which some of these mutants are found: all are of speeches, or of conversations."""
    gc.disable()  # a thousand machines, none of which goes
    try:
        hunt = Hunt(mutant_of(mutant_id) for mutant_id in mutant_ids)
        for course in harvested():
            hunt.try_course(course, shorten=True)
        stages = CONVERSATION_STAGES if mutant_of(mutant_ids[0]).is_of_conversations else STAGES
        for bounds in stages.values():
            if hunt.living:
                hunt.walk(bounds, each)
    finally:
        gc.enable()
    return hunt.found


def findings_of(mutant_id: str) -> list[Finding]:
    """Return all vectors that find a mutant, and what it violates in the first of them."""
    mutant = mutant_of(mutant_id)
    if refused(mutant):
        return []
    machine_type = machine_of(mutant)
    found = [
        each
        for each in courses()
        if each.is_conversation == mutant.is_of_conversations and told_apart(each, machine_type) is not None
    ]
    return [
        Finding(each.id, violated_in(each, machine_type) if number < LOOKED_AT else "")
        for number, each in enumerate(found)
    ]


def judge_all(chosen: Sequence[Mutant], jobs: int, each: int) -> tuple[list[str], list[Verdict]]:
    """Judge mutants by lint and vectors, then by the hunt, which adds vectors; return also the ids of those left."""
    memory, names = Memory(), {course.id for course in courses()}
    verdicts = {mutant.id: memory.verdict(mutant.id, names) for mutant in chosen}
    left = [mutant_id for mutant_id, verdict in verdicts.items() if verdict is None]
    verdicts |= dict(zip(left, in_parallel(jobs, "vectors", verdict_on, left), strict=True))
    memory.note(filter(None, verdicts.values()), (), 0, names)
    left = [mutant_id for mutant_id, verdict in verdicts.items() if verdict is None]
    unhunted = [mutant_id for mutant_id in left if not memory.was_hunted(mutant_id, each)]
    if unhunted:
        kinds = [[one for one in unhunted if mutant_of(one).is_of_conversations == is_one] for is_one in (False, True)]
        with ProcessPoolExecutor(jobs) as pool:
            found = [each for those in pool.map(hunted, filter(None, kinds), [each] * 2) for each in those]
        print(f"{len(found)} new vectors")
        save(found)
        verdicts |= dict(zip(left, in_parallel(jobs, "new vectors", verdict_on, left), strict=True))
        left = [mutant_id for mutant_id in left if verdicts[mutant_id] is None]
        memory.note(filter(None, verdicts.values()), left, each, {course.id for course in courses()})
    return left, [verdict for verdict in verdicts.values() if verdict is not None]


def judge_by_tests(left: Sequence[str], jobs: int) -> list[Verdict]:
    """Judge what nothing else finds.

    Raises:
        RuntimeError: the tests find nothing wrong with a bug that they are made for, or something with the original.
    """
    unknown = [mutant_id for mutant_id in left if not reason_of(mutant_id, mutant_of(mutant_id).kind)]
    if unknown and not killing_test("C7"):
        raise RuntimeError("the tests pass on the field bug C7; see that tests/one_mutant.py makes them run mutants")
    if unknown and (failed := killing_test(ORIGINAL)):
        raise RuntimeError(f"{failed} fails on the original itself; repair it before its mutants")
    return in_parallel(jobs, "tests", verdict_of_tests, left)


def select(jobs: int) -> None:
    """Keep as few vectors as it takes to find every mutant that any of them finds."""
    ids = [each.id for each in every_mutant()]
    findings = dict(zip(ids, in_parallel(jobs, "who finds what", findings_of, ids), strict=True))
    keep_what_it_takes(findings)


def part_of(mutant: Mutant) -> str:
    """Return the part that a mutant belongs to. The bugs of the field belong to the transitions."""
    return "functions" if mutant.kind.startswith("function") else "transitions"


def problems(verdicts: Sequence[Verdict], every: Sequence[str] | None = None) -> list[str]:
    """Return what has to be repaired: in the properties, the tests, or the list of equivalents.

    Args:
        verdicts: what became of mutants.
        every: the ids of all mutants there are; None if these verdicts are of all of them.
    """
    fates = {verdict.mutant: verdict for verdict in verdicts}
    found = [
        f"{each.mutant}: nothing differs; say why in tests/equivalent_mutants.py, or write the test that finds it"
        for each in verdicts
        if each.fate == "survived"
    ]
    for mutant in EQUIVALENT:
        if mutant not in fates:
            if every is None or mutant not in every:
                found.append(f"{mutant}: listed as equivalent, but there is no such mutant")
        elif fates[mutant].fate != "equivalent":
            found.append(f"{mutant}: listed as equivalent, but {fates[mutant].fate} finds it: {fates[mutant].by}")
    return found


def report(part: str, verdicts: Sequence[Verdict]) -> str:
    """Return the text of a report."""
    return "\n".join(_lines(part, verdicts)) + "\n"


def digest_of(part: str) -> str:
    """Return the digest of what a report is about."""
    return definition().transitions_digest if part == "transitions" else definition().behaviour_digest


def _lines(part: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
    bugs = [each for each in verdicts if each.kind == "field bug"]
    rest = [each for each in verdicts if each.kind != "field bug"]
    yield f"<!-- Generated by `make mutants` for the definition {digest_of(part)}. Do not edit. -->"
    if part == "transitions":
        yield "# The mutants\n"
        yield f"Every transition of the three charts was changed in one thing at a time: {len(rest):,} mutants. Each is"
    else:
        yield "# The mutants of functions\n"
        yield "Every guard, every action, and every function that these call was changed in one operator, constant,"
        yield f"statement or branch at a time: {len(rest):,} mutants. Each is"
    yield "refused by the lint, violates a property in the course of a vector (vectors/mutants.jsonl), does something"
    yield "else there than the vector says, fails a test, or does what the original does: then the reason is given, and"
    yield "no step that was tried has another answer, another effect or another state.\n"
    counts = Counter((each.kind, each.fate) for each in rest)
    kinds = dict.fromkeys(each.kind for each in rest)
    yield f"| mutation | {' | '.join(FATES)} |"
    yield "| --- |" + " ---: |" * len(FATES)
    for kind in kinds:
        yield f"| {kind} | {' | '.join(str(counts[kind, fate]) for fate in FATES)} |"
    yield f"| all | {' | '.join(str(sum(counts[kind, fate] for kind in kinds)) for fate in FATES)} |\n"
    if bugs:
        yield "## The bugs of the field\n"
        yield "Each bug of field-bugs.md that a machine can have, put into this one (verification/field_bugs.py).\n"
        yield "| bug | found by | in | events |"
        yield "| --- | --- | --- | ---: |"
        for each in bugs:
            yield f"| {each.mutant} | `{each.by}` | `{each.place}` | {each.events or ''} |"
        yield ""
    yield "## What finds them\n"
    yield "| property | mutants |"
    yield "| --- | ---: |"
    properties = Counter(each.by for each in rest if each.fate == "property")
    yield from (f"| `{name}` | {count} |" for name, count in sorted(properties.items(), key=lambda each: -each[1]))
    for fate, title in (("vector", "Found by what a vector says alone"), ("test", "Found by the tests alone")):
        those = [each for each in rest if each.fate == fate]
        if those:
            yield f"\n## {title}\n"
            yield f"| mutant | {fate} |"
            yield "| --- | --- |"
            yield from (f"| `{each.mutant}` | `{each.by}` |" for each in those)
    yield "\n## Equivalent\n"
    yield "| mutant | why nothing differs |"
    yield "| --- | --- |"
    equivalents = [each for each in rest if each.fate == "equivalent"]
    yield from (f"| `{each.mutant}` | {reason_of(each.mutant, each.kind)} |" for each in equivalents)


def main() -> int:
    """Judge all, one part, or those whose id begins as said; write the report of what was judged as a whole."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("--part", choices=REPORTS, help="judge the mutants of transitions, or of functions, alone")
    parser.add_argument("--only", nargs="+", metavar="ID", help="judge those whose ids begin so, and write nothing")
    parser.add_argument("--every-step", action="store_true", help="hunt in every step there is: an hour or more")
    parser.add_argument("--no-tests", action="store_true", help="only name what neither vectors nor a reason explain")
    parser.add_argument("--select", action="store_true", help="tag the vectors, and drop those that it does not take")
    options = parser.parse_args()
    for difference in what_changed(vectors()):
        print(f"{difference}\nthe vectors are stale: run `make generated`", file=sys.stderr)
        return 1
    if options.select:
        select(options.jobs)
        return 0
    every = every_mutant()
    chosen = [
        each
        for each in every
        if options.part in (None, part_of(each)) and each.id.startswith(tuple(options.only or [""]))
    ]
    if not chosen:
        parser.error(f"no mutant's id begins with {options.only!r}; docs/mutation.md names some")
    left, verdicts = judge_all(chosen, options.jobs, MOST_EACH if options.every_step else EACH)
    if options.no_tests:
        print(*[one for one in left if not reason_of(one, mutant_of(one).kind)], sep="\n")
        return 0
    verdicts += judge_by_tests(left, options.jobs)
    order = {mutant.id: number for number, mutant in enumerate(chosen)}
    verdicts.sort(key=lambda verdict: order[verdict.mutant])
    if options.only:
        for each in verdicts:
            print(f"{each.mutant}: {each.fate} {each.by} {each.place}")
    else:
        parts = {each.id: part_of(each) for each in chosen}
        for part in dict.fromkeys(parts.values()):
            own = [each for each in verdicts if parts[each.mutant] == part]
            REPORTS[part].write_text(report(part, own), encoding="utf-8")
    found = problems(verdicts, [each.id for each in every])
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
