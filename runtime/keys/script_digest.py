# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a script: its source and the modules that it imports from its own folder, read and never executed.

Comments, layout and lines don't count; docstrings do. Where nobody can tell which code would run, there is an obstacle
instead: results of such a script can't be kept.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import SignatureError
from ..script import script_files
from ..script.signature import ScriptSource, parse
from . import imports, source_tree
from .files import FileDigests, Stamp, UnknownContentError, is_settled, stamp
from .imports import Imported
from .source_tree import SourceTree
from .surroundings import EVERYTHING, NOTHING, Surroundings, of_installed, surroundings

#: Modules of a script's folder that it may import.
MAX_MODULES: Final = 200

_BINARY: Final = (*importlib.machinery.EXTENSION_SUFFIXES, *importlib.machinery.BYTECODE_SUFFIXES)
_SUFFIXES: Final = (
    *importlib.machinery.EXTENSION_SUFFIXES,
    *importlib.machinery.SOURCE_SUFFIXES,
    *importlib.machinery.BYTECODE_SUFFIXES,
)

#: The statement with which a script says that its results must not be kept: `CACHE = False`.
CACHE_NAME: Final = "CACHE"


@dataclass(frozen=True, slots=True)
class ScriptDigest:
    """What a script is, as far as its results depend on it.

    Attributes:
        source: the digest of the script's own source.
        text: the digest of its text, by which that can be found again.
        modules: the digest of each module that it imports from its own folder.
        installed: names of the other modules that it imports, beside Python's and Blender's own.
        sees: what of its surroundings it can see.
        obstacle: why its results can't be kept, "" if they can.
        is_never_kept: whether it says that they must not be: `CACHE = False`.
        is_without_main: as in `signature.ScriptSource`.
    """

    source: str
    text: str
    modules: Mapping[str, str] = field(default_factory=dict)
    installed: tuple[str, ...] = ()
    sees: Surroundings = NOTHING
    obstacle: str = ""
    is_never_kept: bool = False
    is_without_main: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one source file is and does. `digest` is "" if it can't be read: `obstacle` says why."""

    digest: str
    imports: tuple[Imported, ...] = ()
    sees: Surroundings = NOTHING
    obstacle: str = ""
    is_never_kept: bool = False


class ScriptDigests:
    """Digests of scripts. Texts and files that were read are not read again before they change."""

    def __init__(self, files: FileDigests) -> None:
        self._files = files
        self._modules: dict[str, tuple[Stamp, _Reading]] = {}

    def digest(self, script: ScriptSource) -> ScriptDigest:
        """The digest of a script and of the modules in its folder, as they are now."""
        own = _read(script.text, script.filename, is_script=True)
        found = _Found(script.folder)
        found.follow(own.imports, package="")
        obstacles, sees = [own.obstacle], own.sees
        for name, path in found.modules():
            module = self._module(path)
            found.digests[name] = module.digest
            found.follow(module.imports, package=name if _is_package(path) else name.rpartition(".")[0])
            if module.obstacle:
                obstacles.append(f"module {name}: {module.obstacle}")
            sees |= module.sees
        if len(found.digests) > MAX_MODULES:
            obstacles.append(f"it imports more than {MAX_MODULES} modules of its folder")
        obstacle = next(filter(None, obstacles), "")
        return ScriptDigest(
            source=own.digest,
            text=text_digest(script.text),
            modules=dict(sorted(found.digests.items())),
            installed=tuple(sorted(found.installed)),
            sees=EVERYTHING if obstacle else sees | of_installed(found.installed),
            obstacle=f"{obstacle[0].upper()}{obstacle[1:]}" if obstacle else "",
            is_never_kept=own.is_never_kept,
            is_without_main=script.is_without_main,
        )

    def _module(self, path: Path) -> _Reading:
        try:
            if path.name.endswith(_BINARY):
                return _Reading(self._files.file(str(path)), sees=EVERYTHING)
            before, now = path.stat(), time.time_ns()
            known = self._modules.get(str(path))
            if known is not None and known[0] == stamp(before):
                return known[1]
            reading = _read(script_files.read(path), str(path), is_script=False)
            if is_settled(before, now):
                self._modules[str(path)] = stamp(before), reading
            return reading
        except (SignatureError, UnknownContentError, OSError) as error:
            return _Reading("", obstacle=str(error))


