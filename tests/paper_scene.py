"""A made-up run whose images, truth and predictions can be drawn."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from paper_results import (
    BUCKET_OF,
    CLASSES,
    LEVEL,
    expert,
    method,
    metrics,
    scored,
    write_claims,
    write_classes,
    write_history,
    write_image_statistics,
)

from tailcutmix.dataset.images import write_png
from tailcutmix.dataset.manifest import MANIFEST_COLUMNS, write_manifest
from tailcutmix.dataset.packing import PackedFiles, pack
from tailcutmix.labels import Label, LabelTable, slug
from tailcutmix.paper.material import ClassFile, Material, MethodFile
from tailcutmix.plan.settings.keys import plain
from tailcutmix.plan.settings.recipe import Augmentation, Recipe, Training
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings
from tailcutmix.plan.settings.tail import Buckets, Regions
from tailcutmix.prediction.weights_of_scales import Weighed, objects, write_pictures
from tailcutmix.tail.subsets import Canvas, Subset, write_subset

TAIL = [name for name in CLASSES if BUCKET_OF[name] == "tail"]
SCALES = (0.5, 1.0, 1.5)
RECIPE = Recipe(
    augmentation=Augmentation(scale=(0.5, 1.5)),
    mixing=MixingSettings(name="levels", levels=(1, 3), probability=0.5, level_weights={3: 1}),
    training=Training(crop=(32, 48), batch=4),
)


@dataclass(frozen=True)
class Scene:
    """Where it lies, its label table, and what figures may ask for."""

    folder: Path
    labels: LabelTable
    pictures: Material


def label_table(classes: Sequence[str]) -> LabelTable:
    """Label id 3 * c for class c, and void under id 1."""
    count = len(classes)
    colours = np.random.default_rng(0).integers(30, 255, (count + 1, 3)).astype(np.uint8)
    colours = [tuple(map(int, colour)) for colour in colours]
    rows = [Label(3 * c, name, c, "any", colour=colours[c]) for c, name in enumerate(classes)]
    return LabelTable((*rows, Label(1, "void", 255, "any", colour=colours[count])))


def write_labels(labels: LabelTable, path: Path) -> Path:
    rows = [
        (row.id, row.name, row.train_id, row.category, 0, "#{:02x}{:02x}{:02x}".format(*row.colour), "")
        for row in labels.rows
    ]
    columns = ["id", "name", "train_id", "category", "has_instances", "colour", "average_instance_size"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def make_scene(
    folder: Path,
    classes: Sequence[str] = CLASSES,
    tail: Sequence[str] = TAIL,
    size: tuple[int, int] = (40, 64),
    seeds: Sequence[int] = (0, 1),
) -> Scene:
    """Four train and four val images, train packed, its tail subsets, predictions of val by two, weights of scales."""
    labels, random, rows = label_table(classes), np.random.default_rng(3), []
    stats, initial, final = write_classes(folder, classes, tail)
    write_labels(labels, folder / "labels.csv")
    height, width = size
    for place in range(8):
        split, name = ("train", "val")[place // 4], f"{place:020d}"
        label = np.zeros(size, np.uint8)
        label[height // 2 :] = 3
        for index, b in enumerate(tail[: 1 + place % 4]):
            label[5 + place : 12 + place, 4 + 12 * index : 10 + 12 * index] = labels.class_of(b).id
        label[:2] = 1
        image = labels.class_colours[labels.to_train_id[label]] // 2 + random.integers(0, 60, (*size, 3))
        files = {kind: folder / "raw" / f"{name}_{kind}.png" for kind in ("image", "label")}
        write_png(files["image"], image.astype(np.uint8))
        write_png(files["label"], label)
        row = dict.fromkeys(MANIFEST_COLUMNS, "") | {key: str(path) for key, path in files.items()}
        row |= {f"{key}_sha256": hashlib.sha256(path.read_bytes()).hexdigest() for key, path in files.items()}
        rows.append(row | {"image_id": name, "split": split, "width": width, "height": height})
        if split == "val":
            wrong = np.where(label > 3, 0, label).astype(np.uint8)
            write_png(folder / "predictions/ensemble" / f"{name}.png", wrong if place == 6 else label)
            write_png(folder / "predictions/m0" / f"{name}.png", label if place == 6 else wrong)
    manifest = pd.DataFrame(rows)
    write_manifest(manifest, folder / "manifest.csv")
    pack(folder / "manifest.csv", "train", labels, None, PackedFiles.under(folder / "packed"))
    for b in tail:
        known, train = labels.class_of(b), manifest[manifest["split"] == "train"]
        subset = Subset.under(folder / "subsets" / known.slug, [1, 2, 3])
        write_subset(train, known, Regions(), subset, Canvas(64, 64), 1)
    packed = PackedFiles.under(folder / "packed")
    compared = tuple(MethodFile(folder / "predictions" / model, method(model), 0) for model in ("m0", "ensemble"))
    pictures = Material(
        methods=tuple(file.method for file in compared),
        reference=method("m0"),
        split="val",
        moves=plain(Buckets()),
        recipe=plain(RECIPE),
        predictions=compared,
        compared=compared,
        laid_over=compared,
        boxes=tuple(ClassFile(folder / "subsets" / slug(name) / "boxes.csv", name) for name in tail),
        levels=tuple(
            ClassFile(folder / "subsets" / slug(name) / f"level{level}", name, level)
            for name in tail
            for level in (1, 2, 3)
        ),
        buckets=final,
        initial_buckets=initial,
        statistics=stats,
        manifest=folder / "manifest.csv",
        labels=folder / "labels.csv",
        images=packed.images,
        truth=packed.truth,
        index=packed.index,
        **write_weights(folder, labels, seeds),
    )
    return Scene(folder, labels, pictures)


def write_weights(folder: Path, labels: LabelTable, seeds: Sequence[int]) -> dict[str, tuple[MethodFile, ...]]:
    """Weights of the scales in the train images, and the scales chosen for each class and seed."""
    images, truth = (np.load(folder / "packed" / name) for name in ("images.npy", "labels.npy"))
    random = np.random.default_rng(4)
    weights = random.dirichlet(np.ones(len(SCALES)), truth.shape).transpose(0, 3, 1, 2).astype(np.float32)
    alone = np.stack([truth, np.zeros_like(truth), truth * 0 + 1], axis=1)
    names = np.array([f"{place:020d}" for place in range(len(images))])
    pictures, table = folder / "scales/m1/seed0_val_pictures.npz", folder / "scales/m1/seed0_val_objects.csv"
    write_pictures(Weighed(np.array(SCALES), names, images, truth, alone, truth, weights), pictures)
    columns = ["image_id", "class", "pixels", *(f"weight_{scale:g}" for scale in SCALES)]
    rows = [row for k, name in enumerate(names) for row in objects(name, truth[k], weights[k], SCALES, labels)]
    pd.DataFrame(rows, columns=columns).to_csv(table, index=False)
    chosen = []
    for seed in seeds:
        values = random.random((2, labels.num_classes))
        frame = pd.DataFrame({"class": labels.class_names, "images": 3})
        frame["iou_training_scales"], frame["iou_full"] = values
        frame["chosen"] = np.where(values[0] > values[1], "training", "full")
        path = folder / f"scales/m1/seed{seed}.csv"
        frame.to_csv(path, index=False)
        chosen.append(MethodFile(path, method("m1"), seed))
    files = {"objects": table, "pictures": pictures}
    return {name: (MethodFile(path, method("m1"), 0),) for name, path in files.items()} | {"scales": tuple(chosen)}


def make_whole(scene: Scene) -> Material:
    """Everything that any artefact may ask for."""
    folder, given = scene.folder, scene.pictures
    runs = [(model, seed) for model in LEVEL for seed in (0, 1)]
    histories = [write_history(folder, method(model), seed, 60) for model in ("unet", "m0") for seed in (0, 1)]
    histories += [write_history(folder, method("m1"), 0, 60, tuple(TAIL))]
    histories += [write_history(folder, expert(name), 0, 30, (name,)) for name in TAIL]
    content = {name: value for name, value in vars(given).items() if name not in ("methods", "pairs", "scores")}
    material = scored(
        folder,
        [metrics(*run) for run in runs],
        **content
        | {
            "image_statistics": tuple(write_image_statistics(folder, *run) for run in runs),
            "histories": tuple(histories),
            "claims": (write_claims(folder, "ensemble", 0, [(name, 90, 50, 30, 5) for name in TAIL]),),
            "ablation": folder / "tables/ablation.csv",
        },
    )
    import_module("tailcutmix.paper.tables.ablation").make(material, folder / "tables/ablation")
    return material
