# SPDX-License-Identifier: GPL-3.0-or-later
"""Where scripts come from: a text, a file, or the library that ships with the extension; and their signatures."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import bpy

from ..runtime.blender import kinds
from ..runtime.errors import SignatureError
from ..runtime.signature import ScriptSource, Signature, read_signature

LIBRARY = Path(__file__).parent / "library"
#: Larger scripts are no scripts.
_MAX_BYTES = 1024**2


def from_text(text: bpy.types.Text) -> ScriptSource:
    return ScriptSource(text.as_string(), text.name)


def from_file(filepath: str) -> ScriptSource:
    """Read a script from disk.

    Raises:
        SignatureError: if it can't be read; the message says why.
    """
    path = Path(bpy.path.abspath(filepath))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SignatureError(f"{path} is larger than a script can be")
        return ScriptSource(path.read_text(encoding="utf-8"), str(path), str(path.parent))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SignatureError(f"the file can't be read: {error}") from error


_MAIN = re.compile(r"^(async\s+)?def\s+main\b", re.MULTILINE)


def has_main(source: str) -> bool:
    """Whether a text looks like a script; one with an error, which has no signature, too."""
    return _MAIN.search(source) is not None


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


#: Words that title case would spoil.
_SPELLINGS = {"Gltf": "glTF", "Obj": "OBJ", "Uv": "UV"}
#: Titles that are not made of the words in a name.
_TITLES = {"import_export": "Import/Export"}


def title(name: str) -> str:
    """What an artist reads for the name of a script or a category: "smart_uv_project" -> "Smart UV Project"."""
    words = (_SPELLINGS.get(word, word) for word in name.replace("_", " ").title().split())
    return _TITLES.get(name) or " ".join(words)


@functools.lru_cache(maxsize=1024)
def signature(source: ScriptSource) -> Signature:
    """The signature of a script, read once for each text of it. Raises SignatureError."""
    return read_signature(source, kinds.data_block_types())
