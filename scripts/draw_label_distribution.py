"""Label statistics and buckets -> the figure of the long tail."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.figures.label_distribution import draw_label_distribution

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    draw_label_distribution(snakemake.input.statistics, snakemake.input.initial, snakemake.input.buckets, stem)