def text_digest(text: str) -> str:
    """The digest of a script's text, by which a store has it."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


@functools.lru_cache(maxsize=1024)  # of the scripts of a large file; it keeps the texts
def _read(text: str, filename: str, *, is_script: bool) -> _Reading:
    """What a source is and does."""
    try:
        module = parse(ScriptSource(text, filename))
    except SignatureError as error:
        return _Reading("", sees=EVERYTHING, obstacle=f"it can't be read: {error}")
    except (RecursionError, MemoryError):
        return _Reading("", sees=EVERYTHING, obstacle="it is nested too deeply to be read")
    tree = source_tree.read(module)
    return _Reading(
        digest=source_tree.digest_of(module),
        imports=tuple(imports.imports(tree)),
        sees=surroundings(tree, is_script=is_script),
        obstacle=imports.obstacle(tree, is_script=is_script),
        is_never_kept=_says_never_kept(tree),
    )


def _says_never_kept(tree: SourceTree) -> bool:
    """Whether it says that its results must not be kept, wherever on its top level, and however it is spelled."""
    return any(
        _is_false(value)
        for node in tree.nodes
        if tree.definition(node) is None
        for target, value in _assigned(node)
        if isinstance(target, ast.Name) and target.id == CACHE_NAME
    )


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What a statement or expression gives values to, and the values."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    yield from zip(target.elts, value.elts, strict=False)
                else:
                    yield target, value
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield target, value


def _is_false(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


# From imports to files


def _is_package(path: Path) -> bool:
    return path.name.startswith("__init__.")


@dataclass(slots=True)
class _Found:
    """The modules that are found in a folder.

    Attributes:
        folder: the script's, "" if it is in none.
        digests: of the modules that were read, by name.
        installed: top-level names of modules that are elsewhere.
        waiting: modules that are yet to be read, and their files.
    """

    folder: str
    digests: dict[str, str] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)
    waiting: dict[str, Path] = field(default_factory=dict)

    def modules(self) -> Iterator[tuple[str, Path]]:
        """Each module that was found and not yet given, with its file, until there are none or too many."""
        while self.waiting and len(self.digests) <= MAX_MODULES:
            yield self.waiting.popitem()

    def follow(self, imported: tuple[Imported, ...], package: str) -> None:
        """Find what a source of that package imports."""
        for each in imported:
            parts = each.module.split(".") if each.module else []
            if each.level:
                outer = package.split(".") if package else []
                if each.level > len(outer):
                    continue  # Python refuses it
                parts = [*outer[: len(outer) - each.level + 1], *parts]
            self._add(parts, each.names)

    def _add(self, parts: list[str], names: tuple[str, ...]) -> None:
        folder: Path | None = Path(self.folder) if self.folder else None
        for index, part in enumerate(parts):
            path, folder = _located(folder, part) if folder else (None, None)
            if path is not None:
                self._put(".".join(parts[: index + 1]), path)
            elif not index and part not in sys.stdlib_module_names:
                self.installed.add(part)  # a folder without __init__ counts only if there is no such module elsewhere
            if folder is None:
                return
        if folder is not None:
            for name in names:
                path, _inner = _located(folder, name)
                if path is not None:
                    self._put(".".join([*parts, name]), path)

    def _put(self, name: str, path: Path) -> None:
        if name not in self.digests:
            self.waiting[name] = path


def _located(folder: Path, name: str) -> tuple[Path | None, Path | None]:
    """The file of a module in a folder, and the folder of what is in it, each None if there is none."""
    inner = folder / name
    inner_folder = inner if inner.is_dir() else None
    packages = [inner / f"__init__{suffix}" for suffix in _SUFFIXES] if inner_folder else []
    for path in packages:
        if path.is_file():
            return path, inner
    for path in [folder / f"{name}{suffix}" for suffix in _SUFFIXES]:
        if path.is_file():
            return path, None
    return None, inner_folder
