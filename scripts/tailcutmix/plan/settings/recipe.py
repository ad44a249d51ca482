"""What defines a trained network, beside its data and its seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tailcutmix.plan.settings.keys import FRACTION, LEVELS, SCALES, SIZE, key
from tailcutmix.plan.settings.unlabelled import SemiSupervised


def modules_of(package: str) -> tuple[str, ...]:
    """The names of the modules in a folder of the library; one that begins with an underscore helps the others."""
    return tuple(sorted(path.stem for path in (Path(__file__).parents[2] / package).glob("[a-z]*.py")))


MIXINGS = ("none", *modules_of("mixing/methods"))
"""A mixing is a module of that name in :mod:`tailcutmix.mixing.methods`."""

SAMPLINGS = ("images", *modules_of("mixing/sampling"))
"""A sampling is a module of that name in :mod:`tailcutmix.mixing.sampling`."""

LOSSES = modules_of("training/losses")
"""A loss is a module of that name in :mod:`tailcutmix.training.losses`."""

ARCHITECTURES = modules_of("models/architectures")
"""An architecture is a module of that name in :mod:`tailcutmix.models.architectures`."""


@dataclass(frozen=True)
class Augmentation:
    """AUG, by its parts AUGN and AUGP [report, section 3]."""

    scale: tuple[float, float] = key((0.5, 2.0), exclusiveMinimum=0, maximum=8)
    """range of the random scale (AUGN)"""

    flip: bool = True
    """horizontal flips (AUGP)"""

    jitter: float = key(0.25, minimum=0, exclusiveMaximum=1)
    """strength of brightness, contrast and saturation jitter (AUGP)"""


@dataclass(frozen=True)
class MixingOptions:
    """How samples are mixed, whatever the mixing."""

    probability: float = key(1.0, **FRACTION)
    """share of samples that are mixed"""

    cyc_draws: int = key(10, minimum=1, maximum=100)
    """draws of CYC before it falls back to a window around a pixel of the class"""

    cyc_min_pixels: int = key(1, minimum=1)
    """pixels of the class that end the cycle"""

    level_weights: Mapping[int, float] | None = key(None, minimum=0)
    """weights of the levels in B1, `{1: 1, 2: 1, 3: 2}`; `null`: uniform over rectangles and levels"""


@dataclass(frozen=True)
class Mixing(MixingOptions):
    """What a network's samples are mixed with."""

    name: str = key("none", enum=list(MIXINGS))
    """`none`, `level0`, `levels` (the report's), `all_levels` (either), or the contrasts `cutmix`, `mixup`, `cutout`,
    `cutmix_boxes`, `classmix`, `copy_paste`"""

    levels: tuple[int, ...] = key((), **LEVELS)
    """the levels that this model's experts draw from; default: all of `regions.levels`"""

    min_area: int = key(0, minimum=0)
    """pixels of the smallest object of copy-paste: `regions.min_area`"""


@dataclass(frozen=True)
class Network:
    """What a network is built from."""

    architecture: str = key("hrnet", enum=list(ARCHITECTURES))
    """`hrnet` or `unet`"""

    width: Literal[4, 8, 12, 16, "w18_small", 18, 32, 48, 64] = 48
    """HRNet width: `48`, `32`, `18`, `w18_small`, or `16`, `12`, `8`, `4` for a CPU; or the channels of a U-Net's first
    level, 64 in the organisers'"""

    head_channels: int = key(256, minimum=8)
    """channels of the 3x3 convolutions in the semantic and attention heads (256 in the paper profile)"""

    stages: Literal[3, 4] = 4
    """stages of HRNet; 3 leaves out the branch of stride 32 (widths 4 to 16 only, and not the report's)"""

    blocks: Literal[1, 2] = 2
    """residual blocks per branch (widths 4 to 16 only; wider networks have the published number)"""

    detail: int = key(0, minimum=0, maximum=64)
    """channels of a branch that adds logits at stride 2, for what is thin; 0: none, as in the report"""

    fusion_grid: Literal["scale", "image", "network"] = "scale"
    """where logits meet attention. `scale`: at the size that the image has at each scale, as in the code of Tao et al.;
    cheaper variants: `image`, where scale 1.0 alone is brought to the image's size, and `network`, on the network's
    grid, with one resize of the result"""

    attention: Literal["hierarchical", "explicit", "none"] = "hierarchical"
    """`hierarchical` (Tao et al.), `explicit` (Chen et al.) or `none`"""

    training_scales: tuple[float, ...] = key((0.5, 1.0), **SCALES)
    """scales that are fused in training"""

    auxiliary_weight: float = key(0.0, minimum=0)
    """weight of the loss on each scale by itself; 0 is the report's reading"""

    input_scale: float = key(1.0, exclusiveMinimum=0, maximum=1)
    """the network sees images resized by this factor (the organisers' U-Net: 0.5)"""


