"""Any other set of street scenes, or of anything, in folders; its label table says what its ids mean.

Two layouts are known, told apart by the first folder that exists; sub-folders of any depth, such as cities, may follow:

* ``leftImg8bit/<split>/.../<id>_leftImg8bit.*`` with ``gtFine/<split>/.../<id>_gtFine_labelIds.*`` and, where there are
  any, ``..._gtFine_instanceIds.*``;
* ``images/<split>/.../<id>.*`` with ``labels/<split>/.../<id>.*`` and, where there are any, ``instances/...``.

Any other is said by the keys of ``dataset.files``: ``image``, ``label``, ``instance``, ``ids``. Splits are train,
val and test; val and test may be absent, and so may the labels of test.
"""

from pathlib import Path

import pandas as pd

from tailcutmix.dataset.manifest import LISTING_COLUMNS, listing_row
from tailcutmix.errors import UserError
from tailcutmix.plan.layout import LOSSY, SPLITS, Layout, Pattern, layout_of
from tailcutmix.plan.settings.data import Files

FILES = Files()


def list_images(root: str | Path, files: Files = FILES) -> pd.DataFrame:
    """List a set in one of the layouts above.

    Returns:
        LISTING_COLUMNS; image_id is what stands for ``{id}`` in the file name.

    Raises:
        UserError: no such layout, no train image, a train or val image without label, two labels of one image, an id
            that a list names and no image has.
    """
    root = Path(root)
    layout = layout_of(files, root)
    rows = [row for split in SPLITS for row in _split(layout, root, split)]
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))


def _split(layout: Layout, root: Path, split: str) -> list[tuple[str, ...]]:
    listed = layout.listed(root, split)
    if listed is not None and not listed:
        found = []
    else:
        found = [entry for entry in layout.image.find(root, split) if listed is None or entry[1] in listed]
    if listed:
        for image_id in sorted(listed - {image_id for _, image_id, _ in found}):
            raise UserError(f"{layout.image.path(root, split, '', image_id)}: missing, though {layout.ids} lists it")
    folder = layout.image.under(root, split)
    if split == "train" and not found:
        name = f"{layout.image.before}<id>{layout.image.after}"
        raise UserError(f"{folder}: no train image ({name} with one of {', '.join(layout.image.types)}) in it")
    labels, instances = _by_id(layout.label, root, split), _by_id(layout.instance, root, split)
    rows = []
    for place, image_id, image in found:
        key = (place, image_id)
        label = labels.get(key) or layout.label.path(root, split, place, image_id)
        lossy = next((path for path in map(label.with_suffix, LOSSY) if path.is_file() and path != image), None)
        if not label.is_file() and lossy:
            raise UserError(f"{lossy}: a label as JPEG: JPEG changes ids; export the labels again, as PNG")
        rows.append(listing_row(split, image_id, image, label, instances.get(key)))
    return rows


def _by_id(pattern: Pattern, root: Path, split: str) -> dict[tuple[str, str], Path]:
    files: dict[tuple[str, str], Path] = {}
    for place, image_id, path in pattern.find(root, split):
        if (place, image_id) in files:
            raise UserError(f"{path}: a second file for {files[place, image_id].name}; delete one of them")
        files[place, image_id] = path
    return files
