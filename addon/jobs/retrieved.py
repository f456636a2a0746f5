# SPDX-License-Identifier: GPL-3.0-or-later
"""`RetrievedDataBlocks`: what a job brought into the open file. Part of the public Python API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import bpy

from ...runtime.blender import data_block_kinds
from ...runtime.blender.data_block_kinds import Handle

#: Former collections of `bpy.data`, and those that hold the same data now.
_FORMER: Final = {
    "lamps": ("lights",),
    "groups": ("collections",),
    "grease_pencil": ("grease_pencils", "grease_pencils_v3"),
    "ipos": (),
}


class RetrievedDataBlocks:
    """A list of data-blocks for each collection of `bpy.data`: `.objects`, `.meshes`, `.materials`, ...

    In each list the script's `data_blocks` come first, in their order; then the data-blocks that they use. The names of
    Blender 2.7 work, too: `.lamps` is `.lights`, `.groups` is `.collections`, `.grease_pencil` is `.grease_pencils`.

    You may keep this object: each access makes its list anew, without data-blocks that were removed since.
    """

    def __init__(self, handles: Iterable[Handle] = ()) -> None:
        self._uids: dict[str, list[int]] = {}
        for kind, uid in handles:
            self._uids.setdefault(kind, []).append(uid)

    def __getattr__(self, name: str) -> list[bpy.types.ID]:
        if name in _FORMER:
            return [item for current in _FORMER[name] if current in _names() for item in getattr(self, current)]
        if name == "shape_keys":  # they are parts of other data-blocks
            return [item.shape_keys for item in self._all() if getattr(item, "shape_keys", None) is not None]
        if name not in _names():
            raise AttributeError(f"bpy.data has no collection {name!r}")
        return self._of_collection(name)

    def __dir__(self) -> list[str]:
        return sorted({*_names(), *_FORMER})

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={items!r}" for name in _names() if (items := getattr(self, name)))
        return f"RetrievedDataBlocks({found})"

    def _of_collection(self, name: str) -> list[bpy.types.ID]:
        index = data_block_kinds.Index()
        kind = next((kind for kind, collection in data_block_kinds.collections().items() if collection == name), "")
        found = (index.find(kind, uid) for uid in self._uids.get(kind, ()))
        return [item for item in found if item is not None]

    def _all(self) -> list[bpy.types.ID]:
        return [item for name in data_block_kinds.collections().values() for item in self._of_collection(name)]


def _names() -> list[str]:
    """The names of the collections of `bpy.data`, without `all_ids`, which shows all of them."""
    properties = bpy.types.BlendData.bl_rna.properties
    return [item.identifier for item in properties if item.type == "COLLECTION" and item.identifier != "all_ids"]
