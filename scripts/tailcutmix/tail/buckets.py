"""Head, middle and tail bucket, and the one pass that moves classes between middle and tail [report, section 3]."""

import logging
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.labels import slug
from tailcutmix.plan.settings.tail import Buckets
from tailcutmix.tail.bucket_table import ABSENT, HEAD, MIDDLE, TAIL

logger = logging.getLogger(__name__)


def initial_buckets(
    train_stats: pd.DataFrame, cuts: Sequence[int] | None = None, tail: Sequence[str] | None = None
) -> pd.DataFrame:
    """Cut the classes, ordered by their share of the train pixels, into three buckets.

    Args:
        train_stats: rows of ``stats/labels.csv``; where it holds several splits, those of ``train`` are taken.
        cuts: (classes in the head, classes in the middle), the rest is the tail; None: tertiles.
        tail: a fixed list of class names in place of what the cuts say: its classes are the tail, and a class
            that the cuts put into the tail is in the middle.

    Returns:
        Columns class, share, bucket; most frequent class first, equal shares in the order of ``train_stats``.
    """
    stats = train_stats[train_stats["split"] == "train"] if "split" in train_stats else train_stats
    ordered = stats.sort_values("share", ascending=False, kind="stable").reset_index(drop=True)
    present = int((ordered["share"] > 0).sum())
    if present == 0:
        raise UserError("no class has a labelled train pixel: check dataset.labels against the label images")
    head, middle = _tertiles(present) if cuts is None else cuts
    if head < 0 or middle < 0:
        raise UserError(f"buckets.cuts is {[head, middle]}; both numbers of classes must be 0 or more")
    bucket = [HEAD] * head + [MIDDLE] * middle + [TAIL] * max(present - head - middle, 0)
    ordered["bucket"] = bucket[:present] + [ABSENT] * (len(ordered) - present)
    if tail is not None:
        listed = _known(tail, list(ordered["class"]))
        fixed = ordered["class"].isin(listed) & (ordered["bucket"] != ABSENT)
        ordered.loc[(ordered["bucket"] == TAIL) & ~fixed, "bucket"] = MIDDLE
        ordered.loc[fixed, "bucket"] = TAIL
    frame = ordered[["class", "share", "bucket"]]
    _report(frame)
    return frame


def final_buckets(
    initial: pd.DataFrame,
    val_iou: Mapping[str, float | None],
    settings: Buckets = Buckets(),  # noqa: B008 (frozen)
    split: str = "val",
) -> pd.DataFrame:
    """Move poor classes of the middle into the tail, and good classes of the tail into the middle, in one pass.

    The head is never touched, and a class that M0 was not scored on (absent from the split) stays where it is.

    Args:
        initial: the table of :func:`initial_buckets`.
        val_iou: class name -> IoU of M0 on ``split``, 0..1; missing, None or NaN where there is none.
        settings: a middle class below ``poor - margin`` moves, and a tail class of ``good + margin`` or above; None for
            either is M0's mean over the classes that have an IoU. Nothing moves without ``rebucket``, nor where
            ``tail`` is the fixed list that ``initial`` was made with.
        split: val, or train where its folds decide; for the words.

    Returns:
        Columns class, share, bucket, val_iou, moved_from ("" where it stayed) and reason, in the order of ``initial``.
    """
    known = {name: value for name, value in val_iou.items() if value is not None and math.isfinite(value)}
    mean = sum(known.values()) / len(known) if known else math.nan
    if not known and settings.rebucket and settings.tail is None:
        logger.warning("M0 has no IoU on %s for any class: the initial buckets stay", split)
    below = (mean if settings.poor is None else settings.poor) - settings.margin
    above = (mean if settings.good is None else settings.good) + settings.margin
    rows = []
    for name, share, bucket in initial[["class", "share", "bucket"]].itertuples(index=False):
        iou = known.get(name, math.nan)
        target, reason = bucket, ""
        if bucket == ABSENT:
            reason = "no train pixel: nothing to cut"
        elif settings.tail is not None:
            reason = "fixed by config"
        elif bucket == HEAD:
            reason = "head classes do not move"
        elif not settings.rebucket:
            reason = "re-bucketing is off"
        elif math.isnan(iou):
            reason = f"no IoU on {split}"
        elif bucket == MIDDLE:
            target, reason = (TAIL, f"poor: IoU {iou:.3f} < {below:.3f}") if iou < below else (
                MIDDLE, f"not poor: IoU {iou:.3f} >= {below:.3f}")  # fmt: skip
        else:
            target, reason = (MIDDLE, f"good: IoU {iou:.3f} >= {above:.3f}") if iou >= above else (
                TAIL, f"not good: IoU {iou:.3f} < {above:.3f}")  # fmt: skip
        moved_from = bucket if target != bucket else ""
        if moved_from:
            logger.info("%s moves from %s to %s (%s)", name, moved_from, target, reason)
        rows.append((name, share, target, iou, moved_from, reason))
    frame = pd.DataFrame(rows, columns=["class", "share", "bucket", "val_iou", "moved_from", "reason"])
    _report(frame)
    return frame


def _tertiles(classes: int) -> tuple[int, int]:
    """Head and middle of 2 classes or more, such that neither head nor tail is empty (2 -> 1, 0; 19 -> 6, 6)."""
    head = max(1, classes // 3)
    return head, max(head, 2 * classes // 3) - head


def _known(names: Sequence[str], classes: list[str]) -> list[str]:
    by_slug = {slug(name): name for name in classes}
    for name in names:
        if slug(name) not in by_slug:
            raise UserError(f"buckets.tail names {name!r}, which is no class; the classes are: {', '.join(classes)}")
    return [by_slug[slug(name)] for name in names]


def _report(frame: pd.DataFrame) -> None:
    for bucket in (HEAD, MIDDLE, TAIL, ABSENT):
        names = list(frame.loc[frame["bucket"] == bucket, "class"])
        if names or bucket != ABSENT:
            logger.info("%s: %s", bucket, ", ".join(names) or "no class")
    if TAIL not in set(frame["bucket"]):
        logger.warning("the tail is empty: no level subsets, no experts; M1 is trained without cutmix")
