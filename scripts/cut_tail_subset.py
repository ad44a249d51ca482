"""Train images and labels -> the subset B1 of one tail class: its regions, and their crops at each level."""

from pathlib import Path

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.tail.levels import write_subset

with job(snakemake):
    labels = read_labels(snakemake.input.labels)
    write_subset(
        read_manifest(snakemake.input.manifest, "train"),
        labels.class_of(snakemake.wildcards.class_slug).id,
        Path(snakemake.output.regions).parent,
        levels=snakemake.params.levels,
        r=snakemake.params.r,
        s=snakemake.params.s,
        source=snakemake.params.source,
        min_area=snakemake.params.min_area,
        workers=snakemake.threads,
    )
