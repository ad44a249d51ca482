"""Initial buckets, and M0's IoU on val (mean over the seeds) -> final buckets."""

import json
from pathlib import Path

import pandas as pd

from tailcutmix.files import replacing
from tailcutmix.job import job
from tailcutmix.tail.buckets import final_buckets

with job(snakemake):
    per_class = [json.loads(Path(path).read_text())["per_class"] for path in snakemake.input.scores]
    runs = pd.DataFrame([{name: scores["iou"] for name, scores in run.items()} for run in per_class], dtype=float)
    final = final_buckets(
        pd.read_csv(snakemake.input.initial),
        runs.mean().to_dict(),
        snakemake.params.poor,
        snakemake.params.good,
        snakemake.params.margin,
        snakemake.params.rebucket,
        snakemake.params.tail,
    )
    with replacing(snakemake.output.final) as path:
        final.to_csv(path, index=False)
