# make run     install and serve        (HOST=0.0.0.0 PORT=8501 to let a class in)
# make test    install and run every test, browser tests included
# make bench   measure the budgets of the design
# make lint    ruff and mypy
PYTHON ?= python3
HOST ?= localhost
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps

.PHONY: run test bench lint browser clean

run: $(STAMPS)/run
	MALLOC_ARENA_MAX=2 OMP_NUM_THREADS=1 CONVSCOPE_ADDRESS=$(HOST) $(BIN)/python -m app.server --host $(HOST) --port $(PORT)

test: $(STAMPS)/dev browser
	CONVSCOPE_CHROMIUM="$$($(BIN)/python -m tests.browser.chromium --path)" OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(ARGS)

bench: $(STAMPS)/dev browser
	MALLOC_ARENA_MAX=2 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks $(ARGS)

lint: $(STAMPS)/dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

browser: $(STAMPS)/dev
	$(BIN)/python -m tests.browser.chromium --install

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ConvScope needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements.txt requirements-dev.txt requirements-openvino.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run

clean:
	rm -rf $(VENV) $(STAMPS) build .pytest_cache .hypothesis .mypy_cache .ruff_cache
