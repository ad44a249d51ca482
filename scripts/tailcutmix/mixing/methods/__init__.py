"""One mixing per module, found by the module's name: ``mixing: level0`` in the configuration is ``methods/level0.py``.

A module whose name begins with an underscore is no mixing, but helps several.
"""

from typing import Protocol

from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import Draws
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings


class Mixing(Protocol):
    """What the class ``Mixing`` of each module in this folder is.

    A batch must be a function of seed, step and place in the global batch alone. A mixing therefore keeps nothing
    between calls, takes all that is random from ``draws``, and nothing that it draws for a sample depends on another.
    """

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        """Look up what will be mixed in; where there is nothing, log a warning, and leave the batches unmixed.

        Args:
            source: the packed images, from which base crops are cut too.
            settings: ``probability`` and what else this mixing heeds.
            material: what earlier steps of the workflow found.
        """

    def __call__(self, draws: Draws, batch: Batch) -> None:
        """Mix into some samples of a batch, in place, and note what was mixed.

        :meth:`.Draws.mixed` says which samples, :meth:`.Batch.note` takes the note.
        """
