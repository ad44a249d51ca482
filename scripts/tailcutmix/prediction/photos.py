"""A folder of images of any size -> label images, colour pictures, overlays and confidence maps."""

import io
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from tailcutmix.dataset.images import decode_image, read_bytes, write_png
from tailcutmix.dataset.packing import resized
from tailcutmix.errors import UserError
from tailcutmix.labels import LabelTable
from tailcutmix.nearest import resize_nearest
from tailcutmix.prediction.ensemble import ensemble
from tailcutmix.prediction.inference import Predictor
from tailcutmix.prediction.run import PENDING_PER_WRITER, WRITERS
from tailcutmix.prediction.trained import Trained
from tailcutmix.progress import Progress

IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""

SAME_SHAPE = 0.02
"""Images whose width over height differs by less from the trained one's are brought to its size exactly."""


@dataclass(frozen=True)
class Photo:
    """One image: where it is, where its results go (a path without ending, below the folder), and its pixels."""

    path: Path
    name: Path
    pixels: np.ndarray  # (H, W, 3) uint8, upright
    working: np.ndarray  # (h, w, 3) uint8, as the network gets it


def predict_folder(
    trained: Trained,
    images: str | Path,
    out: str | Path,
    *,
    device: torch.device | str = "cpu",
    size: tuple[int, int] | str = "trained",
    confidence: bool = False,
) -> int:
    """Predict every image of a folder and its subfolders.

    Below ``out``, one PNG for each image under its own name: ``labels/`` (label ids, one channel), ``colours/`` (the
    label table's colours), ``overlays/`` (half image, half colour), all of the image's size, and on request
    ``confidence/`` (the probability of the label that was given, 0..255). Each file appears whole; one that is there
    is replaced. Images are read and results written while the network computes, a few at a time.

    Args:
        trained: the method.
        images: the folder.
        out: the folder to write to, not within ``images``.
        device: where to compute.
        size: what images are resized to for the network: see :func:`working_size`.
        confidence: write confidence maps.

    Returns:
        The number of images.

    Raises:
        UserError: no image, one that cannot be read, two of the same name, or a disk that cannot be written.
    """
    found = list_photos(images, out)
    predictors = [part.predictor(trained.labels, device) for part in trained.parts]
    chunk = math.lcm(*(part.inference.batch for part in trained.parts))  # the batches of the workflow, for each network
    pending: deque[Future[None]] = deque()
    try:
        with (
            ThreadPoolExecutor(WRITERS) as readers,
            ThreadPoolExecutor(WRITERS) as writers,
            Progress("predict", len(found)) as progress,
        ):
            for photos in _read_ahead(readers, found, chunk, trained.size, size):
                for _, group in groupby(photos, key=lambda photo: photo.working.shape):
                    same = list(group)
                    for photo, (labels, sure) in zip(same, _decide(trained, predictors, same, confidence), strict=True):
                        pending.append(writers.submit(_write, Path(out), photo, labels, sure, trained.labels))
                        while len(pending) > WRITERS * PENDING_PER_WRITER:
                            pending.popleft().result()
                progress.add(len(photos))
            for future in pending:
                future.result()
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error}); make room, or name another folder") from error
    return len(found)


def list_photos(images: str | Path, out: str | Path) -> list[tuple[Path, Path]]:
    """The images of a folder in the order of their names, each with the name of its results."""
    folder, target = Path(images), Path(out).resolve()
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images")
    if target.is_relative_to(folder.resolve()):
        raise UserError(f"{out}: lies within {folder}, whose images are read; name another folder for the results")
    kinds = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGE_TYPES)
    names: dict[Path, Path] = {}
    for path in (path for path in kinds if path.is_file() and not path.name.startswith(".")):
        name = path.relative_to(folder).with_suffix("")
        if name in names:
            raise UserError(f"{path}: {names[name].name} beside it would get a result of the same name; rename one")
        names[name] = path
    if not names:
        raise UserError(f"{folder}: no image in it ({', '.join(IMAGE_TYPES)})")
    return [(names[name], name) for name in sorted(names, key=str)]  # the order of image ids in a manifest


