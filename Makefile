# Everything here sets itself up: `make test` and `make demo` need Python 3.11 or later and nothing else.
# Each environment has a stamp file, so a second call starts at once. Works with GNU make 3.81 and later.

PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=

VENV := .venv
LANGCHAIN := .venv-langchain
LLAMAINDEX := .venv-llamaindex
EVERYTHING := .[all,demo]
WITH_LANGCHAIN := .[langchain,cli]
WITH_LLAMAINDEX := .[llamaindex,cli]
RUN := $(VENV)/bin/python -m
PYTEST := pytest --timeout=300 $(PYTEST_ARGS)
# Tests run side by side, as many as there are cores: make test WORKERS=0 runs one after the other.
WORKERS ?= auto
SPREAD := --numprocesses=$(WORKERS) --maxprocesses=8 --dist=worksteal
# The workers fill the cores already; threads of linear algebra would only be in their way.
SINGLY := OPENBLAS_NUM_THREADS=1
# Empty means no. Packages are compiled when they are first imported, and not all of them before.
export PYTHONDONTWRITEBYTECODE =
# Each adapter is tested where its framework stands alone; the core knows neither, so it is tested once.
ADAPTERS := tests/langchain tests/llamaindex
ALONE := --ignore=tests/core --ignore=tests/sabotage
SOURCES := automix_core langchain_automix llamaindex_automix tests docs/examples

.PHONY: help demo test quick lint format docs clean
.DEFAULT_GOAL := help

help:  ## Say what there is.
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -e 's/:.*## */: /'

demo: $(VENV)/.ready  ## Route real questions between two local models: make demo ARGS="--framework langchain"
	$(VENV)/bin/python docs/examples/demo.py $(ARGS)

test: quick  ## Every check and every test, each adapter also without the other framework.
	@echo "== all that runs a real local model, one after the other: each takes every core"
	$(RUN) $(PYTEST) -m models

quick:  ## The same, without the tests that run a real local model.
	@$(MAKE) --no-print-directory --jobs=3 lint $(LANGCHAIN)/.ready $(LLAMAINDEX)/.ready
	@echo "== the LangChain adapter, with no LlamaIndex installed"
	$(SINGLY) $(LANGCHAIN)/bin/python -m $(PYTEST) $(SPREAD) -q -m "not models and not browser" $(ALONE) --ignore=tests/llamaindex
	@echo "== the LlamaIndex adapter, with no LangChain installed"
	$(SINGLY) $(LLAMAINDEX)/bin/python -m $(PYTEST) $(SPREAD) -q -m "not models and not browser" $(ALONE) --ignore=tests/langchain
	@echo "== both frameworks together, and all that is not an adapter"
	$(SINGLY) $(RUN) $(PYTEST) $(SPREAD) -m "not models" --durations=10 $(ADAPTERS:%=--ignore=%)

lint: $(VENV)/.ready  ## Style, types and import directions.
	$(RUN) ruff check $(SOURCES)
	$(RUN) ruff format --check $(SOURCES)
	$(RUN) mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.ready  ## Put the code in order.
	$(RUN) ruff check --fix $(SOURCES)
	$(RUN) ruff format $(SOURCES)

docs: $(VENV)/.docs-ready  ## Build the documentation into site/.
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet
	@echo "built site/index.html"

clean:  ## Remove everything that make has made.
	rm -rf $(VENV) $(LANGCHAIN) $(LLAMAINDEX) site dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# $(call environment,FOLDER,WHAT TO INSTALL): make the environment if need be, and bring it up to date.
define environment
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@echo "setting up $(1) (a minute or two, once)"
	@$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(1)/bin/python -m pip install --quiet --no-compile --constraint constraints.txt $(2)
	@touch $@
endef

$(VENV)/.ready: pyproject.toml constraints.txt
	$(call environment,$(VENV),--editable "$(EVERYTHING)" --group dev)

$(VENV)/.docs-ready: $(VENV)/.ready
	@$(RUN) pip install --quiet --constraint constraints.txt --group docs
	@touch $@

$(LANGCHAIN)/.ready: pyproject.toml constraints.txt
	$(call environment,$(LANGCHAIN),--editable "$(WITH_LANGCHAIN)" --group langchain-test)

$(LLAMAINDEX)/.ready: pyproject.toml constraints.txt
	$(call environment,$(LLAMAINDEX),--editable "$(WITH_LLAMAINDEX)" --group llamaindex-test)
