# SPDX-License-Identifier: GPL-3.0-or-later
"""A value with its type, as it travels between foreground and workers.

What it holds is what JSON holds, or for a data-block socket the places of data-blocks. A list is a tuple.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .types import SocketType, StoredRef


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value with its type.

    Attributes:
        type: what it is.
        content: of a data-block, its place or None; of another type, what JSON holds. Of a list, a tuple of these.
    """

    type: SocketType
    content: object

    def elements(self) -> tuple[Any, ...]:
        """Its elements if it is a list, else itself as the only one."""
        if not self.type.is_list:
            return (self.content,)
        assert isinstance(self.content, tuple)
        return self.content

    def plain_elements(self) -> list[Any]:
        """Its elements, data-blocks as their names."""
        return [element.name if isinstance(element, StoredRef) else element for element in self.elements()]

    def refs(self) -> Iterator[StoredRef]:
        """The places of its data-blocks, in order; None is left out."""
        if self.type.is_data_block:
            yield from (element for element in self.elements() if element is not None)

    def moved(self, moves: Mapping[StoredRef, StoredRef]) -> TypedValue:
        """The same value, with its data-blocks where they are after `moves`."""
        if not self.type.is_data_block or not moves:
            return self
        elements = tuple(moves.get(element, element) for element in self.elements())
        return TypedValue(self.type, elements if self.type.is_list else elements[0])

    def to_wire(self) -> dict[str, Any]:
        content: Any = self.content
        if self.type.is_data_block:
            content = [None if ref is None else dataclasses.astuple(ref) for ref in self.elements()]
        return {"kind": self.type.kind, "is_list": self.type.is_list, "content": content}

    @classmethod
    def from_wire(cls, data: Any) -> TypedValue:
        """Raises TypeError if `data` is none."""
        try:
            kind, is_list, content = data["kind"], data["is_list"], data["content"]
        except (KeyError, TypeError, IndexError):
            raise TypeError(f"{data!r:.80} is no value with its type") from None
        if not isinstance(kind, str) or not isinstance(is_list, bool):
            raise TypeError(f"{kind!r:.40} is no type of a value")
        socket_type = SocketType(kind, is_list)
        if socket_type.is_data_block:
            refs = tuple(map(_ref, content if isinstance(content, list) else [0]))
            if not is_list and len(refs) != 1:
                raise TypeError(f"{len(refs)} data-blocks instead of one")
            return cls(socket_type, refs if is_list else refs[0])
        if is_list and not isinstance(content, list):
            raise TypeError(f"{content!r:.80} is no list")
        return cls(socket_type, tuple(content) if is_list else content)


def _ref(data: Any) -> StoredRef | None:
    if data is None:
        return None
    if not isinstance(data, list) or len(data) != 4 or not all(isinstance(part, str) for part in data):
        raise TypeError(f"{data!r:.80} is no place of a data-block")
    return StoredRef(*data)
