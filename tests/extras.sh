#!/bin/sh
# Installs each extra alone, into an environment of its own, and runs what it is for: nothing else may be needed.
# usage, from the root: tests/extras.sh .venv/bin/uv .venv/bin/python
set -eu
root=$(pwd)
uv=$root/$1
python=$root/$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$uv" build --quiet --wheel --out-dir "$work/dist" "$root"
wheel=$(ls "$work"/dist/*.whl)
cd "$work"

install() {
    "$uv" venv --quiet --python "$python" "$1"
    "$uv" pip install --quiet --python "$1/bin/python" --constraint "$root/constraints.txt" "$wheel[$1]"
}

# Everything that the command line offers.
install cli
cli/bin/speech-lifecycle demo --scenario answer-interrupted --output cli-demo >/dev/null
cli/bin/speech-lifecycle draw --format all --output cli-drawn >/dev/null
cli/bin/speech-lifecycle report cli-demo/trace.jsonl -o cli-report.html >/dev/null
cli/bin/speech-lifecycle explore --list >/dev/null
cli/bin/speech-lifecycle replay "$root/tests/captures/openai_spoken_turn.yaml" --output cli-replayed >/dev/null
cli/bin/speech-lifecycle export --help >/dev/null

install diagrams
diagrams/bin/python - <<'END'
from pathlib import Path
from speech_lifecycle.diagrams.render import FILE_FORMATS, draw
assert draw(Path("drawn"), FILE_FORMATS)
END

install docs
docs/bin/python -c 'import speech_lifecycle.diagrams.sphinx_charts'

install openai
openai/bin/python - <<'END'
from speech_lifecycle.adapters import Driver, OpenAIRealtimeSession, Reconnection
from speech_lifecycle.adapters.sessions.reconnection import is_temporary
session = OpenAIRealtimeSession(connect=lambda: None, audio_format="audio/pcmu", dialect="xai")
Driver(session, None)
Reconnection().retrying(lambda ms: None)
assert is_temporary(ConnectionError())
END

install simulation
simulation/bin/python - <<'END'
import asyncio
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS
report, _ = asyncio.run(play(SCENARIOS["dialect-gateway"]))
assert report.is_equal
END

install exports
exports/bin/python -c 'import speech_lifecycle.exports'

install files
files/bin/python -c 'import speech_lifecycle.adapters.outputs.heard_file'

# A sound card itself needs PortAudio, which is no Python package on Linux.
install soundcard
soundcard/bin/python -c 'import speech_lifecycle.adapters.outputs.resampler'

# A session of 8 kHz on an output of 24.
install resampling
resampling/bin/python - <<'END'
from speech_lifecycle.adapters.outputs import ClockedOutput
from speech_lifecycle.adapters.outputs.resampled_output import ResampledOutput
assert ResampledOutput(ClockedOutput(), 8_000).sample_rate == 8_000
END

install telephone
telephone/bin/python -c 'import speech_lifecycle.adapters.outputs.telephone'

install browser
browser/bin/python -c 'from speech_lifecycle.adapters.outputs.browser import BrowserOutput, BrowserServer'

install watch
watch/bin/python - <<'END'
import asyncio
from speech_lifecycle.adapters import LiveTrace
asyncio.run(LiveTrace(0).aclose())
END

install webrtc
webrtc/bin/python -c 'from speech_lifecycle.adapters.outputs.webrtc import WebRtcOutput, WebRtcServer'

install talk
talk/bin/speech-lifecycle talk --help >/dev/null
talk/bin/python -c 'import speech_lifecycle.cli.talk.serving'

# Its examples begin, and say what they need of the outside.
install livekit
for example in "$root"/examples/livekit_*.py; do
    livekit/bin/python - "$example" <<'END'
import runpy, sys
runpy.run_path(sys.argv[1], run_name="imported")
END
done
echo "extras: ok"
