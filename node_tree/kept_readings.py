# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of trees, kept until it changes: after an edit of one node, that one is read, and not all of them.

    update of a property, tree.update --changes--> forgotten       read --> is it kept, and called the same, muted as
    undo, another file --> all is forgotten                                 before, with the same script? --> taken over

Blender does not tell who has set a value where an animation or a driver does, or where a library does: of such trees
nothing is kept. Nor is it told when a data-block that a node holds is renamed or removed: a node that holds one is read
each time, and so is one with a problem, and each node that is neither a script node nor an Input node. What runs is
read anew as a whole all the same; this is for what is shown of a tree after each edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from ..runtime.errors import SignatureError
from ..runtime.planning.graph import GraphLink, GraphNode
from ..runtime.planning.node_path import NodePath
from ..runtime.script.socket_types import LiveRef, Value
from . import changes
from .changes import Part
from .flattening import Reading

_KEPT_TYPES = frozenset({"BackgroundNodeScript", "BackgroundNodeInput"})


@dataclass(slots=True)
class _Tree:
    """What is kept of a tree.

    Attributes:
        filepath: the open file's path then, to which paths may be relative.
        nodes: by id, what each was read as, with what is asked for each time: see `_signs`.
        links: the links, with the ids that the names of nodes stood for, and what else is asked for each time.
    """

    filepath: str
    nodes: dict[str, tuple[object, GraphNode]] = field(default_factory=dict)
    links: tuple[object, tuple[GraphLink, ...]] | None = None


#: By the `session_uid` of the tree.
_trees: dict[int, _Tree] = {}
#: Nodes of groups as the trees that use them see them, by the path of the group node and the id in the group, each with
#: the node that it was made of.
_placed: dict[tuple[NodePath, str], tuple[GraphNode, GraphNode]] = {}


class KeptReading(Reading):
    """A reading that takes over what is kept, and keeps what it reads. To be `ended`, whatever comes of it."""

    def __init__(self, read_node: Callable[[bpy.types.Node], GraphNode]) -> None:
        super().__init__(read_node)
        self._found: dict[bpy.types.NodeTree, tuple[_Tree, _Tree] | None] = {}
        self._new: dict[int, _Tree] = {}
        self._placed: dict[tuple[NodePath, str], tuple[GraphNode, GraphNode]] = {}
        self._changed: list[tuple[int, str | Part]] = []  # while it reads, which may bring sockets up to date
        changes.listen_to_parts(self._note)

    def _note(self, tree: bpy.types.NodeTree, part: str | Part) -> None:
        self._changed.append((tree.session_uid, part))

    def end(self) -> None:
        """Keep what was read, but what has changed meanwhile; forget nodes and trees that are gone."""
        changes.stop_listening_to_parts(self._note)
        _trees.update(self._new)
        _placed.clear()
        _placed.update(self._placed)
        for uid, part in self._changed:
            _forget_part(uid, part)
        there = {tree.session_uid for tree in bpy.data.node_groups}
        for uid in _trees.keys() - there:
            del _trees[uid]

    def node(self, node: bpy.types.Node) -> GraphNode:
        tree = self._tree(node.id_data) if node.bl_idname in _KEPT_TYPES else None
        if tree is None:
            return super().node(node)
        old, new = tree
        uid, signs = node.uid, _signs(node)
        kept = old.nodes.get(uid)
        if kept is not None and signs is not None and kept[0] == signs:
            new.nodes[uid] = kept
            return kept[1]
        read = super().node(node)
        if signs is not None and _stays(read):
            new.nodes[uid] = signs, read
        return read

    def links(self, tree: bpy.types.NodeTree, ids: Mapping[str, str]) -> Iterable[GraphLink]:
        both = self._tree(tree)
        if both is None:
            return super().links(tree, ids)
        old, new = both
        signs = dict(ids), *_link_signs(tree)
        is_kept = old.links is not None and old.links[0] == signs
        new.links = old.links if is_kept else (signs, tuple(super().links(tree, ids)))
        assert new.links is not None
        return new.links[1]

    def placed(self, node: GraphNode, path: NodePath) -> GraphNode:
        key = path, node.id
        known = _placed.get(key)
        if known is None or known[0] is not node:
            known = node, super().placed(node, path)
        self._placed[key] = known
        return known[1]

    def _tree(self, tree: bpy.types.NodeTree) -> tuple[_Tree, _Tree] | None:
        """What is kept of a tree, and what will be; None if nothing may be."""
        if tree not in self._found:
            self._found[tree] = self._find(tree)
        return self._found[tree]

    def _find(self, tree: bpy.types.NodeTree) -> tuple[_Tree, _Tree] | None:
        if not _may_keep(tree):
            return None
        old = _trees.get(tree.session_uid)
        if old is None or old.filepath != bpy.data.filepath:
            old = _Tree("")
        new = self._new[tree.session_uid] = _Tree(bpy.data.filepath)
        return old, new


