# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of data-blocks this Blender has, read from the RNA of `bpy.data` so that no list goes stale."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import bpy
import numpy
import numpy.typing

from ..scratch.contents import DataBlockName

#: Collections of `bpy.data` whose data-blocks can't be carried between files on their own, and why.
_NOT_CARRIED = {
    "all_ids": "a view on all the others (5.2)",
    "libraries": "made by Blender for linked data-blocks",
    "screens": "part of a window",
    "shape_keys": "part of a mesh, curve or lattice",
    "window_managers": "part of the session",
    "workspaces": "part of a window",
}


@functools.cache
def collections() -> Mapping[str, str]:
    """Each kind and the name of its collection in `bpy.data`: {"Object": "objects", "Mesh": "meshes", ...}."""
    properties = bpy.types.BlendData.bl_rna.properties
    return {
        prop.fixed_type.identifier: prop.identifier
        for prop in properties
        if prop.type == "COLLECTION" and prop.identifier not in _NOT_CARRIED
    }


@functools.cache
def data_block_types() -> Mapping[str, str]:
    """Each data-block type in `bpy.types` and its kind: {"Object": "Object", "PointLight": "Light", ...}."""
    types = {kind: kind for kind in collections()} | {"ID": "ID"}
    for kind in collections():
        for subclass in _subclasses(getattr(bpy.types, kind)):
            types[subclass.bl_rna.identifier] = kind
    return types


def _subclasses(cls: type) -> Iterator[type]:
    for subclass in cls.__subclasses__():
        if "bl_rna" in dir(subclass):
            yield subclass
        yield from _subclasses(subclass)


def kind_of(data_block: bpy.types.ID) -> str:
    """The kind of a data-block. Raises KeyError for one that can't be carried (a screen, a library)."""
    return _kind_of_type(type(data_block))


@functools.cache
def _kind_of_type(cls: type) -> str:
    struct = cls.bl_rna
    while struct is not None:
        if struct.identifier in collections():
            return struct.identifier
        struct = struct.base
    raise KeyError(cls.bl_rna.identifier)


def collection(kind: str) -> bpy.types.bpy_prop_collection:
    """The collection of `bpy.data` that holds a kind. Raises KeyError if this Blender has no such kind."""
    return getattr(bpy.data, collections()[kind])


def all_data_blocks() -> Iterator[tuple[str, bpy.types.ID]]:
    """Every data-block that can be carried, with its kind."""
    for kind, items in _filled():
        for data_block in items:
            yield kind, data_block


def _filled() -> list[tuple[str, Any]]:
    """The kinds of which there are data-blocks, and what holds these. Of most kinds there are none."""
    return [(kind, items) for kind, items in zip(collections(), _get_all()(bpy.data), strict=True) if items]


@functools.cache
def _get_all() -> Callable[[Any], tuple[Any, ...]]:
    """Gives the collections of all kinds at once, which takes a quarter of the time."""
    return operator.attrgetter(*collections().values())


def newest_uid() -> int:
    """The highest uid of all data-blocks: all that come after it have higher ones."""
    return max((int(uids.max()) for _items, uids in _uids()), default=0)


def newer(uid: int) -> Iterator[bpy.types.ID]:
    """The data-blocks with higher uids."""
    for items, uids in _uids():
        yield from (items[index] for index in numpy.flatnonzero(uids > uid).tolist())


def of_uids(uids: Collection[int]) -> list[bpy.types.ID]:
    """The data-blocks that have these uids."""
    wanted, found = numpy.fromiter(uids, numpy.int64, len(uids)), list[bpy.types.ID]()
    for items, there in _uids():
        places = numpy.flatnonzero(numpy.isin(there, wanted)).tolist()
        every = items[:] if places else []  # one by one, Blender would count to each of them
        found += [every[place] for place in places]
    return found


def _uids() -> Iterator[tuple[Any, numpy.typing.NDArray[numpy.int32]]]:
    """The data-blocks of each kind of which there are some, and their uids."""
    for _kind, items in _filled():
        yield items, _uids_of(items)


def _uids_of(items: Any) -> numpy.typing.NDArray[numpy.int32]:
    uids = numpy.empty(len(items), numpy.int32)
    items.foreach_get("session_uid", uids)
    return uids


def with_fake_users() -> Iterator[bpy.types.ID]:
    """The data-blocks that have a fake user."""
    for _kind, items in _filled():
        has_one = numpy.empty(len(items), bool)
        items.foreach_get("use_fake_user", has_one)
        yield from (items[place] for place in numpy.flatnonzero(has_one).tolist())


def library_path(data_block: bpy.types.ID) -> str:
    """The absolute path of the file a data-block is linked from, "" if it is local."""
    library = data_block.library
    return "" if library is None else bpy.path.abspath(library.filepath, library=library.library)


def name_of(data_block: bpy.types.ID) -> DataBlockName:
    """The name of a data-block in this file. Raises KeyError as `kind_of` does."""
    return DataBlockName(kind_of(data_block), data_block.name, library_path(data_block))


def is_packed(data_block: bpy.types.ID) -> bool:
    """Whether a data-block is of another file, but stored in this one (since 5.0)."""
    return getattr(data_block, "is_linked_packed", False)


def find(kind: str, name: str, library: str = "") -> bpy.types.ID | None:
    """The data-block of that kind and name, local or from the library at that path."""
    if kind not in collections():
        return None
    if not library:
        return collection(kind).get((name, None))
    return next((item for item in collection(kind) if item.name == name and library_path(item) == library), None)


class Handle(NamedTuple):
    """What leads to a data-block again after others had a turn, who may have removed it or undone what made it."""

    kind: str
    session_uid: int

    @classmethod
    def of(cls, data_block: bpy.types.ID) -> Handle:
        return cls(kind_of(data_block), data_block.session_uid)


class Index:
    """Finds data-blocks by their uid in this session. Valid until one that was there at the first look is removed."""

    def __init__(self) -> None:
        self._by_kind: dict[str, dict[int, bpy.types.ID]] = {}

    def find(self, kind: str, session_uid: int) -> bpy.types.ID | None:
        if kind not in self._by_kind:
            items = collection(kind) if kind in collections() else ()
            self._by_kind[kind] = dict(zip(_uids_of(items).tolist(), items[:], strict=True)) if items else {}
        return self._by_kind[kind].get(session_uid)
