# Everything from a fresh clone: needs Python 3.11+ with its headers, a C compiler, make and libssl-dev.
# `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
# The way of building: a change of it rebuilds everything.
MODE := $(if $(filter 1,$(BASHGAH_DEBUG)),debug,release)
INSTALLED := $(VENV)/.installed
BUILT := $(VENV)/.built-$(MODE)
SOURCES := $(shell find hsm_sim switch loadtest -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
# How long `make demo` runs: until Ctrl-C unless given.
SECONDS ?=
KILLS ?= 50
MINUTES ?= 20

.PHONY: help
help: ## list the targets
	@echo "Bashgah, a card switch for customer clubs"
	sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: demo
demo: $(BUILT) ## start everything, with simulated terminals; SECONDS=20 ends by itself
	@$(BIN)/python -m bashgah up --demo $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: test
test: $(BUILT) ## run the whole test suite; ARGS='-k name' for a part of it
	@$(BIN)/python -m pytest -q --durations=10 $(ARGS)

.PHONY: check
check: $(INSTALLED) ## lint, format, types, and the rules of our own
	@set -x
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_tidy.py tests/test_layers.py

.PHONY: ci
ci: ## what the continuous integration runs
	@.ci/run

.PHONY: bench
bench: $(BUILT) ## measure what we promise (10 min), render docs/performance.md; ARGS='--only gate'
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: soak
soak: $(BUILT) ## watch the switch's memory under load; MINUTES=20
	@$(BIN)/python -m benchmarks.promises.soak --minutes $(MINUTES) $(ARGS)

.PHONY: chaos
chaos: $(BUILT) ## kill -9 the switch under load, KILLS=50 times, and look for every rial
	@$(BIN)/python -m tests.chaos --kills $(KILLS) $(ARGS)

.PHONY: fuzz
fuzz: $(BUILT) ## throw broken frames at codec, gate and HSM; ARGS='--seconds 60 --seed 1'
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: build
build: $(BUILT) ## the virtual environment and the compiled core

.PHONY: debug
debug: ## build the core with bounds checks, tracing and annotation
	@$(MAKE) BASHGAH_DEBUG=1 build

.PHONY: clean
clean: ## remove what was built; .venv and var/ (the demo's data) stay
	@rm -rf build ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis $(VENV)/.built-*
	find hsm_sim switch loadtest \( -name '*.so' -o -name '*.html' \) -delete
	for source in $$(find hsm_sim switch loadtest -name '*.pyx'); do rm -f "$${source%.pyx}.c"; done
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@python=$$(.ci/find-python)
	echo "[1/3] virtual environment $(VENV), $$($$python --version)"
	# `--clear` would delete an environment in use; an unusable one is made again.
	$(BIN)/python -c 'import sys' 2>/dev/null || { rm -rf $(VENV); "$$python" -m venv $(VENV); }
	echo "[2/3] dependencies"
	$(BIN)/python .ci/dependencies.py > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --progress-bar off -r $(VENV)/requirements.txt \
	  | sed -nu 's/^Collecting \([^ ;<>=!~([]*\).*/      \1/p'
	BASHGAH_EXTENSIONS=0 $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# Cython and the compiler skip what has not changed; after a change of mode nothing may be skipped.
$(BUILT): $(INSTALLED) setup.py $(SOURCES)
	@force=; for other in $(VENV)/.built-*; do
	  if [ -e "$$other" ] && [ "$$other" != "$@" ]; then force=--force; rm -f "$$other"; fi
	done
	echo "[3/3] compiled core ($(MODE)): $(words $(filter %.pyx,$(SOURCES))) modules"
	$(BIN)/python setup.py --quiet build_ext --inplace -j "$$(nproc)" $$force
	touch $@
