"""Tables and figures of a finished run, and what they were made by -> a small folder to keep with the code."""

import shutil

from tailcutmix.files import replacing_folder
from tailcutmix.rule_script import job

with job(snakemake), replacing_folder(snakemake.output.folder) as folder:
    for path in snakemake.input.artefacts:
        shutil.copy2(path, folder)
    shutil.copy2(snakemake.input.record, folder / "run.yaml")
