# The tables and figures of the report, and those that it lacks.


rule make_table1:
    input:
        scores=get_scores(TABLE1),
    output:
        csv=f"{D}/tables/table1.csv",
        md=f"{D}/tables/table1.md",
        tex=f"{D}/tables/table1.tex",
        html=in_report(f"{D}/tables/table1.html", "Tables", "Table 1"),
    log:
        f"{LOGS}/make_table1.log",
    benchmark:
        f"{BENCHMARKS}/make_table1.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles(TABLE1),
        code=get_code("paper"),
    message:
        "Write Table 1, the report's rows beside ours"
    script:
        "../../scripts/make_table1.py"


rule make_differences:
    input:
        scores=get_scores(TABLE1),
        images=get_scores(TABLE1, suffix="npz"),
        buckets=f"{D}/buckets/final.csv",
    output:
        csv=f"{D}/tables/differences.csv",
        md=f"{D}/tables/differences.md",
        tex=f"{D}/tables/differences.tex",
        html=in_report(f"{D}/tables/differences.html", "Tables", "Differences between methods"),
    log:
        f"{LOGS}/make_differences.log",
    benchmark:
        f"{BENCHMARKS}/make_differences.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles(TABLE1),
        code=get_code("confusion", "metrics", "paper"),
    message:
        "Write the paired differences between the rows of Table 1"
    script:
        "../../scripts/make_differences.py"


rule make_per_class:
    input:
        scores=get_scores(TABLE1),
        buckets=f"{D}/buckets/final.csv",
        statistics=f"{D}/stats/labels.csv",
    output:
        csv=f"{D}/tables/per_class.csv",
        md=f"{D}/tables/per_class.md",
        tex=f"{D}/tables/per_class.tex",
        html=in_report(f"{D}/tables/per_class.html", "Tables", "Scores of each class"),
    log:
        f"{LOGS}/make_per_class.log",
    benchmark:
        f"{BENCHMARKS}/make_per_class.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles(TABLE1),
        code=get_code("paper"),
    message:
        "Write the scores of each class"
    script:
        "../../scripts/make_per_class.py"


rule make_claims:
    input:
        claims=get_claims(TABLE1),
    output:
        csv=f"{D}/tables/claims.csv",
        md=f"{D}/tables/claims.md",
        tex=f"{D}/tables/claims.tex",
        html=in_report(f"{D}/tables/claims.html", "Tables", "What each expert added"),
    log:
        f"{LOGS}/make_claims.log",
    benchmark:
        f"{BENCHMARKS}/make_claims.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        ensembles=[Path(path).parent.parent.name for path in get_claims(TABLE1)],
        titles=get_titles(TABLE1),
        split=SPLIT,
        code=get_code("paper"),
    message:
        "Write what each expert added, and how much of it was right"
    script:
        "../../scripts/make_claims.py"


rule draw_fig1_level_crops:
    input:
        levels=get_level_folders,
        boxes=get_boxes,
        buckets=f"{D}/buckets/final.csv",
        labels=LABELS,
    output:
        png=in_report(f"{D}/figures/fig1_level_crops.png", "Figures", "Fig. 1, crops at three levels"),
        pdf=f"{D}/figures/fig1_level_crops.pdf",
    log:
        f"{LOGS}/draw_fig1_level_crops.log",
    benchmark:
        f"{BENCHMARKS}/draw_fig1_level_crops.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        levels=LEVELS,
        code=get_code("paper"),
    message:
        "Draw Fig. 1, the crops in B1 at each level"
    script:
        "../../scripts/draw_fig1_level_crops.py"


rule draw_fig2_cutmix:
    input:
        levels=get_level_folders,
        boxes=get_boxes,
        buckets=f"{D}/buckets/final.csv",
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        png=in_report(f"{D}/figures/fig2_cutmix.png", "Figures", "Fig. 2, multi-level cutmix"),
        pdf=f"{D}/figures/fig2_cutmix.pdf",
    log:
        f"{LOGS}/draw_fig2_cutmix.log",
    benchmark:
        f"{BENCHMARKS}/draw_fig2_cutmix.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        levels=LEVELS,
        code=get_code("paper"),
    message:
        "Draw Fig. 2, an image and its multi-level cutmix"
    script:
        "../../scripts/draw_fig2_cutmix.py"


