# One target per thing a person does here; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
PROVIDER ?= local
VENV := .venv
BIN := $(VENV)/bin
STATE := $(CURDIR)/.guesthouse
export PYTHONPATH := $(CURDIR)/src
export ANSIBLE_HOME := $(CURDIR)/.ansible
# What the demonstration runs with; a real installation sets its own.
DEMO := GUESTHOUSE_STATE=$(STATE) GUESTHOUSE_GATEWAY_PORT=8443 GUESTHOUSE_TELEGRAF_BINARY=$(STATE)/telegraf \
	GUESTHOUSE_BASE_IMAGES=debian:bookworm-slim
comma := ,
empty :=
TEST_PACKAGES := $(subst $(empty) ,$(comma),nginx nftables influxdb postgresql chromium busybox-static mmdebstrap openssh-client curl iproute2)
TESTS := tests/unit tests/browser tests/integration tests/acceptance
PYTHON_CODE := src tests tools ansible bench examples
CHECKS := check-playbooks check-types check-layers check-yaml check-python check-rules
# Playbooks are judged with the collection and the programs of this repository, nothing of the user's.
ANSIBLE := PATH=$(CURDIR)/$(BIN):$$PATH ANSIBLE_CONFIG=$(CURDIR)/ansible/ansible.cfg \
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/collections

.PHONY: help install check format test test-engine test-rest unit demo pictures bench clean $(CHECKS)

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## Install the Python packages into .venv, and bundle what pages load
	@tools/build-assets

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@tools/prepare-python "$(PYTHON)" "$(VENV)"
	@echo "Installing the Python packages into $(VENV): a minute or so"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

format: install ## Format the code
	$(BIN)/ruff format $(PYTHON_CODE)
	$(BIN)/ruff check --fix --quiet $(PYTHON_CODE)

check: install ## Format, lint, types, layers, playbooks, house rules: everything that needs no service
	@$(MAKE) --no-print-directory --keep-going --jobs=$(shell nproc) --output-sync=target $(CHECKS)

# Side by side, longest first; each one's output stays together, and none hides another's failure.
check-playbooks:
	$(ANSIBLE) $(BIN)/ansible-lint --offline --nocolor -q ansible

check-types:
	$(BIN)/mypy

check-layers:
	$(BIN)/lint-imports

check-yaml:
	$(BIN)/yamllint ansible .ansible-lint

check-python:
	$(BIN)/ruff format --check $(PYTHON_CODE)
	$(BIN)/ruff check $(PYTHON_CODE)

check-rules:
	$(BIN)/ast-grep test --config tools/ast-grep/sgconfig.yml --skip-snapshot-tests
	$(BIN)/ast-grep scan --config tools/ast-grep/sgconfig.yml src
	@tools/check-tree

unit: install ## The tests that need no service
	$(BIN)/pytest -n $(shell nproc) tests/unit

test: check ## The whole suite, on real services; installs what it needs
	@tools/prepare-host --root $(CURDIR)/.ansible/host --prefix guesthouse-test --packages $(TEST_PACKAGES)
	@tools/base-image debian:bookworm-slim debian:bookworm
	@echo "Running the tests in two halves side by side; each says what it found when it has ended"
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target test-engine test-rest
	$(BIN)/pytest tests/last

# One half has the engine and its ports to itself; the other, in a network of its own, shares nothing with it.
test-engine:
	$(BIN)/pytest -m docker $(TESTS)

test-rest:
	tools/alone $(BIN)/pytest -m "not docker" -n $(shell nproc) --dist loadscope $(TESTS)

demo: install ## A partner's environment on this machine (DRY=1 only says what it changes; PROVIDER=container)
	@$(DEMO) $(BIN)/guesthouse demo --provider $(PROVIDER) $(if $(DRY),--dry-run)

pictures: install ## Take the pictures of every page in docs/images anew
	$(BIN)/python -m tests.browser.pictures

bench: install ## Measure against doing it by hand; writes bench/results.json
	@tools/prepare-host --root $(CURDIR)/.ansible/host --prefix guesthouse-bench --packages nginx$(comma)wrk$(comma)chromium
	$(BIN)/python -m bench

clean: ## Take away the demonstration and what the targets above made
	@if [ -d $(STATE) ] && [ -x $(BIN)/guesthouse ]; then $(DEMO) $(BIN)/guesthouse demo --remove; fi
	rm -rf $(VENV) .mypy_cache .pytest_cache .import_linter_cache .hypothesis .ansible build dist \
		src/guesthouse/web/static/dist tools/telegraf/telegraf tools/telegraf/telegraf.stamp bench/results*.json
	find . \( -name __pycache__ -o -name node_modules -o -name .ruff_cache \) -type d -prune -exec rm -rf {} +
