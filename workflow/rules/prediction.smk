# Sections 4 and 5 of the report: per-class scales, predictions of every model, and the experts' ensemble MR; then scores.


wildcard_constraints:
    ensemble="|".join(map(re.escape, ENSEMBLES)),
    model="(?!({})/)[^/]+".format("|".join(map(re.escape, ENSEMBLES))),


rule select_scales:
    input:
        model=lambda wildcards: get_weights(wildcards.model, wildcards.seed),
        images=f"{D}/packed/val/images.npy",
        truth=f"{D}/packed/val/labels.npy",
        labels=LABELS,
    output:
        scales=f"{D}/scales/{{model}}/seed{{seed}}.csv",
    log:
        f"{LOGS}/select_scales/{{model}}.seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/select_scales/{{model}}.seed{{seed}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["inference"]["threads"]
    resources:
        gpu=config["inference"]["gpus"],
        mem_mb=get_inference_memory,
        runtime=get_inference_runtime,
    params:
        settings=get_prediction_settings,
        code=get_code("confusion", "dataset/normalisation", "devices", "models", "nearest", "prediction"),
    message:
        "Choose the scales of each class on val, for {wildcards.model}, seed {wildcards.seed}"
    script:
        "../../scripts/select_scales.py"


rule predict:
    input:
        model=lambda wildcards: get_weights(wildcards.model, wildcards.seed),
        scales=get_scales,
        manifest=f"{D}/manifest.csv",
        images=f"{D}/packed/{{split}}/images.npy",
        index=f"{D}/packed/{{split}}/index.csv",
        labels=LABELS,
    output:
        predictions=directory(f"{D}/predictions/{{model}}/seed{{seed}}/{{split}}"),
    log:
        f"{LOGS}/predict/{{model}}.seed{{seed}}.{{split}}.log",
    benchmark:
        f"{BENCHMARKS}/predict/{{model}}.seed{{seed}}.{{split}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["inference"]["threads"]
    resources:
        gpu=config["inference"]["gpus"],
        mem_mb=get_inference_memory,
        runtime=get_inference_runtime,
    params:
        settings=get_prediction_settings,
        expert_of=get_class_of_expert,
        code=get_code("dataset/normalisation", "devices", "models", "nearest", "prediction"),
    message:
        "Predict {wildcards.split} with {wildcards.model}, seed {wildcards.seed}"
    script:
        "../../scripts/predict.py"


rule ensemble:
    input:
        unpack(get_ensemble_inputs),
        buckets=f"{D}/buckets/final.csv",
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        predictions=directory(f"{D}/predictions/{{ensemble}}/seed{{seed}}/{{split}}"),
        claims=f"{D}/{{ensemble}}/seed{{seed}}/{{split}}_claims.csv",
    log:
        f"{LOGS}/ensemble/{{ensemble}}.seed{{seed}}.{{split}}.log",
    benchmark:
        f"{BENCHMARKS}/ensemble/{{ensemble}}.seed{{seed}}.{{split}}.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        tail=get_tail,
        order=lambda wildcards: ENSEMBLES[wildcards.ensemble].get("order"),
        code=get_code("prediction/ensemble", "tail/buckets"),
    message:
        "Lay the experts' classes over M1's predictions on {wildcards.split}, seed {wildcards.seed}"
    script:
        "../../scripts/ensemble.py"


rule score_predictions:
    input:
        predictions=f"{D}/predictions/{{method}}/seed{{seed}}/{{split}}",
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        scores=f"{D}/metrics/{{method}}/seed{{seed}}/{{split}}.json",
        statistics=f"{D}/metrics/{{method}}/seed{{seed}}/{{split}}.npz",
    log:
        f"{LOGS}/score_predictions/{{method}}.seed{{seed}}.{{split}}.log",
    benchmark:
        f"{BENCHMARKS}/score_predictions/{{method}}.seed{{seed}}.{{split}}.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        bootstrap=config["evaluation"]["bootstrap"],
        dataset=DATASET,
        sizes_from_train=config["dataset"]["source"] not in ("minicity", "cityscapes"),
        code=get_code("confusion", "dataset/images", "dataset/png", "metrics"),
    message:
        "Score {wildcards.method} on {wildcards.split}, seed {wildcards.seed}"
    script:
        "../../scripts/score_predictions.py"


rule pack_submission:
    input:
        predictions=f"{D}/predictions/ensemble/seed{SEEDS[0]}/test",
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        archive=f"{D}/submission/test.zip",
    log:
        f"{LOGS}/pack_submission.log",
    benchmark:
        f"{BENCHMARKS}/pack_submission.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        code=get_code("confusion", "dataset/images", "dataset/png", "metrics"),
    message:
        "Zip the ensemble's test predictions for the challenge server, and check them"
    script:
        "../../scripts/pack_submission.py"
