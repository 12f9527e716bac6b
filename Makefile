# Every target sets itself up in .venv. Needed: Python 3.11 or newer, git, make, and PyPI within reach.

UV_VERSION := 0.13.9
# The first Python that is new enough; PYTHON=/path/to/python says otherwise.
PYTHON ?= $(shell for one in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$one && break; done)
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2
# Without a home to write to, uv's cache is kept in .venv as well.
CACHE := $(shell test -w "$(HOME)" || echo "UV_CACHE_DIR=.venv/.cache")
SYNC := $(CACHE) UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON=.venv/bin/python UV_PYTHON_DOWNLOADS=never .venv/.uv/bin/uv sync --locked --quiet

# Text files here are UTF-8, whatever the locale says; an activated environment must not be written into.
export PYTHONUTF8 := 1
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME CONDA_PREFIX

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint format bench clean

help:  ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

setup: $(READY)  ## .venv with the locked packages; the others do this by themselves

# uv has an environment of its own below .venv, so that `uv sync` cannot remove what it runs from. The system's certificates
# go first (a company's proxy may have its own); uv's are for machines that have none.
$(READY): pyproject.toml uv.lock Makefile
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv --without-pip .venv; }
	@test "$$(.venv/.uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" || { rm -rf .venv/.uv \
		&& $(PYTHON) -m venv .venv/.uv \
		&& .venv/.uv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check uv==$(UV_VERSION); }
	@$(SYNC) --system-certs || $(SYNC)
	@touch $@

demo: $(READY)  ## the whole story on local servers; no account needed
	@$(BIN)/syncd demo

test: $(READY)  ## all tests
	@$(BIN)/pytest -q -n $(WORKERS)

lint: $(READY)  ## style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

check: lint test  ## everything that has to pass: lint, import rules, docs and all other tests

format: $(READY)  ## put the source into form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY)  ## the benchmarks
	@$(BIN)/python benchmarks/run.py

clean:  ## remove .venv and the caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
