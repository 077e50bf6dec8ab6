# One word for each task; CONTRIBUTING.md says when it is for. They use the environment that `setup`
# makes, or another: `make lint PYTHON=/path/to/python`.
PYTHON = .venv/bin/python
# Files, not tests, are dealt out, so that a database server that a file needs is started once.
PARALLEL = -n 2 --dist loadfile
# What needs neither a server, a browser, another interpreter nor anything but Hypothesis.
CORE = $(addprefix tests/test_,against_oracle.py display.py errors.py *_errors.py events.py laws.py \
	laws_machine.py merge.py played.py plausibility.py policy.py record.py recordings.py resume.py \
	rules_*.py saving.py snapshot.py store_memory.py switching.py)
# The modules of the core, which no branch may be left out of.
PURE = */_numbers.py,*/_played.py,*/_identifiers.py,*/_record.py,*/_events.py,*/_policy.py,$\
	*/_states.py,*/_decision.py,*/_reports.py,*/_display.py,*/_resume.py,*/_plausibility.py,$\
	*/_additions.py,*/_backlog.py,*/_fallback.py,*/_batch.py,*/_live.py,*/_live_viewings.py,*/_counts.py,$\
	*/_freezing.py,*/_switching.py,*/rollout.py,*/_playhead.py,*/_progress.py,*/_viewing.py,$\
	*/_tracker.py,*/_snapshot.py,*/_replay.py,*/errors.py

.PHONY: setup check lint types test core coverage slow mutants docs browser beam bench build

setup:
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --editable '.[dev]'

check: lint types docs test

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(dir $(PYTHON))zizmor --offline --pedantic .github

types:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest -q $(PARALLEL)

core:
	$(PYTHON) -m pytest -q $(PARALLEL) $(CORE)

coverage:
	$(PYTHON) -m pytest -q $(PARALLEL) --cov --cov-branch --cov-report=
	$(PYTHON) -m coverage report --skip-covered --fail-under=95
	$(PYTHON) -m coverage report --skip-covered --fail-under=100 --include='$(PURE)'

slow:
	$(PYTHON) -m pytest -q --slow

mutants:
	CI=true $(dir $(PYTHON))mutmut run --max-children 2
	$(dir $(PYTHON))mutmut results

docs:
	$(PYTHON) -m sphinx -q -W --keep-going -b html docs build/site

browser:
	$(PYTHON) -m pytest -q --browser tests/in_browser

# In an environment of its own: nobody else needs its 400 MB, nor its pins.
beam:
	python3 -m venv .venv-beam
	.venv-beam/bin/python -m pip install --quiet '.[test,beam]'
	.venv-beam/bin/python -m pytest -q --beam tests/on_beam

bench:
	$(PYTHON) -m pip install --quiet --editable '.[bench]'
	$(PYTHON) benchmarks/run.py

build:
	rm -rf dist
	$(PYTHON) -m build
	$(PYTHON) -m twine check --strict dist/*
	$(PYTHON) -m check_wheel_contents dist/*.whl
