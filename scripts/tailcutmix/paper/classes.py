"""What is known of each class: its bucket, how it moved, its share of the pixels and the images that hold it."""

from pathlib import Path

import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.files import finite_numbers, read_table
from tailcutmix.paper.scores import BUCKETS
from tailcutmix.tail.bucket_table import ABSENT, CURE

GROUPS = (*BUCKETS, ABSENT)
"""The buckets in the order in which they are shown, and after them the classes that no train image holds."""


def read_classes(stats: str | Path | None, buckets: str | Path, split: str | None = None) -> pd.DataFrame:
    """One row per class, the most frequent first.

    Args:
        stats: ``stats/labels.csv``; None leaves the three counts NA and takes the shares of `buckets`.
        buckets: ``buckets/final.csv`` (``initial.csv`` does too: then no class has moved).
        split: the split that scores are computed on, for ``split_images``.

    Returns:
        class, bucket (one of GROUPS), moved_from ("" where it stayed), val_iou, train_pixels, share (of labelled train
        pixels, 0..1), train_images and split_images (images that hold the class; NA without `split`).
    """
    frame = read_table(buckets, ("class", "bucket"), "table of buckets", numbers=("share",))
    unknown = sorted(set(frame["bucket"]) - set(GROUPS))
    if unknown:
        raise UserError(f"{buckets}: bucket {unknown[0]!r} is none of {', '.join(GROUPS)}")
    if "moved_from" not in frame:
        frame["moved_from"] = ""
    frame = pd.DataFrame(
        {
            "class": frame["class"],
            "bucket": frame["bucket"],
            "moved_from": frame["moved_from"]
            .astype(object)
            .where(frame["moved_from"] != frame["bucket"], "")
            .fillna(""),
            "val_iou": finite_numbers(frame["val_iou"], buckets, CURE) if "val_iou" in frame else float("nan"),
            "share": frame["share"].astype(float),
        }
    )
    counts = pd.DataFrame(columns=["split", "class", "pixels", "share", "images"])
    if stats is not None:
        whole = ("pixels", "images")
        counts = read_table(stats, ("split", "class", "share"), "table of label statistics", whole=whole)
        odd = set(frame["class"]) ^ set(counts["class"][counts["split"] == "train"])
        if odd or counts.duplicated(["split", "class"]).any():
            first = repr(min(odd)) if odd else "each class"
            raise UserError(f"{stats} and {buckets} do not list {first} once each; delete both and run again")
    for column, of, source in (
        ("train_pixels", "train", "pixels"),
        ("train_images", "train", "images"),
        ("split_images", split, "images"),
    ):
        known = counts[counts["split"] == of].set_index("class")[source]
        frame[column] = frame["class"].map(known).astype("Int64")
    return frame.sort_values("share", ascending=False, kind="stable").reset_index(drop=True)


def bucket_members(buckets: str | Path) -> dict[str, list[str]]:
    """Bucket -> its classes, for the buckets that hold any, from ``buckets/final.csv``."""
    classes = read_classes(None, buckets)
    members = {bucket: classes["class"][classes["bucket"] == bucket].tolist() for bucket in BUCKETS}
    return {bucket: names for bucket, names in members.items() if names}
