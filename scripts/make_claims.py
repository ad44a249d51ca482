"""Claims of every expert and seed -> their table."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.claims import write_claims_table

with job(snakemake):
    stem = Path(snakemake.output.csv).with_suffix("")
    files = zip(snakemake.params.ensembles, snakemake.input.claims, strict=True)
    write_claims_table(files, stem, snakemake.params.titles, snakemake.params.split)
