"""Raw images -> manifest: one row per image with split, paths, size and checksums."""

from tailcutmix.dataset import manifest
from tailcutmix.dataset.sources import list_images
from tailcutmix.rule_script import job

with job(snakemake):
    root = next(iter(snakemake.input.raw), snakemake.params.root)
    listing = list_images(snakemake.params.source, root, snakemake.params.splits)
    manifest.write_manifest(manifest.build(listing, snakemake.threads), snakemake.output.manifest)
