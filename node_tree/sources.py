# SPDX-License-Identifier: GPL-3.0-or-later
"""Where scripts come from: a text, a file, or the library that ships with the extension; and their signatures."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.errors import SignatureError
from ..runtime.script import detected_sockets, script_files
from ..runtime.script.signature import ScriptSource, Signature, read_signature
from ..runtime.script.wording import title_of
from . import text_modules

LIBRARY = Path(__file__).parent / "library"


#: What was read in each block of `read_once` that is being executed, by texts' uids and files' paths.
_read: list[dict[int | str, ScriptSource]] = []


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Within the block each text and file is read once: many nodes of a tree have the same script."""
    _read.append({})
    try:
        yield
    finally:
        _read.pop()


def _once(place: int | str, read: Callable[[], ScriptSource]) -> ScriptSource:
    if not _read:
        return read()
    if place not in _read[-1]:
        _read[-1][place] = read()
    return _read[-1][place]


def from_text(text: bpy.types.Text) -> ScriptSource:
    """The script in a text. Raises SignatureError if it is too long, or lacks a module."""
    return _once(text.session_uid, lambda: _from_text(text))


def _from_text(text: bpy.types.Text) -> ScriptSource:
    source = content(text)
    folder = text_modules.folder(text, source)
    return ScriptSource(source, text.name, folder, detected_sockets.is_without_main(source))


def content(text: bpy.types.Text) -> str:
    """What a text holds. Raises SignatureError if it is too long for a script."""
    too_many = len(text.lines) > script_files.MAX_SIZE
    source = "" if too_many else text.as_string().removeprefix("\ufeff")  # Blender takes the mark for a letter
    if too_many or len(source) > script_files.MAX_SIZE:
        raise SignatureError(f"the text is {script_files.TOO_LONG}")
    return source


def from_file(filepath: str) -> ScriptSource:
    """Read a script from disk, as Python does: in UTF-8, or in the encoding that its first lines name.

    Raises:
        SignatureError: if it can't be read; the message says why.
    """
    return _once(filepath, lambda: _from_file(filepath))


def _from_file(filepath: str) -> ScriptSource:
    if filepath.startswith("//") and not bpy.data.filepath:  # else it would be looked for in the current folder
        message = f"{filepath} is relative to this file, which is not saved yet; save it, or give a whole path"
        raise SignatureError(message)
    path = Path(bpy.path.abspath(filepath))
    text = script_files.read(path)
    return ScriptSource(text, str(path), str(path.parent), detected_sockets.is_without_main(text))


_MAIN = re.compile(r"^\ufeff?(async\s+)?def\s+main\b", re.MULTILINE)


def looks_like_script(source: str) -> bool:
    """Whether it has something like a `main`, or uses what only scripts without `main` have. It may have errors."""
    return _MAIN.search(source) is not None or detected_sockets.has_marks(source)


def seems_to_be_script(source: str) -> bool:
    """The same as far as that can be told at once: nothing is parsed. May be asked while Blender draws."""
    return _MAIN.search(source) is not None or detected_sockets.seems_to_have_marks(source)


def from_library(name: str) -> ScriptSource:
    """A shipped script by its name, such as "mesh/decimate".

    Raises:
        SignatureError: if there is none of that name.
    """
    if name not in library_names():
        raise SignatureError(f'there is no "{name}" in the shipped library')
    return from_file(str(LIBRARY / f"{name}.py"))


@functools.cache
def library_names() -> tuple[str, ...]:
    """The names of the shipped scripts, by category: ("bake/bake_normal", ..., "mesh/decimate", ...)."""
    return tuple(sorted(path.relative_to(LIBRARY).with_suffix("").as_posix() for path in LIBRARY.glob("*/*.py")))


def library_categories() -> Iterator[tuple[str, list[str]]]:
    """Each category of the library with the names of its scripts."""
    categories: dict[str, list[str]] = {}
    for name in library_names():
        categories.setdefault(name.partition("/")[0], []).append(name)
    yield from categories.items()


#: Titles of categories that are not made of the words in their names.
_CATEGORIES = {"import_export": "Import/Export"}


def category_title(name: str) -> str:
    """What an artist reads for the name of a category."""
    return _CATEGORIES.get(name) or title_of(name)


@functools.lru_cache(maxsize=1024)  # of the scripts of a large file; it keeps the texts
def signature(source: ScriptSource) -> Signature:
    """The signature of a script, read once for each text of it; what one without `main` seems to have.

    Raises:
        SignatureError: if it has none.
    """
    if source.is_without_main:
        return detected_sockets.signature(source.text)
    return read_signature(source, data_block_kinds.data_block_types())
