"""Rows of Table 1 whose method does nothing: their numbers are those of another row, and must not pass for its own."""

from collections.abc import Sequence

from tailcutmix.errors import UserError
from tailcutmix.labels import Label
from tailcutmix.plan.models import Ensemble
from tailcutmix.plan.plan import Plan
from tailcutmix.plan.settings.recipe import Mixing
from tailcutmix.plan.settings.tail import EMPTY_TAIL
from tailcutmix.plan.validation import OF_ONE_CLASS

CURE = "or allow it by tables.allow_idle: true"


def idle_rows(plan: Plan) -> dict[str, str]:
    """Row -> why its method does nothing, for what the configuration alone says."""
    found = {}
    for row in plan.tables.table1:
        method = plan.method(row)
        template = plan.models[method.experts] if isinstance(method, Ensemble) else method
        why = _idle(template.recipe.mixing)
        if plan.buckets.tail == () and row in rows_of_tail(plan):
            why = EMPTY_TAIL
        if why:
            found[row] = why
    return found


def rows_of_tail(plan: Plan) -> list[str]:
    """The rows whose method does nothing where no class is in the tail."""
    return [row for row in plan.tables.table1
            if row in plan.ensembles or plan.model(row).recipe.mixing.name in OF_ONE_CLASS]  # fmt: skip


def check_idle(plan: Plan) -> None:
    """Raise a UserError where the configuration alone makes a method of Table 1 do nothing, and no key allows it."""
    if plan.tables.allow_idle:
        return
    for row, why in idle_rows(plan).items():
        raise UserError(f"config: tables.table1: {row} would do nothing: {why}; change that, take the row out, {CURE}")


def check_tail(tail: Sequence[Label], plan: Plan) -> None:
    """Raise a UserError where no class is in the tail, though a row needs one, and no key allows it."""
    rows = [] if plan.tables.allow_idle else rows_of_tail(plan)
    if rows and not tail:
        raise UserError(
            f"{EMPTY_TAIL}, so {' and '.join(rows)} of Table 1 would do nothing; set buckets.cuts: null (tertiles), "
            f"buckets.poor: null and good: 1.0 (no class leaves the tail), or name classes by buckets.tail; {CURE}"
        )


def _idle(mixing: Mixing) -> str:
    if mixing.name == "none":
        return ""
    if mixing.probability == 0:
        return "its probability of mixing is 0"
    return ""
