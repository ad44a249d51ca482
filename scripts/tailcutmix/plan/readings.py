"""Where a configuration departs from the report read literally: said under Table 1, whoever changed what.

docs/method.md lists the open points and their keys. A key that the report says nothing about, such as a rate, is no
departure.
"""

from collections.abc import Iterator, Sequence

from tailcutmix.plan.plan import Plan


def departures(plan: Plan) -> list[str]:
    """One clause per departure of the plan and of the rows of its Table 1, with the key that would undo it."""
    return [*_of_tail(plan), *_of_experts(plan), *_of_network(plan)]


def sentences(plan: Plan) -> list[str]:
    """The notes that a table of this plan's scores needs about its readings; none where there is nothing to say."""
    found, chosen = departures(plan), chosen_by_labels(plan)
    notes = []
    if found:
        notes.append(f"Departures from the report read literally: {'; '.join(found)}.")
    if chosen and plan.folds:
        by = "each image judged by networks trained without it"
        notes.append(f"{len(plan.folds)} folds of train decided {' and '.join(chosen)}, {by}.")
    elif chosen and plan.split == "val":
        notes.append(f"Val also decided {' and '.join(chosen)}: scores on it are a little too good.")
    notes += scored_images_seen(plan, plan.tables.table1)
    if plan.split != plan.evaluation.split:
        notes.append(f"The set has no {plan.evaluation.split} images: {plan.split} is scored.")
    if "val" not in plan.splits and not plan.folds:
        notes.append("The set has no val images: no class moves between buckets, and no scales or experts are chosen.")
    return notes


def scored_images_seen(plan: Plan, rows: Sequence[str]) -> list[str]:
    """The sentence about those rows for which images of the scored split were learned from; none where there is no."""
    seen = [row for row in rows
            if any(plan.split in plan.model(name).recipe.semi.unlabelled for name in plan.needed([row]))]  # fmt: skip
    titles = "; ".join(plan.method(row).title for row in seen)
    return [f"Also trained on the scored images, without their labels: {titles}."] if seen else []


def _of_tail(plan: Plan) -> Iterator[str]:
    buckets, regions = plan.buckets, plan.regions
    if buckets.tail is not None:
        yield "the tail is a fixed list (`buckets.tail`)"
    elif not buckets.rebucket:
        yield "no model's IoU moves classes between middle and tail (`buckets.rebucket`)"
    elif (buckets.poor, buckets.good, buckets.margin) != (None, None, 0):
        yield "poor and good are not the mean IoU over the classes (`buckets.poor`, `buckets.good`, `buckets.margin`)"
    if regions.min_area:
        yield f"regions below {regions.min_area} pixels are dropped (`regions.min_area`)"
    if regions.max_canvas_share is not None:
        yield (
            f"boxes above {regions.max_canvas_share:.0%} of the training crop are left out (`regions.max_canvas_share`)"
        )
    if regions.source != "components":
        yield f"regions come from the {regions.source}, not from connected components (`regions.source`)"
    if (regions.r, regions.s, regions.levels) != (type(regions).r, type(regions).s, (1, 2, 3)):
        yield "the levels are not 1, 2, 3 with r = 0.5, s = 1.1 (`regions`)"


def _of_experts(plan: Plan) -> Iterator[str]:
    rows = plan.tables.table1
    for name in plan.networks_of(rows) + plan.templates_of(rows):
        mixing = plan.models[name].recipe.mixing
        if mixing.name in ("level0", "levels", "all_levels") and mixing.probability < 1:
            yield f"{mixing.probability:.0%} of the samples of {name} are mixed, not all (`models.{name}.probability`)"
        if mixing.level_weights is not None:
            yield f"{name} does not draw uniformly over rectangles (`mixing.level_weights`)"
    for row in rows:
        ensemble = plan.ensembles.get(row)
        if ensemble is None:
            continue
        if ensemble.gate:
            yield f"{row} uses only experts that help on {plan.evidence} (`ensembles.{row}.gate`)"
        if plan.models[ensemble.experts].inference.prior_correction:
            yield f"the experts of {row} are corrected for the prior (`inference.prior_correction`)"
        if plan.models[ensemble.experts].recipe.mixing.name != "levels":
            yield f"the experts of {row} do not mix levels (`models.{ensemble.experts}.mixing`)"


def _of_network(plan: Plan) -> Iterator[str]:
    networks = [plan.models[name].recipe.network for name in plan.networks_of(plan.tables.table1)]
    hrnets = {network for network in networks if network.architecture == "hrnet"}
    if any(network.width != 48 or network.stages != 4 or network.blocks != 2 or network.detail for network in hrnets):
        yield "the networks are smaller HRNets than W48 (`training.width`, `stages`, `blocks`, `detail`)"
    for grid in sorted({network.fusion_grid for network in hrnets} - {"scale"}):
        yield f"scales are fused on the grid of the {grid}, not each at its own size (`training.fusion_grid`)"


def chosen_by_labels(plan: Plan) -> list[str]:
    """What was chosen by labels of val, or of the folds of train."""
    networks = [plan.models[name] for name in plan.networks_of(plan.tables.table1)]
    chosen = {
        "the move of classes between buckets": plan.rebuckets,
        "the scales of each class": any(model.inference.per_class_scales for model in networks),
        "the experts in use": any(plan.ensembles[row].gate for row in plan.tables.table1 if row in plan.ensembles),
    }
    return [what for what, so in chosen.items() if so]
