"""Predictions of a split and its ground truth -> scores, and the statistics of each image."""

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.metrics.evaluate import evaluate, write_scores
from tailcutmix.metrics.pairs import pairs_from_manifest

with job(snakemake):
    rows = read_manifest(snakemake.input.manifest, snakemake.wildcards.split)
    identity = {"dataset": snakemake.params.dataset, "model": snakemake.wildcards.method}
    identity |= {"seed": int(snakemake.wildcards.seed), "split": snakemake.wildcards.split}
    scores, statistics = evaluate(
        pairs_from_manifest(rows, snakemake.input.predictions),
        read_labels(snakemake.input.labels),
        replicates=snakemake.params.bootstrap,
        processes=snakemake.threads,
        identity=identity,
    )
    write_scores(scores, statistics, snakemake.output.scores)
