"""Histories -> the figure of what the mixing added."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.figures.mixing import draw_mixing

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    draw_mixing(
        snakemake.input.histories, snakemake.input.statistics, snakemake.input.buckets, stem, snakemake.params.titles
    )