@dataclass(frozen=True)
class Training:
    """How a network is trained."""

    crop: tuple[int, int] = key((512, 1024), **SIZE)
    """`[height, width]` of training crops, multiples of 32 (U-Net: 16) at every training scale"""

    batch: int = key(8, minimum=1)
    """images in a step, over all GPUs"""

    accumulate: int = key(1, minimum=1)
    """parts into which a step's batch is cut, for GPUs too small for all of it"""

    epochs: float = key(175, exclusiveMinimum=0)
    """passes over the expanded set"""

    expand: float = key(1, exclusiveMinimum=0)
    """e: the set is expanded e times, so an epoch is e x N draws"""

    expand_by_tail: bool = False
    """`expand` times the number of tail classes: one network gets the steps of all experts together"""

    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    """`sgd`, `adamw`, or `muon`: Muon for the convolutions, AdamW for the rest"""

    lr: float = key(0.005, exclusiveMinimum=0)
    """learning rate"""

    adamw_lr: float = key(0.006, exclusiveMinimum=0)
    """with `muon`: the rate of what AdamW steps, which is BatchNorm and the first and last layers"""

    momentum: float = key(0.9, minimum=0, exclusiveMaximum=1)
    """of SGD and of Muon"""

    weight_decay: float = key(0.0001, minimum=0)
    """on all parameters; with `muon` on those that AdamW steps"""

    schedule: Literal["poly", "plateau"] = "poly"
    """`poly`, or `plateau` (ReduceLROnPlateau of the organisers)"""

    poly_power: float = key(2.0, minimum=0)
    """exponent of the polynomial rate"""

    warmup: float = key(0.0, minimum=0, exclusiveMaximum=1)
    """share of the steps with a linearly rising rate"""

    grad_clip: float | None = key(None, exclusiveMinimum=0)
    """largest norm of the gradient, or `null`"""

    loss: str = key("cross_entropy", enum=list(LOSSES))
    """`cross_entropy`, or the rivals `focal`, `logit_adjustment`, `lovasz`, `ohem`"""

    focal_gamma: float = key(2.0, minimum=0)
    """with `focal`: exponent of 1 - p"""

    logit_adjustment: float = key(1.0, minimum=0)
    """with `logit_adjustment`: tau, by which the log shares of the classes are multiplied"""

    ohem_share: float = key(0.25, exclusiveMinimum=0, maximum=1)
    """with `ohem`: the share of an image's labelled pixels that counts, the hardest"""

    class_weights: Literal["none", "inverse_frequency", "effective_number", "bounded"] = "none"
    """what the classes weigh in the loss: by `inverse_frequency` of pixels, by `effective_number` of images, or by the
    share of images and `bounded` by 1 and 3"""

    effective_number_beta: float = key(0.99, minimum=0, exclusiveMaximum=1)
    """with `effective_number`: beta; 0 weighs all classes alike, towards 1 by inverse frequency"""

    sampling: str = key("images", enum=list(SAMPLINGS))
    """what the crops are cut from: `images` in turn, `classes` (class-uniform), `class_crops` (centred on classes),
    `rare_classes` (of DAFormer), `repeat_factor` (of LVIS)"""

    rare_class_temperature: float = key(0.01, exclusiveMinimum=0)
    """with `rare_classes`: T; the smaller, the more only the rarest classes are drawn"""

    repeat_threshold: float = key(0.5, exclusiveMinimum=0, maximum=1)
    """with `repeat_factor`: t, the share of images below which a class makes its images come more often"""

    bf16: Literal["auto", True, False] = "auto"
    """bf16 autocast; `auto`: where the GPU has it"""

    compile: Literal[True, False, "cuda_graphs"] = False
    """`torch.compile`: `false`, `true`, or `cuda_graphs`, which also replays CUDA graphs (needs `accumulate: 1`)"""


@dataclass(frozen=True)
class Recipe:
    """What defines a trained network, beside its data and its seed."""

    network: Network = Network()
    augmentation: Augmentation = Augmentation()
    mixing: Mixing = Mixing()
    training: Training = Training()
    semi: SemiSupervised = SemiSupervised()

    @property
    def modules(self) -> list[str]:
        """Dotted names of the modules that a training imports by name."""
        mixing, sampling = self.mixing.name, self.training.sampling
        return [
            f"tailcutmix.models.architectures.{self.network.architecture}",
            f"tailcutmix.training.losses.{self.training.loss}",
            *([] if mixing == "none" else [f"tailcutmix.mixing.methods.{mixing}"]),
            *([] if sampling == "images" else [f"tailcutmix.mixing.sampling.{sampling}"]),
        ]
