"""The plan in words: what will be trained, with which settings, on what, for how long, and what that costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tailcutmix.plan import cost
from tailcutmix.plan.models import Model
from tailcutmix.plan.plan import Plan

UNKNOWN = "?"


@dataclass(frozen=True)
class Images:
    """How many images there are per split, and their size in packed pixels; a size of 0 is not known yet.

    ``listed``: as the file lists have it, while the images are not there yet.
    """

    splits: Mapping[str, int]
    height: int = 0
    width: int = 0
    listed: bool = False

    @property
    def train(self) -> int:
        return self.splits.get("train", 0)


def describe(plan: Plan, images: Images, tail: Sequence[str] | None = None, known: str = "") -> str:
    """The whole plan as text for a terminal.

    Args:
        plan: the plan.
        images: what is known of the data.
        tail: names of the tail classes where they are known already, else None.
        known: where the tail classes were read, for the reader.
    """
    count = _assumed_tail(plan) if tail is None else len(tail)
    rows = _networks(plan, images, tail, count)
    return "\n".join(
        [*_data(plan, images), *_tail(plan, tail, known), "", *_table(rows), "", *_total(plan, images, count)]
    )


def outline(plan: Plan, images: Images, tail: Sequence[str] | None = None, known: str = "") -> str:
    """The plan without its networks: the data, the buckets, and what it costs. Arguments as of :func:`describe`."""
    count = _assumed_tail(plan) if tail is None else len(tail)
    return "\n".join([*_data(plan, images), *_tail(plan, tail, known), *_total(plan, images, count)])


def _data(plan: Plan, images: Images) -> list[str]:
    counts = ", ".join(f"{number} {split}" for split, number in images.splits.items()) or "not there yet"
    size = f", packed at {images.width}x{images.height}" if images.width else ""
    size += " (by the file lists; the images are not there yet)" if images.listed else ""
    return [
        f"data       {plan.dataset.source}: {counts}{size}; {plan.labels.num_classes} classes ({plan.dataset.labels})",
        f"results    {plan.files.results}/, scored on {plan.split}; seeds {', '.join(map(str, plan.seeds))}",
    ]


def _tail(plan: Plan, tail: Sequence[str] | None, known: str) -> list[str]:
    cuts = "tertiles by pixel share"
    if plan.buckets.cuts is not None:
        cuts = "{} head and {} middle classes by pixel share".format(*plan.buckets.cuts)
    where = f"in {len(plan.folds)} folds of train" if plan.folds else "on val"
    moved = f", then moved by the IoU of {plan.buckets.model} {where}" if plan.rebuckets else ""
    lines = [f"buckets    {cuts}{moved}"]
    if plan.folds:
        lines.append(f"folds      each network behind a choice is trained {len(plan.folds)} times more")
    if tail is not None:
        lines.append(f"tail       {', '.join(tail) or 'no class'} ({known})")
    else:
        lines.append(
            f"tail       known once the labels are counted; the {_assumed_tail(plan)} rarest classes are assumed"
        )
    return lines


def _assumed_tail(plan: Plan) -> int:
    """Classes in the tail before any moves."""
    classes = plan.labels.num_classes
    head_and_middle = 2 * classes // 3 if plan.buckets.cuts is None else sum(plan.buckets.cuts)
    return max(classes - head_and_middle, 0)


COLUMNS = (
    "network",
    "starts from",
    "kind",
    "crop",
    "batch",
    "epochs",
    "e",
    "steps",
    "rate",
    "mixing",
    "operations",
    "on",
)


def _networks(plan: Plan, images: Images, tail: Sequence[str] | None, count: int) -> list[tuple[str, ...]]:
    """One row per network that Table 1 and the ablation need; a template's experts share one."""
    rows = []
    for name in _needed(plan):
        model = plan.model(name).for_tail(count)
        times = f"-<class> x {count}" if name in plan.templates() else ""
        rows.append((name + times, *_row(model, images)))
    for name, expert in plan.experts.items():
        template = name.removesuffix(f"-{expert.expert_of}")
        differs = expert.recipe != plan.models[template].recipe
        if differs and (tail is None or plan.labels.class_of(expert.expert_of or "").name in tail):
            rows.append((name, *_row(expert, images)))
    for name in plan.folded(_rows(plan)):  # folds differ by an image at most
        model = plan.model(name + plan.folds[0].mark).for_tail(count)
        times = f"{count} x {len(plan.folds)}" if name in plan.templates() else str(len(plan.folds))
        kind = f"{name}-<class>" if name in plan.templates() else name
        rows.append((f"{kind}@fold<i> x {times}", *_row(model, images)))
    return rows


def _rows(plan: Plan) -> tuple[str, ...]:
    """The rows of Table 1 and of the ablation, each once."""
    return tuple(dict.fromkeys(plan.tables.table1 + plan.tables.ablation))


def _needed(plan: Plan) -> list[str]:
    """Networks, then templates, of everything that Table 1 and the ablation need."""
    return sorted(_trained_for(plan, _rows(plan)), key=lambda name: name in plan.templates())


