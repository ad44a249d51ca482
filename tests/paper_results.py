"""Made-up result files, and the material that tables and figures make out of them."""

import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.metrics.statistics import PER_CATEGORY, Statistics, write_statistics
from tailcutmix.paper.artefacts import Artefact
from tailcutmix.paper.material import Material, Method, MethodFile
from tailcutmix.prediction.ensemble import CLAIMS

CLASSES = ("road", "building", "sky", "vegetation", "car", "sidewalk", "person", "pole", "traffic sign", "rider",
           "bicycle", "traffic light", "bus", "train")  # fmt: skip
THINGS = ("car", "person", "rider", "bicycle", "bus", "train")
BUCKET_OF = dict(zip(CLASSES, ["head"] * 5 + ["middle"] * 5 + ["tail"] * 4, strict=True)) | {
    "pole": "tail",
    "bicycle": "middle",
}
INITIAL = BUCKET_OF | {"pole": "middle", "bicycle": "tail"}
LEVEL = {"unet": 0.40, "m0": 0.55, "m1": 0.60, "ensemble": 0.64}
METHODS = (
    Method("unet", "U-Net (organisers' baseline)", "U-Net"),
    Method("m0", "M0 HRNet + scale attention", "M0"),
    Method("m1", "M1 level-0 cutmix", "M1"),
    Method("ensemble", "ensemble multi-level tail cutmix", "ensemble"),
)
PAIRS = (("unet", "m0"), ("m0", "m1"), ("m1", "ensemble"), ("m0", "ensemble"), ("unet", "ensemble"))


def method(name: str) -> Method:
    """One of METHODS, or a model that is called by its name everywhere."""
    return next((known for known in METHODS if known.name == name), Method(name, name, name))


def expert(class_name: str, template: str = "m2") -> Method:
    name = f"{template}-{class_name.replace(' ', '_')}"
    return Method(name, f"{template.upper()} expert {class_name}", class_name, expert_of=class_name)


def of_artefact(artefact: Artefact, whole: Material) -> Material:
    """What a job of the workflow would give to the artefact: what its entry lists, and the rows."""
    listed = {name: getattr(whole, name) for name in (*artefact.inputs, *artefact.settings)}
    return Material(methods=whole.methods, **listed)


def interval(value: float, width: float) -> list[float]:
    return [max(0.0, value - width), min(1.0, value + width)]


def metrics(
    model: str, seed: int = 0, split: str = "val", dataset: str = "toycity", instances: bool = True, **changed
) -> dict:
    """A metrics dict in the form of ``metrics/<m>/seed<k>/<split>.json``."""
    random = np.random.default_rng([seed, sum(map(ord, model))])
    level = LEVEL.get(model, 0.6)
    values = {"iou_class": level, "iiou_class": level - 0.2, "iou_category": level + 0.2, "iiou_category": level + 0.05,
              "accuracy": level + 0.15, "accuracy_evaluated": level + 0.25}  # fmt: skip
    values = {key: value + random.normal(0, 0.01) for key, value in values.items()}
    per_class = {}
    for place, name in enumerate(CLASSES):
        iou = float(np.clip(level + 0.35 - 0.06 * place + random.normal(0, 0.03), 0.02, 0.98))
        cell = {"iou": iou, "iou_interval": interval(iou, 0.01 + 0.012 * place), "iiou": None, "iiou_interval": None}
        if instances and name in THINGS:
            cell |= {"iiou": iou * 0.8, "iiou_interval": interval(iou * 0.8, 0.05)}
        per_class[name] = cell
    if not instances:
        values["iiou_class"] = values["iiou_category"] = None
    content = {"dataset": dataset, "model": model, "seed": seed, "split": split, "images": 24, **values}
    content["interval"] = {key: value if value is None else interval(value, 0.03) for key, value in values.items()}
    content |= {"per_class": per_class, "per_category": {}}
    content["bootstrap"] = {"replicates": 1000, "level": 0.95, "seed": 0}
    return content | changed


def write_metrics(folder: Path, entry: dict) -> MethodFile:
    """A file of the form of :func:`metrics`."""
    path = folder / "metrics" / entry["model"] / f"seed{entry['seed']}" / f"{entry['split']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entry))
    return MethodFile(path, method(entry["model"]), entry["seed"])


def scored(folder: Path, entries: Sequence[dict], **content) -> Material:
    """Material with a metrics file for each of the entries; their models are its rows, in the order of METHODS."""
    files = tuple(write_metrics(folder, entry) for entry in entries)
    models = dict.fromkeys((*METHODS, *(file.method for file in files)))
    methods = tuple(model for model in models if model in {file.method for file in files})
    return Material(**{"methods": methods, "scores": files, "pairs": PAIRS} | content)


