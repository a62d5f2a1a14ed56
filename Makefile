# Everything a developer does here is one of these words. `make` or `make help` lists them.
# Needs python3 (3.11 or newer), make and git; everything else comes into .venv by itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run journey test test-national test-rotation test-year test-turns lint bench openapi extras lock clean venv venv-dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: venv ## Start everything here: PostgreSQL, S3, API, worker, sandbox (ARGS="--help" for options)
	@$(BIN)/python -m sandbox.stack $(ARGS)

journey: venv ## Walk one resident's way through a running stack (ARGS="--office-down" for the hard way)
	@$(BIN)/python -m tests.journeys $(ARGS)

test: venv-dev lint ## Check style, types and arrows, then run every test on a real PostgreSQL and S3
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

test-national: venv-dev ## The tests of app and api once more with the national suite (SM4, SM3); ARGS="tests" for all
	@CRYPTO_SUITE=national $(BIN)/python -m pytest -n auto --dist loadgroup $(or $(ARGS),tests/app tests/api)

test-rotation: venv-dev ## Rotate 100,000 data keys with a kill -9 in the middle, and say how long it took
	@ROTATED_KEYS=100000 $(BIN)/python -m pytest -s tests/app/crypto/test_data_keys.py -k killed

test-year: venv-dev ## A year of simulated time over 10,000 submissions: deemed acceptances, alarms, calendars
	@SIMULATED_SUBMISSIONS=10000 $(BIN)/python -m pytest -s tests/app/supervision/test_year.py

test-turns: venv-dev ## 64 threads file into one queue for a minute; next, place and ledger over 200,000 submissions
	@TURNS_SECONDS=60 $(BIN)/python -m pytest -s tests/app/submissions/test_turns.py -k sixty_four
	@QUEUE_ROWS=200000 $(BIN)/python -m pytest -s tests/app/supervision/test_queue_plans.py

lint: venv-dev ## Check style (ruff), types (mypy) and the rule of arrows (import-linter)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@echo "Style, types and arrows are in order."

bench: venv-dev ## Measure the workloads of bench/ (ARGS are passed on)
	@$(BIN)/python -m bench $(ARGS)

openapi: venv ## Write openapi.yaml from the code
	@$(BIN)/python -m onephone openapi $(ARGS)

extras: ## Install the Debian packages that a few tests and make bench use where they are: SoftHSM, OpenSSL, jq, wrk (as root)
	@apt-get install -y --no-install-recommends softhsm2 openssl jq wrk

lock: venv-dev ## Renew the lock files from pyproject.toml (ARGS="--upgrade" for newer releases)
	@$(COMPILE) --extra demo --group dev --output-file requirements-dev.lock $(ARGS)
	@$(COMPILE) --extra demo --constraint requirements-dev.lock --output-file requirements.lock
	@$(COMPILE) --constraint requirements-dev.lock --output-file requirements-base.lock
	@! grep -nE '://|file:|^-' requirements*.lock || { echo "A lock file names an address or a path."; exit 1; }

clean: ## Remove .venv, .data and caches (stop a running stack first)
	@rm -rf $(VENV) .data build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# requirements-base.lock is what production needs (Dockerfile), requirements.lock adds the demo's servers,
# requirements-dev.lock adds the tools of test and lint; all three come from one resolution.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

venv:
	@$(PYTHON) -I sandbox/virtualenv.py $(VENV) requirements.lock

venv-dev:
	@$(PYTHON) -I sandbox/virtualenv.py $(VENV) requirements-dev.lock
