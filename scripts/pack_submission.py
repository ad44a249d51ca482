"""Test predictions -> the zip for the challenge server, checked before anybody uploads it."""

import zipfile
from pathlib import Path

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from tailcutmix.labels import read_labels
from tailcutmix.metrics.submission import check_submission
from tailcutmix.rule_script import job

with job(snakemake) as log:
    rows = read_manifest(snakemake.input.manifest, "test")
    expected = {f"{row.image_id}.png": (row.height, row.width) for row in rows.itertuples()}
    with replacing(snakemake.output.archive) as path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # PNGs are compressed already
            for name in expected:
                archive.write(Path(snakemake.input.predictions) / name, name)
        faults = check_submission(path, expected, read_labels(snakemake.input.labels))
        for fault in faults:
            log.error(fault)
        if faults:
            raise UserError(f"{snakemake.output.archive}: {len(faults)} faults, the first: {faults[0]}")
