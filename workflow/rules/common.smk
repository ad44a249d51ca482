# The only Python of the workflow: reading the configuration, and input functions called get_*.
import csv
import hashlib
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "scripts"))

from tailcutmix.configuration import check, model_settings, template_of, training_settings
from tailcutmix.errors import UserError
from tailcutmix.resources import (
    inference_memory,
    inference_minutes,
    packed_shape,
    training_memory,
    training_minutes,
)

try:
    check(config, ROOT / "workflow/schemas/config.schema.yaml")
except UserError as error:
    raise WorkflowError(str(error)) from None

DATASET = config["dataset"]["name"]
D = f"results/{DATASET}"
LOGS = f"logs/{DATASET}"
BENCHMARKS = f"benchmarks/{DATASET}"

LABELS = config["dataset"]["labels"]
SPLITS = ["train", "val", "test"]
SPLIT = config["evaluation"]["split"]  # the split that the tables score
LEVELS = config["regions"]["levels"]
SEEDS = config["seeds"]
ENSEMBLES = config["ensembles"]
TABLE1 = config["tables"]["table1"]
ABLATION = config["tables"]["ablation"]
FIXED_TAIL = config["buckets"]["tail"]
REBUCKET = config["buckets"]["rebucket"] and FIXED_TAIL is None

os.environ.setdefault("PYTHONHASHSEED", "0")


def get_code(*packages):
    """Digest of the library packages (or modules) that a script runs; a change there, and only there, reruns it."""
    files = [ROOT / "scripts/tailcutmix/labels.py"]
    for package in packages:
        path = ROOT / "scripts/tailcutmix" / package
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def get_slug(name):
    return name.replace(" ", "_")


def get_tail(wildcards):
    """Tail classes, most frequent first: the fixed list of the config, or what the checkpoint found."""
    if FIXED_TAIL is not None:
        return FIXED_TAIL
    with open(checkpoints.rebucket.get().output.final, newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["bucket"] == "tail"]
    return [row["class"] for row in sorted(rows, key=lambda row: -float(row["share"]))]


def get_experts(template):
    """Input function's helper: the expert models of a template, one a tail class."""
    return lambda wildcards: [f"{template}-{get_slug(name)}" for name in get_tail(wildcards)]


# --- which model reads which file -----------------------------------------------------------------------------------


def get_weights(model, seed):
    """Final weights of a model, or of the model whose weights it shares."""
    name = model_settings(config, model).get("weights", model)
    return f"{D}/models/{name}/seed{seed}/model.safetensors"


def get_class_of_expert(wildcards):
    """The class of the expert ``<template>-<class>``, as it stands in paths; None for any other model."""
    template = template_of(config, wildcards.model)
    return wildcards.model.removeprefix(f"{template}-") if template else None


def get_training_inputs(wildcards):
    """What a network is trained on besides the packed images: tail list, B1 of an expert's class, first weights."""
    settings = model_settings(config, wildcards.model)
    files = {}
    if settings["mixing"] == "level0":
        files["buckets"] = f"{D}/buckets/final.csv"
    if settings["mixing"] == "levels":
        files["boxes"] = f"{D}/subsets/{get_class_of_expert(wildcards)}/boxes.csv"
    if "init" in settings:
        files["init"] = get_weights(settings["init"], wildcards.seed)
    return files


def get_training_settings(wildcards):
    return training_settings(config, wildcards.model)


def get_prediction_settings(wildcards):
    settings = model_settings(config, wildcards.model)
    network = ("architecture", "width", "head_channels", "attention", "training_scales", "input_scale")
    inference = ("scales", "flip", "batch")
    return {key: settings[key] for key in network if key in settings} | {
        key: settings["inference"][key] for key in inference
    }


def get_scales(wildcards):
    """The table of per-class scales that a model predicts with; an expert uses that of the model it started from."""
    settings = model_settings(config, wildcards.model)
    if not settings["inference"]["per_class_scales"]:
        return []
    shared = "init" if template_of(config, wildcards.model) else "weights"
    source = settings.get(shared, wildcards.model)
    return f"{D}/scales/{source}/seed{wildcards.seed}.csv"


def get_ensemble_inputs(wildcards):
    ensemble = ENSEMBLES[wildcards.ensemble]
    folder = f"{D}/predictions/{{}}/seed{wildcards.seed}/{wildcards.split}".format
    return {
        "base": folder(ensemble["base"]),
        "experts": [folder(model) for model in get_experts(ensemble["experts"])(wildcards)],
    }


# --- resources ------------------------------------------------------------------------------------------------------


