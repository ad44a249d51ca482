"""Packed labels -> pixels, share and images of each class and split."""

from pathlib import Path

from tailcutmix.dataset.packing import open_packed
from tailcutmix.files import replacing
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.tail.statistics import label_statistics

with job(snakemake):
    packed = {
        split: open_packed(Path(path).parent).labels
        for split, path in zip(snakemake.params.splits, snakemake.input.packed, strict=True)
    }
    with replacing(snakemake.output.statistics) as path:
        label_statistics(packed, read_labels(snakemake.input.labels).class_names).to_csv(path, index=False)
