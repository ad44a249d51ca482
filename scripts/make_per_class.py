"""Scores -> the table of classes."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.per_class import write_per_class

with job(snakemake):
    stem = Path(snakemake.output.csv).with_suffix("")
    write_per_class(
        snakemake.input.scores, snakemake.input.buckets, snakemake.input.statistics, stem, snakemake.params.titles
    )
