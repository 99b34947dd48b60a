VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
DATA ?=

.PHONY: install demo test lint

install: $(VENV)/.installed

# one stamp for both commands: a second `make demo` starts at once
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,plot]"
	@touch $@

demo: install
	$(BIN)/python examples/demo.py $(if $(DATA),--data "$(DATA)")

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
