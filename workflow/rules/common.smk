# The only Python of the workflow: the plan is read, and what the rules ask it is put into the words of Snakemake.
import atexit
import os
import shutil
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import IncompleteCheckpointException, WorkflowError

ROOT = Path(str(workflow.current_basedir)).parents[1]  # of this workflow, which may be a module of another
if not (ROOT / "scripts/tailcutmix").is_dir():
    raise WorkflowError(
        f"no library beside the rules ({ROOT}/scripts): clone the repository, and name the Snakefile of the clone"
    )
if len(sys.executable.split()) != 1:
    raise WorkflowError(f"Snakemake cannot start scripts by {sys.executable}, whose path has a space: move it")
sys.path.insert(0, str(ROOT / "scripts"))

from tailcutmix.errors import UserError
from tailcutmix.paper import inputs as paper
from tailcutmix.paper.artefacts import ARTEFACTS
from tailcutmix.paper.page import inputs as pages
from tailcutmix.paper.page.inputs import PAGES
from tailcutmix.plan import code, cost, idle, inputs, watch
from tailcutmix.plan.plan import read_plan
from tailcutmix.plan.settings.keys import plain
from tailcutmix.tail.bucket_table import read_tail

try:
    plan = read_plan(config)
    idle.check_idle(plan)
except UserError as error:
    raise WorkflowError(str(error)) from None

files = plan.files
scripts = code.Code(ROOT / "scripts")
code.recall(Path(".snakemake/code.json"))
atexit.register(code.remember, Path(".snakemake/code.json"))
os.environ.setdefault("PYTHONHASHSEED", "0")
# glibc's allocator otherwise gives every large tensor back to the system at once, and takes it again in small pages.
os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))


def of_workflow(path):
    """A file of this workflow; relative where it is run in its own folder, so that a moved folder reruns nothing."""
    return path if Path.cwd() == ROOT else str(ROOT / path)


@cache
def code_of(script, *modules):
    """Digest of a script and all that it imports: what they mean, not how they are written, and a parameter of each rule."""
    return scripts.digest(script, *modules)


def get_tail():
    """The tail classes: those that the configuration lists, or what the checkpoint found."""
    if plan.fixed_tail is not None:
        return plan.fixed_tail
    tail = read_tail(checkpoints.rebucket.get().output.final, plan.labels)
    try:
        idle.check_tail(tail, plan)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return tail


def get_raw_state(wildcards):
    """Digest of the raw files by their names, sizes and times; drawn ones are a result, which Snakemake watches itself."""
    name, unlabelled = plan.dataset.name, plan.dataset.unlabelled
    folders = {f"{name}.json": plan.dataset.root if not plan.raw else "", f"{name}.unlabelled.json": unlabelled}
    return "".join(
        watch.state_of(folder, files.manifest, Path(".snakemake/raw") / memory)
        for memory, folder in folders.items()
        if folder
    )


def get_model(wildcards):
    return plan.model(wildcards.model)


def get_trained(wildcards):
    """A network as it is trained, which may depend on how many classes are in the tail; asked again once that is known."""
    try:
        return plan.to_train(wildcards.model, get_tail)
    except IncompleteCheckpointException:
        return get_model(wildcards)


def get_network_module(wildcards):
    """The module of a network's architecture, which prediction imports by name."""
    return f"tailcutmix.models.architectures.{get_model(wildcards).recipe.network.architecture}"


def in_megabytes(megabytes):
    """Memory of a job without a network; a retry asks for more."""
    return lambda wildcards, attempt: megabytes * attempt


def get_longest(wildcards):
    """A network as it is trained at most: Snakemake asks for a job's resources before the tail is known."""
    return get_model(wildcards).for_tail(plan.labels.num_classes)


def get_shape(input):
    """Number and size of the packed images; 1 for a job that waits for the tail, and has no inputs until then."""
    return cost.packed_shape(input.images) if input.get("images") else (1, 1, 1)


def get_held_shape(input):
    """The same, unlabelled images among them."""
    images, height, width = get_shape(input)
    return images + sum(cost.packed_shape(path)[0] for path in input.get("unlabelled_images", [])), height, width


def memory_for(estimate):
    """Memory of a job with a network; <TBD> in a dry run until the images are packed. A retry asks for more."""
    return lambda wildcards, input, attempt: attempt * estimate(get_longest(wildcards), get_held_shape(input))


def minutes_for(estimate):
    """Minutes after which a scheduler may end the job."""
    return lambda wildcards, input: estimate(get_longest(wildcards), get_shape(input))


def get_artefact_inputs(artefact):
    """The inputs of a table or figure by group; those of the tail's classes are known once the checkpoint has run."""

    def of_tail(group):
        return lambda wildcards: paper.artefact_inputs(plan, artefact, get_tail())[group]

    known = paper.artefact_inputs(plan, artefact)
    return {group: of_tail(group) if group in paper.OF_TAIL else paths for group, paths in known.items()}


def in_report(artefact):
    """The outputs of a table or figure by suffix; the report shows one of them under its title, with its caption."""
    outputs = paper.artefact_outputs(plan, artefact)
    caption = f"../report/{artefact.name}.rst"
    labels = {"result": artefact.title}
    outputs[artefact.shown] = report(outputs[artefact.shown], caption, category=artefact.category, labels=labels)
    return outputs


def get_targets(rows):
    """One file of every table and figure about these rows."""
    return [next(iter(paper.artefact_outputs(plan, artefact).values())) for artefact in paper.wanted(plan, rows)]


def check_scheduler():
    """Refuse to begin where Slurm's commands are missing: its executor would wait for them for ever."""
    missing = [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
    if workflow.executor_plugin.name == "slurm" and missing:
        raise WorkflowError(
            f"no {', '.join(missing)} on the path: start profiles/slurm on a machine that submits to Slurm"
        )
