# Section 3 of the report: label statistics, buckets, regions and the level-cropped subset of each tail class.


rule count_labels:
    input:
        **{kind: [files.packed(split)[kind] for split in plan.splits] for kind in ("images", "truth", "index")},
        labels=plan.dataset.labels,
    output:
        statistics=files.statistics,
    log:
        files.log("count_labels"),
    benchmark:
        files.benchmark("count_labels")
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=in_megabytes(1000),
        runtime=30,
    params:
        splits=plan.splits,
        code=code_of("count_labels.py"),
    message:
        "Count the pixels and images of each class, and look for pictures that two splits share"
    script:
        "../../scripts/count_labels.py"


rule fill_buckets:
    input:
        statistics=files.statistics,
    output:
        initial=files.initial_buckets,
    log:
        files.log("fill_buckets"),
    benchmark:
        files.benchmark("fill_buckets")
    conda:
        "../../envs/images.yaml"
    params:
        cuts=plan.buckets.cuts,
        tail=plan.buckets.tail,
        code=code_of("fill_buckets.py"),
    message:
        "Put the classes into head, middle and tail by their share of pixels"
    script:
        "../../scripts/fill_buckets.py"


checkpoint rebucket:
    input:
        **inputs.rebucket_inputs(plan),
        initial=files.initial_buckets,
        raw=plan.raw,
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        final=files.buckets,
    log:
        files.log("rebucket"),
    benchmark:
        files.benchmark("rebucket")
    conda:
        "../../envs/images.yaml"
    params:
        buckets=plain(plan.buckets),
        split=plan.evidence,
        code=code_of("rebucket.py"),
    message:
        "Move classes between middle and tail by what M0 made of them"
    script:
        "../../scripts/rebucket.py"


rule cut_tail_subset:
    input:
        raw=plan.raw,
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        **files.subset("{class_slug}"),
        levels=[directory(files.level("{class_slug}", level)) for level in plan.regions.levels],
    log:
        files.log("cut_tail_subset", "{class_slug}"),
    benchmark:
        files.benchmark("cut_tail_subset", "{class_slug}")
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=in_megabytes(1000),
        runtime=60,
    params:
        regions=plain(plan.regions),
        crop=plan.crop,
        packed=plan.dataset.size,
        code=code_of("cut_tail_subset.py"),
    message:
        "Cut the subset B1 of {wildcards.class_slug}: its regions at every level"
    script:
        "../../scripts/cut_tail_subset.py"
