"""The pages of a run: what each shows, and which files it reads. Snakemake reads this at every start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tailcutmix.paper.artefacts import Artefact
from tailcutmix.paper.inputs import artefact_outputs, wanted
from tailcutmix.plan import readings
from tailcutmix.plan.plan import Plan
from tailcutmix.plan.settings.keys import plain

OfWorkflow = Callable[[str], str]

TEMPLATE = {name: f"workflow/page/{name}" for name in ("page.html", "style.css", "script.js")}
"""What the pages are drawn with."""

ENVIRONMENTS = ("envs/images.yaml", "envs/torch.yaml")
"""Where the versions of libraries stand that the environment of the record does not hold."""


@dataclass(frozen=True)
class Page:
    """One page of a run, ``results/<data set>/<name>.html``.

    Attributes:
        name: of the file.
        rows: the tables of the configuration whose tables and figures it shows; none for a run that has only looked
            at the data so far.
    """

    name: str
    rows: tuple[str, ...]


PAGES = (Page("index", ("table1",)), Page("ablation", ("table1", "ablation")), Page("data", ()))


def artefacts_of(plan: Plan, page: Page) -> list[Artefact]:
    """The tables and figures of a page."""
    return [artefact for rows in page.rows for artefact in wanted(plan, rows)]


def kept_files(plan: Plan, page: Page, *suffixes: str) -> list[str]:
    """The files of a page's tables and figures: by default numbers of the tables, pictures of the figures."""
    wanted_suffixes = suffixes or ("csv", "png")
    outputs = [artefact_outputs(plan, artefact) for artefact in artefacts_of(plan, page)]
    return [files[suffix] for files in outputs for suffix in wanted_suffixes if suffix in files]


def in_ablation(plan: Plan) -> list[str]:
    """The page with the ablation, which also shows Table 1, where that takes no method beyond those of the ablation."""
    return [plan.files.page("ablation")] if set(plan.tables.table1) <= set(plan.tables.ablation) else []


def record_inputs(plan: Plan, page: Page, of_workflow: OfWorkflow) -> dict[str, Any]:
    """What the record of a run names with checksums, and what it therefore comes after; see :func:`page_inputs`."""
    results = kept_files(plan, page) or [plan.files.initial_buckets]
    return {
        "manifest": plan.files.manifest,
        "labels": plan.dataset.labels,
        "results": results,
        "environments": [of_workflow(path) for path in ENVIRONMENTS],
    }


def page_inputs(plan: Plan, page: Page, of_workflow: OfWorkflow) -> dict[str, Any]:
    """The files that a page is made of, by group; methods in the order of Table 1, with the first seed.

    Args:
        of_workflow: gives the path of a file of the workflow itself, which need not lie in the working folder.
    """
    files, seed = plan.files, plan.seeds[0]
    found: dict[str, Any] = {
        "template": [of_workflow(path) for path in TEMPLATE.values()],
        "record": files.record(page.name),
        "labels": plan.dataset.labels,
        "manifest": files.manifest,
        "raw": plan.raw,
        "statistics": files.statistics,
        "buckets": files.buckets if page.rows else files.initial_buckets,
    }
    if page.rows:
        artefacts, rows = artefacts_of(plan, page), plan.tables.table1
        found["shown"] = [artefact_outputs(plan, artefact)[artefact.shown] for artefact in artefacts]
        found["captions"] = [of_workflow(f"workflow/report/{artefact.name}.rst") for artefact in artefacts]
        found["numbers"] = [files.table(name)["csv"] for name in ("table1", "differences") if _has(artefacts, name)]
        found["predictions"] = [files.predictions(name, seed, plan.split) for name in rows]
        found["image_statistics"] = [files.image_statistics(name, seed, plan.split) for name in rows]
    return found


def page_params(plan: Plan, page: Page) -> dict[str, Any]:
    """What a page says beside its files."""
    rows = plan.tables.table1
    methods = [(name, plan.method(name)) for name in rows]
    return {
        "page": page.name,
        "dataset": plan.dataset.name,
        "split": plan.split,
        "seeds": list(plan.seeds),
        "methods": [[name, method.title, method.short] for name, method in methods] if page.rows else [],
        "reference": plan.buckets.model if plan.buckets.model in rows else rows[0],
        "readings": readings.sentences(plan) if page.rows else [],
        "regions": plain(plan.regions),
        "moves": plan.rebuckets and bool(page.rows),
        "artefacts": [[a.name, a.kind, a.title, a.category] for a in artefacts_of(plan, page)],
    }


def _has(artefacts: list[Artefact], name: str) -> bool:
    return any((artefact.name, artefact.kind) == (name, "table") for artefact in artefacts)