rule draw_label_distribution:
    input:
        statistics=f"{D}/stats/labels.csv",
        initial=f"{D}/buckets/initial.csv",
        buckets=f"{D}/buckets/final.csv",
    output:
        png=in_report(f"{D}/figures/label_distribution.png", "Figures", "The long tail of labels"),
        pdf=f"{D}/figures/label_distribution.pdf",
    log:
        f"{LOGS}/draw_label_distribution.log",
    benchmark:
        f"{BENCHMARKS}/draw_label_distribution.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        code=get_code("paper"),
    message:
        "Draw the long tail of labels, and its buckets"
    script:
        "../../scripts/draw_label_distribution.py"


rule draw_training:
    input:
        histories=get_histories,
    output:
        png=in_report(f"{D}/figures/training.png", "Training", "Training losses"),
        pdf=f"{D}/figures/training.pdf",
    log:
        f"{LOGS}/draw_training.log",
    benchmark:
        f"{BENCHMARKS}/draw_training.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles_of_histories,
        experts=get_experts_of_table1,
        code=get_code("paper"),
    message:
        "Draw loss and rate of every network"
    script:
        "../../scripts/draw_training.py"


rule draw_mixing:
    input:
        histories=get_histories,
        statistics=f"{D}/stats/labels.csv",
        buckets=f"{D}/buckets/final.csv",
    output:
        png=in_report(f"{D}/figures/mixing.png", "Training", "What was mixed in"),
        pdf=f"{D}/figures/mixing.pdf",
    log:
        f"{LOGS}/draw_mixing.log",
    benchmark:
        f"{BENCHMARKS}/draw_mixing.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles_of_histories,
        code=get_code("paper"),
    message:
        "Draw how much evidence of each class the mixing added"
    script:
        "../../scripts/draw_mixing.py"


rule draw_per_class_iou:
    input:
        scores=get_scores(TABLE1),
        buckets=f"{D}/buckets/final.csv",
        statistics=f"{D}/stats/labels.csv",
    output:
        png=in_report(f"{D}/figures/per_class_iou.png", "Figures", "IoU of each class"),
        pdf=f"{D}/figures/per_class_iou.pdf",
    log:
        f"{LOGS}/draw_per_class_iou.log",
    benchmark:
        f"{BENCHMARKS}/draw_per_class_iou.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles(TABLE1),
        code=get_code("paper"),
    message:
        "Draw the IoU of each class with its interval"
    script:
        "../../scripts/draw_per_class_iou.py"


rule draw_qualitative:
    input:
        predictions=get_predictions(TABLE1, seeds=SEEDS[:1]),
        buckets=f"{D}/buckets/final.csv",
        manifest=f"{D}/manifest.csv",
        labels=LABELS,
    output:
        png=in_report(f"{D}/figures/qualitative.png", "Figures", "Predictions"),
        pdf=f"{D}/figures/qualitative.pdf",
    log:
        f"{LOGS}/draw_qualitative.log",
    benchmark:
        f"{BENCHMARKS}/draw_qualitative.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles(TABLE1),
        split=SPLIT,
        code=get_code("paper"),
    message:
        "Draw images, truth and predictions side by side"
    script:
        "../../scripts/draw_qualitative.py"


rule make_ablation:
    input:
        scores=get_scores(ABLATION),
        images=get_scores(ABLATION, suffix="npz"),
        buckets=f"{D}/buckets/final.csv",
    output:
        csv=f"{D}/tables/ablation.csv",
        md=f"{D}/tables/ablation.md",
        tex=f"{D}/tables/ablation.tex",
        html=in_report(f"{D}/tables/ablation.html", "Ablation", "Ablation, table"),
    log:
        f"{LOGS}/make_ablation.log",
    benchmark:
        f"{BENCHMARKS}/make_ablation.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        titles=get_titles(ABLATION),
        code=get_code("confusion", "metrics", "paper"),
    message:
        "Write the ablation table"
    script:
        "../../scripts/make_ablation.py"


rule draw_ablation:
    input:
        table=f"{D}/tables/ablation.csv",
    output:
        png=in_report(f"{D}/figures/ablation.png", "Ablation", "Ablation, figure"),
        pdf=f"{D}/figures/ablation.pdf",
    log:
        f"{LOGS}/draw_ablation.log",
    benchmark:
        f"{BENCHMARKS}/draw_ablation.tsv"
    conda:
        "../../envs/images.yaml"
    resources:
        mem_mb=get_memory(1000),
        runtime=30,
    params:
        code=get_code("paper"),
    message:
        "Draw the ablation"
    script:
        "../../scripts/draw_ablation.py"
