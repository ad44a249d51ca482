"""Predictions of M1 and of its experts, on val or by folds of train -> which experts the ensemble uses."""

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.files import write_csv
from tailcutmix.labels import read_labels
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.results import Selection
from tailcutmix.prediction.gate import select_experts
from tailcutmix.rule_script import job
from tailcutmix.tail.bucket_table import read_listed_tail

with job(snakemake):
    labels = read_labels(snakemake.input.labels)
    tail = read_listed_tail(snakemake.input.buckets, labels, snakemake.params.fixed_tail)
    gate = select_experts(
        snakemake.input.base,
        dict(zip(tail, snakemake.input.get("experts", []), strict=True)),
        read_manifest(snakemake.input.manifest, snakemake.params.split),
        labels,
        typed(Selection, snakemake.params.selection),
        snakemake.threads,
    )
    write_csv(gate, snakemake.output.gate)
