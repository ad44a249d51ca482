"""Raw images -> manifest: one row per image with split, paths, size and checksums; what is odd is said at once."""

import pandas as pd

from tailcutmix.dataset import check, manifest
from tailcutmix.dataset.sources import list_images, list_unlabelled
from tailcutmix.labels import read_labels
from tailcutmix.plan.settings.data import Files
from tailcutmix.plan.settings.keys import typed
from tailcutmix.rule_script import job

with job(snakemake, terminal=True) as logger:
    given, labels = snakemake.params, read_labels(snakemake.input.labels)
    root = next(iter(snakemake.input.raw), given.root)
    listing = list_images(given.source, root, given.splits, typed(Files, given.files))
    if given.unlabelled:
        listing = pd.concat([listing, list_unlabelled(given.unlabelled)], ignore_index=True)
    found, _ = check.examine(listing, labels, check.Wanted(**given.wanted), snakemake.threads)
    check.require(found)
    for finding in found:
        logger.info("%s", finding)
    manifest.write_manifest(manifest.build(listing, snakemake.threads), snakemake.output.manifest)
