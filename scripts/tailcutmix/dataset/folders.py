"""Any other set of street scenes, or of anything, in folders by split; its label table says what its ids mean.

Two layouts, told apart by the first folder that exists (``.../`` stands for any depth of sub-folders, such as cities):

* ``leftImg8bit/<split>/.../<id>_leftImg8bit.png`` with ``gtFine/<split>/.../<id>_gtFine_labelIds.png`` and, where
  there are any, ``..._gtFine_instanceIds.png``;
* ``images/<split>/.../<id>.{png,webp,jpg,jpeg}`` with ``labels/<split>/.../<id>.png`` and, where there are any,
  ``instances/<split>/.../<id>.png``.

Splits are train, val and test; val and test may be absent, and so may the labels of test.
"""

from pathlib import Path

import pandas as pd

from tailcutmix.dataset.manifest import LISTING_COLUMNS, SPLITS, listing_row
from tailcutmix.errors import UserError

IMAGE_TYPES = (".png", ".webp", ".jpg", ".jpeg")


def list_images(root: str | Path) -> pd.DataFrame:
    """List a set in one of the two layouts above.

    Returns:
        LISTING_COLUMNS; image_id is the file name without ending and without ``_leftImg8bit``.

    Raises:
        UserError: neither layout, no train image, or a train or val image without label.
    """
    root = Path(root)
    if (root / "leftImg8bit").is_dir():
        images, suffix = "leftImg8bit", "_leftImg8bit"
        truths = (("gtFine", "_gtFine_labelIds"), ("gtFine", "_gtFine_instanceIds"))
    elif (root / "images").is_dir():
        images, suffix, truths = "images", "", (("labels", ""), ("instances", ""))
    else:
        raise UserError(f"{root}: holds neither leftImg8bit/ nor images/; docs/data.md shows the layouts")
    rows = []
    for split in SPLITS:
        folder = root / images / split
        found = [path for path in sorted(folder.rglob(f"*{suffix}.*")) if path.suffix.lower() in IMAGE_TYPES]
        if split == "train" and not found:
            raise UserError(f"{folder}: no train image (*{suffix}.png) in it")
        for image in found:
            image_id = image.stem.removesuffix(suffix)
            place = image.parent.relative_to(folder)
            label, instance = (root / kind / split / place / f"{image_id}{end}.png" for kind, end in truths)
            rows.append(listing_row(split, image_id, image, label, instance))
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))
