# Each target sets up all it needs, from Python 3.11 or newer with venv.
PYTHON ?= python3
BIN := .venv/bin
# Tests run side by side, one thread each: threads that wait for a busy core spin.
test test-slow coverage: export OMP_NUM_THREADS = 1

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-slow lint docs coverage build install clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '  make %-12s %s\n' "$$target" "$$text"; done

quickstart: install ## compare four networks on real images; a few minutes, no download
	$(BIN)/cnncompare quickstart

test: lint ## run ruff, mypy and the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: install ## run the slow tests: long simulations, kill loops
	$(BIN)/python -m pytest -m slow

lint: install ## run ruff and mypy alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install ## build the documentation in site/
	$(BIN)/python -m mkdocs build --strict

coverage: install ## run the tests with coverage: a table, and htmlcov/index.html
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered --cov-report=html

build: install ## build the wheel and the sdist in dist/
	$(BIN)/python -m build

install: .venv/installed ## set up .venv with the versions of constraints.txt

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cnncompare needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean: ## remove the environment and all that was built
	rm -rf .venv dist build site htmlcov .coverage .coverage.*
