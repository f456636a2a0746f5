# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the open .blend file uses, and its libraries: all that has to be there wherever it is opened.

Blender tells of the most. What it does not tell of, as far as that is known: files that a modifier of Geometry Nodes is
given, folders of baked simulations, caches on disk beside a .blend file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy

from ..runtime.blend_file.fields.named_files import Form, name_pattern
from ..runtime.blender.paths import forms

#: Brushes that come with each Blender; nothing that a graph makes needs them.
_BRUSHES: Final = "/datafiles/assets/brushes/"
#: Physics caches on disk are in a folder with this and the name of the .blend file.
_CACHES: Final = "blendcache_"
#: The number of the first tile of an image, and how many are in a row.
_FIRST_TILE: Final = 1001
_ROW: Final = 10


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """What a path stands for.

    Attributes:
        path: whole, without `..`.
        form: the name of a `Form`: which files it stands for.
        is_cache: whether it is a folder that need not be there, because it is made when somebody bakes.
        tiles: the names of the files that must be there; none if it is any.
    """

    path: str
    form: str = Form.FILE.name
    is_cache: bool = False
    tiles: tuple[str, ...] = ()

    @property
    def is_blend(self) -> bool:
        return self.path.lower().endswith(".blend")

    def files(self) -> list[Path]:
        """The files that are there. Raises OSError if nobody can look."""
        path = Path(self.path)
        pattern = name_pattern(Form[self.form], path)
        if pattern is not None:
            there = path.parent.iterdir() if path.parent.is_dir() else ()
            return sorted(each for each in there if re.fullmatch(pattern, each.name, re.IGNORECASE))
        if path.is_dir():
            return sorted(each for each in path.rglob("*") if each.is_file())
        return [path] if path.exists() else []

    def missing(self) -> list[str]:
        """What is not there and should be. Raises OSError if nobody can look."""
        if self.is_cache:
            return []
        there = {each.name for each in self.files()}
        if self.tiles:
            return [str(Path(self.path).parent / name) for name in self.tiles if name not in there]
        return [] if there or Path(self.path).is_dir() else [self.path]


def uses() -> set[Use]:
    """What the open file and its libraries use. Texts are left out: what they say is in the .blend file."""
    texts = {bpy.path.abspath(text.filepath, library=text.library) for text in bpy.data.texts if text.filepath}
    named = dict.fromkeys(_normal(path) for path in _paths() if path not in texts)
    numbered, tiles, caches = dict(forms(named)), dict(_tiles()), {_normal(path) for path in _cache_folders()}
    found = {
        Use(path, numbered.get(path, Form.FILE).name, path in caches, tiles.get(path, ()))
        for path in named
        if not _is_brushes(path)
    }
    blends = [bpy.data.filepath, *(each.path for each in found if each.is_blend)]
    disk = (Path(path).with_name(f"{_CACHES}{Path(path).stem}") for path in blends if path)
    return found | {Use(str(folder), is_cache=True) for folder in disk if folder.is_dir()}


def make_relative() -> bool:
    """Make the paths of the open file relative to it, but not those of its libraries.

    Returns:
        whether one was not.
    """
    before = bpy.utils.blend_paths(absolute=False, packed=True, local=True)
    changed = [path for path in before if path and not path.startswith("//") and not _is_brushes(path)]
    if changed:
        bpy.ops.file.make_paths_relative()
    for place in _others():
        if place.owner.id_data.library is None and not place.path.startswith("//"):
            place.set(bpy.path.relpath(place.path))
            changed.append(place.path)
    return bool(changed)


def _is_brushes(path: str) -> bool:
    return _BRUSHES in Path(path).as_posix()


def _normal(path: str) -> str:
    return os.path.normpath(path)


def _paths() -> Iterator[str]:
    yield from bpy.utils.blend_paths(absolute=True, packed=False, local=False)
    yield from (place.whole for place in _others())


def _tiles() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The paths of images of several tiles, and the names of the files of these."""
    for image in bpy.data.images:
        if image.source == "TILED" and not image.packed_files:
            path = _normal(bpy.path.abspath(image.filepath, library=image.library))
            yield path, tuple(_name_of_tile(Path(path).name, tile.number) for tile in image.tiles)


def _name_of_tile(name: str, number: int) -> str:
    row, column = divmod(number - _FIRST_TILE, _ROW)
    return name.replace("<UDIM>", str(number)).replace("<UVTILE>", f"u{column + 1}_v{row + 1}")


def _cache_folders() -> Iterator[str]:
    """Folders that Blender writes what it bakes to."""
    for item in bpy.data.objects:
        for modifier in item.modifiers:
            if modifier.type == "FLUID" and modifier.domain_settings is not None:
                yield bpy.path.abspath(modifier.domain_settings.cache_directory, library=item.library)
            elif modifier.type == "OCEAN":
                yield bpy.path.abspath(modifier.filepath, library=item.library)
    yield from (place.whole for place in _others() if place.is_cache)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path stands: a property, or a custom one. `is_cache` is as in `Use`."""

    owner: Any
    name: str
    is_custom: bool = False
    is_cache: bool = False

    @property
    def path(self) -> str:
        return str(self.owner.get(self.name, "") if self.is_custom else getattr(self.owner, self.name))

    @property
    def whole(self) -> str:
        return str(bpy.path.abspath(self.path, library=self.owner.id_data.library))

    def set(self, path: str) -> None:
        if self.is_custom:
            self.owner[self.name] = path
        else:
            setattr(self.owner, self.name, path)


def _others() -> Iterator[_Place]:
    """Paths that Blender does not tell of, or not all versions do."""
    yield from (place for place in _all_others() if place.path)


def _all_others() -> Iterator[_Place]:
    for group in bpy.data.node_groups:
        for node in group.nodes:
            for socket in node.inputs:
                if socket.bl_idname == "NodeSocketStringFilePath":
                    yield _Place(socket, "default_value")
    for item in bpy.data.objects:
        for modifier in item.modifiers:
            if modifier.type == "NODES":
                yield _Place(modifier, "bake_directory", is_cache=True)
                yield from (_Place(each, "directory", is_cache=True) for each in modifier.bakes)
                yield from _inputs(modifier)


def _inputs(modifier: Any) -> Iterator[_Place]:
    """The inputs of a group of Geometry Nodes that are paths: custom properties, since 5.2 properties of their own."""
    items = () if modifier.node_group is None else modifier.node_group.interface.items_tree
    for item in items:
        if item.item_type == "SOCKET" and item.in_out == "INPUT" and getattr(item, "subtype", "") == "FILE_PATH":
            if not hasattr(modifier, "properties"):
                yield _Place(modifier, item.identifier, is_custom=True)
            elif (socket := getattr(modifier.properties.inputs, item.identifier, None)) is not None:
                yield _Place(socket, "value")