def write_classes(
    folder: Path, classes: Sequence[str] = CLASSES, tail: Sequence[str] | None = None
) -> tuple[Path, Path, Path]:
    """stats/labels.csv, buckets/initial.csv and buckets/final.csv; classes beyond `tail` and BUCKET_OF are head."""
    share = np.array([0.7**place for place in range(len(classes))]) ** 2
    share /= share.sum()
    rows = []
    for split, images in (("train", 60), ("val", 24)):
        for place, name in enumerate(classes):
            held = max(3, int(images * (1 - place / len(classes))))
            row = {"split": split, "class": name, "pixels": int(share[place] * 1e7), "share": share[place]}
            rows.append(row | {"images": held})
    stats, initial, final = (folder / part for part in ("stats/labels.csv", "buckets/initial.csv", "buckets/final.csv"))
    for path in (stats, initial):
        path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(stats, index=False)
    known = BUCKET_OF if tail is None or tuple(classes) == CLASSES else {}
    buckets = {name: known.get(name, "tail" if name in (tail or ()) else "head") for name in classes}
    before = {name: INITIAL[name] if known else buckets[name] for name in classes}
    pd.DataFrame({"class": classes, "share": share, "bucket": list(before.values())}).to_csv(initial, index=False)
    moved = ["" if before[name] == buckets[name] else before[name] for name in classes]
    frame = pd.DataFrame({"class": classes, "share": share, "bucket": list(buckets.values())})
    frame["val_iou"], frame["moved_from"], frame["reason"] = np.linspace(0.95, 0.05, len(classes)), moved, ""
    frame.to_csv(final, index=False)
    return stats, initial, final


def write_history(
    folder: Path, network: Method, seed: int = 0, steps: int = 600, added: tuple[str, ...] = ()
) -> MethodFile:
    model, expert = network.name, network.expert_of is not None
    random = np.random.default_rng([seed, steps, sum(map(ord, model))])
    step = np.arange(10, steps + 1, 10)
    scale = 0.5 if expert else 2.5
    frame = pd.DataFrame({"step": step, "epoch": step // 50, "lr": 0.01 * (1 - step / (steps + 1)) ** 0.9})
    frame["loss"] = (scale * np.exp(-step / steps * 2.5) + 0.15) * random.normal(1, 0.08, len(step))
    frame["seconds"], frame["images_per_second"] = 1.0, 80.0
    mixed = 80 if added else 0
    frame["images_mixed"] = mixed
    frame["cyc_draws"], frame["cyc_fallbacks"] = (0, 0) if expert else (int(mixed * 1.9), mixed // 40)
    frame["patches_cropped"] = 3 if expert else 0
    for place, name in enumerate(CLASSES):
        frame[f"pixels_pasted:{name.replace(' ', '_')}"] = 40_000 // (place + 1) if name in added else 0
    path = folder / "models" / model / f"seed{seed}" / "history.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return MethodFile(path, network, seed)


def statistics(seed: int, images: int = 24, skill: float = 0.7) -> Statistics:
    """Per-image statistics of a made-up prediction, of which a part `skill` of each class is right."""
    random = np.random.default_rng([7, seed])
    truth = np.random.default_rng(1).integers(0, 400, (images, len(CLASSES))) + 1.0
    tp = np.floor(truth * np.clip(skill + random.normal(0, 0.1, truth.shape), 0, 1))
    counts = {name: tp for name in ("class_tp", "class_tp_weighted")}
    counts |= {name: truth - tp for name in ("class_fn", "class_fn_weighted")}
    counts["class_fp"] = np.roll(truth - tp, 1, axis=1)
    for name in PER_CATEGORY:
        kind = name.removeprefix("category_").removesuffix("_instances")
        counts[name] = counts[f"class_{kind}"].sum(1, keepdims=True)
    counts |= {"correct": tp.sum(1), "correct_evaluated": tp.sum(1)}
    counts |= {"pixels": truth.sum(1) * 1.1, "pixels_evaluated": truth.sum(1)}
    instances = np.array([name in THINGS for name in CLASSES])
    names = tuple(f"image{place:02d}" for place in range(images))
    return Statistics(names, CLASSES, ("all",), instances, np.array([True]), np.zeros((1, 1), np.int64), counts)


def write_image_statistics(folder: Path, model: str, seed: int = 0, skill: float = 0.7) -> MethodFile:
    """Statistics of the images whose scores are not those of the metrics file."""
    path = folder / "metrics" / model / f"seed{seed}" / "images.npz"
    write_statistics(statistics(seed, skill=skill), path)
    return MethodFile(path, method(model), seed)


def write_claims(folder, name, seed, rows):
    path = folder / name / f"seed{seed}/val_claims.csv"
    path.parent.mkdir(parents=True)
    pd.DataFrame(rows, columns=["class", *CLAIMS]).to_csv(path, index=False)
    return MethodFile(path, Method(name, "all levels" if name == "ensemble" else name, name), seed)


class Rows(HTMLParser):
    """The rows of the one table of a page, each a list of cell texts."""

    def __init__(self, page: str):
        super().__init__()
        self.rows, self.open = [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open = True
        if tag == "br" and self.open:
            self.rows[-1][-1] += " "

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.open = False

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data
