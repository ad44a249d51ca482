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
from tailcutmix.labels import read_labels
from tailcutmix.paper.artefacts import ARTEFACTS, FORMATS
from tailcutmix.resources import (
    inference_memory,
    inference_minutes,
    packed_shape,
    training_memory,
    training_minutes,
)

try:
    check(config, ROOT / "workflow/schemas/config.schema.yaml")
    LABEL_TABLE = read_labels(config["dataset"]["labels"])
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


# --- tables and figures ---------------------------------------------------------------------------------------------


def get_method(name):
    """Title, short title and class of an expert (or None) of a row of a table, or of a network behind one."""
    template = None if name in ENSEMBLES else template_of(config, name)
    if template is not None:
        known = LABEL_TABLE.class_of(name.removeprefix(f"{template}-")).name
        return [f"{template.upper()} expert {known}", known, known]
    entry = ENSEMBLES[name] if name in ENSEMBLES else config["models"][name]
    title = entry.get("title", name)
    return [title, entry.get("short", title.partition(",")[0]), None]


def get_networks(rows, classes):
    """The trained networks behind the rows of a table, and the experts of these classes behind its ensembles."""
    ensembles = [ENSEMBLES[row] for row in rows if row in ENSEMBLES]
    bases = [ENSEMBLES[row]["base"] if row in ENSEMBLES else row for row in rows]
    networks = [model_settings(config, base).get("weights", base) for base in bases]
    networks += [f"{ensemble['experts']}-{get_slug(name)}" for ensemble in ensembles for name in classes]
    return list(dict.fromkeys(networks))


def get_group(group, rows, classes):
    """The files of a group that artefacts name; a list is a dict, path -> whose it is, given the tail's classes."""
    metrics = f"{D}/metrics/{{}}/seed{{}}/{SPLIT}"
    of_methods = {
        "scores": (f"{metrics}.json", rows, SEEDS),
        "image_statistics": (f"{metrics}.npz", rows, SEEDS),
        "claims": (f"{D}/{{}}/seed{{}}/{SPLIT}_claims.csv", [row for row in rows if row in ENSEMBLES], SEEDS),
        "histories": (f"{D}/models/{{}}/seed{{}}/history.csv", get_networks(rows, classes), SEEDS),
        "predictions": (f"{D}/predictions/{{}}/seed{{}}/{SPLIT}", rows, SEEDS[:1]),
    }
    of_classes = {
        "boxes": (f"{D}/subsets/{{}}/boxes.csv", [0]),
        "levels": (f"{D}/subsets/{{}}/level{{}}", LEVELS),
    }
    if group in of_methods:
        path, methods, seeds = of_methods[group]
        return {path.format(name, seed): {"method": name, "seed": seed} for name in methods for seed in seeds}
    if group in of_classes:
        path, levels = of_classes[group]
        return {
            path.format(get_slug(name), level): {"class_name": name, "level": level}
            for name in classes
            for level in levels
        }
    return {
        "buckets": f"{D}/buckets/final.csv",
        "initial_buckets": f"{D}/buckets/initial.csv",
        "statistics": f"{D}/stats/labels.csv",
        "manifest": f"{D}/manifest.csv",
        "labels": LABELS,
        "images": f"{D}/packed/train/images.npy",
        "truth": f"{D}/packed/train/labels.npy",
        "index": f"{D}/packed/train/index.csv",
        "ablation": f"{D}/tables/ablation.csv",
    }[group]


def artefact_inputs(artefact):
    """The input files of an artefact by group; those of the tail's classes are known once the checkpoint has run."""
    rows = config["tables"][artefact.rows]

    def files(group, classes):
        found = get_group(group, rows, classes)
        return list(found) if isinstance(found, dict) else found

    def of_tail(group):
        return lambda wildcards: files(group, get_tail(wildcards))

    tail = ("histories", "boxes", "levels")
    return {group: of_tail(group) if group in tail else files(group, ()) for group in artefact.inputs}


def artefact_params(artefact):
    """What an artefact's material is beside its files, and whose each file of its lists is: see Material and gather.

    Nothing here waits for the checkpoint: files of every class are described, whether or not it is in the tail.
    """
    rows, classes = config["tables"][artefact.rows], LABEL_TABLE.class_names
    groups = [get_group(group, rows, classes) for group in artefact.inputs]
    holds = {path: whose for group in groups if isinstance(group, dict) for path, whose in group.items()}
    known = {"reference": "m0", "split": SPLIT, "pairs": config["tables"]["differences"]}
    params = {"module": artefact.module, "holds": holds} | {key: known[key] for key in artefact.settings}
    methods = dict.fromkeys(whose["method"] for whose in holds.values() if "method" in whose)
    if methods:
        params["rows"] = rows
    names = [*methods, *(rows if methods else []), *(["m0"] if "reference" in artefact.settings else [])]
    return params | {"methods": {name: get_method(name) for name in names}}


def artefact_outputs(artefact):
    """The files of an artefact by suffix; the report shows one of them under the title, with its caption."""
    stem = f"{D}/{artefact.kind}s/{artefact.name}"
    files = {suffix: f"{stem}.{suffix}" for suffix in FORMATS[artefact.kind]}
    files[artefact.shown] = report(
        files[artefact.shown],
        caption=f"../report/{artefact.name}.rst",
        category=artefact.category,
        labels={"result": artefact.title},
    )
    return files


def get_artefact_files(rows):
    """One file of every artefact about these rows; what reads claims is made where there is an ensemble."""
    ensembles = any(row in ENSEMBLES for row in config["tables"][rows])
    wanted = [artefact for artefact in ARTEFACTS if artefact.rows == rows]
    wanted = [artefact for artefact in wanted if ensembles or "claims" not in artefact.inputs]
    return [f"{D}/{artefact.kind}s/{artefact.name}.{FORMATS[artefact.kind][0]}" for artefact in wanted]
