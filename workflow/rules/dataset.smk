# Raw images -> manifest -> packed arrays.

if config["dataset"]["source"] == "toycity":

    rule generate_toycity:
        output:
            raw=directory(f"{D}/raw"),
        log:
            f"{LOGS}/generate_toycity.log",
        benchmark:
            f"{BENCHMARKS}/generate_toycity.tsv"
        conda:
            "../../envs/images.yaml"
        threads: 4
        resources:
            mem_mb=get_memory(1000),
            runtime=30,
        params:
            settings=config["dataset"]["toycity"],
            code=get_code("../toycity", "dataset/images"),
        message:
            "Draw the street scenes of ToyCity"
        script:
            "../../scripts/generate_toycity.py"


rule list_images:
    input:
        raw=f"{D}/raw" if config["dataset"]["source"] == "toycity" else [],
        labels=LABELS,
        splits=(
            expand("{folder}/{file}", folder=config["dataset"]["splits"], file=["train.txt", "val.txt", "test.csv"])
            if config["dataset"]["source"] == "cityscapes"
            else []
        ),
    output:
        manifest=f"{D}/manifest.csv",
    log:
        f"{LOGS}/list_images.log",
    benchmark:
        f"{BENCHMARKS}/list_images.tsv"
    conda:
        "../../envs/images.yaml"
    threads: 4
    resources:
        mem_mb=get_memory(1000),
        runtime=60,
    params:
        source=config["dataset"]["source"],
        root=config["dataset"]["root"],
        splits=config["dataset"]["splits"],
        code=get_code("dataset"),
    message:
        "List the images of {params.source} with their sizes and checksums"
    script:
        "../../scripts/list_images.py"


rule pack_images:
    input:
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        images=f"{D}/packed/{{split}}/images.npy",
        labels=f"{D}/packed/{{split}}/labels.npy",
        index=f"{D}/packed/{{split}}/index.csv",
    log:
        f"{LOGS}/pack_images/{{split}}.log",
    benchmark:
        f"{BENCHMARKS}/pack_images/{{split}}.tsv"
    conda:
        "../../envs/images.yaml"
    threads: 4
    resources:
        mem_mb=get_memory(2000),
        runtime=60,
    params:
        size=config["dataset"]["size"],
        code=get_code("dataset"),
    message:
        "Decode the {wildcards.split} images once, into memory-mapped arrays"
    script:
        "../../scripts/pack_images.py"