def _trained_for(plan: Plan, rows: Sequence[str]) -> list[str]:
    """What is trained for these rows, and for the buckets."""
    return plan.needed([*([plan.buckets.model] if plan.rebuckets else []), *rows])


def _row(model: Model, images: Images) -> tuple[str, ...]:
    network, training = model.recipe.network, model.recipe.training
    attention = "" if network.attention == "none" else f", {network.attention}"
    steps = f"{cost.training_steps(model, images.train):,}" if images.train else UNKNOWN
    operations = _operations(cost.training_operations(model, images.train)) if images.train else UNKNOWN
    job = model.training_job
    where = f"{job.gpus} GPU" if job.gpus else f"CPU, {job.threads} thread{'s' * (job.threads > 1)}"
    mixing = [model.recipe.mixing.name, ",".join(map(str, model.recipe.mixing.levels))]
    if training.sampling != "images":
        mixing.append(f"sampled by {training.sampling}")
    if training.loss != "cross_entropy":
        mixing.append(f"loss {training.loss}")
    if training.class_weights != "none":
        mixing.append(f"weights {training.class_weights}")
    if model.recipe.semi.unlabelled:
        mixing.append(f"unlabelled {','.join(model.recipe.semi.unlabelled)}")
    if model.labels_from:
        mixing.append(f"labels from {model.labels_from}")
    return (
        model.init or "scratch",
        f"{network.architecture} {network.width}{attention}",
        "x".join(map(str, training.crop)),
        str(training.batch),
        f"{training.epochs:g}",
        f"{training.expand:g}",
        steps,
        f"{training.optimizer} {training.lr:g}",
        " ".join(filter(None, mixing)),
        operations,
        where,
    )


def _operations(multiplications: float) -> str:
    """Floating point operations, two per multiplication, in the unit that suits."""
    units = {"EFLOP": 1e18, "PFLOP": 1e15, "TFLOP": 1e12}
    unit = next((name for name, size in units.items() if 2 * multiplications >= size), "TFLOP")
    return f"{2 * multiplications / units[unit]:.3g} {unit}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    lines = [COLUMNS, tuple("-" * width for width in widths), *rows]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _total(plan: Plan, images: Images, count: int) -> list[str]:
    """Sums over Table 1 and over the ablation, for all seeds."""
    if not images.train:
        return ["The cost is known once the images are there."]
    lines = []
    for title, rows in (("Table 1", plan.tables.table1), ("ablation", plan.tables.ablation)):
        if not rows:
            continue
        names = _trained_for(plan, rows)
        names += [name + fold.mark for name in plan.folded(rows) for fold in plan.folds]
        templates = plan.templates()
        trainings = [
            (plan.model(name).for_tail(count), count if name.partition("@")[0] in templates else 1) for name in names
        ]
        number = len(plan.seeds) * sum(times for _, times in trainings)
        steps = len(plan.seeds) * sum(times * cost.training_steps(model, images.train) for model, times in trainings)
        operations = len(plan.seeds) * sum(n * cost.training_operations(m, images.train) for m, n in trainings)
        hours = len(plan.seeds) * sum(n * cost.uninterrupted_minutes(m, images.train) for m, n in trainings) / 60
        memory = max(cost.training_memory(model, _shape(model, images)) for model, _ in trainings)
        lines.append(
            f"{title:<10} {number} trainings, {steps:,} steps, {_operations(operations)}; "
            f"at most {hours:.3g} hours one after the other, {memory / 1000:.1f} GB of memory"
        )
        on_gpus = [(model, times) for model, times in trainings if model.training_job.gpus]
        if on_gpus:
            lines.append(" " * 11 + _on_gpus(plan, on_gpus, images))
    return [
        *lines,
        "Bounds are for slow machines: 10 GFLOP/s per CPU thread, 10 TFLOP/s per GPU, ten minutes per start.",
    ]


def _shape(model: Model, images: Images) -> cost.Shape:
    """Of all packed images that a training holds, with labels and without."""
    held = images.train + sum(images.splits.get(split, 0) for split in model.recipe.semi.beside_train)
    return held, images.height or 1, images.width or 1


def _on_gpus(plan: Plan, trainings: Sequence[tuple[Model, int]], images: Images) -> str:
    """GPU hours of these trainings, for all seeds, and the memory of the GPU that needs most."""
    operations = 2 * len(plan.seeds) * sum(n * cost.training_operations(m, images.train) for m, n in trainings)
    slow, fast = cost.GPU_SPEEDS
    limit = plan.engine.data_device_gb
    memory = max(cost.gpu_memory(model, _shape(model, images), limit) for model, _ in trainings)
    return (
        f"{operations / fast / 3600:.3g} to {operations / slow / 3600:.3g} GPU hours "
        f"at {fast / 1e12:.0f} to {slow / 1e12:.0f} TFLOP/s, {memory / 1000:.1f} GB of a GPU's memory"
    )
