"""Label statistics of the train split -> head, middle and tail."""

from tailcutmix.files import read_table, write_csv
from tailcutmix.rule_script import job
from tailcutmix.tail.buckets import initial_buckets

with job(snakemake):
    statistics = read_table(
        snakemake.input.statistics, ("split", "class"), "table of label statistics", numbers=("share",)
    )
    initial = initial_buckets(statistics, snakemake.params.cuts, snakemake.params.tail)
    write_csv(initial, snakemake.output.initial)
