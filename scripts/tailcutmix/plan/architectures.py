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
    """

    multiple: int
    attention: bool
    multiplications: Callable[[Network], float]
    activations: Callable[[Network], float]


def channels(network: Network) -> int:
    """The width as a number."""
    return 18 if network.width == "w18_small" else network.width


TRAITS = {
    "hrnet": Traits(
        multiple=32,
        attention=True,
        multiplications=lambda n: 159 * channels(n) ** 2 + n.head_channels * (22 * channels(n) + 1.8 * n.head_channels),
        activations=lambda n: 87 * channels(n) + 7.7 * n.head_channels,
    ),
    "unet": Traits(
        multiple=16,
        attention=False,
        multiplications=lambda n: 118 * channels(n) ** 2,
        activations=lambda n: 75 * channels(n),
    ),
}


def traits_of(network: Network) -> Traits:
    """The traits of a network's architecture; raises UserError where nothing says them."""
    if network.architecture not in TRAITS:
        raise UserError(f"{__file__}: TRAITS has no entry for the architecture {network.architecture}; add one")
    return TRAITS[network.architecture]
