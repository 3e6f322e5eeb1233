# Vitrine: `make run` starts the app, `make test` runs every test. Both build .venv first; later calls find it done.

PYTHON ?= python3
ADDRESS ?= 127.0.0.1
PORT ?= 8501
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Stamps: a start with nothing new compares these files and installs nothing.
INSTALLED := .venv/.installed
TOOLS := .venv/.tools
FIGURE := .venv/.figure

.PHONY: run test check bench models browser clean
.DELETE_ON_ERROR:

run: models
	@exec $(BIN)/python -m components.start $(ADDRESS) $(PORT)

test: check browser
	$(BIN)/pytest -q tests/unit tests/app tests/browser

check: models $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Timings, which want a quiet machine; no test run includes them. All parts run even where one misses a bar.
# `make bench BENCH="--only captum --repetitions 3"` asks for less.
BENCH ?=
PEERS := .venv-peers/.installed
PEERS_PIP := .venv-peers/bin/python -m pip --quiet --disable-pip-version-check
bench: models browser $(TOOLS) $(PEERS)
	@missed=0; \
	$(BIN)/python -m tests.benchmarks --json .bench/methods.json $(BENCH) || missed=1; \
	$(BIN)/python -m tests.load --json .bench/load.json || missed=1; \
	$(BIN)/python -m tests.benchmarks.browser --json .bench/browser.json || missed=1; \
	exit $$missed

# Captum's own environment: the same torch, Captum, and the network's package without what it asks for.
$(PEERS): tests/benchmarks/requirements-peers.txt | .venv/bin/python
	@echo "Installing Captum into .venv-peers (minutes the first time)"
	@$(BIN)/python -m venv .venv-peers
	@$(PEERS_PIP) install "$$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' $<)"
	@$(PEERS_PIP) install "$$(sed -n 's/^\(captum==[^ ]*\).*/\1/p' $<)"
	@$(PEERS_PIP) install --no-deps "$$(sed -n 's/^\(efficientnet-lite-pytorch==[^ ]*\).*/\1/p' $<)"
	@touch $@

# The weights lie outside the clone, so each start looks whether they are there (under 0.1 s).
models: $(INSTALLED) $(FIGURE)
	@$(BIN)/python -m backend.models.prepare

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Vitrine needs Python 3.11 or newer, and there is no $(PYTHON). Name one: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Vitrine needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: make run PYTHON=python3.11" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv .venv || { \
	  rm -rf .venv; echo "$(PYTHON) cannot make environments; on Debian and Ubuntu, install python3-venv." >&2; exit 1; }

# torch goes first, so that no other package can bring a version of its own.
$(INSTALLED): requirements.txt | .venv/bin/python
	@echo "Installing packages into .venv (minutes the first time)"
	@$(PIP) install "$$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt)"
	@$(PIP) install -r requirements.txt
	@touch $@

$(FIGURE): $(INSTALLED) $(wildcard components/live_figure/install.py components/live_figure/pyproject.toml)
	@if [ -f components/live_figure/install.py ]; then $(BIN)/python -m components.live_figure.install; fi
	@touch $@

$(TOOLS): requirements-test.txt $(INSTALLED)
	@$(PIP) install -r requirements-test.txt
	@touch $@

browser:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium for the browser tests"; apt-get -qq update && apt-get -qq install -y chromium >/dev/null; \
	else \
	  echo "The browser tests need Chromium as \`chromium\` on the path; on Debian: sudo apt-get install chromium" >&2; exit 1; \
	fi

clean:
	rm -rf .venv
