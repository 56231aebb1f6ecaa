# make run: open the dashboard.  make test: the whole suite.  make lint: the checks that CI runs.
# make test-ray: runs on a cluster, which wants another package.
# make bench: what things cost on this machine, against peers; about two hours, and nothing else should run meanwhile.
#   make bench ONLY=quick takes a quarter of an hour.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
# An index of packages that has torch without CUDA: taken from there where there is no NVIDIA device.
TORCH_INDEX ?=
STAMP := .venv/.installed

.PHONY: run test test-long test-ray lint bench browser

run: $(STAMP)
	$(BIN)/streamlit run dashboard.py

# The files of tests side by side, then those that drive a browser, which want the machine to themselves.
test: $(STAMP) lint browser
	$(BIN)/python -m pytest -m "not long and not browser" -n auto --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest tests/e2e -m "not long"

# What takes minutes, as a server that is killed a hundred times, and what a faster test says, too.
test-long: $(STAMP) browser
	$(BIN)/python -m pytest -m long

# Runs on a cluster of Ray, whose machines are processes of this one.
test-ray: .venv/.ray-installed
	$(BIN)/python -m pytest tests/cluster -m "not long"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) .venv/.bench-installed browser
	$(BIN)/python -m benchmarks $(ONLY)

$(STAMP): requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@if [ -n "$(TORCH_INDEX)" ] && ! command -v nvidia-smi >/dev/null; then \
	  $(PIP) --index-url "$(TORCH_INDEX)" torch torchvision \
	  || echo "No torch from $(TORCH_INDEX): taking the usual build."; \
	fi
	$(PIP) -r requirements.txt
	touch $@

.venv/.ray-installed: setup.py $(STAMP)
	$(PIP) 'ray>=2.50,<3'  # the extra of setup.py
	touch $@

.venv/.bench-installed: benchmarks/requirements.txt $(STAMP)
	$(PIP) -r benchmarks/requirements.txt
	touch $@

# The browser tests want Chromium, best the one without windows; where there is none to be had they skip and say so.
browser:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	  && { apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium; }; \
	} || echo "No chromium here: the browser tests will skip."
