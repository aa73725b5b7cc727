# `make demo` and `make test` do everything on a machine with Python 3.10 or later: both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := tests/node
BENCHMARKS_NODE := benchmarks/node
TYPESCRIPT := ports/typescript
PACKAGES := fsm verification adapters simulation diagrams exports cli testing
export PYTHONSAFEPATH := 1

.PHONY: lowest extras demo test mutants benchmark soak node sound browser fuzz check lint types docs explored generated
.PHONY: vectors wheel lock clean quick site

demo: $(VENV)/ready
	$(BIN)/speech-lifecycle demo --output demo-output

test: $(VENV)/ready node sound browser
	$(BIN)/python -m pytest -q -n auto --dist loadfile

# Judges every mutant of the lifecycle, of its transitions and of its functions: under 15 minutes on two cores.
# Writes docs/mutation.md and docs/mutation_functions.md; `tests/mutate.py --part functions` judges only those. What no
# vector finds is hunted, and what is found makes new vectors; with `ARGS=--select` those are kept that it takes.
mutants: $(VENV)/ready
	$(BIN)/python tests/mutate.py $(ARGS)

# Measures this machine against other libraries: some minutes, and best with nothing else running.
benchmark: $(VENV)/ready node
	PYTHONPATH=benchmarks $(BIN)/python benchmarks/run.py

# Plays 100,000 speeches on one driver, and a thousand drivers at once: some minutes.
soak: $(VENV)/ready
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/soak.py --drivers 1000

# The real Mermaid, axe-core, the rivals of the benchmarks, and TypeScript's compiler. Without Node.js their tests say that they are skipped.
node:
	@if command -v npm >/dev/null; then \
	$(MAKE) -s $(NODE)/node_modules/.package-lock.json $(BENCHMARKS_NODE)/node_modules/.package-lock.json \
		$(TYPESCRIPT)/node_modules/.package-lock.json; \
	else echo "Node.js is not installed: Mermaid's own parser and axe-core are not asked, XState and robot3 do not play, and TypeScript is not compiled"; fi

# PortAudio and a PulseAudio to play into, without hardware. Where they cannot be had their tests say that they are skipped.
SOUND := libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils
sound:
	@if command -v pulseaudio parec pactl >/dev/null && ldconfig -p 2>/dev/null | grep -q libportaudio; then :; \
	elif command -v apt-get >/dev/null; then \
	sudo=$$(test "$$(id -u)" = 0 || echo sudo -n); \
	{ $$sudo apt-get update && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(SOUND); } \
	>/dev/null 2>&1 || echo "the sound card is not tested: apt-get install $(SOUND)"; \
	else echo "the sound card is not tested: it needs PortAudio and PulseAudio"; fi

# A Chromium without a screen. Where it cannot be had the tests of the page say that they are skipped.
browser:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null; then \
	sudo=$$(test "$$(id -u)" = 0 || echo sudo -n); \
	{ $$sudo apt-get update && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
	>/dev/null 2>&1 || echo "the browser is not tested: apt-get install chromium"; \
	else echo "the browser is not tested: it needs Chromium"; fi

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --silent --no-audit --no-fund
	touch $@

# Looks for inputs that break a file format or the protocol: SECONDS for each of the four. See tests/fuzz/README.md.
SECONDS ?= 15
fuzz: $(VENV)/ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	for target in events trace capture protocol; do PYTHONPATH=tests $(BIN)/python -m fuzz.run $$target \
		-max_total_time=$(SECONDS) -artifact_prefix=tests/fuzz/found/$$target/ || exit 1; done

# Builds the site of docs into build/site; a warning is an error. `python -m http.server -d build/site` shows it.
site: $(VENV)/ready
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/site

# What CI runs besides the tests.
check: lint types docs quick site wheel

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy $(foreach package,$(PACKAGES),-p speech_lifecycle.$(package))

# Fails if a generated part is stale; `make generated` renews all of them.
docs: $(VENV)/ready
	$(BIN)/python tools/generate.py --check

# Sees that all explorations find what docs/exploration.md says: six minutes on two cores.
explored: $(VENV)/ready
	$(BIN)/python tools/explore.py --check

# The same of those that take less than half a minute; that the others were made of the present definition.
quick: $(VENV)/ready
	$(BIN)/python tools/explore.py --check --quick

generated: $(VENV)/ready
	rm -f fsm/compile/compiled.py
	$(BIN)/python tools/generate.py
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/test_diagrams.py

# Chooses anew the courses of the vectors that reach every transition and every guard: half a minute.
vectors: $(VENV)/ready
	$(BIN)/python tools/vectors.py

# Builds the wheel, installs it elsewhere, and runs the main job from there.
wheel: $(VENV)/ready
	sh tests/wheel.sh $(BIN)/python

# Runs the tests with the lowest versions that pyproject.toml allows, in an environment of its own. LiveKit's versions are one
# minor release, and raise those of others, so that its tests run with the pinned ones only.
LOWEST := .venv-lowest
LOWEST_EXTRAS := browser cli diagrams exports files openai resampling simulation soundcard talk telephone watch webrtc
lowest: $(VENV)/ready node
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(BIN)/uv venv -q --clear --python $(PYTHON) $(LOWEST)
	$(BIN)/uv pip compile -q --resolution lowest-direct --python $(LOWEST)/bin/python $(LOWEST_EXTRAS:%=--extra %) \
		--no-header --no-emit-package speech-lifecycle --output-file $(LOWEST)/lowest.txt pyproject.toml
	$(BIN)/uv pip install -q --python $(LOWEST)/bin/python -r $(LOWEST)/lowest.txt -e '.[dev]'
	$(LOWEST)/bin/python -m pytest -q -n auto --dist loadfile --ignore-glob='*test_livekit*' \
		--ignore=tests/test_benchmarks.py --ignore=tests/test_mutants.py \
		--ignore=tests/test_public_face.py --ignore=tests/test_readme.py --ignore=tests/test_site.py --ignore=tests/test_notebook.py

# Installs each extra alone, and runs what it is for.
extras: $(VENV)/ready
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	sh tests/extras.sh $(BIN)/uv $(BIN)/python

# Pins what a fresh install gets, for every supported Python.
lock: $(VENV)/ready
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --all-extras --no-emit-index-url \
		--no-header --output-file constraints.txt --upgrade pyproject.toml
	sed -i '1i # Generated by `make lock`.' constraints.txt

# The links let mypy see through the editable install.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[all,dev,docs]'
	mkdir -p typings/speech_lifecycle
	for folder in $(PACKAGES); do ln -sfn ../../$$folder typings/speech_lifecycle/$$folder; done
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) typings build dist *.egg-info demo-output diagrams-output
