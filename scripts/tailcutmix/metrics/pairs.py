"""Which prediction belongs to which ground truth."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tailcutmix.dataset.images import ZIP_SEPARATOR, open_zip
from tailcutmix.errors import UserError
from tailcutmix.plan.layout import walk

LABEL_SUFFIX = "_gtFine_labelIds.png"
INSTANCE_SUFFIX = "_gtFine_instanceIds.png"


@dataclass(frozen=True)
class Pair:
    """One image to score.

    Attributes:
        image_id: its name.
        label, instance, prediction: its files; `instance` is "" where there is none.
        label_sha256, instance_sha256: checksums that the files must have; "" where none is known.
        cure: what to do about a damaged prediction; "" where that is not known.
    """

    image_id: str
    label: str
    instance: str
    prediction: str
    label_sha256: str = ""
    instance_sha256: str = ""
    cure: str = ""


def pairs_from_manifest(rows: pd.DataFrame, predictions: str | Path) -> list[Pair]:
    """Pairs of a manifest's rows with the predictions ``<image_id>.png`` of a folder.

    Args:
        rows: columns image_id, label, instance, and the checksums of the two where they are known.
        predictions: folder of the predictions.

    Raises:
        UserError: an image without ground truth or without prediction.
    """
    cure = f"delete the folder {predictions} and run again"
    pairs = []
    for row in rows.to_dict("records"):
        image_id, label, instance = row["image_id"], row["label"], row["instance"]
        prediction = Path(predictions) / f"{image_id}.png"
        if not label:
            raise UserError(f"{image_id}: has no ground truth in the manifest, so its split cannot be scored")
        if not prediction.is_file():
            raise UserError(f"{prediction}: no such prediction; {cure}")
        sums = {f"{kind}_sha256": row.get(f"{kind}_sha256", "") for kind in ("label", "instance")}
        pairs.append(Pair(image_id, label, instance, str(prediction), **sums, cure=cure))
    return _same_instances(pairs)


def pairs_from_folders(
    predictions: str | Path, ground_truth: str | Path, names: Sequence[tuple[str, str]] | None = None
) -> list[Pair]:
    """Pairs of two folders, searched with all their subfolders, or archives.

    The ground truth of an image is ``<city>_<sequence>_<frame>_gtFine_labelIds.png`` with ``..._instanceIds.png``
    beside it. Its prediction is the one PNG whose name starts with ``<city>_<sequence>_<frame>``, as in the reference
    evaluator. Where no file of ground truth is named so, every PNG is one, and its prediction has the same name.

    Args:
        predictions: folder or .zip of the predictions.
        ground_truth: folder or .zip of the ground truth.
        names: (image name, prediction's name without .png) of the images to score; by default all with ground truth.

    Raises:
        UserError: no ground truth, or a missing or doubled file.
    """
    truths = list_png(ground_truth)
    labels = {path: name.removesuffix(LABEL_SUFFIX) for path, name in truths.items() if name.endswith(LABEL_SUFFIX)}
    cityscapes = bool(labels)
    if not cityscapes:
        labels = {path: name.removesuffix(".png") for path, name in truths.items() if not name.endswith("Ids.png")}
    if not labels:
        raise UserError(f"{ground_truth}: no ground truth (*{LABEL_SUFFIX} or *.png) in this folder or below")
    by_name: dict[str, str] = {}
    for path, name in labels.items():
        if name in by_name:
            raise UserError(f"{path}: second ground truth of {name}, beside {by_name[name]}; remove one")
        by_name[name] = path
    index = _Index(list_png(predictions))
    pairs = []
    for name, predicted in names or [(name, "") for name in sorted(by_name)]:
        if name not in by_name:
            raise UserError(f"{ground_truth}: no ground truth of {name}, though it is listed")
        label = by_name[name]
        instance = label.removesuffix(LABEL_SUFFIX) + INSTANCE_SUFFIX if cityscapes else ""
        if predicted or not cityscapes:
            found, wanted = index.named(f"{predicted or name}.png"), f"{predicted or name}.png"
        else:
            prefix = "_".join(name.split("_")[:3])
            found, wanted = index.starting(prefix), f"{prefix}*.png"
        if not found:
            raise UserError(f"{predictions}: no prediction {wanted} for ground truth {label}")
        if len(found) > 1:
            raise UserError(f"{found[1]}: second prediction of {name}, beside {found[0]}; remove one")
        pairs.append(Pair(name, label, instance if instance in truths else "", found[0]))
    return _same_instances(pairs)


def list_png(source: str | Path) -> dict[str, str]:
    """Path -> file name of every PNG in a folder and below, or in an archive (``archive.zip::member``), sorted."""
    source = Path(source)
    if source.is_dir():
        # Links are followed, since cities are often linked into one folder; circles of them are not.
        return {str(path): path.name for path in walk(source) if path.suffix == ".png"}
    if source.suffix == ".zip":
        members = sorted(name for name in open_zip(source).namelist() if name.endswith(".png"))
        return {f"{source}{ZIP_SEPARATOR}{name}": name.rpartition("/")[2] for name in members}
    raise UserError(f"{source}: no such folder, nor an archive")


class _Index:
    """Files by name and by the start of their name."""

    def __init__(self, files: dict[str, str]):
        self.entries = sorted((name, path) for path, name in files.items())

    def starting(self, prefix: str) -> list[str]:
        found = []
        for name, path in self.entries[bisect_left(self.entries, (prefix, "")) :]:
            if not name.startswith(prefix):
                break
            found.append(path)
        return found

    def named(self, name: str) -> list[str]:
        start = bisect_left(self.entries, (name, ""))
        return [path for found, path in self.entries[start : start + 2] if found == name]


def _same_instances(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs, if all or none have an instance image: a score over some of them would mean nothing."""
    pairs = list(pairs)
    without = [pair for pair in pairs if not pair.instance]
    if without and len(without) < len(pairs):
        raise UserError(f"{without[0].label}: has no instance image, though others have; add it")
    return pairs
