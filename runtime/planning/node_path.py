# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node is: in a tree, or in a group that a node of the tree stands for, or in a group of that group ...

A group may be used many times, so the id of a node in it names none of its uses: the path does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ID_SEPARATOR: Final = "/"
_NAME_SEPARATOR: Final = " / "
_PASS: Final = "#"


@dataclass(frozen=True, slots=True)
class NodePath:
    """The group nodes that lead to a node, from the outer tree inwards, and the node itself.

    Attributes:
        ids: their stable ids.
        names: their names, for people.
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What the node is called in graphs, plans, runs and on the wire."""
        return _ID_SEPARATOR.join(self.ids)

    @property
    def name(self) -> str:
        """What people read: "Rock LODs / Decimate"."""
        return _NAME_SEPARATOR.join(self.names)

    def into(self, node_id: str, name: str) -> NodePath:
        """The path of a node in the group that this path leads to. The empty path leads to the outer tree."""
        return NodePath((*self.ids, node_id), (*self.names, name))


def pass_id(number: int) -> str:
    """The id of a pass of a repeated group, which stands in paths behind that of the group."""
    return f"{_PASS}{number}"


def without_passes(path_id: str) -> str:
    """The id of the path that leads to a node through its trees: all passes of a repeated group are of one node."""
    if _PASS not in path_id:
        return path_id
    return _ID_SEPARATOR.join(each for each in ids_in(path_id) if not each.startswith(_PASS))


def number_of_pass(path_id: str) -> str:
    """The number of the pass that the id of a path leads to, from 1; "" if it leads to a node."""
    last = ids_in(path_id)[-1]
    return last.removeprefix(_PASS) if last.startswith(_PASS) else ""


def ids_in(path_id: str) -> tuple[str, ...]:
    """The ids in the id of a path: of the nodes to go through, from the outer tree inwards."""
    return tuple(path_id.split(_ID_SEPARATOR))


def is_in_group(path_id: str) -> bool:
    """Whether a node is in any group, by the id of its path."""
    return _ID_SEPARATOR in path_id


def groups_of(path_id: str) -> Iterator[str]:
    """The ids of the group nodes that lead to a node, from the outer tree inwards."""
    ids = ids_in(path_id)
    return (_ID_SEPARATOR.join(ids[:depth]) for depth in range(1, len(ids)))


def group_of(path_id: str) -> str:
    """The id of the group node that a node is in, "" for a node of the outer tree."""
    return path_id.rpartition(_ID_SEPARATOR)[0]


def name_inside(path_name: str, group: str) -> str:
    """The name of a node without that of a group that it is in: both are names of paths."""
    return path_name.removeprefix(group + _NAME_SEPARATOR)


def is_inside(path_id: str, group: str) -> bool:
    """Whether a node is in a group, at any depth, by the ids of their paths."""
    return path_id.startswith(group + _ID_SEPARATOR)
