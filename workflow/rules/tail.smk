# Section 3 of the report: label statistics, buckets, regions and the level-cropped subset of each tail class.


rule count_labels:
    input:
        packed=expand(f"{D}/packed/{{split}}/labels.npy", split=SPLITS),
        index=expand(f"{D}/packed/{{split}}/index.csv", split=SPLITS),
        labels=LABELS,
    output:
        statistics=f"{D}/stats/labels.csv",
    log:
        f"{LOGS}/count_labels.log",
    benchmark:
        f"{BENCHMARKS}/count_labels.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        splits=SPLITS,
        code=get_code("tail/statistics"),
    message:
        "Count the pixels and images of each class"
    script:
        "../../scripts/count_labels.py"


rule fill_buckets:
    input:
        statistics=f"{D}/stats/labels.csv",
    output:
        initial=f"{D}/buckets/initial.csv",
    log:
        f"{LOGS}/fill_buckets.log",
    benchmark:
        f"{BENCHMARKS}/fill_buckets.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=10,
    params:
        cuts=config["buckets"]["cuts"],
        tail=FIXED_TAIL,
        code=get_code("tail/buckets"),
    message:
        "Put the classes into head, middle and tail by their share of pixels"
    script:
        "../../scripts/fill_buckets.py"


checkpoint rebucket:
    input:
        initial=f"{D}/buckets/initial.csv",
        predictions=expand(f"{D}/predictions/m0/seed{{seed}}/val", seed=SEEDS) if REBUCKET else [],
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        final=f"{D}/buckets/final.csv",
    log:
        f"{LOGS}/rebucket.log",
    benchmark:
        f"{BENCHMARKS}/rebucket.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=10,
    params:
        poor=config["buckets"]["poor"],
        good=config["buckets"]["good"],
        margin=config["buckets"]["margin"],
        rebucket=REBUCKET,
        tail=FIXED_TAIL,
        code=get_code("tail/buckets", "metrics/counting", "metrics/statistics", "metrics/scores"),
    message:
        "Move classes between middle and tail by what M0 made of them"
    script:
        "../../scripts/rebucket.py"


rule cut_tail_subset:
    input:
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        regions=f"{D}/subsets/{{class_slug}}/regions.csv",
        boxes=f"{D}/subsets/{{class_slug}}/boxes.csv",
        counts=f"{D}/subsets/{{class_slug}}/counts.csv",
        levels=[directory(f"{D}/subsets/{{class_slug}}/level{level}") for level in LEVELS],
    log:
        f"{LOGS}/cut_tail_subset/{{class_slug}}.log",
    benchmark:
        f"{BENCHMARKS}/cut_tail_subset/{{class_slug}}.tsv"
    conda:
        "../../envs/images.yaml"
    threads: 2
    resources:
        mem_mb=get_memory(1000),
        runtime=60,
    params:
        levels=LEVELS,
        r=config["regions"]["r"],
        s=config["regions"]["s"],
        source=config["regions"]["source"],
        min_area=config["regions"]["min_area"],
        code=get_code("tail/regions", "tail/levels"),
    message:
        "Cut the subset B1 of {wildcards.class_slug}: its regions at levels {params.levels}"
    script:
        "../../scripts/cut_tail_subset.py"
