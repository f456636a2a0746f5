# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths as the artist wrote them: a blob has only absolute ones; relative ones ("//") are restored in the open file."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import bpy

from ..blend_file.fields.named_files import Form, name_pattern
from ..planning.destinations import FilesInUse, NumberedFiles

#: Properties that lead to structs which are no parts of the data-block.
_NOT_ENTERED = frozenset({"library", "library_weak_reference", "original", "override_library", "rna_type"})


def blend_files_in_use() -> FilesInUse:
    """The open file and the libraries it is linked to."""
    return FilesInUse(bpy.data.filepath, tuple(_files(bpy.data.libraries)))


def files_in_use() -> FilesInUse:
    """The open file, the libraries it is linked to, and the files that its data-blocks name and have not packed."""
    found = blend_files_in_use()
    images = _files(item for item in bpy.data.images if item.source == "FILE" and not item.packed_file)
    named = dict.fromkeys(map(os.path.normpath, bpy.utils.blend_paths(absolute=True, packed=False, local=False)))
    told = {*found.libraries, *images}
    return dataclasses.replace(
        found,
        images=tuple(images),
        numbered=tuple(dict.fromkeys(_numbered(named))),
        others=tuple(path for path in named if path not in told),
    )


def _files(data_blocks: Iterable[Any]) -> dict[str, None]:
    """The files of some data-blocks, each once."""
    paths = (bpy.path.abspath(item.filepath, library=item.library) for item in data_blocks if item.filepath)
    return dict.fromkeys(map(os.path.normpath, paths))


def _numbered(named: Iterable[str]) -> Iterator[NumberedFiles]:
    """The image sequences and the images of several tiles among the files that data-blocks name."""
    for path, form in forms(named):
        if names := name_pattern(form, Path(path)):
            yield NumberedFiles(str(Path(path).parent), names)


def forms(named: Iterable[str]) -> Iterator[tuple[str, Form]]:
    """Those of the whole paths of `named` that may stand for several files, and which these are."""
    data = bpy.data
    frames = _files(
        [
            *(item for item in (*data.images, *data.movieclips) if item.source == "SEQUENCE"),
            *(item for item in (*data.volumes, *data.cache_files) if item.is_sequence),
        ]
    )
    for path in named:
        form = Form.FRAMES if path in frames else Form.TILES if "<" in path else Form.FILE
        # This is done whenever a tree is read, so the many paths that are plain files take no time.
        if form is not Form.FILE:
            yield path, form


def relative_paths() -> dict[str, str]:
    """The paths in the open file that are relative to it: {absolute: as it is spelled}."""
    if not bpy.data.filepath:
        return {}
    spelled = bpy.utils.blend_paths(absolute=False, packed=True, local=True)
    absolute = bpy.utils.blend_paths(absolute=True, packed=True, local=True)
    return {path: text for text, path in zip(spelled, absolute, strict=True) if text.startswith("//")}


def respell(data_blocks: Iterable[bpy.types.ID], spellings: Mapping[str, str]) -> None:
    """Write paths as the artist had them when `relative_paths` was called.

    The open file may have been saved elsewhere since: what was relative then is made relative to its folder of now.
    """
    if not bpy.data.filepath or spellings.keys().isdisjoint(bpy.utils.blend_paths(packed=True, local=True)):
        return
    for data_block in data_blocks:
        if data_block.library is not None:
            continue
        for struct, name in _paths(data_block, set()):
            path = getattr(struct, name)
            if path in spellings:
                text = spellings[path]
                _set(struct, name, text if bpy.path.abspath(text) == path else bpy.path.relpath(path))


def _set(struct: bpy.types.bpy_struct, name: str, text: str) -> None:
    """Set a path; of an image, without reloading its file, because unsaved pixels would be lost."""
    setattr(struct, "filepath_raw" if isinstance(struct, bpy.types.Image) else name, text)


def _paths(struct: bpy.types.bpy_struct, seen: set[tuple[int, str]]) -> Iterator[tuple[bpy.types.bpy_struct, str]]:
    """(struct, property) of each path that a struct or its parts hold."""
    identity = struct.as_pointer(), type(struct).__name__
    if identity in seen:
        return
    seen.add(identity)
    own, parts = _properties(type(struct))
    for name in own:
        if not struct.is_property_readonly(name):
            yield struct, name
    for name, is_collection in parts:
        value = getattr(struct, name)
        for part in value if is_collection else (value,):
            if part is not None and not (isinstance(part, bpy.types.ID) and not part.is_embedded_data):
                yield from _paths(part, seen)


@functools.cache
def _properties(cls: type) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
    """Names of the properties that are paths, and (name, whether it is a collection) of those that lead to some."""
    own, parts = [], []
    for prop in cls.bl_rna.properties:
        if _is_path(prop):
            own.append(prop.identifier)
        elif _is_part(prop) and prop.fixed_type.identifier in _holders():
            parts.append((prop.identifier, prop.type == "COLLECTION"))
    return tuple(own), tuple(parts)


def _is_path(prop: bpy.types.Property) -> bool:
    if prop.type != "STRING":
        return False
    return prop.subtype in {"FILE_PATH", "DIR_PATH"} or prop.identifier == "filepath"  # a text's is of no subtype


def _is_part(prop: bpy.types.Property) -> bool:
    """Whether a property leads to parts of the struct. Of data-blocks, only node trees are parts of others."""
    if prop.type not in {"POINTER", "COLLECTION"} or prop.identifier in _NOT_ENTERED:
        return False
    return prop.fixed_type.identifier == "NodeTree" or "session_uid" not in prop.fixed_type.properties


@functools.cache
def _holders() -> frozenset[str]:
    """The types of structs that hold paths, themselves or in their parts; so vertices need not be looked at."""
    leads: dict[str, set[str]] = {}  # by type: the types from which it is reached
    queue = []
    for name in dir(bpy.types):
        rna = getattr(getattr(bpy.types, name), "bl_rna", None)
        if rna is None:
            continue
        if rna.base is not None and rna.base.identifier != "ID":  # where the base stands, it may be this one
            leads.setdefault(rna.identifier, set()).add(rna.base.identifier)
        for prop in rna.properties:
            if _is_path(prop):
                queue.append(rna.identifier)
            elif _is_part(prop):
                leads.setdefault(prop.fixed_type.identifier, set()).add(rna.identifier)
    found: set[str] = set()
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue += leads.get(name, ())
    return frozenset(found)
