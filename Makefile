# make paper: set everything up and go from raw images to Table 1 on ToyCity.   make test: set everything up and run the tests.
# make ablation: the arms that the report does not have.
# After any kill the same command goes on. make unlock: free the folder of a run that make did not start here.
# make plan: what would be trained, and what it would cost.   make check: what is odd about the images and labels.
# make browse CONFIG=own.yaml: results/<name>/data.html, a page of the data alone, before anything is trained.
# make predict RUN=results/toycity IMAGES=photos OUT=predicted: own photos; or BUNDLE=city.zip in place of RUN.
# make bundle RUN=results/toycity OUT=city.zip: a trained method in one file. Both take CONFIG, MODEL and SEED.
# make mutants: whether the tests notice changed lines.
# Another configuration: make paper CONFIG=config/camvid_smoke.yaml.  More options for Snakemake: ARGS="-n".
ifneq ($(words $(CURDIR)),1)
$(error "$(CURDIR)" has a space, and Snakemake cannot start a Python below it: clone into a folder without one)
endif
PYTHON ?= python3
BIN := .venv/bin
CONFIG ?=
ARGS ?=
# Where to take torch from, if not from pip's own index: a CPU build, or one for another CUDA.
TORCH_INDEX ?=
# Own photos: a finished run (results/<name>) or a bundle, its images, and where to write.
RUN ?=
BUNDLE ?=
IMAGES ?=
OUT ?=
MODEL ?=
SEED ?=
# Tests wait for the processes that they start: one process more than there are CPUs, but no more than four.
PROCESSES = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
# Goes on after a kill; the logger says one line per job.
SNAKEMAKE := $(BIN)/python scripts/run_snakemake.py --cores all $(if $(CONFIG),--configfile=$(CONFIG))
LINES := $(SNAKEMAKE) --logger lines

.PHONY: paper ablation browse plan check report predict bundle unlock test lint mutants clean

paper: .venv/run.ready
	@$(SNAKEMAKE) outline --quiet all
	@$(LINES) $(ARGS)
	@$(BIN)/python scripts/show_results.py $(CONFIG)

ablation: .venv/run.ready
	@$(LINES) ablation $(ARGS)
	@$(BIN)/python scripts/show_results.py $(CONFIG)

unlock: .venv/run.ready
	@$(SNAKEMAKE) --unlock --quiet all

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r envs/requirements.txt
	@touch $@

.venv/dev.ready: envs/requirements-dev.txt .venv/run.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv
