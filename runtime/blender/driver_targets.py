# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers that read a part of a data-block: its shape keys, its node tree.

No remapping of Blender's reaches these, and it crashes over a driver that reads a node tree which was removed. Into a
library it writes such a part without its owner. So in a blob, these drivers read the owner, and beside the blob is
written which part of that they read.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import bpy

from ..scratch.contents import DataBlockName, PartTarget
from . import data_block_kinds, view_layers
from .edits import edits

_PARTS = ("shape_keys", "node_tree")


class _Target(NamedTuple):
    """A target of a driver, and where it is: in which data-block, and where in that."""

    item: bpy.types.ID
    part: str
    driver: int
    variable: int
    number: int
    target: bpy.types.DriverTarget


class _Read(NamedTuple):
    """A target that is a part of a data-block, and that data-block."""

    place: _Target
    owner: bpy.types.ID
    part: str


def parts(items: Iterable[bpy.types.ID]) -> set[bpy.types.ID]:
    """The parts of data-blocks that drivers may read."""
    found = (getattr(item, name, None) for item in items for name in _PARTS)
    return {part for part in found if part is not None}


def follow(
    pairs: Iterable[tuple[bpy.types.ID, bpy.types.ID | None]], users_of: Mapping[bpy.types.ID, set[bpy.types.ID]]
) -> None:
    """Let drivers that read a part of the first of each pair, which goes then, read that of the second, or nothing.

    `users_of` has the users of those parts.
    """
    new_parts = {
        part: getattr(new, name, None)
        for old, new in pairs
        for name in _PARTS
        if (part := getattr(old, name, None)) is not None
    }
    if new_parts:
        for place in _targets(_readers_of(new_parts, users_of)):
            if place.target.id in new_parts:
                place.target.id = new_parts[place.target.id]


def _readers_of(parts: Iterable[bpy.types.ID], users_of: Mapping[bpy.types.ID, set[bpy.types.ID]]) -> set[bpy.types.ID]:
    """What uses parts of data-blocks, as drivers of it may; not the parts that do."""
    users = set[bpy.types.ID]().union(*(users_of.get(part, ()) for part in parts))
    return {user.user if isinstance(user, bpy.types.Key) else user for user in users}


def uses(among: Iterable[bpy.types.ID] | None = None) -> Iterator[tuple[bpy.types.ID, bpy.types.ID]]:
    """The local data-blocks (of those `among`) with drivers that read parts of others, each with the owner of one."""
    return ((place.item, owner) for place, owner, _part in _reads(among) if place.item != owner)


def uses_by_uid() -> dict[int, set[int]]:
    """The same by the uids of those that have the drivers."""
    found: dict[int, set[int]] = {}
    for item, owner in uses():
        found.setdefault(item.session_uid, set()).add(owner.session_uid)
    return found


@contextlib.contextmanager
def owners_read(among: Callable[[], set[bpy.types.ID]]) -> Iterator[dict[DataBlockName, list[PartTarget]]]:
    """Within the block, drivers of some data-blocks read owners of parts. Nobody hears of it.

    Yields:
        which parts they read, by the data-blocks that have the drivers: see `restore`.
    """
    if not _lost(among):
        yield {}
        return
    found: dict[DataBlockName, list[PartTarget]] = {}
    with edits.own(), _unheard():
        reads = _lost(among)  # anew, because handlers were called
        try:
            for place, owner, part in reads:
                _set(place.target, owner)
                where = PartTarget(place.part, place.driver, place.variable, place.number, part)
                found.setdefault(data_block_kinds.name_of(place.item), []).append(where)
            yield found
        finally:
            for place, owner, part in reads:
                _set(place.target, getattr(owner, part))


def restore(item: bpy.types.ID, targets: Iterable[PartTarget]) -> None:
    """Let drivers of a data-block out of a blob read the parts again that they read when it was written."""
    readers = dict(_readers(type(item)))
    for where in targets:
        curve = readers[where.of](item).drivers[where.driver]
        target = curve.driver.variables[where.variable].targets[where.target]
        part = getattr(target.id, where.part, None)
        if part is not None:
            _set(target, part)


def _set(target: bpy.types.DriverTarget, item: bpy.types.ID) -> None:
    target.id_type = item.id_type
    target.id = item


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """No handler hears of what is changed within the block, and changed back."""
    handlers = (bpy.app.handlers.depsgraph_update_pre, bpy.app.handlers.depsgraph_update_post)
    if not any(handlers):
        yield
        return
    view_layers.update()  # what was changed before is told
    try:
        yield
    finally:
        kept = [list(functions) for functions in handlers]
        for functions in handlers:
            functions.clear()
        view_layers.update()
        for functions, items in zip(handlers, kept, strict=True):
            functions[:] = items


def _reads(among: Iterable[bpy.types.ID] | None = None) -> Iterator[_Read]:
    """The targets that are parts of data-blocks."""
    trees: Mapping[bpy.types.ID, bpy.types.ID] = {}
    for place in _targets(among):
        part = place.target.id
        if isinstance(part, bpy.types.Key):
            yield _Read(place, part.user, "shape_keys")
        elif part is not None and part.is_embedded_data and isinstance(part, bpy.types.NodeTree):
            trees = trees or _owners_of_trees()
            if part in trees:
                yield _Read(place, trees[part], "node_tree")


def _owners_of_trees() -> dict[bpy.types.ID, bpy.types.ID]:
    owners = (
        item
        for kind in data_block_kinds.collections()
        for item in data_block_kinds.collection(kind)
        if getattr(item, "node_tree", None) is not None
    )
    return {owner.node_tree: owner for owner in owners if owner.node_tree.is_embedded_data}


def _lost(among: Callable[[], set[bpy.types.ID]]) -> list[_Read]:
    """The parts that drivers of some data-blocks read, and that would be lost on the way."""
    reads = [read for read in _reads() if not _comes_along(read)]
    used = among() if reads else set()
    return [read for read in reads if read.place.item in used]


def _comes_along(read: _Read) -> bool:
    """Whether Blender writes the owner of the part with what has the driver, and finds the part again."""
    item = read.place.item
    return read.part == "shape_keys" and read.owner in (item, getattr(item, "data", None))


def _targets(among: Iterable[bpy.types.ID] | None = None) -> Iterator[_Target]:
    """The targets of all drivers of local data-blocks (of those `among`) and of their parts."""
    for item, part, animation in _animations(among):
        for number, curve in enumerate(animation.drivers):
            for variable_number, variable in enumerate(curve.driver.variables):
                for target_number, target in enumerate(variable.targets):
                    yield _Target(item, part, number, variable_number, target_number, target)


def _animations(among: Iterable[bpy.types.ID] | None) -> Iterator[tuple[bpy.types.ID, str, bpy.types.AnimData]]:
    """Those of local data-blocks and of their parts; "" stands for the data-block itself."""
    items = (item for _kind, item in data_block_kinds.all_data_blocks()) if among is None else among
    for item in items:
        for part, read in _readers(type(item)):
            found = read(item)
            if found is not None and found.id_data.library is None:
                yield item, part, found


@functools.cache
def _readers(cls: type[bpy.types.ID]) -> tuple[tuple[str, Callable[[bpy.types.ID], Any]], ...]:
    """What reads the animation of a data-block of that type, and of each of its parts, by their names."""
    names = cls.bl_rna.properties.keys()
    own = [("", operator.attrgetter("animation_data"))] if "animation_data" in names else []
    return (
        *own,
        *((name, functools.partial(_animation_of_part, operator.attrgetter(name))) for name in _PARTS if name in names),
    )


def _animation_of_part(read: Callable[[bpy.types.ID], bpy.types.ID | None], item: bpy.types.ID) -> Any:
    part = read(item)
    return None if part is None else part.animation_data
