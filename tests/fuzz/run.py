"""Runs one target under atheris, guided by coverage: `python -m fuzz.run trace -max_total_time=60`.

What comes after the target's name goes to libFuzzer. Without a corpus folder in it, what is found new goes to a
temporary one, and the seeds (`seeds.py`) and what was found before are read.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TARGETS = ("events", "trace", "capture", "protocol")
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=16384")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"usage: python -m fuzz.run {{{','.join(TARGETS)}}} [libFuzzer options]")
    try:
        import atheris
    except ImportError:
        raise SystemExit("fuzzing needs atheris. Install it with: pip install 'speech-lifecycle[fuzz]'") from None
    target, options = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["speech_lifecycle", "yaml", "json"]):
        check = importlib.import_module(f"fuzz.fuzz_{target}").check
    from fuzz.mutator import mutate

    def mutate_json(data: bytes, max_size: int, seed: int) -> bytes:
        random_source = random.Random(seed)
        mutated = mutate(data, random_source) if random_source.random() < 0.8 else None
        if mutated is None or len(mutated) > max_size:
            return atheris.Mutate(data, max_size)
        return mutated

    folders = [path for path in (seed_folder(target), HERE / "found" / target) if path.is_dir()]
    if all(option.startswith("-") for option in options):
        folders.insert(0, Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-")))
    arguments = [sys.argv[0], f"-dict={HERE / 'dictionary.txt'}", *LIMITS, *options, *map(str, folders)]
    mutator = {} if target == "capture" else {"custom_mutator": mutate_json}
    atheris.Setup(arguments, check, **mutator)
    atheris.Fuzz()


def seed_folder(target: str) -> Path:
    """libFuzzer reads files."""
    from fuzz.seeds import seeds_of

    folder = Path(tempfile.mkdtemp(prefix=f"seeds-{target}-"))
    for name, data in seeds_of(target).items():
        (folder / name).write_bytes(data)
    return folder


if __name__ == "__main__":
    main()
