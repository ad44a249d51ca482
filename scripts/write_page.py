"""Tables, figures, predictions and the record of a run -> one HTML file that needs nothing beside it."""

from tailcutmix.paper.formats import write_text
from tailcutmix.paper.page.build import build
from tailcutmix.rule_script import job

with job(snakemake) as log:
    text = build(dict(snakemake.input.items()), dict(snakemake.params.items()), snakemake.threads)
    write_text(snakemake.output.page, text)
    log.info("%s: %.1f MB", snakemake.output.page, len(text.encode()) / 1e6)
