# `make demo` compares seven explanations of a classifier; `make test` runs the tests. Both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
# Each worker begins with a part of the files in their order, so that few fixtures are made twice, and
# takes tests from the others when it is done. Each loads torch and takes 1 GB: eight at most.
ON_ALL_CORES := --numprocesses auto --maxprocesses 8 --dist worksteal --durations 20

.PHONY: install demo test test-all coverage check docs guides screenshots trust bench clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/causalxai compare specs/quickstart.yaml

test: install
	$(BIN)/python -m pytest $(ON_ALL_CORES)

test-all: install
	$(BIN)/python -m pytest $(ON_ALL_CORES) -m ''

# Tells which lines no default test runs; coverage/index.html shows them.
coverage: install
	$(BIN)/python -m pytest $(ON_ALL_CORES) --cov --cov-report term:skip-covered --cov-report html:coverage

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m causalxai.api plugins examples

# Builds the documentation into site/; index.html there is its first page.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Follows the guides of README and documentation word for word, in a fresh clone: a quarter of an hour.
guides: install
	$(BIN)/python -m tests.guides

# Photographs the pages of `make demo` for the documentation, with the system's own Chromium.
screenshots: install
	$(BIN)/python docs/screenshots.py

# Attacks every promise of docs/trust.md: up to 30 minutes on two cores.
trust: install
	$(BIN)/python -m tests.trust --write docs/trust.md

# Measures all speeds and writes docs/performance.md: up to 25 minutes on two cores that are free.
bench: install
	$(BIN)/python benchmarks/performance.py

clean:
	rm -rf .venv runs site
