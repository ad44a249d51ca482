"""The one pass over the files: read each image's ground truth and prediction, count, and forget them."""

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool

import cv2
import numpy as np

from tailcutmix.dataset.images import decode_instances, decode_label, read_label
from tailcutmix.dataset.manifest import read_listed
from tailcutmix.errors import UserError, cured_by
from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.metrics.counting import FIRST_INSTANCE, count_pixels
from tailcutmix.metrics.groups import Groups
from tailcutmix.metrics.pairs import Pair
from tailcutmix.metrics.statistics import Statistics, Sums, image_statistics
from tailcutmix.progress import Progress

CHUNK = 4
"""Images a process takes at a time."""

Scored = tuple[int, list[Sums], np.ndarray]
"""Position of a chunk, the statistics of its images, and their confusion."""


def collect(
    pairs: Sequence[Pair],
    groups: Groups,
    size_factor: float = 1.0,
    processes: int = 1,
) -> Statistics:
    """The statistics of all pairs, in their order; one image per process is in memory at a time."""
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    rows: list[Sums] = [{}] * len(pairs)
    confusion = np.zeros((groups.size, groups.size), np.int64)
    with Progress("score", len(pairs)) as progress:
        for position, part, counted in _results(chunks, (groups, size_factor), processes):
            rows[position * CHUNK : position * CHUNK + len(part)] = part
            confusion += counted
            progress.add(len(part))
    return gather([pair.image_id for pair in pairs], groups, rows, confusion)


def gather(image_ids: Sequence[str], groups: Groups, rows: Sequence[Sums], confusion: np.ndarray) -> Statistics:
    """The statistics of N images as one.

    Args:
        image_ids: N names.
        groups: what they were counted for.
        rows: N statistics, see :func:`score_arrays`.
        confusion: (R, R) int64, summed over the images.
    """
    return Statistics(
        image_ids=tuple(image_ids),
        classes=groups.classes,
        categories=groups.categories,
        class_instances=groups.class_instances,
        category_instances=groups.category_instances,
        confusion=confusion,
        counts={name: np.stack([row[name] for row in rows]) for name in rows[0]},
    )


def _results(chunks: Sequence[Sequence[Pair]], settings: tuple[Groups, float], processes: int) -> Iterator[Scored]:
    """The chunks in the order they are done."""
    if min(processes, len(chunks)) <= 1:
        for position, chunk in enumerate(chunks):
            yield _score_chunk(position, chunk, settings)
        return
    # Forked workers do not import the calling script again, which a rule script could not stand; but OpenCV's threads
    # do not outlive a fork, and a child would wait for them for ever. So there are none while the workers start.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    pool = ProcessPoolExecutor(min(processes, len(chunks)), multiprocessing.get_context(method))
    pending: set[Future[Scored]] = set()
    try:
        for item in enumerate(chunks):
            pending.add(pool.submit(_score_chunk, *item, settings))
            if len(pending) >= 4 * processes:  # what is done is handed on at once: no results pile up
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in as_completed(pending))
    except BrokenProcessPool:
        raise UserError("a scoring process was killed, as happens when memory runs out; use fewer processes") from None
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(threads)


def _score_chunk(position: int, chunk: Sequence[Pair], settings: tuple[Groups, float]) -> Scored:
    groups = settings[0]
    confusion = np.zeros((groups.size, groups.size), np.int64)
    rows = []
    for pair in chunk:
        sums, counted = score_image(pair, *settings)
        rows.append(sums)
        confusion += counted
    return position, rows, confusion


def score_image(pair: Pair, groups: Groups, size_factor: float = 1.0) -> tuple[Sums, np.ndarray]:
    """The statistics of one image and its (R, R) confusion."""
    label = decode_label(read_listed(pair.label, pair.label_sha256), pair.label)
    instance = None
    if groups.has_instances:
        instance = decode_instances(read_listed(pair.instance, pair.instance_sha256), pair.instance)
    with cured_by(pair.cure):
        prediction = read_label(pair.prediction)
        if prediction.shape != label.shape:
            raise UserError(f"{pair.prediction}: {_size(prediction)} pixels, but its ground truth has {_size(label)}")
    return score_arrays(label, prediction, instance, groups, size_factor, pair)


def score_arrays(
    label: np.ndarray,
    prediction: np.ndarray,
    instance: np.ndarray | None,
    groups: Groups,
    size_factor: float = 1.0,
    names: Pair = Pair("image", "ground truth", "instances", "prediction"),  # noqa: B008 (frozen)
) -> tuple[Sums, np.ndarray]:
    """The statistics of one image.

    Args:
        label: (H, W) uint8 true label ids, 255 left out.
        prediction: (H, W) uint8 label ids.
        instance: (H, W) uint16, label id * 1000 + number where there is a single instance; None: no instances.
        groups: see :func:`~tailcutmix.metrics.groups.groups_of`.
        size_factor: full width / W.
        names: what errors call the three.

    Returns:
        The sums that scores follow from, and the (R, R) int64 confusion of label ids.

    Raises:
        UserError: sizes that differ, or an id that the label table does not have.
    """
    if instance is not None and instance.shape != label.shape:
        raise UserError(f"{names.instance}: {_size(instance)} pixels, but {names.label} has {_size(label)}")
    if prediction.shape != label.shape:
        raise UserError(f"{names.prediction}: {_size(prediction)} pixels, but {names.label} has {_size(label)}")
    if prediction.max() >= groups.size:
        raise _unknown_id(int(prediction.max()), names.prediction, groups)
    counts = count_pixels(label, prediction, instance, groups.size)
    by_truth = counts.confusion.sum(1)
    by_truth[IGNORE] = 0
    for pixels, path in ((by_truth, names.label), (counts.confusion.sum(0), names.prediction)):
        unknown = groups.unlisted(pixels)
        if unknown is not None:
            raise _unknown_id(unknown, path, groups)
    return image_statistics(counts, groups, size_factor**2, names.instance), counts.confusion[: groups.size]


def _unknown_id(id_: int, path: str, groups: Groups) -> UserError:
    return UserError(
        f"{path}: id {id_} is not in the label table (ids 0 to {groups.size - 1}); write label ids, not train ids"
    )


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def average_instance_sizes(instances: Mapping[str, str], labels: LabelTable) -> dict[str, float]:
    """Average instance size of each class with instances over a train split, in pixels.

    Args:
        instances: path of each instance image -> the checksum that it must have, "" where none is known.
        labels: the label table.

    Returns:
        Class name -> mean pixels of an instance (values above 1000; groups do not count), for the classes seen.
    """
    highest = int(labels.ids.max())
    pixels, number = np.zeros((2, highest + 1))
    for path, checksum in instances.items():
        image = decode_instances(read_listed(path, checksum), path)
        sizes = np.bincount(image[image > FIRST_INSTANCE])
        values = np.flatnonzero(sizes)
        values = values[values // FIRST_INSTANCE <= highest]
        pixels += np.bincount(values // FIRST_INSTANCE, sizes[values], highest + 1)
        number += np.bincount(values // FIRST_INSTANCE, minlength=highest + 1)
    counted = [row for row in labels.classes if row.has_instances and number[row.id]]
    return {row.name: float(pixels[row.id] / number[row.id]) for row in counted}
