"""Train images and labels -> the subset B1 of one tail class: its regions, and their crops at each level."""

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.labels import read_labels
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.rule_script import job
from tailcutmix.tail.subsets import Canvas, Subset, write_subset

with job(snakemake):
    out = snakemake.output
    regions = typed(Regions, snakemake.params.regions)
    write_subset(
        read_manifest(snakemake.input.manifest, "train"),
        read_labels(snakemake.input.labels).class_of(snakemake.wildcards.class_slug),
        regions,
        Subset(out.regions, out.boxes, out.counts, dict(zip(regions.levels, out.levels, strict=True))),
        Canvas(*snakemake.params.crop, snakemake.params.packed),
        snakemake.threads,
    )
