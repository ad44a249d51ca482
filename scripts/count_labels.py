"""Packed labels -> pixels, share and images of each class and split."""

from tailcutmix.dataset.packing import open_array
from tailcutmix.files import replacing
from tailcutmix.labels import read_labels
from tailcutmix.rule_script import job
from tailcutmix.tail.label_statistics import label_statistics

with job(snakemake):
    truth = {
        split: open_array(path) for split, path in zip(snakemake.params.splits, snakemake.input.truth, strict=True)
    }
    with replacing(snakemake.output.statistics) as path:
        label_statistics(truth, read_labels(snakemake.input.labels).class_names).to_csv(path, index=False)
