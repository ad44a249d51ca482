"""Lets torchvision, and so timm, be imported beside a torch build that cannot load torchvision's compiled ops.

The torchvision wheel on PyPI carries ops compiled against the CUDA build of torch. Beside a CPU-only torch that library
does not load, and ``import torchvision`` then stops with "operator torchvision::nms does not exist", because it
registers shape functions for ops whose schemas only the library declares. Declaring those schemas is enough: this
project never calls the ops. Import this module before torchvision or timm; where the compiled ops load, it changes
nothing.
"""

import importlib.machinery
import importlib.util
from pathlib import Path

import torch
from torch import library

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def compiled_ops_load() -> bool:
    """Whether torchvision's compiled ops can be loaded into this torch; also True where torchvision is absent."""
    if hasattr(torch.ops.torchvision, "nms"):
        return True
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    folder = Path(spec.origin).parent
    for path in (folder / f"_C{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES):
        if path.exists():
            try:
                torch.ops.load_library(path)
                return True
            except OSError:
                return False
    return False


def declare_schemas() -> library.Library:
    """Declare the schemas of the ops; they vanish again when the returned object is collected."""
    ops = library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        ops.define(schema)
    return ops


_library = None if compiled_ops_load() else declare_schemas()
