"""What a run must know of each architecture before torch is imported.

The networks themselves are in :mod:`tailcutmix.models.architectures`. Nothing that trains or predicts imports this
module, so a new entry reruns nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tailcutmix.errors import UserError
from tailcutmix.plan.settings.recipe import Network


@dataclass(frozen=True)
class Traits:
    """What is so for every network of an architecture.

    Costs are upper bounds. Those here were fitted to networks built on torch's meta device (multiplications by its FLOP
    counter, activations by its hooks on saved tensors) and lie up to twice too high for the narrowest networks.

    Attributes:
        multiple: both sides of a training crop must be multiples of this at every training scale.
        attention: whether it may have scale attention.
        multiplications: of one forward pass, per pixel of its input.
        activations: bytes kept for the backward pass in float32, per pixel of a training crop.
        weights: keys of a network that the names and shapes of its weights follow from, of which a start is checked.
        misfit: why no network of these settings can be built; "" where one can.
    """

    multiple: int
    attention: bool
    multiplications: Callable[[Network], float]
    activations: Callable[[Network], float]
    weights: tuple[str, ...] = ()
    misfit: Callable[[Network], str] = lambda network: ""


def _misfit_of_hrnet(network: Network) -> str:
    small = isinstance(network.width, int) and network.width < 18
    if not small and (network.stages, network.blocks) != (4, 2):
        return "stages and blocks may be chosen for widths 4 to 16 only: set stages: 4 and blocks: 2"
    return ""


def channels(network: Network) -> int:
    """The width as a number."""
    return 18 if network.width == "w18_small" else network.width


TRAITS = {
    "hrnet": Traits(
        multiple=32,
        attention=True,
        multiplications=lambda n: 159 * channels(n) ** 2 + n.head_channels * (22 * channels(n) + 1.8 * n.head_channels),
        activations=lambda n: 87 * channels(n) + 7.7 * n.head_channels,
        weights=("width", "head_channels", "stages", "blocks", "detail", "attention"),
        misfit=_misfit_of_hrnet,
    ),
    "unet": Traits(
        multiple=16,
        attention=False,
        multiplications=lambda n: 118 * channels(n) ** 2,
        activations=lambda n: 75 * channels(n),
        weights=("width",),
        misfit=lambda n: (
            "" if isinstance(n.width, int) else "a U-Net's is the number of its first channels, such as 64"
        ),
    ),
}


def traits_of(network: Network) -> Traits:
    """The traits of a network's architecture; raises UserError where nothing says them."""
    if network.architecture not in TRAITS:
        raise UserError(f"{__file__}: TRAITS has no entry for the architecture {network.architecture}; add one")
    return TRAITS[network.architecture]
