# Everything a person does with this repository. Nothing but Python 3.11 is needed beforehand.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Code that knows bytes and conversations but no sockets: full branch coverage is required of it.
comma := ,
empty :=
SANS_IO := \
	libs/common/vprinter_common/wire/* \
	libs/common/vprinter_common/access.py \
	libs/common/vprinter_common/catalog.py \
	services/mqtt/vprinter_mqtt/answers.py \
	services/mqtt/vprinter_mqtt/conversation.py \
	services/mqtt/vprinter_mqtt/job.py \
	services/mqtt/vprinter_mqtt/session_state.py \
	services/mqtt/vprinter_mqtt/reports/*
COVERED := $(subst $(empty) $(empty),$(comma),$(strip $(SANS_IO)))
BENCHMARKS := $(patsubst %.py,%,$(subst /,.,$(wildcard benchmarks/[a-z]*.py)))

.PHONY: help up test test-full lint format bench requirements clean ci

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## set everything up and run the whole system here, until Ctrl-C
	@requirements/bootstrap up
	@exec $(BIN)/vprinter up

test: ## run the tests, but for the heavy ones, and check the coverage of the sans-I/O code
	@requirements/bootstrap test
	@$(BIN)/coverage erase
	@$(PYTEST) -m "not full" --cov --cov-report=
	@$(BIN)/coverage report --include='$(COVERED)' --show-missing --skip-covered --fail-under=100

test-full: ## run every test, faults and abuse too, and the benchmarks in their short form
	@requirements/bootstrap bench
	@$(BIN)/coverage erase
	@$(PYTEST) --cov --cov-report=
	@$(BIN)/coverage report --include='$(COVERED)' --show-missing --skip-covered --fail-under=100
	@for benchmark in $(BENCHMARKS); do $(BIN)/python -m $$benchmark --quick; done

lint: ## check style, types and the rules on who may import whom
	@requirements/bootstrap test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: ## format the code and fix what can be fixed without thought
	@requirements/bootstrap test
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: ## compare with peers side by side (long)
	@requirements/bootstrap bench
	@for benchmark in $(BENCHMARKS); do $(BIN)/python -m $$benchmark; done

requirements: ## pin the dependencies anew after a pyproject.toml changed (UPGRADE=1: to newer releases)
	@requirements/compile

clean: ## remove everything that can be made again; data/ stays
	@rm -rf .venv .venv-bench .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* build
	@find libs services tools tests benchmarks -name __pycache__ -prune -exec rm -rf {} + -o -name '*.egg-info' -prune -exec rm -rf {} +

ci: ## what CI runs on a fresh machine
	@.ci/run
