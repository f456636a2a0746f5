# SPDX-License-Identifier: GPL-3.0-or-later
"""What Python's modules and classes hold, and all dicts, lists and sets that can be reached from them, to be restored.

There are some 12,000 of them. Of dicts, and of what classes hold, Python tells which were changed. The others are
compared in C: a list of containers with a list of their copies. What is the same object on both sides is not looked
into.
"""

from __future__ import annotations

import collections
import contextlib
import enum
import importlib.machinery
import os
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .dict_versions import DictVersions

#: So many containers are compared at once.
_CHUNK = 32

_IMMUTABLE_TYPE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: a class in C, which scripts can't change

#: Objects that are not looked into. They change by themselves, or what they hold is put back elsewhere.
_LEFT_ALONE = (
    importlib.machinery.ModuleSpec,
    importlib.machinery.FileFinder,
    importlib.machinery.SourceFileLoader,
    importlib.machinery.SourcelessFileLoader,
    importlib.machinery.ExtensionFileLoader,
    weakref.WeakKeyDictionary,
    weakref.WeakSet,
    weakref.WeakValueDictionary,
    threading.Thread,
    threading.Condition,
    threading.Event,
    type(os.environ),
    enum.Enum,
)

_copy_of: dict[type, Callable[[Any], Any]] = {
    dict: dict,
    collections.OrderedDict: dict,
    collections.defaultdict: dict,
    types.MappingProxyType: dict,
    list: list,
    set: set,
    collections.deque: collections.deque,
}


@dataclass(slots=True, eq=False)
class _Held:
    """A container, its copy, and what to change to put that back: a class, or the container itself."""

    owner: Any
    live: Any
    saved: Any


class _Holdings:
    """Containers, of which it can be told which differ from their copies."""

    def __init__(self) -> None:
        self._counted: list[_Held] = []  # in the order of `_versions`
        self._versions = DictVersions()
        self._chunks: list[tuple[list[_Held], list[Any], list[Any]]] = []  # the others, with containers and copies

    def add(self, held: _Held) -> None:
        if self._versions.add(held.live, is_changed=not _is_equal(held.live, held.saved)):
            self._counted.append(held)
            return
        if not self._chunks or len(self._chunks[-1][0]) == _CHUNK:
            self._chunks.append(([], [], []))
        for column, value in zip(self._chunks[-1], (held, held.live, held.saved), strict=True):
            column.append(value)

    def differences(self) -> list[_Held]:
        """The containers that differ from their copies."""
        changed = self._versions.changed()
        equal = [number for number in changed if _is_equal(self._counted[number].live, self._counted[number].saved)]
        self._versions.note(equal)
        found = [self._counted[number] for number in changed if number not in equal]
        for chunk, live, saved in self._chunks:
            if not _is_equal(live, saved):
                found += [held for held in chunk if not _is_equal(held.live, held.saved)]
        return found


class ObjectState:
    """What modules, classes, and the containers in them hold.

    Args:
        roots: where to begin: modules, classes, containers.
        left_alone: what is not looked into.
    """

    def __init__(self, roots: Iterable[object], left_alone: Iterable[object]) -> None:
        self._holdings, self._watched = _Holdings(), _Holdings()
        self._by_owner: dict[int, _Held] = {}  # by the id of its owner
        self._kept: list[object] = [sys.modules, *left_alone]  # so that no other object gets the id of a known one
        self._known = set(map(id, self._kept))
        self.include(roots)

    def include(self, roots: Iterable[object]) -> None:
        """Go back to what these hold now as well, and what can be reached from them."""
        todo = list(roots)
        while todo:
            found = todo.pop()
            if id(found) in self._known:
                continue
            self._known.add(id(found))
            container = _container_of(found)
            if container is None:
                self._kept.append(found)
                continue
            if type(container) is not tuple:
                self._save(found, container)
            else:
                self._kept.append(found)
            values = container.values() if hasattr(container, "values") else container
            todo += [value for value in values if type(value) not in _PLAIN]

    def keep(self, owner: dict[str, Any] | type, key: str) -> None:
        """Go back to what a known dict or class holds under a key now."""
        held = self._by_owner.get(id(owner))
        if held is not None and key in held.live:
            held.saved[key] = held.live[key]

    def restore(self) -> str:
        """Put back what differs.

        Returns:
            "" or what could not be put back.
        """
        failures = []
        for held in self._holdings.differences():
            try:
                _put(held.owner, held.live, held.saved)
            except Exception as error:
                failures.append(f"{getattr(held.owner, '__name__', type(held.owner).__name__)}: {error}")
        return failures[0] if failures else ""

    def watch(self, owners: Iterable[object]) -> None:
        """Let `has_watched_changed` and `restore_watched` look at what these hold: classes, and dicts of modules."""
        for owner in owners:
            if (held := self._by_owner.get(id(owner))) is not None:
                self._watched.add(held)

    def has_watched_changed(self) -> bool:
        return bool(self._watched.differences())

    def restore_watched(self) -> None:
        """Put back what differs and can be put back. The rest is for `restore` to tell."""
        for held in self._watched.differences():
            try:  # noqa: SIM105 (`contextlib` may be what a script changed)
                _put(held.owner, held.live, held.saved)
            except Exception:
                pass

    @contextlib.contextmanager
    def importing(self, new_modules: Callable[[], Iterable[object]]) -> Iterator[None]:
        """Within the block an installed module is imported: what that changes elsewhere is there to stay.

        A module is not imported twice, so neither is its entry in another one's registry made twice.
        """
        before = {held: _copy(held.live) for held in self._holdings.differences()}
        try:
            yield
        finally:
            newcomers: list[object] = []
            for held in self._holdings.differences():
                newcomers += _adopt(held.saved, before.get(held, held.saved), held.live)
            self.include([*new_modules(), *newcomers])

    def _save(self, owner: object, container: Any) -> None:
        held = _Held(owner if isinstance(owner, type) else container, container, _copy(container))
        self._by_owner[id(held.owner)] = held
        self._holdings.add(held)
        self._kept.append(owner)


