"""Which code a script runs, found from its imports, and a digest of it: a rule reruns when the digest changes.

Covered are the script and every module under the script's folder that it imports, directly or not. Hashed is the syntax
tree, so that comments, docstrings and layout count for nothing, nor does the Python version that runs the workflow.
Annotations count, because dataclasses and ``functools.singledispatch`` read them.
"""

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tailcutmix.errors import UserError

SCRIPT = "__main__"


def digest(script: Path, *modules: str) -> str:
    """Digest of a script and of all modules under its folder that it imports at any depth.

    Args:
        script: the script; what lies beside it is what it can import.
        modules: dotted names of modules that the script imports by name at run time (``importlib``).

    Returns:
        16 hexadecimal digits. Comments, docstrings, layout, the folder and time stamps do not change them; any other
        change in the code does.

    Raises:
        UserError: no such script, a syntax error, or an import of a module that is not there.
    """
    script = Path(script)
    return Code(script.parent).digest(script.name, *modules)


def imports(script: Path, *modules: str) -> list[Path]:
    """The files that :func:`digest` covers, the script among them, sorted."""
    script = Path(script)
    return sorted(Code(script.parent).covered(script.name, *modules).values())


class Code:
    """A folder of scripts as it is now: each file is looked at once, however many scripts are asked for."""

    def __init__(self, root: Path):
        self._folder = _Folder(root)
        self._read: dict[Path, tuple[str, dict[str, Path]]] = {}

    def digest(self, script: str, *modules: str) -> str:
        """As :func:`digest`, for a script by its name in the folder."""
        total = hashlib.sha256()
        for name, path in sorted(self.covered(script, *modules).items()):
            meaning, _ = self._read[path]
            total.update(f"{name} {meaning}\n".encode())
        return total.hexdigest()[:16]

    def covered(self, script: str, *modules: str) -> dict[str, Path]:
        """Module name -> its file, for the script and all that it imports."""
        waiting = {SCRIPT: self._folder.root / script}
        for name in modules:
            if self._folder.find(name) is None:
                raise UserError(f"{script}: there is no module {name} in {self._folder.root}; correct its name")
            waiting |= self._folder.modules_on_the_way(name, f"{script}:")
        covered: dict[str, Path] = {}
        while waiting:
            name, path = waiting.popitem()
            covered[name] = path
            waiting |= {module: file for module, file in self._imports(name, path).items() if module not in covered}
        return covered

    def _imports(self, name: str, path: Path) -> dict[str, Path]:
        """Module name -> its file, for what one file imports, and the packages on the way there."""
        if path not in self._read:
            source = _parse(path)
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            found: dict[str, Path] = {}
            for statement in source.imports:
                where = f"{path}, line {statement.line}:"
                for imported in self._folder.modules_of(statement, package, where):
                    found |= self._folder.modules_on_the_way(imported, where)
            self._read[path] = source.digest, found
        return self._read[path][1]


@dataclass(frozen=True)
class _Import:
    """One import statement: ``from <level dots><module> import <names>``, or ``import <module>`` without names."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0
    line: int = 0


@dataclass(frozen=True)
class _Source:
    """What one file means: the digest of its syntax tree, and what it imports."""

    digest: str
    imports: tuple[_Import, ...]


class _Folder:
    """The folder of a script, in which Python finds the modules that are its own; every other module is a library's."""

    def __init__(self, root: Path):
        self.root = root
        self._found: dict[str, Path | None] = {}

    def find(self, name: str) -> Path | None:
        """The file of a module or package, the folder of a package without ``__init__``, None where neither is."""
        if name not in self._found:
            place = self.root.joinpath(*name.split("."))
            files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
            self._found[name] = next(filter(Path.is_file, files), place if place.is_dir() else None)
        return self._found[name]

    def modules_on_the_way(self, name: str, where: str) -> dict[str, Path]:
        """The files that Python runs to import a module: those of its packages, then its own; none for a library's."""
        parts = name.split(".")
        if self.find(parts[0]) is None:
            return {}
        files = {}
        for depth in range(1, len(parts) + 1):
            parent = ".".join(parts[:depth])
            path = self.find(parent)
            if path is None:
                raise UserError(f"{where} imports {name}, but there is no {parent} in {self.root}; correct the import")
            if path.is_file():
                files[parent] = path
        return files

    def modules_of(self, statement: _Import, package: str, where: str) -> Iterator[str]:
        """Dotted names of the modules that a statement in ``package`` may import; those of libraries too."""
        base = statement.module
        if statement.level:
            parents = package.split(".") if package else []
            if statement.level > len(parents):
                raise UserError(f"{where} imports {'.' * statement.level}{base}, above its package; correct the import")
            base = ".".join(parents[: len(parents) - statement.level + 1] + ([base] if base else []))
        yield base
        place = self.find(base)
        if place is None or (place.is_file() and place.name != "__init__.py"):
            return  # a library's, or a plain module: what is imported from it is not a module
        for name in statement.names:
            if name == "*":  # a package's __all__ may name its modules
                folder = place.parent if place.is_file() else place
                yield from (f"{base}.{path.stem}" for path in folder.glob("*.py") if path.name != "__init__.py")
            elif place.is_dir() or self.find(f"{base}.{name}") is not None:
                yield f"{base}.{name}"


