"""What a set's files say before anything is trained: every problem at once, each with its cure."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import ZIP_SEPARATOR, read_image
from tailcutmix.dataset.leakage import Shared, look_alikes, same_files, same_ids, thumbnail
from tailcutmix.dataset.looks import Seen, Wanted, look
from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.plan.layout import IMAGE_TYPES, SPLITS
from tailcutmix.plan.settings.unlabelled import UNLABELLED
from tailcutmix.progress import Progress

OTHER_PICTURES = (".gif", ".jp2", ".heic", ".avif", ".ppm", ".npy")

MOST_DECODED = 100
"""Pairs of images of one id that are looked at, evenly chosen where there are more."""


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found: what, in how many files (the first is named), and what to do."""

    what: str
    cure: str
    files: tuple[str, ...] = ()
    stops: bool = False

    def __str__(self) -> str:
        where = f" ({len(self.files)} files, first {self.files[0]})" if len(self.files) > 1 else ""
        where = f" ({self.files[0]})" if len(self.files) == 1 else where
        return f"{'STOPS' if self.stops else 'note '}  {self.what}{where}: {self.cure}"


def examine(
    listing: pd.DataFrame, labels: LabelTable, wanted: Wanted, processes: int = 1
) -> tuple[list[Finding], pd.DataFrame]:
    """Look at every header, every label, and the instance maps where something reads them.

    Args:
        listing: as :mod:`tailcutmix.dataset.sources` returns it.
        labels: the label table.
        wanted: what the run asks of them.
        processes: files read at the same time.

    Returns:
        What was found, what stops the run first; and pixels, share and images of each class and split as
        :func:`tailcutmix.tail.label_statistics.label_statistics` gives them, at the files' size.
    """
    with ThreadPoolExecutor(max(1, processes)) as pool:
        looks = pool.map(lambda row: look(row, labels, wanted), listing.to_dict("records"))
        seen = list(Progress("check", len(listing)).over(looks))
    statistics = _statistics(seen, labels)
    found = [
        *_of_files(seen, wanted.size),
        *_of_classes(statistics, labels, seen, wanted.scored),
        *_of_labels(seen, labels, wanted.scored),
        *_of_instances(seen, labels, wanted),
        *_of_splits(seen, listing, wanted),
        *_left_out(listing),
    ]
    return sorted(found, key=lambda finding: not finding.stops), statistics


def _of_files(seen: list[Seen], size: tuple[int, int] | None) -> list[Finding]:
    found = []
    errors = [error for entry in seen for error in entry.errors]
    found += [Finding(error, "mend it, then run again", stops=True) for error in errors[:20]]
    if len(errors) > 20:
        found.append(Finding(f"{len(errors) - 20} more files have faults like these", "mend these first", stops=True))
    sizes = {entry.size for entry in seen if entry.size}
    if len(sizes) > 1 and size is None:
        listed = ", ".join(f"{width}x{height}" for height, width in sorted(sizes)[:3])
        found.append(
            Finding(f"images of {len(sizes)} sizes ({listed})", "set dataset.size: [height, width]", stops=True)
        )
    deep = tuple(entry.row["image"] for entry in seen if entry.deep)
    turned = tuple(entry.row["image"] for entry in seen if entry.turned)
    if deep:
        found.append(Finding("grey images of 16 bits", "read as 8 bits, 65535 as 255", deep))
    if turned:
        found.append(Finding("photographs that EXIF turns", "they are turned; labels must be upright", turned))
    return found


def _statistics(seen: list[Seen], labels: LabelTable) -> pd.DataFrame:
    rows = []
    for split in dict.fromkeys(entry.row["split"] for entry in seen if entry.row["split"] in SPLITS):
        counts = np.array([entry.counts[[known.id for known in labels.classes]]
                           for entry in seen if entry.row["split"] == split])  # fmt: skip
        pixels, images = counts.sum(0), (counts > 0).sum(0)
        for name, count, holders in zip(labels.class_names, pixels, images, strict=True):
            rows.append((split, name, int(count), int(count) / max(int(pixels.sum()), 1), int(holders)))
    return pd.DataFrame(rows, columns=["split", "class", "pixels", "share", "images"])


def _of_classes(statistics: pd.DataFrame, labels: LabelTable, seen: list[Seen], scored: str) -> list[Finding]:
    found = []
    ignored = any(entry.counts[IGNORE] for entry in seen)
    hint = "check dataset.labels against the values in the labels"
    if ignored:
        hint += "; 255 is always ignored: a mask of 0 and 255 must be saved as 0 and 1"
    for split in dict.fromkeys(("train", scored)):
        rows = statistics[statistics.split == split]
        absent = list(rows.loc[rows.pixels == 0, "class"])
        if not absent or (split != "train" and not rows.pixels.sum()):
            continue
        few = split == "train" and labels.num_classes - len(absent) < 2
        found.append(Finding(f"no pixel in {split} of {', '.join(absent)}", hint, stops=few))
    return found


