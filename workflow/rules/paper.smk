# The tables and figures of the report, and those that it lacks: one rule for each entry of tailcutmix.paper.artefacts.

for artefact in ARTEFACTS:

    rule:
        name:
            artefact.rule
        input:
            **get_artefact_inputs(artefact),
        output:
            **in_report(artefact),
        log:
            files.log(artefact.rule),
        benchmark:
            files.benchmark(artefact.rule)
        localrule: True
        conda:
            f"../../envs/{artefact.environment}.yaml"
        params:
            **paper.artefact_params(plan, artefact),
            code=code_of("make_artefact.py", artefact.module),
        message:
            f"Write the {artefact.kind}: {artefact.title}"
        script:
            "../../scripts/make_artefact.py"


rule publish_results:
    input:
        artefacts=get_published(),
    output:
        folder=directory(files.published),
    log:
        files.log("publish_results"),
    benchmark:
        files.benchmark("publish_results")
    conda:
        "../../envs/images.yaml"
    params:
        logs=files.logs,
        code=code_of("publish_results.py"),
    message:
        "Copy tables and figures to {output.folder}, with what they were made by"
    script:
        "../../scripts/publish_results.py"
