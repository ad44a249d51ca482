"""Packed images and labels -> pixels, share and images of each class and split; pictures that look alike are named."""

import numpy as np

from tailcutmix.dataset.leakage import look_alikes, thumbnail
from tailcutmix.dataset.packing import open_array, read_index
from tailcutmix.files import replacing
from tailcutmix.labels import read_labels
from tailcutmix.rule_script import job
from tailcutmix.tail.label_statistics import label_statistics

SHOWN = 10
"""Pairs of each split that are named."""

with job(snakemake, terminal=True) as log:
    given, splits = snakemake.input, snakemake.params.splits
    truth = {split: open_array(path) for split, path in zip(splits, given.truth, strict=True)}
    with replacing(snakemake.output.statistics) as path:
        label_statistics(truth, read_labels(given.labels).class_names).to_csv(path, index=False)
    ids = {split: read_index(path)["image_id"] for split, path in zip(splits, given.index, strict=True)}
    thumbnails = {
        split: np.array([thumbnail(image) for image in open_array(path)])
        for split, path in zip(splits, given.images, strict=True)
    }
    for split in splits[1:]:  # train is the first
        alike = look_alikes(thumbnails["train"], thumbnails[split])
        for first, other in alike[:SHOWN]:
            log.warning("%s image %s looks like train image %s", split, ids[split][other], ids["train"][first])
        if alike:
            log.warning("%d pairs of a train and a %s image look alike: a score on what was trained on says little",
                        len(alike), split)  # fmt: skip
