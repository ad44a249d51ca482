"""The subsets B1 -> Fig. 1, crops of the rarest tail classes at each level."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.paper.figures.level_crops import draw_level_crops

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    labels = read_labels(snakemake.input.labels)
    draw_level_crops(snakemake.input.levels, snakemake.input.buckets, labels, stem, snakemake.params.levels)
