# Kernwerk's commands; each sets up what it needs first. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Outside of the checkout, so that a fresh clone and its copies share what was compiled.
target := $(or $(CARGO_TARGET_DIR),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kernwerk/target)
# For cargo alone: cells have target directories of their own.
cargo := CARGO_TARGET_DIR='$(target)' cargo
bin := .venv/bin
# Programs of the virtual environment come first, kernwerk among them.
within := PATH='$(CURDIR)/.venv/bin':"$$PATH"

.PHONY: help machine venv oracles ours program setup run lab test lint docs wheel bench torture

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

machine:
	@tests/setup/machine.sh

venv: machine
	@tests/setup/venv.sh

oracles: machine
	@tests/setup/venv.sh tests

ours:
	@tests/setup/target.sh '$(target)'

program: venv ours
	@echo 'kernwerk: building the program (the first time compiles everything it stands on: minutes)'
	@$(cargo) build --workspace --locked
	@tests/setup/program.sh '$(target)'

setup: program ## install and build everything that running notebooks needs

run: setup ## run the quickstart notebook without a browser and show its results
	@$(within) $(bin)/python tests/end_to_end/quickstart.py

lab: setup ## open JupyterLab on the notebooks
	@$(within) $(bin)/jupyter lab notebooks

test: setup oracles ## run all tests but the long ones
	@tests/setup/test.sh '$(target)'

lint: machine ours ## check formatting and clippy's warnings
	@echo 'kernwerk: checking the formatting'
	@cargo fmt --all --check
	@rustfmt --check kernel/prelude*/src/lib.rs
	@echo 'kernwerk: running clippy'
	@$(cargo) clippy --workspace --all-targets --locked -- --deny warnings

docs: program ## write the reference page of the magics anew, and the documentation as a site into dist/site
	@$(bin)/kernwerk reference > docs/magics.md.new
	@mv docs/magics.md.new docs/magics.md
	@$(bin)/python python/build/verbs_of_reference.py
	@echo 'kernwerk: docs/magics.md and python/kernwerk/verbs.json are up to date'
	@tests/setup/site.sh

wheel: venv ## build the Python package with optimisation (long), into dist/
	@CARGO_TARGET_DIR='$(target)' $(bin)/python -m pip wheel --no-deps --wheel-dir dist ./python

bench: setup oracles ## run the benchmarks of one area: make bench AREA=kernel
	@$(within) $(bin)/python -m tests.bench '$(AREA)'

torture: setup oracles ## run the long forms of the tests
	@KERNWERK_TORTURE=1 $(within) $(bin)/python -m pytest tests/end_to_end/test_torture.py tests/kernel/test_protocol.py tests/kernel/test_soak.py tests/promote/test_registry.py tests/promote/test_run.py tests/promote/test_corpus.py tests/promote/test_proof.py tests/promote/test_gates.py tests/promote/test_export.py tests/promote/test_lock.py
