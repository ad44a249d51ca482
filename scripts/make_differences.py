"""Statistics of each image -> paired differences between the methods of Table 1."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.differences import write_differences

with job(snakemake):
    stem = Path(snakemake.output.csv).with_suffix("")
    write_differences(snakemake.input.scores, stem, snakemake.params.titles, snakemake.input.buckets)
