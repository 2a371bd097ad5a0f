# make quickstart, make test: each sets up all it needs, from Python 3.11 or newer with venv.
PYTHON ?= python3
BIN := .venv/bin
# Tests run side by side, one thread each: threads that wait for a busy core spin.
test test-slow: export OMP_NUM_THREADS = 1

.PHONY: quickstart test test-slow lint install clean

quickstart: install
	$(BIN)/python -m cnncompare -m experiment=quickstart
	$(BIN)/python -m cnncompare report outputs/quickstart

test: lint
	$(BIN)/python -m pytest -n 2

test-slow: install
	$(BIN)/python -m pytest -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cnncompare needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist build
