"""A training job: what a rule script calls, and what each launched process runs."""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from tailcutmix.dataset.instances import InstanceMaps
from tailcutmix.dataset.packing import Packed, PackedFiles, open_array, open_packed
from tailcutmix.dataset.parts import without
from tailcutmix.dataset.pseudo_labels import digest_of, relabelled
from tailcutmix.devices import lease_devices
from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.unlabelled import Pairs, UnlabelledSampler
from tailcutmix.models.build import build_model
from tailcutmix.models.weights import load_weights
from tailcutmix.plan.folds import Fold
from tailcutmix.plan.settings.jobs import Engine, Resources
from tailcutmix.plan.settings.keys import plain, typed
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.tail.bucket_table import read_tail
from tailcutmix.tail.subsets import read_boxes
from tailcutmix.training.checkpoint import run_key
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.distributed import Process, process_group
from tailcutmix.training.engine import Run, TrainingOutputs, train
from tailcutmix.training.launcher import launch, reporting
from tailcutmix.training.losses import build_loss


@dataclass(frozen=True)
class TrainingInputs:
    """The files that a training reads.

    Attributes:
        images, truth, index: of the packed training split.
        manifest: the manifest that they are checked against.
        labels: label table.
        buckets: table of buckets, whose tail level-0 cutmix mixes in; None where nothing is, and for an expert.
        boxes: boxes of the regions of an expert's class, or of every tail class; none where no levels are mixed in.
        init: weights to start from; None to start from scratch.
        unlabelled_images, unlabelled_truth, unlabelled_index: of the packed splits other than train whose images are
            also learned from.
        predictions: folders of predicted labels that take the place of the true ones: of train, and of those splits.
    """

    images: Path
    truth: Path
    index: Path
    manifest: Path
    labels: Path
    buckets: Path | None = None
    boxes: tuple[Path, ...] = ()
    init: Path | None = None
    unlabelled_images: tuple[Path, ...] = ()
    unlabelled_truth: tuple[Path, ...] = ()
    unlabelled_index: tuple[Path, ...] = ()
    predictions: tuple[Path, ...] = ()

    @property
    def packed(self) -> PackedFiles:
        return PackedFiles(self.images, self.truth, self.index)

    @property
    def unlabelled(self) -> list[PackedFiles]:
        files = zip(self.unlabelled_images, self.unlabelled_truth, self.unlabelled_index, strict=True)
        return [PackedFiles(*one) for one in files]


@dataclass(frozen=True)
class TrainingJob:
    """One network to train; as JSON it travels to the processes of a job with several GPUs.

    Attributes:
        inputs: the files that are read.
        outputs: the files that are written; ``running`` is the folder under which each run has one for its checkpoints.
        recipe: with the seed and the inputs, all that defines the weights.
        engine: how the run is saved and watched.
        seed: 0, 1, 2, ...: of the initial weights and of every draw.
        expert_of: slug of the class that an expert mixes in; None: those of the tail.
        fold: the images that are left out, none of which is ever seen; None: no image is.
        resources: GPUs, 0 for the CPU, and CPU threads of the whole job.
        processes: that share each batch; None: one per GPU.
        code: digest of the code, so that no run goes on with other code than it began with.
        log: file to which the first of several processes adds its log lines.
    """

    inputs: TrainingInputs
    outputs: TrainingOutputs
    recipe: Recipe
    engine: Engine
    seed: int
    resources: Resources
    expert_of: str | None = None
    fold: Fold | None = None
    processes: int | None = None
    code: str = ""
    log: Path | None = None


def run_training(job: TrainingJob) -> None:
    """Train one network; returns when its weights and its history are written.

    Raises:
        UserError: files or settings that do not fit, no GPU where one was asked for, or a loss that is not finite.
        SystemExit: 128 + signal after SIGTERM or SIGINT; the next call goes on from the checkpoint.
    """
    processes = job.processes or max(1, job.resources.gpus)
    batch = job.recipe.training.batch
    if batch % processes:
        raise UserError(f"training.batch is {batch}: give a multiple of the {processes} processes")
    with lease_devices(job.resources.gpus) as lease:
        if processes > 1:
            granted = replace(job, resources=replace(job.resources, gpus=len(lease.locks)))
            launch(__name__, plain(granted), processes, job.resources.threads, lease)
        else:
            train_in_process(job, Process(lease.devices[0]))


