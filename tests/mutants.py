"""Do the tests notice? Single lines of the method's code are changed, one at a time, and the tests must fail each time.

    python tests/mutants.py                 all mutants (make mutants); about half an hour on one idle core
    python tests/mutants.py levels order    those of these modules
    python tests/mutants.py --list

Each mutant is put into a copy of the library, and the fast tests of its package run there until one fails. The test
that compares batches with recorded digests is left out: it would notice any change, and say of none what is wrong. Not
part of CI. A line that has changed since is reported, and its mutant is to be written anew.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = Path("scripts/tailcutmix")
TESTS = {
    "mixing": ("distributions", "levels", "level0", "windows", "contrasts", "sampler", "sampling"),
    "tail": ("subsets", "buckets"),
    "prediction": ("", "ensemble", "gate"),
    "metrics": ("", "bootstrap"),
}
"""The fast tests of each package: ``tests/test_<package>_<name>.py``."""
LEFT_OUT = "not published_networks and not processes"
PATIENCE = 20
"""A mutant under which the tests run so many times as long is in an endless loop: they have noticed."""
WANTED = 0.95


@dataclass(frozen=True)
class Mutant:
    """A line of ``module`` (a path under the library, without .py) in which ``old`` becomes ``new``.

    ``equivalent``: why no test can notice, where none can.
    """

    module: str
    old: str
    new: str
    equivalent: str = ""

    def __str__(self) -> str:
        return f"{self.module}: {self.old}  ->  {self.new}"

    def apply(self, root: Path) -> None:
        """Change the line under ``root``."""
        path = (root / LIBRARY / self.module).with_suffix(".py")
        lines = path.read_text().split("\n")
        (place,) = self.places(root)
        lines[place] = lines[place].replace(self.old, self.new)
        path.write_text("\n".join(lines))

    def places(self, root: Path) -> list[int]:
        """Numbers of the lines under ``root`` that it would change, which should be one."""
        lines = (root / LIBRARY / self.module).with_suffix(".py").read_text().split("\n")
        return [number for number, line in enumerate(lines) if self.old in line]


MUTANTS = [
    # AUG
    Mutant("mixing/augment", "low + u[\"scale\"] * (high - low)", "low * (high / low) ** u[\"scale\"]"),
    Mutant("mixing/augment", "scale = low + u[\"scale\"]", "scale = low + u[\"flip\"]"),
    Mutant("mixing/augment", "choice(u[\"position\"], last - first + 1)", "choice(u[\"position\"], last - first)"),
    Mutant("mixing/augment", "choice(u[\"position\"], last", "choice(u[\"position\"][:, :1], last"),
    Mutant("mixing/augment", "(u[\"flip\"] < 0.5) &", "(u[\"flip\"] < 0.4) &"),
    Mutant("mixing/augment", "< 0.5) & augmentation.flip", "< 0.5) | augmentation.flip"),
    Mutant("mixing/augment", "(2 * u[\"photometric\"] - 1)", "u[\"photometric\"]"),
    Mutant("mixing/augment", "np.minimum(room, 0), np.maximum", "np.zeros_like(room), np.maximum"),
    Mutant("mixing/augment", "gain = contrast * brightness", "gain = contrast"),
    Mutant("mixing/augment", "(1 - contrast) * brightness * grey", "(1 - contrast) * grey"),
    Mutant("mixing/augment", "LUMA = (0.299, 0.587, 0.114)", "LUMA = (0.333, 0.334, 0.333)"),
    Mutant("mixing/source", "image[::4, ::4]", "image[:4, :4]"),
    # The streams
    Mutant("mixing/streams", "ORDER, UNLABELLED = range(7)", "ORDER, UNLABELLED = 0, 0, 0, 0, 4, 5, 6"),
    Mutant("mixing/streams", "numbers[\"mixed\"] < probability", "numbers[\"mixed\"] > probability"),
    Mutant("mixing/streams", "(u * count).astype", "np.rint(u * count).astype"),
    Mutant("mixing/streams", "key=[seed, step]", "key=[seed, 0]"),
    Mutant("mixing/streams", "key=[seed, step]", "key=[0, step]"),
    Mutant("mixing/streams", "self.step * self.batch +", "self.step +"),
    Mutant("mixing/streams", ".beta(alpha, alpha,", ".beta(alpha, 1.0,"),
    Mutant(
        "mixing/streams",
        "(u * count).astype(np.int64), np.asarray(count) - 1)",
        "(u * count).astype(np.int64), np.asarray(count))",
        "u is below 1, so u * count reaches count in float64 only from counts of 2**53 on",
    ),
    # The order of the images
    Mutant("mixing/order", "passes = positions // images", "passes = positions // (2 * images)"),
    Mutant("mixing/order", "_permutation(seed, int(q), images)", "_permutation(seed, 0, images)"),
    Mutant("mixing/order", "_permutation(seed, int(q), images)", "_permutation(0, int(q), images)"),
    Mutant("mixing/sampling/classes", "CLASS_SHARE = 0.5", "CLASS_SHARE = 0.4"),
    Mutant("mixing/order", "choice(u, windows.box[:, 2:])", "windows.box[:, 2:] // 2"),
    Mutant("mixing/sampling/classes", "rng.permutation(np.concatenate([by_image, *by_class]), axis=0)",
           "np.concatenate([by_image, *by_class])"),
    Mutant("mixing/sampling/_epochs", "rows[rng.permutation(len(rows))[", "rows[np.arange(len(rows))["),
    # Windows
    Mutant("mixing/windows", "align_corners=False", "align_corners=True"),
    Mutant("mixing/windows", "source[0].flip(-1) if", "source[0].flip(-2) if"),
    Mutant("mixing/windows", "out.masked_fill_(~inside, IGNORE)", "out.masked_fill_(~inside, 0)"),
    Mutant("mixing/windows", "shown - 1 - position", "shown - position"),
    Mutant("mixing/windows", "start = centre - length // 2", "start = centre"),
    Mutant("mixing/windows", "(y >= top) & (y < bottom)", "(y >= top) & (y <= bottom)"),
    # Level 0
    Mutant("mixing/methods/level0", "choice(u[\"tail_class\"],", "choice(u[\"mixed\"],"),
    Mutant("mixing/methods/level0", "choice(v, len(subset.images))", "choice(v, 1)"),
    Mutant("mixing/methods/level0", "self.source.draw(u[\"cyc\"][:, k], index)",
           "self.source.draw(u[\"cyc\"][:, 0], index)"),
    Mutant("mixing/methods/level0", "tail_labels == torch", "tail_labels != torch"),
    Mutant("mixing/methods/level0", ".sum(1) >= min_pixels", ".sum(1) > min_pixels"),
    Mutant("mixing/methods/level0", "chosen[pending] = k", "chosen[pending] = 0"),
    Mutant("mixing/methods/level0", "draws += len(pending)", "draws += 1"),
    Mutant("mixing/methods/level0", "found[choice(number, len(found))]", "found[0]"),
    Mutant("mixing/methods/level0", "np.clip(pixel - length // 2,", "np.clip(pixel - length,"),
    Mutant("mixing/paste", "torch.where(mask, other_labels, labels)", "torch.where(mask, labels, other_labels)"),
    # The levels from 1 on
    Mutant("mixing/methods/levels", "np.searchsorted(pool.cumulative, u[\"rectangle\"]",
           "np.searchsorted(pool.cumulative, u[\"scale\"]"),
    Mutant("mixing/methods/levels", "choice(u[\"crop\"], box[:, 2:] - length + 1)",
           "choice(u[\"crop\"], box[:, 2:] - length)"),
    Mutant("mixing/methods/levels", "choice(u[\"p\"], largest - size + 1)", "choice(u[\"p\"], largest - size)"),
    Mutant("mixing/methods/levels", "choice(u[\"p\"], largest", "choice(u[\"p\"][:, :1], largest"),
    Mutant("mixing/methods/levels", "(u[\"flip\"] < 0.5) & augmentation.flip",
           "(u[\"scale\"] < 0.5) & augmentation.flip"),
    Mutant("mixing/methods/levels", "(low + u[\"scale\"] * (high - low))", "(low + u[\"scale\"] ** 2 * (high - low))"),
    Mutant("mixing/methods/levels", "weight = weight / np.bincount(number, weight)[number]", "weight = weight / 1"),
    Mutant("mixing/methods/levels", ".map(weights).fillna(0)", ".map(weights).fillna(1)"),
    Mutant("mixing/methods/levels", "exceeds[:, 0] | exceeds[:, 1]", "exceeds[:, 0] & exceeds[:, 1]"),
    Mutant("mixing/methods/levels", "np.rint(largest / scale)", "np.rint(largest * scale)"),
    Mutant("mixing/methods/levels", "(~held.flatten(1).any(1)).sum()", "(~held.flatten(1).all(1)).sum()"),
    Mutant("mixing/methods/all_levels", "1 / (1 + (len(settings.levels) or known))",
           "1 / (len(settings.levels) or known)"),
    Mutant("mixing/methods/all_levels", "replace(draws, among=~of_level0)", "replace(draws, among=of_level0)"),
    # Contrasts
    Mutant("mixing/methods/cutmix", "np.sqrt(1 - lam[:, None])", "(1 - lam[:, None])"),
    Mutant("mixing/methods/cutmix", "choice(centre, np.asarray(size))", "choice(centre[:, :1], np.asarray(size))"),
    Mutant("mixing/methods/cutout", "min(size) // 2", "min(size) // 3"),
    Mutant("mixing/methods/cutout", "choice(centre, np.asarray(size))", "choice(centre / 2, np.asarray(size))"),
    Mutant("mixing/methods/mixup", "batch.images[here], weight)", "batch.images[here], 1 - weight)"),
    Mutant("mixing/methods/_partners", "choice(u[\"image\"],", "choice(u[\"mixed\"],"),
    Mutant("mixing/batch", "self.counts.images_mixed += len(rows)", "self.counts.images_mixed = len(rows)"),
    # Regions and boxes
    Mutant("tail/regions", "connectivity=8", "connectivity=4"),
    Mutant("tail/regions", "region.area >= min_area", "region.area > min_area"),
    Mutant("tail/regions", "int(columns.max()) + 1 - x", "int(columns.max()) - x"),
    Mutant("tail/regions", "(region.y, region.x)", "(region.x, region.y)"),
    Mutant("tail/subsets", "Fraction(str(s)) * level", "Fraction(str(s)) * (level - 1)"),
    Mutant("tail/subsets", "math.floor(x)), max", "math.ceil(x)), max"),
    Mutant("tail/subsets", "min(height, math.ceil(y + h))", "min(height, math.floor(y + h) + 1)"),
    Mutant("tail/subsets", "wanted[0] < 0 or", "wanted[0] <= 0 or"),
    Mutant("tail/subsets", "wanted[1] + wanted[3] > height", "wanted[1] + wanted[3] >= height"),
    Mutant("tail/subsets", "low, high = begin * size // was", "low, high = -(-begin * size // was)"),
    # Buckets
    Mutant("tail/buckets", "if iou < below else (", "if iou <= below else ("),
    Mutant("tail/buckets", "if iou >= above else (", "if iou > above else ("),
    Mutant("tail/buckets", "settings.poor) - settings.margin", "settings.poor) + settings.margin"),
    Mutant("tail/buckets", "ascending=False", "ascending=True"),
    Mutant("tail/buckets", "head = max(1, classes // 3)", "head = classes // 3"),
    Mutant("tail/buckets", "max(head, 2 * classes // 3) - head", "2 * classes // 3 - head"),
    Mutant("tail/buckets", "(ordered[\"share\"] > 0).sum()", "(ordered[\"share\"] >= 0).sum()"),
    Mutant("tail/bucket_table", "key=lambda entry: -entry[0]", "key=lambda entry: entry[0]"),
    Mutant("tail/label_statistics", "images += counts > 0", "images += counts > 1"),
    # Prediction: scales, flip, the ensemble
    Mutant("prediction/inference", "add_(mirrored.flip(-1)).mul_(0.5)", "add_(mirrored).mul_(0.5)"),
    Mutant("prediction/inference", "sorted(set(self.set_of_class.values())) or", "[] or"),
    Mutant("prediction/inference", "scales[chosen[expert_of.train_id]], None", "scales[FULL], None"),
    Mutant("prediction/inference", "if chosen is not None:", "if chosen is None:"),
    Mutant("prediction/inference", "chosen, inference.flip, device", "chosen, False, device"),
    Mutant("prediction/inference", "device, network.input_scale, shifts)", "device, 1.0, shifts)"),
    Mutant("prediction/inference", "logits[:, train_id] += amount", "logits[:, train_id] -= amount"),
    Mutant("prediction/inference", "TRAINING: network.training_scales, FULL: inference.scales",
           "TRAINING: inference.scales, FULL: network.training_scales"),
    Mutant("prediction/inference", "if set_of_class[c] != name", "if set_of_class[c] == name"),
    Mutant(
        "prediction/inference",
        "if set_of_class[c] != name]] = -1.0",
        "if set_of_class[c] != name]] = 0.0",
        "a class of another set must lie below all others, whose softmax is above 0 unless all of a pixel underflow",
    ),
    Mutant("prediction/evidence", "first > default + selection.margin", "first >= default + selection.margin"),
    Mutant("prediction/evidence", "images >= selection.min_images", "images > selection.min_images"),
    Mutant("prediction/gate", "count_nonzero(predicted & evaluated & ~there)", "count_nonzero(predicted & ~there)"),
    Mutant("prediction/gate", "better(after, np.nan_to_num(before)", "better(np.nan_to_num(before), after"),
    Mutant("prediction/prior", "math.log(train / in_batches)", "math.log(in_batches / train)"),
    Mutant("prediction/scales", "predictor.sets[TRAINING] == predictor.sets[FULL]",
           "predictor.sets[TRAINING] != predictor.sets[FULL]"),
    Mutant("prediction/run", "to_label_id[resize_nearest(train_ids, size)]", "to_label_id[train_ids]"),
    Mutant("prediction/run", "image, sizes[number], to_label_id", "image, sizes[offset], to_label_id"),
    Mutant("prediction/ensemble", "added = m2j & (mr1 != j)", "added = m2j"),
    Mutant("prediction/ensemble", "reversed(list(experts.items()))", "list(experts.items())"),
    Mutant("prediction/ensemble", "(truth != j) & (truth != IGNORE)", "(truth != j)"),
    Mutant("prediction/ensemble", "places.get(known.slug, -1)", "places.get(known.slug, len(places))"),
    # Scores
    Mutant("metrics/counting", "value > FIRST_INSTANCE", "value >= FIRST_INSTANCE"),
    Mutant("metrics/statistics", "confusion[groups.evaluated].sum(0)", "confusion.sum(0)"),
    Mutant("metrics/statistics", "\"class_fn\": rows[ids] - tp", "\"class_fn\": rows[ids]"),
    Mutant("metrics/statistics", "[label] / area_ratio / hits.sum(1)", "[label] * area_ratio / hits.sum(1)"),
    Mutant("metrics/statistics", "own, same = hits[row, label],", "own, same = hits.max(1),"),
    Mutant("metrics/scores", "np.nanmean(values, axis=-1) if", "np.mean(values, axis=-1) if"),
    Mutant(
        "metrics/scores",
        "scores[f\"{level}_iou\"] = iou(tp, fn, fp)",
        "scores[f\"{level}_iou\"] = iou(tp, fp, fn)",
        "the union is the sum of all three",
    ),
    Mutant("metrics/groups", "all_members * evaluated[:, None]", "all_members"),
    Mutant("metrics/groups", "with_instances[column == 1].all()", "with_instances[column == 1].any()"),
    Mutant("metrics/collect", "image[image > FIRST_INSTANCE]", "image[image > 0]"),
    Mutant("metrics/bootstrap", "tail = 50 * (1 - level)", "tail = 100 * (1 - level)"),
    Mutant("metrics/bootstrap", "np.random.default_rng(seed)", "np.random.default_rng(0)"),
    Mutant("metrics/bootstrap", "min(BLOCK, replicates - start)", "BLOCK"),
    Mutant("metrics/bootstrap", "(differences[1] > 0).sum(0)", "(differences[1] >= 0).sum(0)"),
]  # fmt: skip


def copy(place: Path) -> Path:
    """What the tests need, copied."""
    root = place / "copy"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("scripts", "tests", "config", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def run_tests(root: Path, package: str, seconds: float | None = None) -> tuple[bool, str]:
    """Whether the tests of a package pass under ``root``, and the first that does not."""
    files = [f"tests/test_{'_'.join(filter(None, (package, name)))}.py" for name in TESTS[package]]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", LEFT_OUT, *files]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}  # a stale cache would run the line as it was
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False, "endless"
    failed = [line.split(" - ")[0].split("::")[-1] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    if done.returncode not in (0, 1):
        return False, f"pytest ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-200:]}"
    return done.returncode == 0, next(iter(failed), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="names of modules or packages; all by default")
    parser.add_argument("--list", action="store_true", help="name the mutants and run nothing")
    arguments = parser.parse_args()
    wanted = [m for m in MUTANTS if not arguments.modules or {*m.module.split("/")} & {*arguments.modules}]
    if arguments.list:
        print(*wanted, sep="\n")
        return
    stale = [mutant for mutant in MUTANTS if len(mutant.places(ROOT)) != 1]
    if stale:
        sys.exit("lines that have changed since, whose mutants are to be written anew:\n" + "\n".join(map(str, stale)))
    survivors, tried, seconds = [], 0, {}
    with tempfile.TemporaryDirectory() as place:
        root = copy(Path(place))
        for package in dict.fromkeys(m.module.split("/")[0] for m in wanted):
            began = time.monotonic()
            passed, failed = run_tests(root, package)
            seconds[package] = PATIENCE * (time.monotonic() - began)
            if not passed:
                sys.exit(f"the tests of {package} fail without any mutant: {failed}")
        for mutant in wanted:
            if mutant.equivalent:
                print(f"equivalent  {mutant}  ({mutant.equivalent})", flush=True)
                continue
            path = (root / LIBRARY / mutant.module).with_suffix(".py")
            original, began = path.read_text(), time.monotonic()
            mutant.apply(root)
            package = mutant.module.split("/")[0]
            passed, failed = run_tests(root, package, seconds[package])
            path.write_text(original)
            tried += 1
            if passed:
                survivors.append(mutant)
            outcome = "SURVIVED  " if passed else "killed    "
            print(f"{outcome}  {mutant}  ({failed or 'by no test'}, {time.monotonic() - began:.0f} s)", flush=True)
    print(f"{tried - len(survivors)} of {tried} mutants killed, {len(wanted) - tried} equivalent")
    sys.exit((tried - len(survivors)) / max(tried, 1) < WANTED)


if __name__ == "__main__":
    main()
