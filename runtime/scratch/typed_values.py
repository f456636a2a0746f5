# SPDX-License-Identifier: GPL-3.0-or-later
"""A value with its type, as it travels between foreground and workers.

Its content is plain JSON or, for data-blocks, the places where they are stored. Large values, and large parts of
lists, are in files: see `value_files`.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..script.socket_types import VALUE_KINDS, SocketType, StoredRef


class _Hole(enum.Enum):
    HOLE = enum.auto()


#: Stands in a list for what an item did not give. No task is given it, and nothing that comes home has it.
HOLE: Final = _Hole.HOLE


@dataclass(frozen=True, slots=True)
class ValueFile:
    """A value, or part of a list, that is in a file of the scratch folder.

    Attributes:
        name: of the file.
        length: the number of elements if they are part of a list; None if it is one value.
        index: which element of the list in the file is meant, if only one is.
    """

    name: str
    length: int | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value with its type.

    Attributes:
        type: what it is.
        content: for a data-block, its place or None; for any other type, plain JSON; or a `ValueFile` with it. For a
            list, a tuple of these, in which one file may stand for many elements.
    """

    type: SocketType
    content: object

    def parts(self) -> tuple[Any, ...]:
        """The parts of a list, else the value as the only one."""
        if not self.type.is_list:
            return (self.content,)
        assert isinstance(self.content, tuple)
        return self.content

    @property
    def is_in_files(self) -> bool:
        """Whether it, or part of it, is in a file."""
        return any(isinstance(part, ValueFile) for part in self.parts())

    def files(self) -> tuple[str, ...]:
        """The names of the files that it, or part of it, is in."""
        return tuple(part.name for part in self.parts() if isinstance(part, ValueFile))

    @property
    def num_elements(self) -> int:
        return sum(1 if _is_one(part) else part.length for part in self.parts())

    def elements(self) -> tuple[Any, ...]:
        """The elements of a list, else the value as the only one; those in files as a `ValueFile` each."""
        parts = self.parts()
        if all(map(_is_one, parts)):
            return parts
        return tuple(element for part in parts for element in _elements(part))

    def refs(self) -> Iterator[StoredRef]:
        """The places of its data-blocks, in order; None is left out."""
        if self.type.is_data_block:
            yield from (element for element in self.parts() if element is not None)

    @property
    def is_hole(self) -> bool:
        return self.content is HOLE

    def moved(self, moves: Mapping[StoredRef, StoredRef]) -> TypedValue:
        """The same value, with its data-blocks where they are after `moves`."""
        if not self.type.is_data_block or not moves:
            return self
        elements = tuple(moves.get(element, element) for element in self.parts())
        return TypedValue(self.type, elements if self.type.is_list else elements[0])

    def renamed(self, stem: str, new: str) -> TypedValue:
        """The same value, with all that is in files with a stem in files with another one."""
        parts = tuple(_renamed(part, stem, new) for part in self.parts())
        return TypedValue(self.type, parts if self.type.is_list else parts[0])

    def to_wire(self) -> dict[str, Any]:
        parts = self.parts()
        files = {index: part for index, part in enumerate(parts) if isinstance(part, ValueFile)}
        content = [None if index in files else to_json(part) for index, part in enumerate(parts)] if files else parts
        if self.type.is_data_block:
            content = list(map(to_json, content))
        return {
            "kind": self.type.kind,
            "is_list": self.type.is_list,
            "content": content if self.type.is_list else content[0],
            "files": [[index, *dataclasses.astuple(file)] for index, file in files.items()],
        }

    @classmethod
    def from_wire(cls, data: Any) -> TypedValue:
        """Raises TypeError if `data` is no value with its type."""
        try:
            kind, is_list, content, files = data["kind"], data["is_list"], data["content"], data["files"]
        except (KeyError, TypeError, IndexError):
            raise TypeError(f"{data!r:.80} is no value with its type") from None
        if not isinstance(kind, str) or not isinstance(is_list, bool):
            raise TypeError(f"{kind!r:.40} is no type of a value")
        if is_list and not isinstance(content, list):
            raise TypeError(f"{content!r:.80} is no list")
        parts = content if is_list else [content]
        if kind not in VALUE_KINDS:
            parts = [from_json(kind, part) for part in parts]
        for index, file in _files(files):
            parts[index] = file
        return cls(SocketType(kind, is_list), tuple(parts) if is_list else parts[0])


def to_json(content: object) -> Any:
    """One element as plain JSON."""
    return dataclasses.astuple(content) if isinstance(content, StoredRef) else content


def from_json(kind: str, data: Any) -> Any:
    """One element of a kind from plain JSON. Raises TypeError if `data` is no such element."""
    if kind in VALUE_KINDS or data is None:
        return data
    if not isinstance(data, list) or len(data) != 4 or not all(isinstance(part, str) for part in data):
        raise TypeError(f"{data!r:.80} is no place of a data-block")
    return StoredRef(*data)


def _renamed(part: object, stem: str, new: str) -> object:
    match part:
        case StoredRef(blob=name) if name.startswith(f"{stem}."):
            return dataclasses.replace(part, blob=f"{new}{name[len(stem) :]}")
        case ValueFile(name=name) if name.startswith(f"{stem}."):
            return dataclasses.replace(part, name=f"{new}{name[len(stem) :]}")
    return part


def _is_one(part: object) -> bool:
    return not isinstance(part, ValueFile) or part.length is None


def _elements(part: Any) -> Iterator[Any]:
    if _is_one(part):
        yield part
    else:
        yield from (ValueFile(part.name, None, index) for index in range(part.length))


def _files(data: Any) -> Iterator[tuple[int, ValueFile]]:
    if not isinstance(data, list):
        raise TypeError(f"{data!r:.80} is no list of files")
    for row in data:
        match row:
            case [int(place), str(name), int() | None as length, int() | None as index]:
                yield place, ValueFile(name, length, index)
            case _:
                raise TypeError(f"{row!r:.80} is no file of a value")
