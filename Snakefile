# Multi-level tail pixel cutmix and scale attention for long-tailed scene parsing, from raw images to Table 1.
from snakemake.utils import min_version

min_version("9.8")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/tail.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/prediction.smk"
include: "workflow/rules/paper.smk"


report: "workflow/report/workflow.rst"


wildcard_constraints:
    split="train|val|test",
    seed=r"\d+",
    class_slug=r"[A-Za-z0-9_.-]+",


# Seconds of work on small tables: done where Snakemake runs, never a job of a cluster.
localrules:
    all,
    ablation,
    submission,
    fill_buckets,
    rebucket,


rule all:
    default_target: True
    input:
        get_artefact_files("table1"),


rule ablation:
    input:
        get_artefact_files("ablation"),


rule submission:
    input:
        f"{D}/submission/test.zip",
