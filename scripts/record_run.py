"""Tables and figures of a run -> what they were made by: commit, configuration, versions, machine and times."""

from importlib import import_module
from pathlib import Path

import yaml

from tailcutmix.files import replacing
from tailcutmix.paper.provenance import record
from tailcutmix.rule_script import job

with job(snakemake), replacing(snakemake.output.record) as path:
    # by name: a new model or key that this run does not have is no reason to record it anew
    plan = import_module("tailcutmix.plan.plan").read_plan(snakemake.config)
    folder, params = Path(snakemake.scriptdir).parent, snakemake.params
    run = record(snakemake.config, plan, params.rows, folder, params.logs, dict(snakemake.input.items()))
    path.write_text(yaml.safe_dump(run, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
