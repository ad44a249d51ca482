# Section 5 of the report: M0 on the original data, M1 with level-0 cutmix, one expert M2-j per tail class, from M1.


rule train_model:
    input:
        unpack(lambda wildcards: inputs.training_inputs(plan, get_model(wildcards), wildcards.seed, get_tail)),
    output:
        model=files.weights("{model}", "{seed}"),
        history=files.history("{model}", "{seed}"),
    log:
        files.log("train_model", "{model}.seed{seed}"),
    benchmark:
        files.benchmark("train_model", "{model}.seed{seed}")
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: get_model(wildcards).training_job.threads
    resources:
        gpu=lambda wildcards: get_model(wildcards).training_job.gpus,
        mem_mb=memory_for(cost.training_memory),
        runtime=minutes_for(cost.training_minutes),
    params:
        recipe=lambda wildcards: plain(get_trained(wildcards).recipe),
        expert_of=lambda wildcards: get_trained(wildcards).expert_of,
        fold=lambda wildcards: get_model(wildcards).fold and plain(get_model(wildcards).fold),
        running=files.running,
        code=lambda wildcards: code_of("train_model.py", *get_model(wildcards).recipe.modules),
    message:
        "Train {wildcards.model}, seed {wildcards.seed}"
    script:
        "../../scripts/train_model.py"
