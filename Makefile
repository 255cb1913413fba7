# One target per thing a person does here; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := $(CURDIR)/src
export ANSIBLE_HOME := $(CURDIR)/.ansible

.PHONY: help install check format test unit clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## Install the Python packages into .venv

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@tools/prepare-python "$(PYTHON)" "$(VENV)"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

format: install ## Format the code
	$(BIN)/ruff format src tests tools ansible
	$(BIN)/ruff check --fix --quiet src tests tools ansible

check: install ## Format, lint, types, layers, house rules: everything that needs no service
	$(BIN)/ruff format --check src tests tools ansible
	$(BIN)/ruff check src tests tools ansible
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ast-grep test --config tools/ast-grep/sgconfig.yml --skip-snapshot-tests
	$(BIN)/ast-grep scan --config tools/ast-grep/sgconfig.yml src
	@tools/check-tree

unit: install ## The tests that need no service
	$(BIN)/pytest tests/unit

test: check ## The whole suite
	$(BIN)/pytest

clean: ## Remove what the targets above made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .ansible build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
