# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script is made of: its text, and the modules that it imports from its own folder; and the digest of both.

Read from the source. If that may find code in other ways (it changes `sys.path`, computes a name, executes a file), all
modules in the folder and in those in it belong to the script, as nobody can tell which ones run.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import SignatureError
from ..script.signature import ScriptSource
from . import imports, source_tree

#: Files and bytes of one script's own modules; more are no helpers of a script.
MAX_FILES: Final = 500
MAX_BYTES: Final = 16 * 1024**2

_ENDINGS: Final = tuple(importlib.machinery.all_suffixes())
#: Stands for all modules in a folder.
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class ScriptPart:
    """The script itself (`name` is ""), or one of its modules, by its path in the script's folder."""

    name: str
    content: bytes

    @property
    def text(self) -> str | None:
        """The content as text; None if it is none."""
        try:
            return None if b"\0" in self.content else self.content.decode("utf-8")
        except UnicodeDecodeError:
            return None


def read(script: ScriptSource) -> tuple[ScriptPart, ...]:
    """The parts of a script, itself first. Raises SignatureError if its modules can't be read or are too large."""
    main = ScriptPart("", script.text.encode("utf-8", "surrogatepass"))
    if not script.folder:
        return (main,)
    folder = Path(script.folder)
    try:
        modules = _modules(folder, script.text)
    except OSError as error:
        raise SignatureError(f"a module beside the script can't be read: {error}") from error
    return (main, *(ScriptPart(file.relative_to(folder).as_posix(), modules[file]) for file in sorted(modules)))


def digest(parts: Sequence[ScriptPart]) -> str:
    """Tells scripts apart by what they hold, to the letter."""
    hashed = hashlib.sha256()
    for part in parts:
        for field in (part.name.encode("utf-8", "surrogatepass"), part.content):
            hashed.update(len(field).to_bytes(8, "little"))
            hashed.update(field)
    return hashed.hexdigest()


def digest_of_part(part: ScriptPart) -> str:
    """The digest of a part as if it were a script of its own, without modules."""
    return digest([ScriptPart("", part.content)])


def digest_of_text(text: str) -> str:
    """The digest of a script that is a text, and so has no folder."""
    return digest([ScriptPart("", text.encode("utf-8", "surrogatepass"))])


def _modules(folder: Path, text: str) -> dict[Path, bytes]:
    """The files of the modules that a source imports from a folder, and of those that they import from there."""
    found: dict[Path, bytes] = {}
    names: set[str] = set()
    waiting = list(_imported(text))
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        for file in _all_files(folder) if name == _ANY else _files_of_module(folder, name):
            if file not in found:
                found[file] = _content(file)
                _check_size(folder, found)
                waiting += _imported(found[file]) if file.suffix == ".py" else ()
    return found


def _check_size(folder: Path, found: Mapping[Path, bytes]) -> None:
    if len(found) > MAX_FILES or sum(map(len, found.values())) > MAX_BYTES:
        raise _too_large(folder)


def _too_large(folder: Path) -> SignatureError:
    limit = f"{MAX_FILES} files or {MAX_BYTES // 1024**2} MB"
    return SignatureError(f"the modules that the script may import from {folder} are more than {limit}")


@functools.lru_cache(maxsize=256)  # it keeps the sources
def _imported(source: str | bytes) -> tuple[str, ...]:
    """The top-level modules that a source imports, anywhere in it; `_ANY` if it may run any code in its folder."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = source_tree.read(ast.parse(source))
            found, hides_code = list(imports.imports(tree)), imports.hides_code(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it can't be imported, and so imports nothing
        return ()
    names = (each.module.partition(".")[0] for each in found if each.module and not each.level)
    return (*names, _ANY) if hides_code else tuple(names)


def _files_of_module(folder: Path, name: str) -> Iterable[Path]:
    """All files that an import of this module may read: of a package, all of its modules."""
    yield from (path for ending in _ENDINGS if (path := folder / f"{name}{ending}").is_file())
    package = folder / name
    has_init = any((package / f"__init__{ending}").is_file() for ending in _ENDINGS)
    if package.is_dir() and (has_init or name not in sys.stdlib_module_names):
        yield from _all_files(package)


def _all_files(folder: Path) -> Iterable[Path]:
    """The files of all modules in a folder and in those in it."""
    for count, (where, _folders, names) in enumerate(os.walk(folder, followlinks=True)):
        if count > MAX_FILES:  # a link may lead back to where it lies
            raise _too_large(folder)
        if Path(where).name != "__pycache__":  # a worker reads the source
            yield from (Path(where, file) for file in sorted(names) if file.endswith(_ENDINGS))


def _content(file: Path) -> bytes:
    """What is in a file, as far as it is looked at."""
    if not file.is_file():  # a pipe would block
        raise OSError(f"{file} is no file")
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)
