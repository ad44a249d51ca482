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
    split="train|val|test|unlabelled",
    seed=r"\d+",
    class_slug=r"[A-Za-z0-9_.-]+",


# Seconds of work on small tables: done where Snakemake runs, never a job of a cluster; tables and figures are too.
localrules:
    all,
    plan,
    outline,
    check,
    data,
    ablation,
    publish,
    publish_results,
    submission,
    fill_buckets,
    rebucket,


onstart:
    check_scheduler()


rule all:
    default_target: True
    input:
        get_targets("table1"),
        files.page("index"),


rule plan:
    log:
        files.log("plan"),
    conda:
        "envs/images.yaml"
    message:
        "Show what would be trained, and what it would cost"
    script:
        "scripts/show_plan.py"


rule outline:
    log:
        files.log("outline"),
    conda:
        "envs/images.yaml"
    message:
        "Say what a run is about, in a few lines"
    script:
        "scripts/show_plan.py"


rule check:
    input:
        raw=plan.raw,
    log:
        files.log("check"),
    conda:
        "envs/images.yaml"
    threads: 4
    message:
        "Look at every image and label before anything is trained"
    script:
        "scripts/check_data.py"


rule ablation:
    input:
        get_targets("ablation"),
        pages.in_ablation(plan),


rule data:
    input:
        files.page("data"),


rule publish:
    input:
        files.published,


rule submission:
    input:
        files.submission,
