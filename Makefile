# The only commands anyone needs. They work on a machine with Python 3.11 or newer and make: as root or not,
# in a path with spaces, without a database, without Redis, without a setting.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help run demo test screens browser faults shares mutants check format lock docs clean

# An environment outside decides nothing about ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
# Without the bytecode of the run before, each of the hundreds of processes that tests start would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

PYTHON := .venv/bin/python
# The newest Python that all wheels exist for and that really starts: a name may be a shim that only says what is missing.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
FIND_PYTHON = for name in "$(ASEPSIS_PYTHON)" python3.14 python3.13 python3.12 python3.11 python3 python; do \
	if "$$name" -c '$(SUITABLE)' >/dev/null 2>&1; then echo "$$name"; break; fi; done

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

run: .venv/runtime.stamp ## start everything: PostgreSQL, Valkey, all services
	@exec $(PYTHON) -m services up

demo: .venv/runtime.stamp ## a clinic's day, played through the real doors
	@exec $(PYTHON) -m services demo

# Three processes, each with servers of its own; a file stays in one. Some always wait, so two cores are busy.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder
test: .venv/dev.stamp ## all tests but the longest faults, on a real PostgreSQL and a real Valkey
	@$(PYTHON) -m pytest $(PYTEST_ARGS) -m "not long"

screens: .venv/dev.stamp browser ## only the tests of the screens, in Debian's Chromium
	@$(PYTHON) -m pytest $(PYTEST_ARGS) tests/screens

browser: ## what the tests of the screens look through: Debian's Chromium (`make test` skips them without it)
	@command -v chromium-headless-shell >/dev/null || { as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
		$$as_root apt-get update -qq && $$as_root apt-get install -y -qq --no-install-recommends chromium-headless-shell; }

# What `make test` holds a share of: FAULTS_ARGS="--only kills proxy --scale 0.05 --seed 7 --keep docs".
faults: .venv/dev.stamp ## every fault, counted: kills, cuts, losses, floods, clocks, tampering; a table at the end
	@$(PYTHON) -m tests.faults $(FAULTS_ARGS)

shares: .venv/dev.stamp ## every fault test, the longest too, each as often as it should (about half an hour)
	@ASEPSIS_SHARES=whole $(PYTHON) -m pytest $(PYTEST_ARGS) --timeout 1800 tests/faults

mutants: .venv/dev.stamp ## plant each of our known bugs alone and see a test catch it
	@$(PYTHON) -m tests.mutants

bench: .venv/dev.stamp .venv-bench/stamp .venv-bench-arq/stamp ## what things cost: docs/bench.json, docs/bench.svg, README (BENCH_ARGS="--only verify")
	@$(PYTHON) -m tests.benchmarks --keep docs $(BENCH_ARGS)
	@$(PYTHON) -m tests.benchmarks --readme

check: .venv/dev.stamp ## format, lint, types, import contracts, shape, migration drift, deploy files
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())' --no-logo
	@$(PYTHON) -m services drift
	@$(PYTHON) deploy/lint.py
	@$(PYTHON) -m pytest -qq tests/test_architecture.py tests/test_catalog.py

format: .venv/dev.stamp ## lay out the code
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

docs: .venv/runtime.stamp ## write docs/openapi.json and docs/asyncapi.json from the code
	@mkdir -p docs
	@$(PYTHON) -m services openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json
	@$(PYTHON) -m services asyncapi > docs/asyncapi.json.new && mv docs/asyncapi.json.new docs/asyncapi.json

# Names, versions and hashes only: whoever installs says from where.
LOCK_GROUP := compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
LOCK := $(LOCK_GROUP) pyproject.toml
lock: .venv/dev.stamp ## renew the lock files
	@$(PYTHON) -m pip install --quiet uv
	@$(PYTHON) -m uv pip $(LOCK) --upgrade --output-file requirements.lock
	@$(PYTHON) -m uv pip $(LOCK) --upgrade --constraint requirements.lock --extra dev --output-file requirements-dev.lock
	@$(PYTHON) -m uv pip $(LOCK_GROUP) --upgrade --group bench --output-file requirements-bench.lock
	@$(PYTHON) -m uv pip $(LOCK_GROUP) --upgrade --group bench-arq --output-file requirements-bench-arq.lock

clean: ## remove what make made; data stays
	@rm -rf .venv .venv-bench .venv-bench-arq .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# A stamp is newer than its lock exactly when what stands in the lock is installed.
.venv/runtime.stamp: requirements.lock .venv/bin/python
	@echo "Installing what the program needs"
	@$(PYTHON) -m pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
	@touch .venv/runtime.stamp

.venv/dev.stamp: requirements-dev.lock .venv/bin/python
	@echo "Installing what tests and checks need"
	@$(PYTHON) -m pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch .venv/runtime.stamp .venv/dev.stamp

# What ours is compared with: other people's programs, apart from ours. `make test` needs none of it.
.venv-bench/stamp: requirements-bench.lock .venv/bin/python
.venv-bench-arq/stamp: requirements-bench-arq.lock .venv/bin/python
.venv-bench/stamp .venv-bench-arq/stamp:
	@echo "Installing what the benchmarks are compared with"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements$(patsubst .venv%,%,$(@D)).lock
	@touch $@

# A .venv whose Python is gone or too old (a moved folder, an upgraded machine) is made anew.
.venv/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "Asepsis needs Python 3.11 or newer with venv (Debian and Ubuntu: python3-venv). None was found on the PATH;" \
			"name one with: make ASEPSIS_PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	"$$python" -m venv --clear .venv

ifneq ($(shell .venv/bin/python -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null),True)
.PHONY: .venv/bin/python
endif
