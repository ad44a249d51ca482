"""The ablation table -> its figure."""

from pathlib import Path

from tailcutmix.job import job
from tailcutmix.paper.figures.ablation import draw_ablation

with job(snakemake):
    stem = Path(snakemake.output.png).with_suffix("")
    draw_ablation(snakemake.input.table, stem)
