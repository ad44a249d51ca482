# Section 5 of the report: M0 on the original data, M1 with level-0 cutmix, one expert M2-j a tail class, started from M1.


rule train_model:
    input:
        unpack(get_training_inputs),
        images=f"{D}/packed/train/images.npy",
        truth=f"{D}/packed/train/labels.npy",
        index=f"{D}/packed/train/index.csv",
        labels=LABELS,
    output:
        model=f"{D}/models/{{model}}/seed{{seed}}/model.safetensors",
        history=f"{D}/models/{{model}}/seed{{seed}}/history.csv",
    log:
        f"{LOGS}/train_model/{{model}}.seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train_model/{{model}}.seed{{seed}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: get_setting("threads", 1)
    resources:
        gpu=get_setting("gpus", 0),
        mem_mb=get_training_memory,
        runtime=get_training_runtime,
    params:
        settings=get_training_settings,
        running=f"{D}/running",
        code=get_code("dataset/normalisation", "devices", "mixing", "models", "nearest", "training"),
    message:
        "Train {wildcards.model}, seed {wildcards.seed}"
    script:
        "../../scripts/train_model.py"
