# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries of presets of this Blender: asset libraries of its preferences, the extension's own, and the open file.

What is asked of them here costs no look-up on a disk: they are read in threads.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy

from ...node_tree.identity import background_trees
from ...runtime.blend_file.asset_data import Asset
from ...runtime.errors import PresetError
from ...runtime.presets.library import PresetLibrary
from ...runtime.presets.preset import PREFIX, Finding, Preset, from_asset

#: The presets that come with the extension.
SHIPPED: Final = Path(__file__).parent / "shipped"
SHIPPED_NAME: Final = "Background Nodes"
THIS_FILE: Final = "This File"
#: The library that Blender has by itself, whose folder is made once something is saved to it.
_BLENDERS_OWN: Final = "User Library"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a preset can be saved: a library, or the open file, whose folder is ""."""

    name: str
    folder: str


class Libraries:
    """The libraries of this Blender."""

    def __init__(self) -> None:
        self._libraries: dict[str, PresetLibrary] = {}
        self._only: PresetLibrary | None = None

    def all(self) -> tuple[PresetLibrary, ...]:
        """The libraries, as the preferences have them now; the one that comes with the extension is the last."""
        if self._only is not None:
            return (self._only,)
        wanted = {folder: name for name, folder in _folders()}
        for folder in [folder for folder in self._libraries if folder not in wanted]:
            del self._libraries[folder]
        for folder, name in wanted.items():
            known = self._libraries.get(folder)
            if known is None:
                self._libraries[folder] = PresetLibrary(folder, name)
            else:
                known.name = name
        return tuple(self._libraries[folder] for folder in wanted)

    def use_only(self, library: PresetLibrary | None) -> None:
        """Take this one for all libraries, as the command line does; None for those of the preferences."""
        self._only = library

    def read_soon(self) -> None:
        """Let all be read in threads, as far as that was not done just now."""
        for library in self.all():
            library.read_soon()

    def wait(self, timeout: float) -> bool:
        """Wait until all were read at all, `timeout` seconds for each. Returns whether they were."""
        self.read_soon()
        return all(library.wait(timeout) for library in self.all())

    def presets(self) -> tuple[Preset, ...]:
        """The newest version of each preset: of this file, then library by library, by name. Each uuid once."""
        found: dict[str, Preset] = {}
        for preset in (*presets_of_file(), *(each for library in self.all() for each in library.newest())):
            known = found.get(preset.uuid)
            if known is None or known.version < preset.version:
                found[preset.uuid] = preset
        return tuple(found.values())

    def find(self, uuid: str, version: int = 0) -> Preset | None:
        """A version of a preset, or the newest one of all libraries; None if it is not there."""
        found = [preset for preset in presets_of_file(uuid) if version in (0, preset.version)]
        found += [known for library in self.all() if (known := library.find(uuid, version)) is not None]
        return max(found, key=lambda preset: preset.version, default=None)

    def library(self, folder: str) -> PresetLibrary | None:
        """The library in a folder; None if there is none."""
        return next((library for library in self.all() if str(library.folder) == folder), None)

    def name_of(self, preset: Preset) -> str:
        """The name of the library that a preset is in, for people."""
        library = self.library(preset.library)
        return THIS_FILE if not preset.file else preset.library if library is None else library.name

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the files of all libraries."""
        return tuple(finding for library in self.all() if not _is_unused(library) for finding in library.findings())

    def places(self) -> tuple[Place, ...]:
        """Where presets can be saved."""
        return Place(THIS_FILE, ""), *(Place(name, folder) for name, folder in _folders() if folder != str(SHIPPED))


def _is_unused(library: PresetLibrary) -> bool:
    """Whether it is Blender's own, and nobody has saved anything to it: that is no fault."""
    return library.name == _BLENDERS_OWN and library.is_listed and library.trust_digest is None


@functools.cache
def _is_shipped() -> bool:
    return SHIPPED.is_dir()


def _folders() -> Iterator[tuple[str, str]]:
    """Name and folder of each library that is one on this machine."""
    for library in bpy.context.preferences.filepaths.asset_libraries:
        is_used = getattr(library, "enabled", True) and not getattr(library, "use_remote_url", False)
        if is_used and library.path:
            yield library.name, str(Path(bpy.path.abspath(library.path)))
    if _is_shipped():
        yield SHIPPED_NAME, str(SHIPPED)


def presets_of_file(uuid: str | None = None) -> Iterator[Preset]:
    """The presets among the node trees of the open file, or the one of a uuid."""
    for tree in background_trees():
        data = tree.asset_data if tree.library is None else None
        is_wanted = data is not None and uuid in (None, data.get(_UUID))  # nodes that are drawn ask for one of them
        preset = preset_of_tree(tree) if is_wanted else None
        if preset is not None:
            yield preset


def preset_of_tree(tree: bpy.types.NodeTree) -> Preset | None:
    """The preset that a node tree is; None if it is none."""
    data = tree.asset_data
    if data is None or _UUID not in data:
        return None
    properties = {name: value for name, value in data.items() if isinstance(value, str | int | float)}
    asset = Asset(
        tree.name,
        tree.bl_idname,
        bpy.app.version[0] * 100 + bpy.app.version[1],
        data.author,
        data.description,
        data.license,
        "" if data.catalog_id == _NO_CATALOG else data.catalog_id,
        tuple(tag.name for tag in data.tags),
        properties,
    )
    try:
        return from_asset(asset)
    except PresetError:
        return None


_UUID: Final = f"{PREFIX}uuid"
_NO_CATALOG: Final = "00000000-0000-0000-0000-000000000000"

libraries = Libraries()


def _start() -> None:
    libraries.read_soon()


@bpy.app.handlers.persistent
def _after_load(*_arguments: Any) -> None:
    _start()


def register() -> None:
    bpy.app.handlers.load_post.append(_after_load)
    if not bpy.app.background:
        bpy.app.timers.register(_start, first_interval=0.0)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_after_load)
    if bpy.app.timers.is_registered(_start):
        bpy.app.timers.unregister(_start)
