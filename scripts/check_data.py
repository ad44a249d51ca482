"""Print what the files of a set say before anything is trained: problems, their cures, classes, buckets and cost."""

import pandas as pd

from tailcutmix.dataset import check
from tailcutmix.dataset.images import read_size
from tailcutmix.dataset.sources import list_images, list_unlabelled
from tailcutmix.plan.inputs import asked_of_images
from tailcutmix.plan.plan import SPLITS, read_plan
from tailcutmix.plan.show import Images, describe
from tailcutmix.rule_script import job
from tailcutmix.tail.bucket_table import TAIL
from tailcutmix.tail.buckets import initial_buckets

with job(snakemake):
    plan = read_plan(snakemake.config)
    data = plan.dataset
    listing = list_images(data.source, next(iter(snakemake.input.raw), data.root), data.splits, data.files)
    if data.unlabelled:
        listing = pd.concat([listing, list_unlabelled(data.unlabelled)], ignore_index=True)
    wanted = check.Wanted(**asked_of_images(plan), look_alikes=True)
    found, statistics = check.examine(listing, plan.labels, wanted, snakemake.threads)
    print(*found, sep="\n")
    check.require(found)
    statistics["images"] = statistics["images"].astype(str)
    table = statistics.pivot(index="class", columns="split", values=["share", "images"])
    buckets = initial_buckets(statistics, plan.buckets.cuts, plan.buckets.tail).set_index("class")["bucket"]
    print(table.loc[buckets.index].assign(bucket=buckets).to_string(float_format="{:.4f}".format), end="\n\n")
    splits = {split: int((listing.split == split).sum()) for split in SPLITS}
    images = Images(splits, *(data.size or read_size(listing.image.iloc[0])))
    print(describe(plan, images, list(buckets.index[buckets == TAIL]), "by pixel share; M0 may move classes"))
