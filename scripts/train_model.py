"""Packed images, and what the model mixes in -> final weights and the history of the run."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.tail.buckets import read_tail
from tailcutmix.training.job import run_training

with job(snakemake, terminal=True):
    buckets = snakemake.input.get("buckets")
    tail = read_tail(buckets, read_labels(snakemake.input.labels)) if buckets else ()
    run_training(
        {
            "packed": {name: snakemake.input[name] for name in ("images", "truth", "index")},
            "manifest": snakemake.input.manifest,
            "labels": snakemake.input.labels,
            "tail": [known.name for known in tail],
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
