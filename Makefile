# Two commands do everything on a machine with Python 3.11 and make:
#   make run    installs into .venv and runs the offline experiment
#   make test   installs into .venv and passes lint, types and tests; test-all adds the slow tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: run test test-all lint types tests clean

run: .venv/run-ready
	.venv/bin/harness run

test: lint types tests

test-all: test
	.venv/bin/pytest -m slow

lint: .venv/test-ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/test-ready
	.venv/bin/mypy

tests: .venv/test-ready
	.venv/bin/pytest

.venv/run-ready: requirements.lock setup.cfg pyproject.toml
	@echo "installing into .venv; this takes some minutes, once"
	$(PYTHON) -m venv .venv
	$(PIP) install -r requirements.lock
	@rm -rf *.egg-info  # metadata of an older install, which the import system would find first
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test-ready: .venv/run-ready requirements-dev.lock
	$(PIP) install -r requirements-dev.lock
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