def read_photo(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned as its camera was held."""
    data = read_bytes(path)
    pixels = decode_image(data, path)
    with Image.open(io.BytesIO(data)) as image:
        if image.getexif().get(ORIENTATION, 1) != 1:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    return pixels


def working_size(image: tuple[int, int], trained: tuple[int, int], size: tuple[int, int] | str) -> tuple[int, int]:
    """The (height, width) at which a network gets an image.

    Args:
        image: (height, width) of the image.
        trained: of the images that the network was trained on.
        size: ``own``: that of the image; (height, width): these; ``trained``: that of the images trained on, or, for
            an image of another shape, its own shape at the same number of pixels.
    """
    if not isinstance(size, str):
        return size
    if size == "own":
        return image
    (height, width), (trained_height, trained_width) = image, trained
    if abs(width * trained_height / (height * trained_width) - 1) <= SAME_SHAPE:
        return trained
    factor = math.sqrt(trained_height * trained_width / (height * width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def _read_ahead(
    pool: ThreadPoolExecutor,
    found: Sequence[tuple[Path, Path]],
    chunk: int,
    trained: tuple[int, int],
    size: tuple[int, int] | str,
) -> Iterator[list[Photo]]:
    """The photos in chunks; the next chunk is being read while one is in use."""

    def read(path: Path, name: Path) -> Photo:
        pixels = read_photo(path)
        height, width = pixels.shape[:2]
        return Photo(path, name, pixels, resized(pixels, *working_size((height, width), trained, size)))

    def begin(start: int) -> list[Future[Photo]]:
        return [pool.submit(read, *item) for item in found[start : start + chunk]]

    coming = begin(0)
    for start in range(chunk, len(found) + chunk, chunk):
        ready = [future.result() for future in coming]
        coming = begin(start)
        yield ready


def _decide(
    trained: Trained, predictors: Sequence[Predictor], photos: Sequence[Photo], confidence: bool
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Label ids (H, W) of each photo, at its own size, and the confidence (H, W) float32."""
    images = np.stack([photo.working for photo in photos])
    networks = list(zip(trained.parts, predictors, strict=True))
    found = [_run(predictor, images, part.inference.batch, confidence) for part, predictor in networks]
    for number, photo in enumerate(photos):
        size = photo.pixels.shape[:2]
        labels = [trained.labels.to_label_id[resize_nearest(train_ids[number], size)] for train_ids, _ in found]
        known = [part.expert_of.id for part in trained.experts if part.expert_of]
        mr = ensemble(labels[0], dict(zip(known, labels[1:], strict=True)))[0]
        sure = None
        if confidence:
            maps = [resize_nearest(probability[number], size) for _, probability in found]
            sure = maps[0].copy()
            for id_, claimed, probability in zip(known, labels[1:], maps[1:], strict=True):
                sure[claimed == id_] = probability[claimed == id_]
        yield mr, sure


def _run(predictor: Predictor, images: np.ndarray, batch: int, confidence: bool) -> tuple[np.ndarray, np.ndarray]:
    """Train ids (N, H, W) of all images, and their probability (N, H, W) or an empty array."""
    batches = [images[start : start + batch] for start in range(0, len(images), batch)]
    if not confidence:
        return np.concatenate([predictor.labels(part) for part in batches]), np.empty(0)
    both = [predictor.labels_and_confidence(part) for part in batches]
    return np.concatenate([labels for labels, _ in both]), np.concatenate([sure for _, sure in both])


def _write(out: Path, photo: Photo, labels: np.ndarray, sure: np.ndarray | None, table: LabelTable) -> None:
    colours = table.colours[labels]
    pictures = {
        "labels": labels,
        "colours": colours,
        "overlays": ((photo.pixels.astype(np.uint16) + colours) // 2).astype(np.uint8),
    }
    if sure is not None:
        pictures["confidence"] = np.rint(255 * sure).astype(np.uint8)
    for kind, picture in pictures.items():
        path = out / kind / photo.name
        write_png(path.with_name(f"{path.name}.png"), picture)
