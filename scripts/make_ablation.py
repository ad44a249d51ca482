"""Scores -> the ablation table."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.ablation import write_ablation

with job(snakemake):
    stem = Path(snakemake.output.csv).with_suffix("")
    write_ablation(snakemake.input.scores, snakemake.input.buckets, stem, snakemake.params.titles)
