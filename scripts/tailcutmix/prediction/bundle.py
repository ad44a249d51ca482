"""A bundle: a trained method in one folder or zip, which predicts by itself, elsewhere.

    bundle.json            the method, its networks' settings, the order of its experts, versions, checksums
    labels.csv             the label table
    weights/<model>.safetensors, scales/<model>.csv
    configuration.yaml     of the run, overlays merged in
    scores/<split>.json    of the method, where it was scored
    README.md              the model card

Nothing in it is executed or unpickled. A bundle may come from a stranger: its settings are held to a schema, names that
become paths are held to a pattern, links are refused, and of a zip only the files named above are read, none of which
can grow by being unpacked beyond a limit.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tailcutmix.errors import UserError
from tailcutmix.files import replacing, replacing_folder
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.plan.schema import NAME, Schema, section
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.keys import plain, typed
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.prediction.card import Origin, model_card
from tailcutmix.prediction.trained import Part, Trained

FORMAT = 1
ABOUT, LABELS, CONFIGURATION, CARD = "bundle.json", "labels.csv", "configuration.yaml", "README.md"
SMALL = 4 << 20
"""Bytes that a table or bundle.json may have."""

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in a zip, so that equal bundles have equal bytes."""


def write_bundle(trained: Trained, origin: Origin, out: str | Path) -> None:
    """Write a bundle; ``out`` is a zip where it ends in .zip, else a folder; it appears complete or not at all.

    Raises:
        UserError: ``out`` is there and is no bundle.
    """
    out = Path(out)
    if out.exists() and not _is_bundle(out):
        raise UserError(f"{out}: is there, and is no bundle; name another place")
    if out.suffix.lower() != ".zip":
        with replacing_folder(out) as folder:
            _fill(folder, trained, origin)
        return
    with tempfile.TemporaryDirectory() as name, replacing(out) as temporary:
        _fill(Path(name), trained, origin)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for path in _files(Path(name)):
                member = zipfile.ZipInfo(path.relative_to(name).as_posix(), ZIP_TIME)
                member.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(member, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)


def _is_bundle(path: Path) -> bool:
    if path.is_dir():
        return (path / ABOUT).is_file() or not any(path.iterdir())
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return ABOUT in archive.namelist()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _fill(folder: Path, trained: Trained, origin: Origin) -> None:
    for name in ("weights", "scales", "scores"):
        (folder / name).mkdir()
    shutil.copyfile(origin.labels, folder / LABELS)
    (folder / CONFIGURATION).write_text(yaml.safe_dump(dict(origin.config), sort_keys=False, allow_unicode=True))
    for part in trained.parts:
        shutil.copyfile(part.weights, folder / _weights(part.name))
        if part.scales:
            shutil.copyfile(part.scales, folder / _scales(part.name))
    for split, path in origin.scores.items():
        shutil.copyfile(path, folder / f"scores/{split}.json")
    (folder / CARD).write_text(model_card(trained, origin))
    about = {
        "format": FORMAT,
        "name": trained.name,
        "title": trained.title,
        "dataset": origin.config["dataset"]["name"],
        "seed": origin.seed,
        "size": list(trained.size),
        "base": _described(trained.base),
        "experts": [_described(part) for part in trained.experts],
        "versions": dict(origin.versions),
        "sha256": {path.relative_to(folder).as_posix(): _sha256(path) for path in _files(folder)},
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n")


def _described(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "network": plain(part.network),
        "inference": plain(part.inference),
        "per_class_scales": part.scales is not None,
        "expert_of": part.expert_of.name if part.expert_of else None,
        "shift": part.shift,
    }


def _weights(name: str) -> str:
    return f"weights/{name}.safetensors"


def _scales(name: str) -> str:
    return f"scales/{name}.csv"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_bundle(path: str | Path) -> Iterator[Trained]:
    """A bundle as what predicts; the weights of a zip lie in a temporary folder meanwhile.

    Raises:
        UserError: no bundle, a damaged one, or one that holds what no bundle holds.
    """
    path = Path(path)
    if path.is_dir():
        yield _read(path, path)
        return
    with tempfile.TemporaryDirectory() as name:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(name), path)
        except FileNotFoundError:
            raise UserError(f"{path}: no such bundle") from None
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise UserError(f"{path}: not a readable bundle ({error}); copy or make it again") from None
        yield _read(Path(name), path)


