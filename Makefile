# `make run` and `make test` do all the set-up themselves; they want Python 3.11 and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= $(shell nproc)
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?=
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

.PHONY: help env env-dev run resume test test-slurm drills lint bench clean

help:
	@echo "make run     run the default config (CONFIG=config/ml-100k.yaml for another) and say where the results are"
	@echo "make resume  continue a run that was killed, here or on a cluster, with the arguments that it had"
	@echo "make test    unit, step and workflow tests, and lint"
	@echo "make env     only the environment that runs the workflow"
	@echo "make lint    ruff, snakefmt, snakemake --lint"
	@echo "make test-slurm  a run on a real SLURM of this machine (wants root and Debian); make drills  interruptions"
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

test: env-dev lint
	$(BIN)/python -m pytest --durations=10

# Both end the daemons that they start, and put back what /etc/slurm held.
test-slurm: env-dev
	@if tests/slurm/install.sh; then $(BIN)/python -m pytest tests/slurm --durations=5; \
		else echo "make test-slurm: skipped, since SLURM cannot be installed here"; fi

drills: env-dev
	@tests/slurm/install.sh || echo "make drills: those on a cluster are skipped, since SLURM cannot be installed here"
	$(BIN)/python -m pytest tests/drills -v --durations=0

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

bench: env-dev
	$(BIN)/python -m pytest tests/benchmarks -s

clean:
	rm -rf results/sample results/logs/sample results/benchmarks/sample
