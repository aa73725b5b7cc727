#!/bin/sh
# Builds the wheel, installs it with all extras into a new environment, and runs the main job from outside the checkout.
set -eu
python=$1
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/$python" -m build --wheel --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$root/$python" -m venv "$work/venv"
wheel=$(ls "$work"/dist/*.whl)
cd "$work"
# The core alone imports, and says what is missing for the rest.
venv/bin/python -m pip install -q --disable-pip-version-check -c "$root/constraints.txt" "$wheel"
venv/bin/python -c 'import speech_lifecycle.fsm, speech_lifecycle.adapters.driver, speech_lifecycle.adapters.sessions.openai_realtime'
venv/bin/speech-lifecycle demo 2>message && { echo "the command line ran without its extra"; exit 1; }
grep -q "pip install 'speech-lifecycle\[cli\]'" message
venv/bin/python -m pip install -q --disable-pip-version-check -c "$root/constraints.txt" "$wheel[all]"
venv/bin/speech-lifecycle demo --output demo-output
venv/bin/speech-lifecycle draw --format all --output drawn
venv/bin/speech-lifecycle report demo-output/trace.jsonl -o report.html
venv/bin/speech-lifecycle conform --tier stories -- venv/bin/speech-lifecycle serve --stdio
venv/bin/python - <<'END'
import pathlib, sys, sysconfig
names = {p.name for p in pathlib.Path(sysconfig.get_path("purelib")).iterdir()}
ours = {"fsm", "adapters", "diagrams", "cli", "tests", "docs"} & names
assert not ours, f"site-packages gained {ours}"
assert "speech_lifecycle" in names
from speech_lifecycle.adapters.outputs.browser.server import PAGE
from speech_lifecycle.cli.talk.serving import TALK_PAGE
from speech_lifecycle.diagrams.report.shell import PAGE as REPORT_PAGE, SCRIPTS
assert all((REPORT_PAGE / name).is_file() for name in ("page.html", "page.css", *SCRIPTS)), "the report is not in the wheel"
assert (PAGE / "player-worklet.js").is_file() and (TALK_PAGE / "talk.js").is_file(), "the pages are not in the wheel"
END
echo "wheel: ok"
