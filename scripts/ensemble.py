"""Predictions of M1 and of its experts -> MR, and what each expert claimed."""

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.prediction.ensemble import ensemble_split, write_claims

with job(snakemake):
    folders = dict(zip(snakemake.params.tail, snakemake.input.get("experts", []), strict=True))
    claims = ensemble_split(
        snakemake.input.base,
        {name: folders[name] for name in snakemake.params.order},
        read_manifest(snakemake.input.manifest, snakemake.wildcards.split),
        read_labels(snakemake.input.labels),
        snakemake.output.predictions,
        snakemake.threads,
    )
    write_claims(claims, snakemake.output.claims)
