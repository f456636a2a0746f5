# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's types: which are registered, and the attributes that they have."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy

from .dict_versions import DictVersions

#: Classes whose code is never executed where there is no window.
_DRAWN = (bpy.types.Header, bpy.types.Menu, bpy.types.Panel, bpy.types.UIList)


class RegisteredTypes:
    """Blender's types when this was made, to be restored.

    Attributes:
        with_code: those with methods in Python that may be executed. What they hold is for others to put back.
        without_code: all others.
    """

    def __init__(self) -> None:
        # All of them: each is made when it is first asked for, and those of node trees would be taken for a script's.
        # Unregistering them leaves them without `bl_rna`.
        types = list(_blender_types())
        self.with_code = [cls for cls in types if _has_methods(cls) and not issubclass(cls, _DRAWN)]
        self._known = {*types, *_subclasses(types, set())}
        self._bases = [cls for cls in types if cls.__module__.endswith(("bpy.types", "bpy_types"))]
        self._num_subclasses = self._count_subclasses()
        self.without_code = list(self._known.difference(self.with_code))
        self._attributes = [vars(cls) for cls in self.without_code]  # they change with the classes
        self._num_attributes = list(map(len, self._attributes))
        self._names = list(map(frozenset, self._attributes))
        self._drawn = [vars(cls) for cls in self.without_code if "draw" in vars(cls)]
        self._draw = [attributes.get("draw") for attributes in self._drawn]
        self._versions = DictVersions()
        self._are_counted = all(list(map(self._versions.add, self._attributes)))

    def restore(self) -> str:
        """Restore them.

        Returns:
            "" or why that is not possible.
        """
        if self._count_subclasses() != self._num_subclasses:
            for cls in list(_subclasses(self._bases, self._known)):
                with contextlib.suppress(RuntimeError, ValueError):
                    bpy.utils.unregister_class(cls)
        changed = self._versions.changed()
        if self._are_counted and not changed:
            return ""
        self._versions.note(changed)
        if list(map(len, self._attributes)) != self._num_attributes:
            return self._restore_attributes()
        if [attributes.get("draw") for attributes in self._drawn] != self._draw:
            return "its script changed how Blender's panels and menus are drawn"
        return ""

    def _count_subclasses(self) -> list[int]:
        return list(map(len, map(type.__subclasses__, self._bases)))

    def _restore_attributes(self) -> str:
        for cls, names in zip(self.without_code, self._names, strict=True):
            if names - vars(cls).keys():
                return "its script unregistered classes of Blender's"
            for name in vars(cls).keys() - names:
                delattr(cls, name)
        return ""


def _blender_types() -> Iterator[type]:
    for name in dir(bpy.types):
        cls = getattr(bpy.types, name)
        if isinstance(cls, type):
            yield cls


def _has_methods(cls: type) -> bool:
    return any(callable(value) or isinstance(value, property | classmethod) for value in vars(cls).values())


def _subclasses(bases: list[type], known: set[type]) -> Iterator[type]:
    """The registered classes, made in Python, that are derived from `bases`, but for those that are known."""
    todo: list[Any] = list(bases)
    seen = set()
    while todo:
        for cls in type.__subclasses__(todo.pop()):
            if cls not in known and cls not in seen:
                seen.add(cls)
                todo.append(cls)
                if "bl_rna" in vars(cls):
                    yield cls
