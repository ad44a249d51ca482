# The tables and figures of the report, and those that it lacks: one rule for each entry of tailcutmix.paper.artefacts.

for artefact in ARTEFACTS:

    rule:
        name:
            artefact.rule
        input:
            **artefact_inputs(artefact),
        output:
            **artefact_outputs(artefact),
        log:
            f"{LOGS}/{artefact.rule}.log",
        benchmark:
            f"{BENCHMARKS}/{artefact.rule}.tsv"
        localrule: True
        conda:
            "../../envs/images.yaml"
        params:
            **artefact_params(artefact),
            code=get_code("metrics", "paper"),
        message:
            f"Write the {artefact.kind}: {artefact.title}"
        script:
            "../../scripts/make_artefact.py"
