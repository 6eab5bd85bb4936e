# Everything a person does with this repository. Nothing but Python 3.11 is needed beforehand.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Tests wait more than they work; a file's tests stay together, for they share what they start (see tests/conftest.py).
PARALLEL := -n 3 --dist loadfile
# Code that knows bytes and conversations but no sockets: full branch coverage is required of it.
comma := ,
empty :=
SANS_IO := \
	libs/common/vprinter_common/wire/* \
	libs/common/vprinter_common/access.py \
	libs/common/vprinter_common/catalog.py \
	services/mqtt/vprinter_mqtt/answers.py \
	services/mqtt/vprinter_mqtt/conversation.py \
	services/mqtt/vprinter_mqtt/forwarding.py \
	services/mqtt/vprinter_mqtt/job.py \
	services/mqtt/vprinter_mqtt/mirror.py \
	services/mqtt/vprinter_mqtt/session_state.py \
	services/mqtt/vprinter_mqtt/reports/* \
	services/proxy/vprinter_proxy/watch/picture.py
# The rooms that show it. Coverage makes every test half as slow again, so the other rooms run without.
SANS_IO_TESTS := tests/common tests/mqtt tests/proxy tests/simulators
COVERED := $(subst $(empty) $(empty),$(comma),$(strip $(SANS_IO)))
# Both are run, so that one failure does not hide another.
QUICK := $(BIN)/coverage erase; status=0; \
	$(PYTEST) $(PARALLEL) -m "not full and not deploy" $(addprefix --ignore=,$(SANS_IO_TESTS)) || status=1; \
	$(PYTEST) $(PARALLEL) -m "not full and not deploy" $(SANS_IO_TESTS) --cov --cov-report= || status=1; \
	exit $$status
BENCHMARKS := $(patsubst %.py,%,$(subst /,.,$(wildcard benchmarks/[a-z]*.py)))

.PHONY: help up test test-full test-deploy images lint format bench requirements clean ci

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## set everything up and run the whole system here, until Ctrl-C
	@requirements/bootstrap up
	@exec $(BIN)/vprinter up

test: ## run the tests, but for the heavy ones, and check the coverage of the sans-I/O code
	@requirements/bootstrap test
	@$(QUICK)
	@$(BIN)/coverage report --include='$(COVERED)' --show-missing --skip-covered --fail-under=100

test-full: ## run every test, faults and abuse too, and the benchmarks in their short form
	@requirements/bootstrap bench
	@$(QUICK)
	@$(PYTEST) -m full
	@$(BIN)/coverage report --include='$(COVERED)' --show-missing --skip-covered --fail-under=100
	@status=0; for benchmark in $(BENCHMARKS); do $(BIN)/python -m $$benchmark --quick || status=1; done; exit $$status

test-deploy: ## run the containers for real, and the manifests if KUBECONFIG names a cluster (needs a Docker engine)
	@requirements/bootstrap deploy
	@$(PYTEST) -m deploy tests/deploy

images: ## build the image of every service with Docker, and list what is in each
	@requirements/bootstrap test
	@tools/images/build

lint: ## check style, types (the page's too) and the rules on who may import whom
	@requirements/bootstrap test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@tools/web/check

format: ## format the code and fix what can be fixed without thought
	@requirements/bootstrap test
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: ## compare with peers side by side (long)
	@requirements/bootstrap bench
	@status=0; for benchmark in $(BENCHMARKS); do $(BIN)/python -m $$benchmark || status=1; done; exit $$status

requirements: ## pin the dependencies anew after a pyproject.toml changed (UPGRADE=1: to newer releases)
	@requirements/compile

clean: ## remove everything that can be made again; data/ stays
	@rm -rf .venv .venv-bench .prometheus .kubectl tools/web/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* build
	@find libs services tools tests benchmarks -name __pycache__ -prune -exec rm -rf {} + -o -name '*.egg-info' -prune -exec rm -rf {} +

ci: ## what CI runs on a fresh machine
	@.ci/run