def _may_keep(tree: bpy.types.NodeTree) -> bool:
    """Whether all that changes its values tells so."""
    return tree.library is None and tree.override_library is None and tree.animation_data is None


def _signs(node: bpy.types.Node) -> object | None:
    """What is asked for each time, as Blender tells of no change of it; None if the node has to be read."""
    if node.bl_idname == "BackgroundNodeInput":
        return node.name, node.mute
    try:
        source = node.source()
    except SignatureError:
        return None
    if source is None or source.is_without_main:
        return None
    return node.name, node.mute, source


def _link_signs(tree: bpy.types.NodeTree) -> Iterator[bytes]:
    """What Blender lets be changed in links without telling."""
    links = tree.links
    muted, order = np.empty(len(links), dtype=bool), np.empty(len(links), dtype=np.int32)
    links.foreach_get("is_muted", muted)
    links.foreach_get("multi_input_sort_id", order)
    yield from (muted.tobytes(), order.tobytes())


def _stays(node: GraphNode) -> bool:
    """Whether only what is told of can change what a node is read as."""
    if node.problems or any(each.parameter.has_rig_actions for each in node.inputs):
        return False
    return not any(isinstance(each, LiveRef) for value in _values(node) for each in _items(value))


def _values(node: GraphNode) -> Iterator[Value]:
    yield from (each.value for each in (*node.inputs, *node.outputs))


def _items(value: Value) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


# What makes it stale


def _forget(tree: bpy.types.NodeTree, part: str | Part) -> None:
    _forget_part(tree.session_uid, part)


def _forget_part(uid: int, part: str | Part) -> None:
    kept = _trees.get(uid)
    if kept is None:
        return
    if part is Part.ANY:  # in place: a reading may be under way
        kept.nodes.clear()
        kept.links = None
    elif part is Part.LINKS:
        kept.links = None
    elif part is Part.LISTS:
        kept.nodes = {each: known for each, known in kept.nodes.items() if not _may_hold_list(known[1])}
    else:
        kept.nodes.pop(part, None)


def _may_hold_list(node: GraphNode) -> bool:
    types = (*(each.parameter.type for each in node.inputs), *(each.type for each in node.outputs))
    return any(each.is_list for each in types)


@bpy.app.handlers.persistent
def forget_all(*_arguments: object) -> None:
    """Undo, redo or another file: everything may be another one."""
    _trees.clear()
    _placed.clear()


_HANDLERS = (
    bpy.app.handlers.undo_post,
    bpy.app.handlers.redo_post,
    bpy.app.handlers.load_pre,
    bpy.app.handlers.load_post,
)


def register() -> None:
    changes.listen_to_parts(_forget)
    for functions in _HANDLERS:
        functions.append(forget_all)


def unregister() -> None:
    for functions in _HANDLERS:
        functions.remove(forget_all)
    changes.stop_listening_to_parts(_forget)
    forget_all()
