# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of a script that is a text: other texts, which it imports as a file imports what lies beside it.

Which texts these are is noted on the text itself, by pointers: they come along wherever it goes, and another script may
have another version of a module under the same name. For workers, all that looks for modules, and whoever is to read
them, they lie in a folder that is named by their digest.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import bpy

from ..runtime.errors import SignatureError
from ..runtime.keys import own_modules
from ..runtime.keys.own_modules import ScriptPart
from ..runtime.script import script_files

#: The custom property of a text that has its modules, by their paths ("tools.py", "shapes/__init__.py").
_PROPERTY: Final = "background_nodes_modules"


def modules(text: bpy.types.Text) -> dict[str, bpy.types.Text | None]:
    """The modules of a text by their paths; None for one that was deleted."""
    found = text.get(_PROPERTY)
    return dict(found.items()) if hasattr(found, "items") else {}


def set_modules(text: bpy.types.Text, wanted: Mapping[str, bpy.types.Text]) -> None:
    if wanted:
        text[_PROPERTY] = dict(wanted)
    elif _PROPERTY in text:
        del text[_PROPERTY]


def with_modules(texts: Iterable[bpy.types.Text]) -> Iterator[bpy.types.Text]:
    """Texts, each followed by its modules."""
    for text in texts:
        yield text
        yield from filter(None, modules(text).values())


def parts(text: bpy.types.Text, source: str) -> tuple[ScriptPart, ...]:
    """A text that holds `source`, and its modules. Raises SignatureError if one of them is gone, or can be none."""
    found = [ScriptPart("", source.encode("utf-8", "surrogatepass"))]
    for path, module in sorted(modules(text).items()):
        if not isinstance(module, bpy.types.Text):
            raise SignatureError(f'its module "{path}" was deleted')
        if not script_files.is_module_path(path):
            raise SignatureError(f'"{path}" can be no module of it')
        if len(module.lines) > script_files.MAX_SIZE:
            raise SignatureError(f'its module "{path}" is {script_files.TOO_LONG}')
        found.append(ScriptPart(path, module.as_string().encode("utf-8", "surrogatepass")))
    return tuple(found)


def folder(text: bpy.types.Text, source: str) -> str:
    """The folder that holds the modules of a text, "" if it has none. Raises SignatureError if it can't have them."""
    if not modules(text):
        return ""
    found = parts(text, source)[1:]
    try:
        return _folder(found, bpy.app.tempdir)
    except OSError as error:
        raise SignatureError(f"its modules can't be written to {bpy.app.tempdir}: {error}") from error


@functools.lru_cache(maxsize=256)  # it keeps the sources
def _folder(found: tuple[ScriptPart, ...], where: str) -> str:
    place = Path(where, "background_nodes_modules", own_modules.digest(found))
    if not place.is_dir():
        place.parent.mkdir(exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=place.parent))
        for part in found:
            file = beside / part.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(part.content)
        with contextlib.suppress(FileExistsError):
            beside.rename(place)
        shutil.rmtree(beside, ignore_errors=True)
    return str(place)
