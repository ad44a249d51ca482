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


for page in PAGES:

    rule:
        name:
            f"record_{page.name}"
        input:
            **pages.record_inputs(plan, page, of_workflow),
        output:
            record=files.record(page.name),
        log:
            files.log(f"record_{page.name}"),
        benchmark:
            files.benchmark(f"record_{page.name}")
        localrule: True
        conda:
            "../../envs/images.yaml"
        params:
            rows=page.rows,
            logs=files.logs,
            code=code_of("record_run.py"),
        message:
            "Write down what the run was made by: {output.record}"
        script:
            "../../scripts/record_run.py"

    rule:
        name:
            f"write_{page.name}"
        input:
            **pages.page_inputs(plan, page, of_workflow),
        output:
            page=files.page(page.name),
        log:
            files.log(f"write_{page.name}"),
        benchmark:
            files.benchmark(f"write_{page.name}")
        localrule: True
        conda:
            "../../envs/images.yaml"
        threads: 2
        params:
            **pages.page_params(plan, page),
            code=code_of("write_page.py"),
        message:
            "Write the page of the run: {output.page}"
        script:
            "../../scripts/write_page.py"


rule publish_results:
    input:
        artefacts=pages.kept_files(plan, PAGES[1], "csv", "md", "png"),
        record=files.record("ablation"),
    output:
        folder=directory(files.published),
    log:
        files.log("publish_results"),
    benchmark:
        files.benchmark("publish_results")
    conda:
        "../../envs/images.yaml"
    params:
        code=code_of("publish_results.py"),
    message:
        "Copy tables and figures to {output.folder}, with what they were made by"
    script:
        "../../scripts/publish_results.py"
