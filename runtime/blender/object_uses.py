# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object uses beside its data: its parent, and what its modifiers and constraints point to."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import bpy


class Use(NamedTuple):
    """A property, or a custom property, that points to a data-block."""

    holder: Any
    name: str
    is_custom: bool = False

    def get(self) -> bpy.types.ID | None:
        value = self.holder.get(self.name) if self.is_custom else getattr(self.holder, self.name)
        return value if isinstance(value, bpy.types.ID) else None

    def set(self, data_block: bpy.types.ID) -> None:
        if self.is_custom:
            self.holder[self.name] = data_block
        else:
            setattr(self.holder, self.name, data_block)


def follow(item: bpy.types.Object, result: bpy.types.Object, versions: Mapping[int, int | None]) -> None:
    """Where a result uses a changed version of what an object uses in the same place, let the object use it, too.

    `versions` has the uids of changed versions, and for each that of what it is a version of.
    """
    if not versions or not (item.parent or item.modifiers or item.constraints):
        return
    new_uses = _uses(result)
    for place, use in _uses(item).items():
        old, new = use.get(), new_uses[place].get() if place in new_uses else None
        if old is not None and new is not None and versions.get(new.session_uid) == old.session_uid:
            use.set(new)


def _uses(item: bpy.types.Object) -> dict[tuple[str, ...], Use]:
    """By the place where each is: names of a modifier or constraint, its type, the property."""
    uses = {("parent",): Use(item, "parent")}
    for part in (*item.modifiers, *item.constraints):
        for name, use in _uses_of_part(part):
            uses[type(part).__name__, part.name, name] = use
    return uses


def _uses_of_part(part: bpy.types.Modifier | bpy.types.Constraint) -> Iterator[tuple[str, Use]]:
    for name in _pointers(type(part)):
        yield name, Use(part, name)
    if isinstance(part, bpy.types.NodesModifier):
        yield from _inputs(part)


def _inputs(modifier: bpy.types.NodesModifier) -> Iterator[tuple[str, Use]]:
    """The inputs of a group of Geometry Nodes: custom properties, since 5.2 properties of their own."""
    if not hasattr(modifier, "properties"):
        yield from ((name, Use(modifier, name, is_custom=True)) for name in modifier.keys())  # noqa: SIM118 (no dict)
        return
    inputs = modifier.properties.inputs
    for prop in inputs.bl_rna.properties:
        socket = getattr(inputs, prop.identifier) if prop.type == "POINTER" and prop.identifier != "rna_type" else None
        if hasattr(socket, "value"):
            yield prop.identifier, Use(socket, "value")


@functools.cache
def _pointers(cls: type) -> tuple[str, ...]:
    """The names of the properties that point to data-blocks and can be set."""
    return tuple(
        prop.identifier
        for prop in cls.bl_rna.properties
        if prop.type == "POINTER" and not prop.is_readonly and "session_uid" in prop.fixed_type.properties
    )
