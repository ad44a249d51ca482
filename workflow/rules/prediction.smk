# Sections 4 and 5 of the report: per-class scales, predictions of every model, and the experts' ensemble MR; then scores.


wildcard_constraints:
    ensemble="|".join(map(re.escape, plan.ensembles)),
    model="(?!({})/)[^/]+".format("|".join(map(re.escape, plan.ensembles))),


rule select_scales:
    input:
        unpack(lambda wildcards: inputs.scales_inputs(plan, get_model(wildcards), wildcards.seed)),
    output:
        scales=files.scales("{model}", "{seed}"),
    log:
        files.log("select_scales", "{model}.seed{seed}"),
    benchmark:
        files.benchmark("select_scales", "{model}.seed{seed}")
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: get_model(wildcards).inference_job.threads
    resources:
        gpu=lambda wildcards: get_model(wildcards).inference_job.gpus,
        mem_mb=memory_for(cost.inference_memory),
        runtime=minutes_for(cost.inference_minutes),
    params:
        network=lambda wildcards: plain(get_model(wildcards).recipe.network),
        inference=lambda wildcards: plain(get_model(wildcards).inference),
        selection=plain(plan.selection),
        code=lambda wildcards: code_of("select_scales.py", get_network_module(wildcards)),
    message:
        "Choose the scales of each class, for {wildcards.model}, seed {wildcards.seed}"
    script:
        "../../scripts/select_scales.py"


rule predict:
    input:
        unpack(lambda wildcards: inputs.predict_inputs(plan, get_model(wildcards), wildcards.seed, wildcards.split)),
    output:
        predictions=directory(files.predictions("{model}", "{seed}", "{split}")),
    log:
        files.log("predict", "{model}.seed{seed}.{split}"),
    benchmark:
        files.benchmark("predict", "{model}.seed{seed}.{split}")
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: get_model(wildcards).inference_job.threads
    resources:
        gpu=lambda wildcards: get_model(wildcards).inference_job.gpus,
        mem_mb=memory_for(cost.inference_memory),
        runtime=minutes_for(cost.inference_minutes),
    params:
        network=lambda wildcards: plain(get_model(wildcards).recipe.network),
        inference=lambda wildcards: plain(get_model(wildcards).inference),
        expert_of=lambda wildcards: get_model(wildcards).expert_of,
        code=lambda wildcards: code_of("predict.py", get_network_module(wildcards)),
    message:
        "Predict {wildcards.split} with {wildcards.model}, seed {wildcards.seed}"
    script:
        "../../scripts/predict.py"


rule weigh_scales:
    input:
        unpack(lambda wildcards: inputs.packed_inputs(plan, wildcards.split)),
        model=lambda wildcards: files.weights(get_model(wildcards).trained, wildcards.seed),
    output:
        **files.weights_of_scales("{model}", "{seed}", "{split}"),
    log:
        files.log("weigh_scales", "{model}.seed{seed}.{split}"),
    benchmark:
        files.benchmark("weigh_scales", "{model}.seed{seed}.{split}")
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: get_model(wildcards).inference_job.threads
    resources:
        gpu=lambda wildcards: get_model(wildcards).inference_job.gpus,
        mem_mb=memory_for(cost.inference_memory),
        runtime=minutes_for(cost.inference_minutes),
    params:
        network=lambda wildcards: plain(get_model(wildcards).recipe.network),
        inference=lambda wildcards: plain(get_model(wildcards).inference),
        code=lambda wildcards: code_of("weigh_scales.py", get_network_module(wildcards)),
    message:
        "Look at how {wildcards.model} weighs its scales on {wildcards.split}, seed {wildcards.seed}"
    script:
        "../../scripts/weigh_scales.py"


rule select_experts:
    input:
        unpack(lambda w: inputs.gate_inputs(plan, w.ensemble, w.seed, get_tail())),
        buckets=files.buckets,
        raw=plan.raw,
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        gate=files.gate("{ensemble}", "{seed}"),
    log:
        files.log("select_experts", "{ensemble}.seed{seed}"),
    benchmark:
        files.benchmark("select_experts", "{ensemble}.seed{seed}")
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=in_megabytes(1000),
        runtime=30,
    params:
        fixed_tail=plan.buckets.tail,
        selection=plain(plan.selection),
        split=plan.evidence,
        code=code_of("select_experts.py"),
    message:
        "Choose which experts {wildcards.ensemble} uses, seed {wildcards.seed}"
    script:
        "../../scripts/select_experts.py"


rule ensemble:
    input:
        unpack(lambda w: inputs.ensemble_inputs(plan, w.ensemble, w.seed, w.split, get_tail())),
        buckets=files.buckets,
        raw=plan.raw,
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        predictions=directory(files.predictions("{ensemble}", "{seed}", "{split}")),
        claims=files.claims("{ensemble}", "{seed}", "{split}"),
    log:
        files.log("ensemble", "{ensemble}.seed{seed}.{split}"),
    benchmark:
        files.benchmark("ensemble", "{ensemble}.seed{seed}.{split}")
    conda:
        "../../envs/images.yaml"
    threads: plan.evaluation.threads
    resources:
        mem_mb=in_megabytes(1000),
        runtime=30,
    params:
        fixed_tail=plan.buckets.tail,
        order=lambda wildcards: plan.ensembles[wildcards.ensemble].order,
        code=code_of("ensemble.py"),
    message:
        "Lay the experts' classes over M1's predictions on {wildcards.split}, seed {wildcards.seed}"
    script:
        "../../scripts/ensemble.py"


rule score_predictions:
    input:
        predictions=files.predictions("{method}", "{seed}", "{split}"),
        raw=plan.raw,
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        scores=files.scores("{method}", "{seed}", "{split}"),
        statistics=files.image_statistics("{method}", "{seed}", "{split}"),
    log:
        files.log("score_predictions", "{method}.seed{seed}.{split}"),
    benchmark:
        files.benchmark("score_predictions", "{method}.seed{seed}.{split}")
    conda:
        "../../envs/images.yaml"
    threads: plan.evaluation.threads
    resources:
        mem_mb=in_megabytes(1000),
        runtime=30,
    params:
        bootstrap=plan.evaluation.bootstrap,
        dataset=plan.dataset.name,
        sizes_from_train=plan.dataset.source not in ("minicity", "cityscapes"),
        code=code_of("score_predictions.py"),
    message:
        "Score {wildcards.method} on {wildcards.split}, seed {wildcards.seed}"
    script:
        "../../scripts/score_predictions.py"


rule pack_submission:
    input:
        predictions=files.predictions(plan.submitted, plan.seeds[0], "test"),
        manifest=files.manifest,
        labels=plan.dataset.labels,
    output:
        archive=files.submission,
    log:
        files.log("pack_submission"),
    benchmark:
        files.benchmark("pack_submission")
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=in_megabytes(1000),
        runtime=30,
    params:
        code=code_of("pack_submission.py"),
    message:
        "Zip the test predictions for the challenge server, and check them"
    script:
        "../../scripts/pack_submission.py"