def _parse(path: Path) -> _Source:
    try:
        return _summary(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except SyntaxError as error:
        raise UserError(f"{path}: syntax error in line {error.lineno}: {error.msg}") from None


@cache
def _summary(source: bytes) -> _Source:
    """Made once per content: many scripts share a module, and an earlier start may have told (:func:`recall`)."""
    content = hashlib.sha256(source).hexdigest()
    if content not in _summaries:
        _summaries[content] = _summarise(source)
    return _summaries[content]


def _summarise(source: bytes) -> _Source:
    tokens: list[str] = []
    found: list[_Import] = []
    _walk(ast.parse(source), tokens, found)
    return _Source(hashlib.sha256("\0".join(tokens).encode("utf-8", "surrogatepass")).hexdigest(), tuple(found))


_summaries: dict[str, _Source] = {}
"""SHA-256 of a source -> its summary."""


def recall(path: Path) -> None:
    """Take over the summaries that an earlier start remembered in ``path``; what cannot be read is made anew."""
    try:
        content = json.loads(path.read_text())
        if content["made_by"] == _version():
            for name, (meaning, imported) in content["sources"].items():
                _summaries[name] = _Source(meaning, tuple(_Import(m, tuple(n), *rest) for m, n, *rest in imported))
    except (OSError, ValueError, KeyError, TypeError):
        _summaries.clear()


def remember(path: Path) -> None:
    """Write the summaries for later starts, by a temporary name; where that is not possible, they are made again."""
    sources = {
        name: (source.digest, [(i.module, i.names, i.level, i.line) for i in source.imports])
        for name, source in _summaries.items()
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps({"made_by": _version(), "sources": sources}))
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)


def _version() -> str:
    """Summaries of another version of this module, or of Python's parser, are not taken over."""
    return f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()} {sys.version_info[:2]}"


def _walk(node: ast.AST, tokens: list[str], found: list[_Import]) -> None:
    """Append what a syntax tree means to ``tokens``, and its imports to ``found``.

    Fields that are empty are left out, since Python versions differ in which empty fields they know.
    """
    if isinstance(node, ast.Import):
        found += [_Import(alias.name, line=node.lineno) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        found.append(_Import(node.module or "", names, node.level, node.lineno))
    elif isinstance(node, ast.Constant):
        tokens.append(f"{type(node.value).__name__} {node.value!r}")
        return
    tokens.append(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        if value is None or field == "ctx":
            continue
        if isinstance(value, ast.AST):
            tokens.append(field)
            _walk(value, tokens, found)
        elif not isinstance(value, list):
            tokens.append(f"{field} {value!r}")
        elif value:
            tokens.append(f"{field} [")
            for item in value:
                _walk_item(item, tokens, found)
            tokens.append("]")
    tokens.append(")")


def _walk_item(item: object, tokens: list[str], found: list[_Import]) -> None:
    """One entry of a list: statements that do nothing are left out, as are imports for type checkers alone."""
    if not isinstance(item, ast.AST):
        tokens.append(repr(item))  # a name of `global`, or None for a key of `{**mapping}`
    elif isinstance(item, ast.If) and _is_type_checking(item.test):
        for statement in item.orelse:
            _walk_item(statement, tokens, found)
    elif not isinstance(item, ast.Pass) and not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)):
        _walk(item, tokens, found)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
