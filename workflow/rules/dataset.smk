# Raw images -> manifest -> packed arrays.

if plan.dataset.source == "toycity":

    rule generate_toycity:
        output:
            raw=directory(files.raw),
        log:
            files.log("generate_toycity"),
        benchmark:
            files.benchmark("generate_toycity")
        conda:
            "../../envs/images.yaml"
        threads: 4
        resources:
            mem_mb=in_megabytes(1000),
            runtime=30,
        params:
            settings=plain(plan.dataset.toycity),
            code=code_of("generate_toycity.py"),
        message:
            "Draw the street scenes of ToyCity"
        script:
            "../../scripts/generate_toycity.py"


rule list_images:
    input:
        raw=plan.raw,
        splits=plan.dataset.lists(),
        labels=plan.dataset.labels,
    output:
        manifest=files.manifest,
    log:
        files.log("list_images"),
    benchmark:
        files.benchmark("list_images")
    conda:
        "../../envs/images.yaml"
    threads: 4
    resources:
        mem_mb=in_megabytes(1000),
        runtime=60,
    params:
        source=plan.dataset.source,
        root=plan.dataset.root,
        splits=plan.dataset.splits,
        files=plain(plan.dataset.files),
        unlabelled=plan.dataset.unlabelled,
        raw=get_raw_state,
        wanted=inputs.asked_of_images(plan),
        code=code_of("list_images.py"),
    message:
        "List the images of {params.source} with their sizes and checksums"
    script:
        "../../scripts/list_images.py"


rule pack_images:
    input:
        raw=lambda wildcards: [] if wildcards.split == "unlabelled" else plan.raw,
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        **files.packed("{split}"),
    log:
        files.log("pack_images", "{split}"),
    benchmark:
        files.benchmark("pack_images", "{split}")
    conda:
        "../../envs/images.yaml"
    threads: 4
    resources:
        mem_mb=in_megabytes(2000),
        runtime=60,
    params:
        size=plan.dataset.size,
        code=code_of("pack_images.py"),
    message:
        "Decode the {wildcards.split} images once, into memory-mapped arrays"
    script:
        "../../scripts/pack_images.py"
