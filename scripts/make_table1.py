"""Scores -> Table 1, the report's rows beside ours."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.table1 import write_table1

with job(snakemake):
    stem = Path(snakemake.output.csv).with_suffix("")
    write_table1(snakemake.input.scores, stem, snakemake.params.titles)
