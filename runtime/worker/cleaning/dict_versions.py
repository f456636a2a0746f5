# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of many dicts were changed: Python up to 3.13 gives a dict another number, its version, at each change.

To compare a dict with its copy takes Python to each of its values; the version stands in the dict itself, and numpy
reads those of thousands of dicts in a tenth of a millisecond. Python has no call for it, so it is read where it stands
in memory, after a look whether that is the place. Later Pythons have no versions.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy

#: What a dict begins with, in words of 8 bytes: references, type, length, version, keys, values.
_WORD: Final = 8
_VERSION, _VALUES, _NUM_WORDS = 3, 5, 6
#: No dict has this version.
_NONE: Final = 0
#: Bytes of so many versions are compared at once.
_BLOCK: Final = 64 * _WORD


class DictVersions:
    """Dicts, and the version of each when it was last looked at. They must live as long as this."""

    def __init__(self) -> None:
        self._places: list[int] = []  # of the versions, in memory
        self._noted = bytearray()  # the versions
        self._found = b""  # at the last look
        self._memory, self._indices = numpy.empty(0, numpy.uint64), numpy.empty(0, numpy.int64)

    def add(self, content: Any, *, is_changed: bool = False) -> bool:
        """Look for changes of a dict, or of what a class holds, from now on; or from a time before, if it `is_changed`.

        Returns:
            whether that is possible.
        """
        known = counted_dict(content)
        if known is None:
            return False
        self._places.append(id(known) + _VERSION * _WORD)
        self._noted += (_NONE if is_changed else _words(known)[_VERSION]).to_bytes(_WORD, sys.byteorder)
        return True

    def changed(self) -> list[int]:
        """The numbers of the dicts that were changed since they were noted, in the order in which they were added."""
        if len(self._places) != len(self._indices):
            self._prepare()
        self._found = found = self._memory[self._indices].tobytes()
        # In bytes: a script may have replaced how numpy compares.
        noted = self._noted
        blocks = [
            start
            for start in range(0, len(found), _BLOCK)
            if found[start : start + _BLOCK] != noted[start : start + _BLOCK]
        ]
        return [number for start in blocks for number in _differences(found, noted, start)]

    def note(self, numbers: Iterable[int]) -> None:
        """These are as they should be, as they were at the last look."""
        for number in numbers:
            place = slice(number * _WORD, (number + 1) * _WORD)
            self._noted[place] = self._found[place]

    def _prepare(self) -> None:
        start = min(self._places)
        length = (max(self._places) - start) // _WORD + 1
        self._memory = numpy.frombuffer((ctypes.c_uint64 * length).from_address(start), numpy.uint64)
        self._indices = (numpy.array(self._places, numpy.int64) - start) // _WORD


def _differences(found: bytes, noted: bytearray, start: int) -> Iterator[int]:
    """The numbers of the versions that differ in the block that starts there."""
    pairs = zip(*(memoryview(each)[start : start + _BLOCK].cast("Q") for each in (found, noted)), strict=True)
    return (number for number, (one, other) in enumerate(pairs, start // _WORD) if one != other)


def counted_dict(content: Any) -> Any:
    """The dict whose version tells of each change of what is given, a dict or what a class holds; None if none does."""
    if not _ARE_COUNTED:
        return None
    if type(content) is types.MappingProxyType:
        content = gc.get_referents(content)[0]
    if not isinstance(content, dict):
        return None
    # The values of an object's dict may stand in the object, and are set there.
    return None if _words(content)[_VALUES] else content


def _words(content: dict[Any, Any]) -> list[int]:
    return (ctypes.c_uint64 * _NUM_WORDS).from_address(id(content))[:]


def _are_counted() -> bool:
    """Whether this Python gives a dict another version at each change, and none if there is none."""
    if dict.__basicsize__ < _NUM_WORDS * _WORD or ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return False
    return all(one != other for one, other in _versions_of_changes()) and _is_steady()


def _versions_of_changes() -> Iterator[tuple[int, int]]:
    """The version of a dict, of what a class holds and of a module's dict before and after each kind of change."""
    cls, module = type("Changed", (), {}), types.ModuleType("changed")
    changed: dict[str, Any] = {}
    changes = (
        lambda: changed.update(name=1),
        lambda: changed.__setitem__("name", 2),
        lambda: changed.setdefault("other", 3),
        lambda: changed.pop("other"),
        lambda: changed.__delitem__("name"),
        lambda: changed.update(name=1),
        changed.popitem,
        lambda: changed.update(name=1),
        changed.clear,
    )
    for change in changes:
        before = _words(changed)[_VERSION]
        change()
        yield before, _words(changed)[_VERSION]
    for owner, content in ((cls, gc.get_referents(vars(cls))[0]), (module, vars(module))):
        for value in range(64):  # Python has a faster way to set an attribute when that was done a few times
            before = _words(content)[_VERSION]
            owner.name = value
            yield before, _words(content)[_VERSION]
        before = _words(content)[_VERSION]
        del owner.name
        yield before, _words(content)[_VERSION]


def _is_steady() -> bool:
    content = {"name": object()}
    before = _words(content)
    return content == dict(content) and "name" in content and _words(content)[1:] == before[1:]


_ARE_COUNTED: Final = _are_counted()
