"""Histories -> the figure of losses and rates."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.figures.training import draw_training

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    draw_training(snakemake.input.histories, stem, snakemake.params.titles, snakemake.params.experts)