def _of_labels(seen: list[Seen], labels: LabelTable, scored: str) -> list[Finding]:
    found = []
    classes = [known.id for known in labels.classes]
    labelled = {entry.row["split"] for entry in seen if entry.row["label"]} - {"train"}
    for split in dict.fromkeys(("train", scored)):
        rows = [entry for entry in seen if entry.row["split"] == split]
        bare = tuple(entry.row["image"] for entry in rows if not entry.row["label"])
        void = tuple(entry.row["label"] for entry in rows if entry.row["label"] and not entry.counts[classes].any())
        if bare:
            other = "val" if split == "test" else "test"
            cure = "add their labels"
            if other in labelled:
                cure += f", or score the other split by evaluation.split: {other}"
            if not labelled:
                cure += "; without any, images are predicted but not scored"
            found.append(Finding(f"{split} images without label, so they cannot be scored", cure, bare,
                                 stops=bool(labelled)))  # fmt: skip
        if void:
            found.append(Finding(f"{split} labels without a pixel of any class", "they teach and score nothing", void))
    return found


def _of_instances(seen: list[Seen], labels: LabelTable, wanted: Wanted) -> list[Finding]:
    found = []
    labelled = [entry for entry in seen if entry.row["label"]]
    things = [known.id for known in labels.classes if known.has_instances]
    if wanted.region_source == "instances":
        train = [entry for entry in labelled if entry.row["split"] == "train"]
        bare = [entry for entry in train if not entry.row["instance"]]
        needed = bare if len(bare) == len(train) else [entry for entry in bare if entry.counts[things].any()]
        if bare:
            what = "train images without instance map, though regions.source is instances"
            cure = "add them, or set regions.source: components"
            paths = tuple(entry.row["image"] for entry in needed or bare)
            found.append(Finding(what, cure if needed else "needed where they hold a tail class", paths, bool(needed)))
    if not things:
        return found
    trained = frozenset().union(*(entry.objects for entry in seen if entry.row["split"] == "train"))
    for split in wanted.scores:
        rows = [entry for entry in labelled if entry.row["split"] == split]
        mapped = [entry for entry in rows if entry.row["instance"]]
        paths = tuple(entry.row["label"] for entry in rows if not entry.row["instance"])
        if mapped and paths:
            cure = "add them, or take away those that there are"
            found.append(
                Finding(f"{split} labels without instance map, though others have one", cure, paths, stops=True)
            )
        held = [entry for entry in mapped if entry.counts[things].any()]
        if held and not any(entry.objects for entry in held):
            files = tuple(entry.row["instance"] for entry in held)
            cure = "values are label id * 1000 + number, in 16 bits; without any, iIoU is n/a"
            found.append(Finding(f"{split} instance maps without a single object", cure, files))
        sizeless = [known.name for known in labels.classes
                    if known.has_instances and known.average_instance_size is None and known.id not in trained
                    and any(known.id in entry.objects for entry in mapped)]  # fmt: skip
        if sizeless:
            cure = "set average_instance_size in dataset.labels, or has_instances to no"
            found.append(Finding(f"no size of an average instance of {', '.join(sizeless)}, which {split} holds and no "
                                 "train instance map", cure, stops=True))  # fmt: skip
    odd = tuple(entry.row["instance"] for entry in seen if entry.contradicts)
    if odd:
        cure = "values are label id * 1000 + number; scores by instance follow the instance map"
        found.append(Finding("instance maps that contradict their labels", cure, odd))
    return found