#: Objects that hold nothing.
_PLAIN = frozenset(
    {
        *(str, int, float, bool, bytes, complex, type(None), property, staticmethod, classmethod),
        *(types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType),
        *(types.GetSetDescriptorType, types.MemberDescriptorType, types.ClassMethodDescriptorType, types.CodeType),
    }
)


def _container_of(found: Any) -> Any:
    """What holds the values of an object: its attributes, or itself; None if there is nothing to be put back."""
    kind = type(found)
    if kind in _copy_of or kind is tuple:
        return found
    if issubclass(kind, type):
        return None if _flags_of_class(found) & _IMMUTABLE_TYPE else _attributes_of_class(found)
    if issubclass(kind, _LEFT_ALONE):
        return None
    attributes = _attributes(found)
    if not isinstance(attributes, dict) or (kind is types.FunctionType and not attributes):
        return None
    return None if "__wrapped__" in attributes else attributes  # it stands for a function


_flags_of_class = type.__dict__["__flags__"].__get__
_attributes_of_class = type.__dict__["__dict__"].__get__


def _attributes(found: Any) -> Any:
    try:
        return object.__getattribute__(found, "__dict__")
    except (AttributeError, TypeError):  # it has none, or a class has another one's
        return None


def _copy(container: Any) -> Any:
    return _copy_of[type(container)](container) if type(container) in _copy_of else dict(container)


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # two arrays, or an object of the script's
        return False


def _put(owner: Any, live: Any, saved: Any) -> None:
    if isinstance(owner, type):
        _put_class(owner, live, saved)
    elif isinstance(saved, dict):
        for key in [key for key in live if key not in saved]:
            del live[key]
        for key, value in saved.items():
            if key not in live or live[key] is not value:
                live[key] = value
    elif isinstance(saved, list):
        live[:] = saved
    else:
        live.clear()
        (live.update if isinstance(saved, set) else live.extend)(saved)


def _put_class(owner: type, live: Any, saved: dict[str, Any]) -> None:
    if live.get("bl_rna") is not saved.get("bl_rna"):
        raise TypeError("Blender does not know this class any more")
    for name in [name for name in live if name not in saved]:
        delattr(owner, name)
    for name, value in saved.items():
        if name not in live or live[name] is not value:
            setattr(owner, name, value)


def _adopt(saved: Any, before: Any, now: Any) -> list[Any]:
    """Make the change from `before` to `now` in a saved copy, too, and return what is new in it."""
    if isinstance(saved, dict):
        changed = {key: value for key, value in now.items() if key not in before or before[key] is not value}
        gone = [key for key in before if key not in now]
        saved.update(changed)
        for key in gone:
            saved.pop(key, None)
        return list(changed.values())
    if isinstance(saved, set):
        added = now - before
        removed = before - now
        saved |= added
        saved -= removed
        return list(added)
    known = set(map(id, before))
    added = [value for value in now if id(value) not in known]
    if list(map(id, before)) == list(map(id, saved)):
        saved[:] = now
    else:
        saved.extend(added)
    return added
