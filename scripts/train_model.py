"""Packed images, and what the model mixes in -> final weights and the history of the run."""

from pathlib import Path

from tailcutmix.plan.folds import Fold
from tailcutmix.plan.settings.jobs import Engine, Resources
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.rule_script import job
from tailcutmix.training.job import TrainingInputs, TrainingJob, TrainingOutputs, run_training

with job(snakemake, terminal=True):
    run_training(
        TrainingJob(
            inputs=typed(TrainingInputs, dict(snakemake.input.items())),
            outputs=typed(TrainingOutputs, {**dict(snakemake.output.items()), "running": snakemake.params.running}),
            recipe=typed(Recipe, snakemake.params.recipe),
            engine=typed(Engine, snakemake.config.get("engine", {})),
            seed=int(snakemake.wildcards.seed),
            expert_of=snakemake.params.expert_of,
            fold=typed(Fold, snakemake.params.fold) if snakemake.params.fold else None,
            resources=Resources(gpus=snakemake.resources.gpu, threads=snakemake.threads),
            code=snakemake.params.code,
            log=Path(str(snakemake.log)),
        )
    )
