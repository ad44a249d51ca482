"""Which differences between the ablation's arms would outlast other images: paired bootstrap, as for Table 1."""

from pathlib import Path

from tailcutmix.paper.material import Material
from tailcutmix.paper.tables.differences import write_differences


def make(material: Material, stem: Path) -> None:
    """Write the table of differences between arms."""
    write_differences(material, stem, "Differences between the ablation's arms")
