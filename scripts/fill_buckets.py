"""Label statistics of the train split -> head, middle and tail."""

import pandas as pd

from tailcutmix.files import replacing
from tailcutmix.job import job
from tailcutmix.tail.buckets import initial_buckets

with job(snakemake):
    statistics = pd.read_csv(snakemake.input.statistics)
    with replacing(snakemake.output.initial) as path:
        initial_buckets(statistics, snakemake.params.cuts, snakemake.params.tail).to_csv(path, index=False)
