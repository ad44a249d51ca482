"""Scores -> the figure of IoU class by class."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.figures.per_class_iou import draw_per_class_iou

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    draw_per_class_iou(
        snakemake.input.scores, snakemake.input.buckets, stem, snakemake.input.statistics, snakemake.params.titles
    )
