"""Packed images, and what the model mixes in -> final weights and the history of the run."""

from pathlib import Path

import pandas as pd

from tailcutmix.job import job
from tailcutmix.tail.buckets import tail_classes
from tailcutmix.training.job import run_training

with job(snakemake, terminal=True):
    buckets = snakemake.input.get("buckets")
    run_training(
        {
            "packed": {name: snakemake.input[name] for name in ("images", "truth", "index")},
            "manifest": snakemake.input.manifest,
            "labels": snakemake.input.labels,
            "tail": tail_classes(pd.read_csv(buckets)) if buckets else [],
            "boxes": snakemake.input.get("boxes"),
            "init": snakemake.input.get("init"),
            "settings": snakemake.params.settings | snakemake.config["engine"],
            "seed": int(snakemake.wildcards.seed),
            "out": str(Path(snakemake.output.model).parent),
            "running": snakemake.params.running,
            "gpus": snakemake.resources.gpu,
            "threads": snakemake.threads,
            "code": snakemake.params.code,
            "log": str(snakemake.log),
        }
    )
