# Every target works on a fresh Debian 12 with python3 >= 3.11, its venv module, git, curl and libcurl4.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: install run test test-all check format bench bench-full bench-city bench-scale pathologies profile conformance docs clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The broker needs Python 3.11 or newer; say PYTHON=python3.11 make …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: $(VENV)/.installed

run: install
	@$(BIN)/broker serve --sample-city hamlet --log-format console

# Two processes run the tests, each with a mongod and brokers of its own; a file's tests stay together.
TWICE := -n 2 --dist loadfile

test: $(VENV)/.installed-dev
	$(BIN)/pytest -m "not drill" $(TWICE)
	NGSILD_TEST_WORKERS=2 $(BIN)/pytest -m "http and not drill" $(TWICE)

test-all: $(VENV)/.installed-dev
	NGSILD_TEST_RANDOM=1 $(BIN)/pytest
	NGSILD_TEST_RANDOM=1 NGSILD_TEST_WORKERS=2 $(BIN)/pytest -m http

check: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# BENCH: further options, such as --record, --repetitions 10 or --only update-128.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks $(BENCH)

profile: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.profile $(CASE)

bench-full: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks --full $(BENCH)
	$(BIN)/python -m benchmarks.history --series 10000 --points 1000
	$(BIN)/python -m benchmarks.history_exact --size town --seconds 600

# A whole city lives on this machine: an hour, unless CITY="--minutes 3 --size town" or the like says something else.
bench-city: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.city $(CITY)

bench-scale: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.scale

pathologies: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.pathologies

# ETSI's conformance suite. SUITE: a checkout of it, see docs/conformance.md; URL: root of a running broker's API, or
# new brokers, one for each area; ROBOT: a Python with the suite's requirements; AREAS: what to run, all by default;
# CONFORMANCE: further options.
URL   ?= new
ROBOT ?= $(SUITE)/.venv/bin/python

$(SUITE)/.venv/bin/python:
	@test -n "$(SUITE)" || { echo "Say SUITE=folder, a checkout of ETSI's suite: docs/conformance.md says where it is."; exit 1; }
	@$(PYTHON) -m venv $(SUITE)/.venv
	@$@ -m pip install --quiet --disable-pip-version-check -r $(SUITE)/requirements.txt

conformance: $(VENV)/.installed-dev $(ROBOT)
	@$(BIN)/python -m tests.conformance.etsi $(SUITE) $(URL) $(AREAS) --python $(ROBOT) $(CONFORMANCE)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
