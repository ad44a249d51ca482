"""Draw ToyCity: street scenes in MiniCity's folders and encoding."""

from tailcutmix.dataset import toycity
from tailcutmix.job import job

with job(snakemake):
    toycity.generate(snakemake.output.raw, **snakemake.params.settings, processes=snakemake.threads)
