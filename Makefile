# `make run` and `make test` do all the set-up themselves; they want Python 3.11 and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= $(shell nproc)
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?=
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

# What the tests are told: how many run at a time, how many drills of each file `test-real` takes, and which.
WORKERS ?= 2
DRILLS ?= 1
SEED ?= 1
PYTEST := $(BIN)/python -m pytest $(if $(NO_SKIPS),--no-skips)

.PHONY: help env env-dev run resume test test-real drills lint bench clean

help:
	@echo "make run     run the default config (CONFIG=config/ml-100k.yaml for another) and say where the results are"
	@echo "make resume  continue a run that was killed, here or on a cluster, with the arguments that it had"
	@echo "make test    lint, and all tests that are fast: 10 minutes at most on 2 cores"
	@echo "make test-real  real servers, a browser, SLURM, MovieLens 100K, and a drawn part of the drills (SEED=1)"
	@echo "make drills  all interruptions: about an hour"
	@echo "make env     only the environment that runs the workflow"
	@echo "make lint    ruff, snakefmt, snakemake --lint"
	@echo "make bench   speed, as ratios measured side by side"

# A stamp per requirements file: a change of pins installs again, nothing else does.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "reelrank wants Python 3.11; found $$($(PYTHON) --version). Set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev-installed: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/.run-installed $@

env: $(VENV)/.run-installed

env-dev: $(VENV)/.dev-installed

run: env
	$(SNAKEMAKE)

resume: env
	$(BIN)/python workflow/resume.py $(if $(DEAD),--dead) $(if $(CONFIG),--cores $(CORES) --configfile $(CONFIG))

# A worker takes a whole file: the tests of a file share a run of the workflow. The long files come first.
test: env-dev lint
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10

# What cannot be installed is skipped; with NO_SKIPS=1 that is a failure. Daemons that the tests start, they end.
test-real: env-dev
	@tests/install.sh || echo "make test-real: what cannot be installed is skipped"
	$(PYTEST) tests/real tests/drills --drills $(DRILLS) --seed $(SEED) --durations=10

drills: env-dev
	@tests/install.sh || echo "make drills: what cannot be installed is skipped"
	$(PYTEST) tests/drills -v -s --durations=0

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

bench: env-dev
	$(BIN)/python -m pytest tests/benchmarks -s

clean:
	rm -rf results/sample results/logs/sample results/benchmarks/sample
