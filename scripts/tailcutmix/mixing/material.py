"""What the samples of a network are mixed with."""

from dataclasses import dataclass

import pandas as pd

from tailcutmix.dataset.instances import InstanceMaps
from tailcutmix.labels import Label


@dataclass(frozen=True)
class Material:
    """What mixings take from earlier steps of the workflow, beside the packed images.

    Attributes:
        classes: the C classes in train id order.
        tail: the tail classes, for level-0 cutmix.
        boxes: ``boxes.csv`` of one tail class, or of several with a column ``class``, for multi-level cutmix.
        instances: the instance maps of the packed images, for copy-paste; None where there are none.
    """

    classes: tuple[Label, ...]
    tail: tuple[Label, ...] = ()
    boxes: pd.DataFrame | None = None
    instances: InstanceMaps | None = None
