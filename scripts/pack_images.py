"""The images of a split, decoded once -> memory-mapped arrays."""

from tailcutmix.dataset.packing import PackedFiles, pack
from tailcutmix.labels import read_labels
from tailcutmix.plan.settings.keys import typed
from tailcutmix.rule_script import job

with job(snakemake):
    labels, files = read_labels(snakemake.input.labels), typed(PackedFiles, dict(snakemake.output.items()))
    pack(snakemake.input.manifest, snakemake.wildcards.split, labels, snakemake.params.size, files, snakemake.threads)
