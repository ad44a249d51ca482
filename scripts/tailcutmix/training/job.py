"""A training job from plain values: what a rule script calls, and what each launched process runs."""

import hashlib
import json
import logging
import os
import sys
from pathlib import Path

import pandas as pd
import torch

from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.devices import lease_devices
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.models.build import build_model
from tailcutmix.models.weights import load_weights
from tailcutmix.plan.settings import Augmentation, Mixing, Network, Recipe, Training, typed
from tailcutmix.tail.levels import read_boxes
from tailcutmix.tail.statistics import count_labels
from tailcutmix.training import distributed
from tailcutmix.training.checkpoint import run_key
from tailcutmix.training.engine import train
from tailcutmix.training.loss import inverse_frequency

WATCHING = ("checkpoint_seconds", "log_every_seconds", "tensorboard", "data_device_gb")
"""Settings that change nothing in the weights: a run goes on from its checkpoint when they change."""


def run_training(job: dict) -> None:
    """Train one network; returns when ``out`` holds model.safetensors and history.csv.

    ``job`` holds plain values only (it travels as JSON to the processes of a job with several GPUs):

    ========== =========================================================================================
    packed     the files of the packed training split by name: images, truth, index
    manifest   the manifest that they are checked against
    labels     label table (CSV)
    tail       names of the tail classes whose pixels are mixed in; [] where nothing is
    boxes      CSV of region boxes, a list of them, or None where no levels are mixed in
    init       weights to start from (safetensors), or None to start from scratch
    settings   the model's settings: architecture, crop, batch, epochs, mixing, lr, ... (see config/README.md)
    seed       0, 1, 2, ...: of the initial weights and of every draw
    out        folder of the results
    running    folder under which the running checkpoints lie, one folder a run
    gpus       number of GPUs; 0 trains on the CPU
    threads    CPU threads of the whole job
    processes  optional; processes that share each batch, by default one a GPU
    code       optional; digest of the code, so that no run goes on with other code than it began with
    log        optional; file to which the first of several processes adds its log lines
    ========== =========================================================================================

    Raises:
        UserError: files or settings that do not fit, no GPU where one was asked for, or a loss that is not finite.
        SystemExit: 128 + signal after SIGTERM or SIGINT; the next call goes on from the checkpoint.
    """
    gpus = int(job["gpus"])
    processes = int(job.get("processes") or max(1, gpus))
    if job["settings"]["batch"] % processes:
        raise UserError(f"training.batch is {job['settings']['batch']}: give a multiple of the {processes} processes")
    with lease_devices(gpus) as lease:
        if processes > 1:
            distributed.launch(__name__, job | {"gpus": len(lease.locks)}, processes, lease.visible, lease.locks)
        else:
            train_in_process(job, lease.devices[0])


def train_in_process(job: dict, device: torch.device, rank: int = 0, world: int = 1) -> None:
    """Build what the job describes, on this process's device, and train it."""
    torch.set_num_threads(max(1, int(job["threads"]) // world))
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    settings, seed = job["settings"], int(job["seed"])
    labels = read_labels(job["labels"])
    packed = open_packed(typed(PackedFiles, job["packed"]), job["manifest"])
    boxes = [job["boxes"]] if isinstance(job["boxes"], str) else job["boxes"]
    material = Material(
        classes=labels.classes,
        tail=tuple(labels.class_of(name) for name in job["tail"]),
        boxes=pd.concat([read_boxes(path) for path in boxes], ignore_index=True) if boxes else None,
    )
    place = Place(device, rank, world, settings.get("data_device_gb", Place.data_device_gb))
    sampler = Sampler(packed, recipe_of(settings), material, place, seed)
    torch.manual_seed(seed)
    model = build_model(typed(Network, settings), labels.num_classes)
    if job["init"]:
        load_weights(model, job["init"])
    weights = None
    if settings.get("class_weights", "none") == "inverse_frequency":
        pixels, _ = count_labels(packed.labels, labels.num_classes)
        weights = inverse_frequency(torch.as_tensor(pixels))
    train(
        model,
        sampler,
        settings,
        classes=list(labels.class_names),
        out=Path(job["out"]),
        running=Path(job["running"]) / run_key(definition(job)),
        device=device,
        class_weights=weights,
        rank=rank,
        world=world,
    )


def recipe_of(settings: dict) -> Recipe:
    """The sections that the sampler heeds, out of a job's settings."""
    mixing = settings | {"name": settings.get("mixing", "none"), "levels": settings.get("levels") or ()}
    return Recipe(
        augmentation=typed(Augmentation, settings["augmentation"]),
        mixing=typed(Mixing, mixing),
        training=typed(Training, settings),
    )


def definition(job: dict) -> dict:
    """What a run's weights follow from: the settings that matter, the seed, and digests of the files it reads.

    The number of GPUs is left out, so that a retry on another number goes on from the same checkpoint.
    """
    boxes = [job["boxes"]] if isinstance(job["boxes"], str) else job["boxes"] or []
    files = [job["labels"], job["packed"]["index"], *boxes, *([job["init"]] if job["init"] else [])]
    settings = {key: value for key, value in job["settings"].items() if key not in WATCHING}
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files]
    others = {"seed": job["seed"], "tail": job["tail"], "out": str(job["out"]), "code": job.get("code")}
    return {"settings": settings, "files": digests, **others}


def _launched(description: Path) -> None:
    """One of several processes: torch's launcher has set rank and group in the environment."""
    job = json.loads(description.read_text())
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if job["gpus"] else torch.device("cpu")
    first = os.environ["RANK"] == "0"
    handlers = [logging.StreamHandler()] + ([logging.FileHandler(job["log"])] if first and job.get("log") else [])
    level = logging.INFO if first else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers)
    with distributed.reporting(description), distributed.process_group(device) as (rank, world):
        train_in_process(job, device, rank, world)


if __name__ == "__main__":
    _launched(Path(sys.argv[1]))