def train_in_process(job: TrainingJob, process: Process) -> None:
    """Build what the job describes, on this process's device, and train it."""
    torch.set_num_threads(max(1, job.resources.threads // process.world))
    if process.device.type == "cuda":
        torch.cuda.set_device(process.device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    labels = read_labels(job.inputs.labels)
    packed, others = open_splits(job, labels)
    sampler = build_sampler(job, packed, labels, process)
    torch.manual_seed(job.seed)
    model = build_model(job.recipe.network, labels.num_classes)
    if job.inputs.init:
        load_weights(model, job.inputs.init)
    loss = build_loss(job.recipe.training, ClassCounts(packed.labels, labels.num_classes), process.device)
    outputs = replace(job.outputs, running=job.outputs.running / run_key(definition(job)))
    pairs = build_pairs(job, sampler, others, process)
    train(model, sampler, Run(job.recipe, job.engine, outputs, process, labels.classes, loss, pairs))


def open_splits(job: TrainingJob, labels: LabelTable) -> tuple[Packed, list[Packed]]:
    """All images that are ever seen: those with labels, outside the fold that is left out, and each split without.

    Predicted labels make of all of them images with labels.
    """
    packed = open_packed(job.inputs.packed, job.inputs.manifest)
    packed = without(packed, job.fold) if job.fold else packed
    others = [open_packed(files, job.inputs.manifest) for files in job.inputs.unlabelled]
    if job.inputs.predictions:
        return relabelled([packed, *others], job.inputs.predictions, labels), []
    return packed, others


def build_pairs(
    job: TrainingJob, sampler: Sampler, others: list[Packed], process: Process
) -> Callable[[int], Pairs] | None:
    """The unlabelled pairs of this process, of train's images too where the recipe says so; None without a teacher."""
    recipe, place = job.recipe, place_of(job, process)
    if not recipe.semi.taught:
        return None
    held = sampler.source.images.nbytes + sampler.source.labels.nbytes + sum(packed.images.nbytes for packed in others)
    if held > place.data_device_gb * 1e9:  # each might still fit by itself
        place = replace(place, data_device_gb=0.0)
    sources = [sampler.source] if "train" in recipe.semi.unlabelled else []
    for packed in others:
        alone = replace(packed, labels=packed.labels[:0])  # nobody can look at what is not there
        sources.append(Source(alone, recipe.training.crop, recipe.augmentation, place))
    return UnlabelledSampler(sources, recipe.training.batch, place, job.seed)


def place_of(job: TrainingJob, process: Process) -> Place:
    """Where this process draws its share of each batch."""
    return Place(process.device, process.rank, process.world, job.engine.data_device_gb)


def build_sampler(job: TrainingJob, packed: Packed, labels: LabelTable, process: Process) -> Sampler:
    """The batches of this process: of the packed images, with the tail or the boxes mixed in."""
    boxes = pd.concat(map(read_boxes, job.inputs.boxes), ignore_index=True) if job.inputs.boxes else None
    if boxes is not None and job.fold:
        boxes = boxes[boxes["image_id"].isin(packed.image_ids)]
    material = Material(labels.classes, read_job_tail(job, labels), boxes, instances_of(job))
    # An epoch is no longer for images that have labels by prediction alone.
    images = len(open_array(job.inputs.images)) if job.inputs.predictions else None
    return Sampler(packed, job.recipe, material, place_of(job, process), job.seed, images)


def read_job_tail(job: TrainingJob, labels: LabelTable) -> tuple[Label, ...]:
    """The classes that are mixed in: an expert's own, or those of the table of buckets; none where none is given."""
    if job.expert_of:
        return (labels.class_of(job.expert_of),)
    return read_tail(job.inputs.buckets, labels) if job.inputs.buckets else ()


def instances_of(job: TrainingJob) -> InstanceMaps | None:
    """The instance maps of the training split; None where the mixing needs no single objects."""
    return InstanceMaps(job.inputs.manifest, "train") if job.recipe.mixing.name == "copy_paste" else None


def definition(job: TrainingJob) -> dict[str, Any]:
    """What a run's weights follow from: the recipe, the seed, and digests of the files read; and where they go.

    Engine and resources are left out: a run goes on from its checkpoint with others, as in a retry on another number of
    GPUs. The index stands for the packed images, for it holds their digests.
    """
    read = {name: getattr(job.inputs, name) for name in ("labels", "index", "init")}
    read |= {f"boxes {number}": path for number, path in enumerate(job.inputs.boxes)}
    read |= {f"unlabelled {number}": path for number, path in enumerate(job.inputs.unlabelled_index)}
    instances = instances_of(job)
    return {
        "recipe": plain(job.recipe),
        "seed": job.seed,
        "fold": job.fold and plain(job.fold),
        "tail": [known.slug for known in read_job_tail(job, read_labels(job.inputs.labels))],
        "files": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in read.items() if path},
        "instances": instances and instances.digest,
        "predictions": [digest_of(folder) for folder in job.inputs.predictions],
        "code": job.code,
        "output": str(job.outputs.model),
    }


def _launched(description: Path) -> None:
    """One of several processes: torch's launcher has set rank and group in the environment."""
    job = typed(TrainingJob, json.loads(description.read_text()))
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if job.resources.gpus else torch.device("cpu")
    first = os.environ["RANK"] == "0"
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if first and job.log:
        handlers.append(logging.FileHandler(job.log))
    level = logging.INFO if first else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers)
    with reporting(description), process_group(device) as process:
        train_in_process(job, process)


if __name__ == "__main__":
    _launched(Path(sys.argv[1]))
