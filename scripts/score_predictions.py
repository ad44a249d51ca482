"""Predictions of a split and its ground truth -> scores, and the statistics of each image."""

from tailcutmix.labels import read_labels
from tailcutmix.metrics.evaluate import score_split, write_scores
from tailcutmix.rule_script import job

with job(snakemake):
    identity = {"dataset": snakemake.params.dataset, "model": snakemake.wildcards.method}
    identity |= {"seed": int(snakemake.wildcards.seed), "split": snakemake.wildcards.split}
    scores, statistics = score_split(
        snakemake.input.manifest,
        snakemake.wildcards.split,
        snakemake.input.predictions,
        read_labels(snakemake.input.labels),
        sizes_from_train=snakemake.params.sizes_from_train,
        replicates=snakemake.params.bootstrap,
        processes=snakemake.threads,
        identity=identity,
    )
    write_scores(scores, statistics, snakemake.output.scores)
