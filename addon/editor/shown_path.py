# SPDX-License-Identifier: GPL-3.0-or-later
"""Which group nodes lead to the tree that an editor shows. Blender keeps them, but does not tell: only their trees.

So what enters a group notes the node that it went through, by editor. Where nothing is noted, as in an editor that was
split off another one or came with the file, it is the active node that uses the group, or else the first one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import bpy

from ...node_tree.identity import find_node, groups_using
from ...runtime.planning.node_path import NodePath, ids_in, without_passes

#: The ids of the group nodes that were gone through, from the outer tree inwards, by the address of the editor.
_entered: dict[int, tuple[str, ...]] = {}
#: What led to what an editor showed last, and for what that was found: all nodes that are drawn ask for it.
_last: dict[int, tuple[object, NodePath]] = {}


def shown_path(space: bpy.types.SpaceNodeEditor) -> NodePath:
    """The path of what an editor shows: empty for the outer tree. `into` gives that of a node that is seen there."""
    trees = [part.node_tree for part in space.path]
    if len(trees) < 2:
        return NodePath()
    asked = [tree and tree.session_uid for tree in trees], _entered.get(space.as_pointer())
    known = _last.get(space.as_pointer())
    if known is not None and known[0] == asked and _leads_through(trees, known[1]):
        return known[1]
    path = NodePath()
    for node in _nodes(space):
        path = path.into(node.uid, node.name)
    _last[space.as_pointer()] = asked, path
    return path


def _leads_through(trees: Sequence[bpy.types.NodeTree], path: NodePath) -> bool:
    """Whether the group nodes of a path lead from each of the trees to the next one."""
    if len(path.ids) != len(trees) - 1 or None in trees:
        return False
    nodes = [tree.nodes.get(name) for tree, name in zip(trees, path.names, strict=False)]
    found = zip(nodes, path.ids, trees[1:], strict=True)
    return all(node is not None and node.uid == uid and node.node_tree == tree for node, uid, tree in found)


def enter(space: bpy.types.SpaceNodeEditor, node: bpy.types.Node) -> None:
    """Show the group of a group node that the editor shows."""
    before = shown_path(space).ids
    space.path.append(node.node_tree, node=node)
    _entered[space.as_pointer()] = (*before, node.uid)


def leave(space: bpy.types.SpaceNodeEditor, num_levels: int = 1) -> None:
    """Show what the group is in, so many levels up; the outer tree if there are not so many."""
    for _level in range(min(num_levels, len(space.path) - 1)):
        space.path.pop()


def show(space: bpy.types.SpaceNodeEditor, path_id: str) -> bpy.types.Node | None:
    """Show the tree that a node is in, given by the id of its path in the outer tree; the node, None if it is gone."""
    ids = ids_in(without_passes(path_id))
    node = find_node(space.path[0].node_tree, path_id)
    if node is None:
        return None
    there = shown_path(space).ids
    num_shared = _num_shared(there, ids[:-1])
    leave(space, len(there) - num_shared)
    for uid in ids[num_shared:-1]:
        enter(space, find_node(space.edit_tree, uid))
    return find_node(space.edit_tree, ids[-1])


def _num_shared(ids: Sequence[str], others: Sequence[str]) -> int:
    """How many ids at the beginning are the same."""
    pairs = zip(ids, others, strict=False)
    return next((place for place, (uid, other) in enumerate(pairs) if uid != other), min(len(ids), len(others)))


def _nodes(space: bpy.types.SpaceNodeEditor) -> list[bpy.types.Node]:
    """The group nodes that lead to what an editor shows. Fewer than it shows levels, if a tree is not used any more."""
    trees = [part.node_tree for part in space.path]
    noted = _entered.get(space.as_pointer(), ())
    nodes: list[bpy.types.Node] = []
    for level, (outer, inner) in enumerate(itertools.pairwise(trees)):
        uses = [] if outer is None or inner is None else groups_using(outer, inner)
        if not uses:
            break
        uid = noted[level] if level < len(noted) else ""
        chosen = next((node for node in uses if node.uid == uid), None)
        nodes.append(chosen or next((node for node in uses if node == outer.nodes.active), uses[0]))
    return nodes


@bpy.app.handlers.persistent
def _forget(*_arguments: object) -> None:
    _entered.clear()
    _last.clear()


def register() -> None:
    bpy.app.handlers.load_post.append(_forget)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_forget)
    _forget()
