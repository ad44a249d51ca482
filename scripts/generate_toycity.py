"""Draw ToyCity: street scenes in MiniCity's folders and encoding."""

from tailcutmix.rule_script import job
from toycity.generate import Settings, generate

with job(snakemake):
    generate(snakemake.output.raw, Settings(**snakemake.params.settings), processes=snakemake.threads)