def get_setting(key, default=None):
    return lambda wildcards: model_settings(config, wildcards.model).get(key, default)


def get_memory(megabytes):
    """Memory of a job without a network; a retry asks for more."""
    return lambda wildcards, attempt: megabytes * attempt


def get_training_memory(wildcards, input, attempt):
    """Host memory in MB; <TBD> in a dry run until the images are packed. A retry asks for more."""
    settings = model_settings(config, wildcards.model)
    return (settings.get("mem_mb") or training_memory(settings, packed_shape(input.images))) * attempt


def get_training_runtime(wildcards, input):
    """Minutes after which a scheduler may end the job; its retry goes on from the running checkpoint."""
    settings = model_settings(config, wildcards.model)
    return settings.get("runtime") or training_minutes(settings, packed_shape(input.images))


def get_inference_memory(wildcards, input, attempt):
    settings = model_settings(config, wildcards.model)
    fixed = settings["inference"].get("mem_mb")
    return (fixed or inference_memory(settings, packed_shape(input.images))) * attempt


def get_inference_runtime(wildcards, input, attempt):
    settings = model_settings(config, wildcards.model)
    fixed = settings["inference"].get("runtime")
    return (fixed or inference_minutes(settings, packed_shape(input.images))) * attempt


def in_report(path, category, title):
    """A result that the HTML report shows under a title, with the caption that bears the file's name."""
    return report(path, caption=f"../report/{Path(path).stem}.rst", category=category, labels={"result": title})


# --- target files ---------------------------------------------------------------------------------------------------


def get_scores(methods, split=SPLIT, suffix="json"):
    return expand(f"{D}/metrics/{{method}}/seed{{seed}}/{split}.{suffix}", method=methods, seed=SEEDS)


def get_predictions(methods, split=SPLIT, seeds=SEEDS):
    return expand(f"{D}/predictions/{{method}}/seed{{seed}}/{split}", method=methods, seed=seeds)


def get_claims(rows):
    """The claims of the ensembles among the rows, seed by seed."""
    ensembles = [row for row in rows if row in ENSEMBLES]
    return expand(f"{D}/{{ensemble}}/seed{{seed}}/{SPLIT}_claims.csv", ensemble=ensembles, seed=SEEDS)


def get_experts_of_table1(wildcards):
    names = dict.fromkeys(ENSEMBLES[row]["experts"] for row in TABLE1 if row in ENSEMBLES)
    return [model for template in names for model in get_experts(template)(wildcards)]


def get_networks_of_table1():
    """The networks behind the rows of Table 1, experts left out."""
    rows = [ENSEMBLES[row]["base"] if row in ENSEMBLES else row for row in TABLE1]
    return list(dict.fromkeys(model_settings(config, row).get("weights", row) for row in rows))


def get_histories(wildcards):
    """The histories of every network behind Table 1: its rows, and the experts of its ensembles."""
    models = get_networks_of_table1() + get_experts_of_table1(wildcards)
    return expand(f"{D}/models/{{model}}/seed{{seed}}/history.csv", model=models, seed=SEEDS)


def get_titles_of_histories(wildcards):
    titles = get_titles(get_networks_of_table1())
    for model in get_experts_of_table1(wildcards):
        template = template_of(config, model)
        name = model.removeprefix(f"{template}-").replace("_", " ")
        titles[model] = f"{template.upper()} expert {name}"
    return titles


def get_level_folders(wildcards):
    return expand(f"{D}/subsets/{{slug}}/level{{level}}", slug=map(get_slug, get_tail(wildcards)), level=LEVELS)


def get_boxes(wildcards):
    return expand(f"{D}/subsets/{{slug}}/boxes.csv", slug=map(get_slug, get_tail(wildcards)))


def get_titles(rows):
    """Row name -> what the reader sees, in the order of the rows."""
    return {row: (ENSEMBLES[row] if row in ENSEMBLES else config["models"][row]).get("title", row) for row in rows}


TABLES = ["table1", "differences", "per_class"] + ["claims"] * any(row in ENSEMBLES for row in TABLE1)
FIGURES = [
    "fig1_level_crops",
    "fig2_cutmix",
    "label_distribution",
    "training",
    "mixing",
    "per_class_iou",
    "qualitative",
]


def get_paper_files():
    return expand(f"{D}/tables/{{table}}.csv", table=TABLES) + expand(f"{D}/figures/{{figure}}.png", figure=FIGURES)


def get_ablation_files():
    return [f"{D}/tables/ablation.csv", f"{D}/figures/ablation.png"]
