"""The subsets B1 and a train image -> Fig. 2, the image and its cutmix at each level."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.paper.figures.cutmix import draw_cutmix

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    labels = read_labels(snakemake.input.labels)
    subsets, buckets = snakemake.input.levels, snakemake.input.buckets
    draw_cutmix(subsets, buckets, snakemake.input.manifest, labels, stem, snakemake.params.levels)
