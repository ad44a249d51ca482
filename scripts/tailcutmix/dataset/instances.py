"""The instance maps of a split, read one by one where something needs single objects."""

import hashlib
from collections.abc import Hashable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tailcutmix.dataset.images import decode_instances
from tailcutmix.dataset.manifest import read_manifest, read_verified
from tailcutmix.nearest import resize_nearest


class InstanceMaps:
    """Finds the instance map of an image in the manifest, which is read when first asked for."""

    def __init__(self, manifest: Path, split: str):
        self._manifest, self._split = manifest, split

    @cached_property
    def _rows(self) -> dict[str, dict[Hashable, Any]]:
        return {row["image_id"]: row for row in read_manifest(self._manifest, self._split).to_dict("records")}

    def read(self, image_id: str, size: tuple[int, int]) -> np.ndarray | None:
        """(H, W) uint16 instance ids of an image at a ``size``; None where it has no map.

        Raises:
            UserError: the file is missing, damaged, or not the one that the manifest lists.
        """
        row = self._rows[image_id]
        if not row["instance"]:
            return None
        return resize_nearest(decode_instances(read_verified(row, "instance"), row["instance"]), size)

    @property
    def digest(self) -> str:
        """SHA-256 over the ids of the images and the checksums of their maps."""
        lines = "".join(f"{image_id} {row['instance_sha256']}\n" for image_id, row in self._rows.items())
        return hashlib.sha256(lines.encode()).hexdigest()
