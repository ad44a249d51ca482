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
