"""How a network predicts, and how its jobs run; nothing here changes a weight."""

from dataclasses import dataclass

from tailcutmix.plan.settings.keys import SCALES, key


@dataclass(frozen=True)
class Inference:
    """How a network predicts [report, section 4]."""

    scales: tuple[float, ...] = key((0.5, 1.0, 2.0), **SCALES)
    """scales at prediction, 1.0 among them"""

    flip: bool = False
    """average with the mirrored image"""

    per_class_scales: bool = False
    """choose for each class, on val, between the training scales and all scales"""

    prior_correction: bool = False
    """move an expert's logit of its class by the log ratio of the class's share in the train split to its share in the
    expert's own batches"""

    batch: int = key(1, minimum=1)
    """images at a time"""


@dataclass(frozen=True)
class Resources:
    """What a job asks for."""

    gpus: int = key(0, minimum=0)
    """GPUs; 0 is the CPU"""

    threads: int = key(1, minimum=1)
    """CPU threads"""

    mem_mb: int | None = key(None, minimum=256)
    """memory in MB; `null`: by the settings"""

    runtime: int | None = key(None, minimum=1)
    """minutes; `null`: by the settings"""


@dataclass(frozen=True)
class Engine:
    """How the training loop keeps itself and is watched; nothing here changes a weight."""

    checkpoint_seconds: float = key(60, exclusiveMinimum=0)
    """time between running checkpoints"""

    log_every_seconds: float = key(30, exclusiveMinimum=0)
    """time between two log lines"""

    history_every: int | None = key(None, minimum=1)
    """steps per row of history.csv; `null`: some 200 rows, however long the training"""

    data_device_gb: float = key(40, minimum=0)
    """packed images up to this size lie on the GPU whole; larger sets stay on the host, and batches are cut there one
    ahead"""

    tensorboard: bool = False
    """write TensorBoard events beside the history"""
