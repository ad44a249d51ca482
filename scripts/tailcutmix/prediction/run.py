"""A split of images to a folder of label images, written while the next images are computed."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import write_png
from tailcutmix.dataset.packing import Packed
from tailcutmix.errors import UserError
from tailcutmix.files import replacing_folder
from tailcutmix.labels import LabelTable
from tailcutmix.nearest import resize_nearest
from tailcutmix.prediction.inference import Predictor
from tailcutmix.progress import Progress

WRITERS = 2
PENDING_PER_WRITER = 4


def predict_split(
    parts: Iterable[tuple[Predictor, Packed]],
    manifest: pd.DataFrame,
    labels: LabelTable,
    out_dir: str | Path,
    batch: int = 1,
) -> None:
    """Write ``<out_dir>/<image_id>.png``, single-channel label ids at the size of the original image, for every image.

    Writing overlaps with computing. The folder appears complete or not at all: files go to ``<out_dir>.tmp``, which is
    renamed at the end; a folder that was there before is replaced.

    Args:
        parts: the images of the split, in one part or more, each with the network that predicts it, and its scales.
        manifest: rows of the split; image_id, width and height are used.
        labels: turns train ids into label ids.
        out_dir: the folder to make.
        batch: images computed at a time.

    Raises:
        UserError: an image that the manifest does not hold, or a disk that cannot be written.
    """
    out_dir, to_label_id = Path(out_dir), labels.to_label_id
    try:
        with (
            replacing_folder(out_dir) as partial,
            ThreadPoolExecutor(WRITERS) as pool,
            Progress(f"predict {out_dir.name}", len(manifest)) as progress,
        ):
            pending: deque[Future[None]] = deque()
            for predictor, packed in parts:
                sizes = _sizes(packed.image_ids, manifest)
                for start in range(0, len(packed.image_ids), batch):
                    train_ids = predictor.labels(packed.images[start : start + batch])
                    for offset, image in enumerate(train_ids):
                        number = start + offset
                        path = partial / f"{packed.image_ids[number]}.png"
                        pending.append(pool.submit(_write, path, image, sizes[number], to_label_id))
                    while len(pending) > WRITERS * PENDING_PER_WRITER:
                        pending.popleft().result()
                    progress.add(len(train_ids))
            for future in pending:
                future.result()
    except OSError as error:
        raise UserError(f"{out_dir}: cannot be written ({error}); make room and run again") from error


def _sizes(image_ids: list[str], manifest: pd.DataFrame) -> list[tuple[int, int]]:
    """(height, width) of each original image, in the order of image_ids."""
    known = dict(zip(manifest.image_id, zip(manifest.height, manifest.width, strict=True), strict=True))
    missing = [image_id for image_id in image_ids if image_id not in known]
    if missing:
        raise UserError(f"image {missing[0]} is packed but not in the manifest; pack the split again")
    return [known[image_id] for image_id in image_ids]


def _write(path: Path, train_ids: np.ndarray, size: tuple[int, int], to_label_id: np.ndarray) -> None:
    write_png(path, to_label_id[resize_nearest(train_ids, size)])