def _of_splits(seen: list[Seen], listing: pd.DataFrame, wanted: Wanted) -> list[Finding]:
    """What two splits share: a score on what was trained on says nothing about other images."""
    looks = {(entry.row["split"], entry.row["image"]): entry for entry in seen}
    shared = same_files(listing)
    learned = [pair for pair in shared if UNLABELLED in (pair.split, pair.other_split) and pair.split != "train"]
    files = [pair for pair in shared if UNLABELLED not in (pair.split, pair.other_split)]
    listing = listing[listing["split"] != UNLABELLED]
    ids = sorted(set(same_ids(listing)) - set(files))
    again = _saved_again(ids, looks)
    numbered = sorted(set(ids) - set(again))
    found = []
    meant, rest = _one_in_the_other([*files, *again], listing)
    if meant:
        cure = "one of the two lies in the other, which is taken as meant: val chooses by the images that test scores"
        found.append(Finding(f"{_pair(meant[0])} are the same image{_more(meant)}", cure))
    for pairs, what in ((files, "are the same image"), (again, "have the same id, look the same")):
        pairs = sorted(set(pairs) & set(rest))
        if not pairs:
            continue
        one = pairs[0].path == pairs[0].other_path
        cure = "take it out of one of the lists" if one else "delete one of them"
        cure += ", or set dataset.allow_shared_images: true"
        if wanted.allow_shared_images:
            cure = "allowed by dataset.allow_shared_images"
        found.append(Finding(f"{_pair(pairs[0])} {what}{_more(pairs)}", cure, stops=not wanted.allow_shared_images))
    if learned:
        cure = "what learns from dataset.unlabelled has seen it, without its label"
        found.append(Finding(f"{_pair(learned[0])} are the same image{_more(learned)}", cure))
    if numbered:
        cure = "nothing to do where each split numbers its own images; if they show the same, delete one of them"
        found.append(Finding(f"{_pair(numbered[0])} have the same id{_more(numbered)}", cure))
    alike = sorted(set(_look_alikes(seen)) - {*files, *again})
    if alike:
        cure = "a picture saved twice, or a still camera; a score on one that was trained on says little"
        found.append(Finding(f"{_pair(alike[0])} look the same{_more(alike)}", cure))
    return found


def _saved_again(pairs: list[Shared], looks: Mapping[tuple[str, str], Seen]) -> list[Shared]:
    """Those of one id that are one picture: of one size, with as many pixels of each label, and alike to look at.

    Sets that number the images of each split anew are told apart by their labels, so hardly any of them is decoded, and
    MOST_DECODED pairs where the labels do not tell.
    """
    likely = []
    for pair in pairs:
        first, second = looks[pair[:2]], looks[pair[2:]]
        labelled = first.row["label"] and second.row["label"]
        if first.size == second.size and (not labelled or np.array_equal(first.counts, second.counts)):
            likely.append(pair)
    found = []
    for pair in likely[:: -(-len(likely) // MOST_DECODED) or 1]:
        with suppress(UserError):  # of an image that cannot be decoded
            one, other = (thumbnail(read_image(path))[None] for path in (pair.path, pair.other_path))
            found += [pair] if look_alikes(one, other) else []
    return found


def _one_in_the_other(pairs: list[Shared], listing: pd.DataFrame) -> tuple[list[Shared], list[Shared]]:
    """The pairs of val and test, if one of the two lies wholly in the other, as where a set has but one; and the rest.

    Some images that they share are a mistake, and so are all that train shares with either.
    """
    chosen = [pair for pair in pairs if "train" not in (pair.split, pair.other_split)]
    sizes = listing["split"].value_counts()
    if not chosen or len(chosen) < min(sizes["val"], sizes["test"]):
        return [], pairs
    return chosen, [pair for pair in pairs if "train" in (pair.split, pair.other_split)]


def _look_alikes(seen: list[Seen]) -> list[Shared]:
    decoded = [entry for entry in seen if entry.thumbnail is not None]
    train, others = ([entry for entry in decoded if (entry.row["split"] == "train") == trained]
                     for trained in (True, False))  # fmt: skip
    if not (train and others):
        return []
    pairs = look_alikes(*(np.array([entry.thumbnail for entry in entries]) for entries in (train, others)))
    return [Shared("train", train[row].row["image"], others[other].row["split"], others[other].row["image"])
            for row, other in pairs]  # fmt: skip


def _pair(shared: Shared) -> str:
    return f"{shared.path} ({shared.split}) and {shared.other_path} ({shared.other_split})"


def _more(found: list[Shared]) -> str:
    more = len(found) - 1
    return f", and {more} more pair{'s' * (more > 1)}" if more else ""


def _left_out(listing: pd.DataFrame) -> list[Finding]:
    """Pictures beside those that were listed."""
    taken = {path for kind in ("image", "label", "instance") for path in listing[kind]}
    folders = sorted({str(Path(path).parent) for path in listing.image if ZIP_SEPARATOR not in path})
    beside = [str(path) for folder in folders for path in sorted(Path(folder).iterdir()) if str(path) not in taken]
    pictures = tuple(path for path in beside if Path(path).suffix.lower() in (*IMAGE_TYPES, *OTHER_PICTURES))
    cure = "check name and ending (docs/data.md), or let them be"
    return [Finding("pictures that are left out", cure, pictures)] if pictures else []


def require(found: list[Finding]) -> None:
    """Raise a UserError of one line per finding where any of them stops the run."""
    stops = [finding for finding in found if finding.stops]
    if len(stops) == 1:
        raise UserError(str(stops[0]).removeprefix("STOPS  "))
    if stops:
        raise UserError("\n".join([f"{len(stops)} problems in the data", *map(str, stops)]))
