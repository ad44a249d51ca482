"""Tables and figures of a finished run -> a small folder to keep with the code, and what they were made by."""

import shutil
from pathlib import Path

import yaml

from tailcutmix.files import replacing_folder
from tailcutmix.paper.provenance import record
from tailcutmix.rule_script import job

with job(snakemake), replacing_folder(snakemake.output.folder) as folder:
    for path in snakemake.input.artefacts:
        shutil.copy2(path, folder)
    run = record(snakemake.config, Path(snakemake.scriptdir).parent, snakemake.params.logs)
    (folder / "run.yaml").write_text(yaml.safe_dump(run, sort_keys=False, allow_unicode=True, width=120))
