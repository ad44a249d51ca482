"""Fig. 2: an image, and the same image after cutmix at each level."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

from tailcutmix.dataset.images import read_image, read_label
from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.labels import LabelTable, read_labels, slug
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.crops import choose_region, colour_code, paste_crop, read_crops, subset_folders
from tailcutmix.paper.material import Material
from tailcutmix.paper.style import new_figure, save, styled
from tailcutmix.tail.subsets import read_boxes

PATCH_COLOUR = "#FFDD00"


def make(material: Material, stem: Path) -> None:
    """Draw Fig. 2 of the subsets of the tail classes."""
    folders, levels = [file.path for file in material.levels], dict.fromkeys(file.level for file in material.levels)
    draw_cutmix(folders, material.buckets, material.manifest, read_labels(material.labels), stem, tuple(levels))


@styled
def draw_cutmix(
    level_folders: Iterable[str | Path],
    buckets: str | Path,
    manifest: str | Path,
    labels: LabelTable,
    stem: str | Path,
    levels: Sequence[int] = (1, 2, 3),
    seed: int = 0,
) -> list[Path]:
    """(a) a train image, (b), (c), ... the same with a crop of each level pasted at a random place; labels below.

    The crops are those of one region of the rarest tail class that has any; the base image is drawn among the other
    train images. Everything is a function of the inputs and `seed`.

    Args:
        level_folders: ``subsets/<class>/level<t>`` (with ``boxes.csv`` beside them).
        buckets: ``buckets/final.csv``; manifest: ``manifest.csv``; labels: the label table.
    """
    folders = subset_folders(level_folders)
    order = [name for name in read_classes(None, buckets)["class"] if slug(name) in folders]
    regions = {name: choose_region(read_boxes(folders[slug(name)] / "boxes.csv"), 0.3) for name in reversed(order)}
    name, region = next(((name, region) for name, region in regions.items() if region is not None), (None, None))
    rows = read_manifest(manifest, "train")
    others = rows[(rows["image_id"] != (region or ("",))[0]) & (rows["label"] != "")]
    random = np.random.default_rng(seed)
    base = (others if len(others) else rows).iloc[int(random.integers(max(1, len(others))))]
    image, label = read_image(base["image"]), read_label(base["label"])
    pictures = [("(a) original", image, label, None)]
    if region is not None:
        crops = read_crops(folders[slug(name)], levels, region)
        for letter, level, crop in zip("bcdefgh", levels, crops, strict=False):
            pictures.append((f"({letter}) level {level} cutmix", *paste_crop(image, label, crop, random)))
    width = 3.6
    height = width * image.shape[0] / image.shape[1]
    figure = new_figure(width * len(pictures) + 0.3, 2 * height + 0.75)
    grid = figure.subplots(2, len(pictures), squeeze=False)
    for (above, below), (title, mixed, mixed_label, patch) in zip(grid.T, pictures, strict=True):
        above.set_title(title, loc="center")
        above.imshow(mixed)
        below.imshow(colour_code(mixed_label, labels), interpolation="nearest")
        for axes in (above, below):
            axes.set_axis_off()
            if patch is not None:
                x, y, w, h = patch
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, edgecolor=PATCH_COLOUR, linewidth=1.4))
    words = "no region of a tail class in the train split: nothing to paste"
    if name is not None:
        words = f"pasted: one region of “{name}” at each level, image above and label below"
    figure.supxlabel(words, fontsize=10, color="#444444")
    return save(figure, stem)
