"""Initial buckets, and M0's IoU on val (mean over the seeds) -> final buckets."""

import pandas as pd

from tailcutmix.files import replacing
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.metrics.evaluate import score_split
from tailcutmix.tail.buckets import final_buckets

with job(snakemake):
    labels = read_labels(snakemake.input.labels)
    runs = []
    for predictions in snakemake.input.predictions:  # one folder a seed
        scores, _ = score_split(snakemake.input.manifest, "val", predictions, labels, replicates=0)
        runs.append({name: part["iou"] for name, part in scores["per_class"].items()})
    final = final_buckets(
        pd.read_csv(snakemake.input.initial),
        pd.DataFrame(runs, dtype=float).mean().to_dict(),
        snakemake.params.poor,
        snakemake.params.good,
        snakemake.params.margin,
        snakemake.params.rebucket,
        snakemake.params.tail,
    )
    with replacing(snakemake.output.final) as path:
        final.to_csv(path, index=False)
