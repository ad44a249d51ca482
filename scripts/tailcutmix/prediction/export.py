"""A trained network as one file that torch runs without this project, with scales, fusion and decision inside."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from tailcutmix.labels import LabelTable
from tailcutmix.nearest import resize_nearest
from tailcutmix.prediction.inference import Predictor
from tailcutmix.prediction.trained import Trained


class Labelling(nn.Module):
    """Images (1, H, W, 3) uint8 RGB -> label ids (1, H, W) uint8, as :class:`Predictor` and the workflow give them."""

    rows: torch.Tensor
    columns: torch.Tensor
    ids: torch.Tensor

    def __init__(self, predictor: Predictor, labels: LabelTable, size: tuple[int, int]):
        super().__init__()
        self.network, self.predictor = predictor.model, predictor
        grid = round(size[0] * predictor.input_scale), round(size[1] * predictor.input_scale)
        for name, short, long in (("rows", grid[0], size[0]), ("columns", grid[1], size[1])):
            taken = resize_nearest(np.arange(short)[None, :, None].astype(np.int32), (long, 1))[0, :, 0]
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(taken)).long())
        self.register_buffer("ids", torch.from_numpy(labels.to_label_id.copy()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        train_ids = self.predictor.decide(images)[:, self.rows][:, :, self.columns]
        return self.ids[train_ids.long()]


def export(trained: Trained, size: tuple[int, int], path: str | Path, images: np.ndarray) -> float:
    """Write one network by ``torch.export``, for images of one size, and run what was written beside the original.

    Args:
        trained: a model or an expert; an ensemble is several networks.
        size: (height, width) of the images.
        path: to write, ``.pt2``.
        images: (N, height, width, 3) uint8 RGB to compare by.

    Returns:
        The share of pixels to which both give the same label.

    Raises:
        UserError: an ensemble, or labels that differ.
    """
    if trained.experts:
        raise UserError(f"{trained.name} is {len(trained.parts)} networks; export them one by one: --model "
                        f"{trained.base.name}, {trained.experts[0].name}, ...")  # fmt: skip
    predictor = trained.base.predictor(trained.labels, "cpu")
    example = torch.from_numpy(np.array(images[:1]))
    with torch.no_grad():
        program = torch.export.export(Labelling(predictor, trained.labels, size).eval(), (example,), strict=False)
    with replacing(path) as temporary:
        torch.export.save(program, temporary)
        written = torch.export.load(temporary).module()
        wanted = trained.labels.to_label_id[np.concatenate([predictor.labels(i[None]) for i in images])]
        found = np.concatenate([written(torch.from_numpy(np.array(i[None]))).numpy() for i in images])
        share = float((found == wanted).mean())
        if share < 0.9999:
            raise UserError(
                f"{path}: not written; its labels differ from the network's at {1 - share:.2%} of the pixels"
            )
    return share
