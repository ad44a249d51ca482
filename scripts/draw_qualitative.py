"""Predictions of every method -> the figure that holds them against image and truth."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.paper.figures.qualitative import draw_qualitative

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    titles = snakemake.params.titles
    draw_qualitative(
        dict(zip(titles, snakemake.input.predictions, strict=True)),
        snakemake.input.manifest,
        snakemake.params.split,
        snakemake.input.buckets,
        read_labels(snakemake.input.labels),
        stem,
        titles,
    )
