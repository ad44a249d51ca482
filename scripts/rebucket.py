"""Initial buckets, and the IoU of one model (mean over the seeds) -> final buckets."""

import pandas as pd

from tailcutmix.files import read_table, write_csv
from tailcutmix.labels import read_labels
from tailcutmix.metrics.evaluate import score_split
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.tail import Buckets
from tailcutmix.rule_script import job
from tailcutmix.tail.buckets import final_buckets

with job(snakemake):
    labels, split = read_labels(snakemake.input.labels), snakemake.params.split
    runs = []
    for predictions in snakemake.input.predictions:  # one folder per seed
        scores, _ = score_split(snakemake.input.manifest, split, predictions, labels, replicates=0)
        runs.append({name: part["iou"] for name, part in scores["per_class"].items()})
    mean_iou = pd.DataFrame(runs, dtype=float).mean().to_dict()
    initial = read_table(snakemake.input.initial, ("class", "bucket"), "table of buckets", numbers=("share",))
    settings = typed(Buckets, snakemake.params.buckets)
    write_csv(final_buckets(initial, mean_iou, settings, split), snakemake.output.final)
