"""Predictions of M1 and of its experts -> MR, and what each expert claimed."""

import pandas as pd

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.job import job
from tailcutmix.labels import read_labels, slug
from tailcutmix.prediction.ensemble import ensemble_order, ensemble_split, write_claims
from tailcutmix.tail.buckets import tail_classes

with job(snakemake):
    folders = dict(zip(map(slug, snakemake.params.tail), snakemake.input.get("experts", []), strict=True))
    order = ensemble_order(tail_classes(pd.read_csv(snakemake.input.buckets)), snakemake.params.order)
    claims = ensemble_split(
        snakemake.input.base,
        {name: folders[slug(name)] for name in order},
        read_manifest(snakemake.input.manifest, snakemake.wildcards.split),
        read_labels(snakemake.input.labels),
        snakemake.output.predictions,
        snakemake.threads,
    )
    write_claims(claims, snakemake.output.claims)