def _unpack(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    """Copy out of a zip the files that a bundle is read from, under names that are made here."""
    for name in (ABOUT, LABELS):
        _unpack_one(archive, name, folder, path)
    about = _about(folder, path)
    for part in (about["base"], *about["experts"]):
        _unpack_one(archive, _weights(part["name"]), folder, path)
        if part["per_class_scales"]:
            _unpack_one(archive, _scales(part["name"]), folder, path)


def _unpack_one(archive: zipfile.ZipFile, name: str, folder: Path, path: Path) -> None:
    try:
        member = archive.getinfo(name)
    except KeyError:
        raise UserError(f"{path}: not a whole bundle: {name} is missing") from None
    if name.endswith(".safetensors"):
        if member.compress_type != zipfile.ZIP_STORED:
            raise UserError(f"{path}: {name} is compressed, which weights in a bundle are not; zip it without (-0)")
    elif member.file_size > SMALL:
        raise UserError(f"{path}: {name} has {member.file_size} bytes, more than any bundle's")
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    with archive.open(member) as source, target.open("wb") as file:
        _copy(source, file, member.file_size)


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """At most ``size`` bytes, whatever the stream goes on to give."""
    while size > 0 and (block := source.read(min(size, 1 << 20))):
        target.write(block)
        size -= len(block)


def _read(folder: Path, path: Path) -> Trained:
    about = _about(folder, path)
    labels = read_labels(_checked(folder, LABELS, about, path))
    parts = [_part(entry, folder, about, labels, path) for entry in (about["base"], *about["experts"])]
    if parts[0].expert_of is None and any(part.expert_of is None for part in parts[1:]):
        raise UserError(f"{path}: {ABOUT}: an expert has no class")
    height, width = about["size"]
    return Trained(about["name"], about["title"], labels, (height, width), parts[0], tuple(parts[1:]))


def _part(entry: Mapping[str, Any], folder: Path, about: Mapping[str, Any], labels: LabelTable, path: Path) -> Part:
    name, known = entry["name"], entry["expert_of"]
    expert_of: Label | None = labels.class_of(known) if known else None
    scales = _checked(folder, _scales(name), about, path) if entry["per_class_scales"] else None
    weights = _checked(folder, _weights(name), about, path)
    network, inference = typed(Network, entry["network"]), typed(Inference, entry["inference"])
    return Part(name, network, inference, weights, scales, expert_of, float(entry["shift"]))


def _checked(folder: Path, name: str, about: Mapping[str, Any], path: Path) -> Path:
    """A file of a bundle that is there, is no link, and is what was packed."""
    file = folder / name
    if file.is_symlink() or file.parent.is_symlink() or not file.is_file():
        raise UserError(f"{path}: not a whole bundle: {name} is missing, or is a link")
    if not name.endswith(".safetensors") and file.stat().st_size > SMALL:
        raise UserError(f"{path}: {name} has {file.stat().st_size} bytes, more than any bundle's")
    if _sha256(file) != about["sha256"].get(name):
        raise UserError(f"{path}: {name} is not the file that was packed; copy or make the bundle again")
    return file


def _about(folder: Path, path: Path) -> dict[str, Any]:
    file = folder / ABOUT
    if file.is_symlink() or not file.is_file():
        raise UserError(f"{path}: no bundle: {ABOUT} is missing; a run is named by --run (RUN=...)")
    if file.stat().st_size > SMALL:
        raise UserError(f"{path}: {ABOUT} has {file.stat().st_size} bytes, more than any bundle's")
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: {ABOUT} is not readable ({error}); copy or make the bundle again") from None
    fault = best_match(Draft202012Validator(schema()).iter_errors(about))
    if fault is not None:
        place = ".".join(map(str, fault.absolute_path))
        raise UserError(f"{path}: {ABOUT}: {place}: {fault.message[:200]}; it may be of another version")
    return about


def schema() -> Schema:
    """What bundle.json may hold: the settings' own limits, and such as no honest network comes near."""
    network, inference = section(Network), section(Inference)
    network["properties"]["head_channels"]["maximum"] = 2048
    inference["properties"]["batch"]["maximum"] = 64
    for scales in (network["properties"]["training_scales"], inference["properties"]["scales"]):
        scales["maxItems"] = 16
    for part in (network, inference):
        part["required"] = list(part["properties"])
    name = {"type": "string", "pattern": rf"{NAME[:-1]}\Z", "maxLength": 100}
    text = {"type": "string", "maxLength": 200}
    of_part = {
        "name": name,
        "network": network,
        "inference": inference,
        "per_class_scales": {"type": "boolean"},
        "expert_of": {"anyOf": [{"type": "null"}, text]},
        "shift": {"type": "number", "minimum": -100, "maximum": 100},
    }
    closed = {"type": "object", "additionalProperties": False}
    part = {**closed, "required": list(of_part), "properties": of_part}
    side = {"type": "integer", "minimum": 1, "maximum": 16384}
    properties = {
        "format": {"const": FORMAT},
        "name": name,
        "title": text,
        "dataset": text,
        "seed": {"type": "integer"},
        "size": {"type": "array", "items": side, "minItems": 2, "maxItems": 2},
        "base": part,
        "experts": {"type": "array", "items": part, "maxItems": 255},
        "versions": {"type": "object"},
        "sha256": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 64}},
    }
    return {**closed, "required": list(properties), "properties": properties}
