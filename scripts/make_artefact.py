"""What a table or figure is made of -> the table or figure, by the module that bears its name."""

from importlib import import_module
from pathlib import Path

from tailcutmix.paper.material import gather
from tailcutmix.rule_script import job

with job(snakemake):
    material = gather(dict(snakemake.input.items()), dict(snakemake.params.items()))
    import_module(snakemake.params.module).make(material, Path(snakemake.output[0]).with_suffix(""))
