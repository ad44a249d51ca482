"""The images of a split, decoded once -> memory-mapped arrays."""

from pathlib import Path

from tailcutmix.dataset.packing import pack
from tailcutmix.job import job
from tailcutmix.labels import read_labels

with job(snakemake):
    labels = read_labels(snakemake.input.labels)
    folder = Path(snakemake.output.images).parent
    pack(snakemake.input.manifest, snakemake.wildcards.split, labels, snakemake.params.size, folder, snakemake.threads)
