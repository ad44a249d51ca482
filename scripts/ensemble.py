"""Predictions of M1 and of its experts -> MR, and what each expert claimed."""

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.files import write_csv
from tailcutmix.labels import read_labels
from tailcutmix.prediction.ensemble import ensemble_order, ensemble_split
from tailcutmix.prediction.gate import read_gate
from tailcutmix.rule_script import job
from tailcutmix.tail.bucket_table import read_listed_tail, read_tail

with job(snakemake):
    labels = read_labels(snakemake.input.labels)
    tail = read_tail(snakemake.input.buckets, labels)
    listed = read_listed_tail(snakemake.input.buckets, labels, snakemake.params.fixed_tail)
    folders = dict(zip(listed, snakemake.input.get("experts", []), strict=True))
    gate = snakemake.input.get("gate")
    used = read_gate(gate, listed) if gate else set(listed)
    claims = ensemble_split(
        snakemake.input.base,
        {known: folders[known] for known in ensemble_order(tail, snakemake.params.order) if known in used},
        read_manifest(snakemake.input.manifest, snakemake.wildcards.split),
        labels,
        snakemake.output.predictions,
        snakemake.threads,
    )
    write_csv(claims, snakemake.output.claims)
