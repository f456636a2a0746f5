# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that data-blocks name: images, sounds, caches. They count by content, their paths don't."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy

from ..rows import Rows


class Form(Enum):
    """Which files a path stands for."""

    FILE = "the one at that path"
    FRAMES = "all that differ from it in the last number of their name only"
    TILES = "one for each tile, whose number is in the place of <UDIM> or <UVTILE>"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A path as it stands in the .blend file, and which files that means.

    Attributes:
        path: the path.
        form: which files it stands for.
        place: the struct and field where it stands.
    """

    path: str
    form: Form
    place: str = ""

    @property
    def last_part(self) -> str:
        """The path without its folder, on any system; "" if it is none: Blender makes "/" of nothing."""
        return self.path.replace("\\", "/").rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True, order=True)
class NamedState:
    """The files that a whole path stands for, as they were.

    Attributes:
        path: the path.
        form: the name of a `Form`.
        digest: of their contents.
        stamps: of their sizes and times, "" if there were none.
    """

    path: str
    form: str
    digest: str
    stamps: str = ""


#: Tells the form of each of some structs.
_Forms = Callable[[Rows], Any]


def _always(form: Form) -> _Forms:
    return lambda rows: numpy.full(len(rows.data), form, object)


def _of_sources(sources: Mapping[int, Form]) -> _Forms:
    """By `source`: of an image 2 is a sequence, 3 a movie, 6 tiles; of a clip 1 is a sequence, 2 a movie."""
    return lambda rows: numpy.array([sources.get(number, Form.FILE) for number in rows.numbers("source")], object)


def _of_switch(rows: Rows) -> Any:
    return numpy.array([Form.FRAMES if is_one else Form.FILE for is_one in rows.numbers("is_sequence")], object)


#: By struct and field: which files a path stands for.
_PATHS: Mapping[str, Mapping[str, _Forms]] = {
    "Brush": {"icon_filepath": _always(Form.FILE)},
    "CacheFile": {"filepath": _of_switch},
    "CacheFileLayer": {"filepath": _always(Form.FILE)},
    "Camera": {"custom_filepath": _always(Form.FILE)},
    "CustomDataExternal": {"filename": _always(Form.FILE)},
    "FluidDomainSettings": {"cache_directory": _always(Form.FILE)},
    "Image": {"name": _of_sources({2: Form.FRAMES, 6: Form.TILES})},
    "ImageView": {"filepath": _always(Form.FILE)},
    "MeshCacheModifierData": {"filepath": _always(Form.FILE)},
    "MovieClip": {"name": _of_sources({1: Form.FRAMES}), "proxy.dir": _always(Form.FILE)},
    "NodeShaderScript": {"filepath": _always(Form.FILE)},
    "NodeShaderTexIES": {"filepath": _always(Form.FILE)},
    "OceanModifierData": {"cachepath": _always(Form.FILE)},
    "Text": {"name": _always(Form.FILE)},
    "VFont": {"name": _always(Form.FILE)},
    "Volume": {"filepath": _of_switch},
    "bSound": {"name": _always(Form.FILE)},
}
#: What is in the place of the number of a tile, and what that looks like.
_TILES = {"<UDIM>": r"\d{4}", "<UVTILE>": r"u\d+_v\d+"}
#: The font that is part of Blender.
_BUILT_IN = b"<builtin>"
#: Paths that nothing is read from, and one that is told of in the struct around it.
_UNREAD: Mapping[str, frozenset[str]] = {
    "CacheFile": frozenset({"handle_filepath"}),
    "ImagePackedFile": frozenset({"filepath"}),
    "MovieClipProxy": frozenset({"dir"}),
}


def is_path(struct: str, field: str) -> bool:
    """Whether a field is a path that does not count as such."""
    return field in _PATHS.get(struct, ()) or field in _UNREAD.get(struct, ())


def name_pattern(form: Form, path: Path) -> str | None:
    """What the names of the files that a path stands for look like; None if there is one only."""
    if form is Form.FRAMES:
        parts = re.fullmatch(r"(.*?)(\d+)(\D*)", path.stem)
        if parts is None:
            return None
        head, _number, tail = map(re.escape, parts.groups())
        return rf"{head}(\d+){tail}{re.escape(path.suffix)}"
    if form is Form.TILES:
        pattern = re.escape(path.name)
        for mark, numbers in _TILES.items():
            pattern = pattern.replace(re.escape(mark), f"({numbers})")
        return pattern
    return None


def files_named(rows: Rows, text_at: Callable[[int, int], bytes]) -> Iterator[tuple[int, NamedFile]]:
    """The data-blocks that name files, and the files.

    Args:
        rows: structs.
        text_at: gives the letters that a pointer of a data-block leads to.
    """
    for name, forms in _PATHS.get(rows.struct.name, {}).items():
        if not rows.has(name):
            continue
        if rows.is_pointer(name):
            paths = [text_at(owner, address) for owner, address in zip(rows.owners, rows.addresses(name), strict=True)]
        else:
            paths = rows.strings(name).tolist()
        for owner, path, form in zip(rows.owners.tolist(), paths, forms(rows), strict=True):
            named = NamedFile(os.fsdecode(path), form, f"{rows.struct.name}.{name}")
            if named.last_part and path != _BUILT_IN:
                yield owner, named
