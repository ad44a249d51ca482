"""Print the plan of a run, or its outline: what would be trained, on what, what it would cost. Nothing is trained."""

from pathlib import Path

from tailcutmix.dataset.images import read_size
from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.dataset.minicity import read_lists
from tailcutmix.dataset.sources import list_images
from tailcutmix.plan.plan import SPLITS, Plan, read_plan
from tailcutmix.plan.show import Images, describe, outline
from tailcutmix.rule_script import job
from tailcutmix.tail.bucket_table import read_tail


def find_images(plan: Plan) -> Images:
    """What the configuration, the manifest or a look at the folders says about the images."""
    dataset = plan.dataset
    if dataset.source == "toycity":
        splits = {split: getattr(dataset.toycity, split) for split in SPLITS}
        size = dataset.size or (dataset.toycity.height, dataset.toycity.width)
        return Images(splits, *size)
    if Path(plan.files.manifest).is_file():
        rows = read_manifest(plan.files.manifest)
        size = dataset.size or (int(rows.height.iloc[0]), int(rows.width.iloc[0]))
    elif Path(dataset.root).is_dir():
        rows = list_images(dataset.source, dataset.root, dataset.splits, dataset.files)
        size = dataset.size or read_size(rows.image.iloc[0])
    elif dataset.source in ("minicity", "cityscapes") and dataset.splits:
        listed = {split: len(names) for split, names in read_lists(dataset.splits).items()}
        return Images(listed, *(dataset.size or (1024, 2048)), listed=True)
    else:
        return Images({})
    return Images({split: int((rows.split == split).sum()) for split in SPLITS}, *size)


with job(snakemake):
    plan = read_plan(snakemake.config)
    tail, known = None, ""
    if plan.fixed_tail is not None:
        tail, known = [row.name for row in plan.fixed_tail], "fixed by buckets.tail"
    elif Path(plan.files.buckets).is_file():
        tail, known = [row.name for row in read_tail(plan.files.buckets, plan.labels)], plan.files.buckets
    print((outline if snakemake.rule == "outline" else describe)(plan, find_images(plan), tail, known))
