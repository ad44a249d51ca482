# make paper: set everything up and go from raw images to Table 1 on ToyCity.   make test: set everything up and run the tests.
# make plan: what would be trained, and what it would cost.   make check: what is odd about the images and labels.
# make browse CONFIG=own.yaml: results/<name>/data.html, a page of the data alone, before anything is trained.
# make predict RUN=results/toycity IMAGES=photos OUT=predicted: own photos; or BUNDLE=city.zip in place of RUN.
# make bundle RUN=results/toycity OUT=city.zip: a trained method in one file. Both take CONFIG, MODEL and SEED.
# make mutants: whether the tests notice changed lines.
# Another configuration: make paper CONFIG=config/camvid_smoke.yaml.  More options for Snakemake: ARGS="-n".
PYTHON ?= python3
BIN := .venv/bin
CONFIG ?=
ARGS ?=
# Own photos: a finished run (results/<name>) or a bundle, its images, and where to write.
RUN ?=
BUNDLE ?=
IMAGES ?=
OUT ?=
MODEL ?=
SEED ?=
# Tests wait for the processes that they start: one process more than there are CPUs, but no more than four.
PROCESSES = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
SNAKEMAKE := $(BIN)/snakemake --cores all $(if $(CONFIG),--configfile=$(CONFIG))
# One line a job, by the logger of workflow/terminal.
LINES := PYTHONPATH=workflow/terminal$${PYTHONPATH:+:$$PYTHONPATH} $(SNAKEMAKE) --logger lines

.PHONY: paper browse plan check report predict bundle test lint mutants clean

paper: .venv/run.ready
	@$(SNAKEMAKE) outline --quiet all
	@$(LINES) $(ARGS)
	@$(BIN)/python scripts/show_results.py $(CONFIG)

browse: .venv/run.ready
	@$(LINES) data $(ARGS)

plan: .venv/run.ready
	@$(SNAKEMAKE) plan --quiet all $(ARGS)

check: .venv/run.ready
	@$(SNAKEMAKE) check --quiet all $(ARGS)

report: .venv/run.ready
	$(SNAKEMAKE) --report report.html $(ARGS)

CHOICE = $(if $(CONFIG),--config $(CONFIG)) $(if $(MODEL),--model $(MODEL)) $(if $(SEED),--seed $(SEED))

predict: .venv/run.ready
	@$(BIN)/python scripts/predict_images.py $(if $(BUNDLE),--bundle "$(BUNDLE)",--run "$(RUN)") $(CHOICE) \
		--images "$(IMAGES)" --out "$(OUT)" $(ARGS)

bundle: .venv/run.ready
	@$(BIN)/python scripts/make_bundle.py --run "$(RUN)" $(CHOICE) --out "$(OUT)"

test: .venv/dev.ready
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadscope --no-loadscope-reorder $(ARGS)

mutants: .venv/dev.ready
	$(BIN)/python tests/mutants.py $(ARGS)

lint: .venv/dev.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/mypy

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed; name one by make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/run.ready: envs/requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.txt
	@touch $@

.venv/dev.ready: envs/requirements-dev.txt .venv/run.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv
