VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
CONSTRAINTS ?= constraints.txt
EXTRAS ?= test,plot,active,onnx
DATA ?=
TESTS ?= tests
PACKAGED = $(subst $(VENV)/,$(VENV)-package/,$(BIN))/python
SPHINX = $(BIN)/python -m sphinx -b html -W --keep-going -d docs/_build/doctrees

.PHONY: install demo test test-slow test-oldest test-newest lint bench docs docs-quick package

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

# a process per core, and a file of tests in one of them, which shares its fits
test: install
	$(BIN)/python -m pytest -n auto --dist loadfile

# what takes minutes each: killed fits, damaged files, clusters, hundreds of fits
test-slow: install
	$(BIN)/python -m pytest -m slow

# the suite with the lower bounds of pyproject.toml; scikit-activeml has higher ones, and
# its tests are skipped
test-oldest:
	$(MAKE) test VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt EXTRAS=test,plot

# the suite with whatever has been released by now
test-newest:
	$(MAKE) test VENV=.venv-newest CONSTRAINTS=/dev/null EXTRAS=test,plot

# the site, with all its examples run; docs-quick shows their code only
docs docs-quick: export MALLOC_MMAP_MAX_ = 0
docs docs-quick: export MALLOC_TRIM_THRESHOLD_ = 4294967296
docs: $(VENV)/.docs
	rm -rf docs/_build/html  # pages that are no more
	$(SPHINX) docs docs/_build/html

docs-quick: $(VENV)/.docs
	rm -rf docs/_build/html
	$(SPHINX) -D plot_gallery=0 docs docs/_build/html

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[$(EXTRAS),docs]"
	@touch $@

# sdist and wheel, and TESTS of the sdist on the installed wheel, far from this folder
package: install
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[$(EXTRAS),package]"
	rm -rf dist $(VENV)-package
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m pytest -q tests/test_package.py
	$(PYTHON) -m venv $(VENV)-package
	$(PACKAGED) -m pip install --quiet -c $(CONSTRAINTS) "$$(ls dist/*.whl)[test,plot]"
	tar -xf dist/*.tar.gz -C $(VENV)-package
	rm -r $(VENV)-package/sklearn_triplet-*/sklearn_triplet
	cd $(VENV)-package/sklearn_triplet-* && \
		$(abspath $(PACKAGED)) -m pytest -n auto --dist loadfile $(TESTS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# ours and its peers, in turn; `make bench ARGS=--quick` takes three minutes
bench: install
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[bench]"
	$(BIN)/python benchmarks/speed.py $(if $(DATA),--data "$(DATA)") $(ARGS)
