# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds trees, nodes, sockets and data-blocks by what a person typed, and says what there is where it finds none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.errors import BackgroundNodesError, as_sentences
from ..runtime.planning.fixes import ask_for_similar
from ..runtime.planning.node_path import NodePath, groups_of, is_inside, number_of_pass
from ..runtime.script.socket_types import ANY_DATA_BLOCK
from ..runtime.script.values import with_article
from .group_node import group_nodes, has_group, is_group
from .identity import background_trees, find_node

#: How many names a message lists.
_MAX_SHOWN = 12
#: Groups in each other beyond which no node is listed: one may be in itself.
_MAX_DEPTH = 16
_OUTER: Final = NodePath()


@dataclass(frozen=True, slots=True)
class InputProblem:
    """Something wrong with what was typed: `where` (an option, a file), what is wrong, and how to fix it.

    The attributes after these are those of a `Problem`, for whoever reads both.
    """

    where: str
    message: str
    fix: str
    node: str = ""
    socket: str = ""
    line: int | None = None

    def __str__(self) -> str:
        text = as_sentences(self.message, self.fix)
        return f"{self.where}: {text}" if self.where else text


class InputError(BackgroundNodesError):
    """Something that was typed does not fit the file. `problems` holds every reason at once."""

    def __init__(self, *problems: InputProblem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def tree(name: str | None) -> bpy.types.NodeTree:
    """The background node tree of that name; for None the only one of the file that is no group of another."""
    found = list(background_trees())
    if not found:
        raise InputError(
            InputProblem("", "the file has no background node tree", "Add one in the Background Nodes editor")
        )
    groups = [node.node_tree for item in found for node in group_nodes(item)]
    if name is None:
        found = [item for item in found if item not in groups] or found
        if len(found) == 1:
            return found[0]
    names = [item.name for item in found]
    if name is None:
        message = f"the file has {len(found)} background node trees"
        raise InputError(InputProblem("", message, f"Choose one with --tree: {_listed(names)}"))
    for item in found:
        if item.name == name:
            return item
    raise InputError(InputProblem(f"--tree {name}", "there is no such background node tree", fix_name(name, names)))


def nodes(tree: bpy.types.NodeTree) -> list[bpy.types.Node]:
    """The nodes that are ours: no frames, no reroutes."""
    return [node for node in tree.nodes if hasattr(node, "uid")]


def all_nodes(tree: bpy.types.NodeTree, prefix: NodePath = _OUTER) -> Iterator[tuple[NodePath, bpy.types.Node]]:
    """The nodes that are ours and those of the groups that they stand for, with their paths."""
    for item in nodes(tree):
        path = prefix.into(item.uid, item.name)
        yield path, item
        inside = getattr(item, "node_tree", None)
        if inside is not None and len(path.ids) < _MAX_DEPTH:
            yield from all_nodes(inside, path)


class Found(NamedTuple):
    """A node that was found, and the path that leads to it."""

    node: bpy.types.Node
    path: NodePath


def node(tree: bpy.types.NodeTree, name: str, where: str) -> bpy.types.Node:
    """The node of that name, or of that label if only one has it; "Group/Node" is one in a group."""
    return find(tree, name, where).node


def find(tree: bpy.types.NodeTree, name: str, where: str) -> Found:
    """As `node`, with the path."""
    found = _called(tree, name)
    if len(found) == 1:
        return found[0]
    if found:
        names = _listed([item.path.name for item in found])
        raise InputError(InputProblem(where, f'{len(found)} nodes are labelled "{name}"', f"Name one of them: {names}"))
    names = [text for item in nodes(tree) for text in (item.name, label(item)) if text]
    raise InputError(InputProblem(where, f'there is no node "{name}"', fix_name(name, dict.fromkeys(names))))


def has_node(tree: bpy.types.NodeTree, name: str) -> bool:
    return bool(_called(tree, name))


def _called(tree: bpy.types.NodeTree, name: str, path: NodePath = _OUTER) -> list[Found]:
    """The nodes of that name or path. A name may hold a "/", too: what it may be as a whole counts first."""
    found = [Found(node, path.into(node.uid, node.name)) for node in _nodes_called(tree, name)]
    for index, letter in enumerate(name):
        if found or len(path.ids) >= _MAX_DEPTH:
            break
        if letter == "/":
            groups = [each for each in _nodes_called(tree, name[:index].strip()) if has_group(each)]
            inside = (
                _called(each.node_tree, name[index + 1 :].strip(), path.into(each.uid, each.name)) for each in groups
            )
            found = [each for some in inside for each in some]
    return found


def _nodes_called(tree: bpy.types.NodeTree, name: str) -> list[bpy.types.Node]:
    named = [node for node in nodes(tree) if node.name == name]
    return named or [node for node in nodes(tree) if label(node) == name]


def label(node: bpy.types.Node) -> str:
    """What the node's header shows."""
    return node.label or (node.draw_label() if hasattr(node, "draw_label") else "")


def path_label(tree: bpy.types.NodeTree, path_id: str, *, within: str = "") -> str:
    """What the headers of a node in groups and of the group nodes that lead to it show, "" if one of them is gone.

    `within` is the id of the path of a group: what leads there is left out.
    """
    paths = [path for path in (*groups_of(path_id), path_id) if path != within and not is_inside(within, path)]
    nodes = [find_node(tree, path) for path in paths]
    if None in nodes:
        return ""
    names = (number_of_pass(path) or label(node) or node.name for path, node in zip(paths, nodes, strict=True))
    return NodePath((), tuple(names)).name


def settable_sockets(node: bpy.types.Node) -> list[bpy.types.NodeSocket]:
    """The sockets whose value is set on the node: the output of an Input node, the inputs of others."""
    sockets = node.outputs if getattr(node, "shows_output_values", False) else node.inputs
    is_end = node.bl_idname == "BackgroundNodeOutput"
    return [] if is_end else [socket for socket in sockets if socket.enabled]


def key(socket: bpy.types.NodeSocket) -> str:
    """What a script calls a socket: its identifier; its name if it was declared on the node, or in a group."""
    has_names = getattr(socket.node, "is_without_main", False) or is_group(socket.node)
    return socket.name if has_names else socket.identifier


def sockets_called(node: bpy.types.Node, name: str) -> list[bpy.types.NodeSocket]:
    """The settable sockets that the script calls so, or else of that label."""
    sockets = settable_sockets(node)
    named = [socket for socket in sockets if key(socket) == name]
    return named or [socket for socket in sockets if socket.name == name]


def data_block(kind: str, name: str, where: str) -> bpy.types.ID:
    """The data-block of that name, a local one before a library's. Where a socket takes any kind: "Kind:Name"."""
    if kind == ANY_DATA_BLOCK:
        kind, colon, name = name.partition(":")
        if not colon or kind not in data_block_kinds.collections():
            message = "a data-block of any kind is named by its kind, too"
            raise InputError(InputProblem(where, message, f"Write it as Object:{name or kind}, for example"))
    found = data_block_kinds.find(kind, name) or data_block_kinds.collection(kind).get(name)
    if found is None:
        names = [item.name for item in data_block_kinds.collection(kind)]
        message = f'the file has no {kind} "{name}"'
        fix = fix_name(name, names) if names else f"Add {with_article(kind)} of that name to the file"
        raise InputError(InputProblem(where, message, fix))
    return found


def fix_name(name: str, names: Iterable[str]) -> str:
    """What to type instead of a name that is unknown."""
    names = list(names)
    if question := ask_for_similar(name, names):
        return question
    return f"There are {_listed(names)}" if names else "There is none"


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(_quoted, names[:_MAX_SHOWN]))
    return shown if len(names) <= _MAX_SHOWN else f"{shown} and {len(names) - _MAX_SHOWN} more"


def _quoted(name: str) -> str:
    return f'"{name}"'
