VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
CONSTRAINTS ?= constraints.txt
EXTRAS ?= test,plot,active,onnx
DATA ?=

.PHONY: install demo test test-slow test-oldest lint bench

install: $(VENV)/.installed

# one stamp for both commands: a second `make demo` starts at once
$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[$(EXTRAS)]"
	@touch $@

# on Linux: keep the memory of large tensors instead of fetching it anew in every step
demo: export MALLOC_MMAP_MAX_ = 0
demo: export MALLOC_TRIM_THRESHOLD_ = 4294967296
demo: install
	$(BIN)/python examples/demo.py $(if $(DATA),--data "$(DATA)")

test: install
	$(BIN)/python -m pytest

# what takes minutes each: killed fits, damaged files, clusters, hundreds of fits
test-slow: install
	$(BIN)/python -m pytest -m slow

# the suite with the lower bounds of pyproject.toml; scikit-activeml has higher ones, and
# its tests are skipped
test-oldest:
	$(MAKE) test VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt EXTRAS=test,plot

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# ours and its peers, in turn; `make bench ARGS=--quick` takes three minutes
bench: install
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[bench]"
	$(BIN)/python benchmarks/speed.py $(if $(DATA),--data "$(DATA)") $(ARGS)
