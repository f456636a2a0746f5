# SPDX-License-Identifier: GPL-3.0-or-later
"""Stable ids of nodes. Names change and pointers become invalid with each undo; an id stays, and is unique."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import bpy

from ..runtime.planning.node_path import group_of, ids_in, without_passes
from .links import forget_links


def new_id() -> str:
    return uuid.uuid4().hex


def background_trees() -> Iterator[bpy.types.NodeTree]:
    """The background node trees of the open file."""
    for tree in bpy.data.node_groups:
        if tree.bl_idname == "BackgroundNodeTree":
            yield tree


def renew_duplicates() -> None:
    """Give new ids to nodes that share one. Appending a tree twice copies ids without calling `Node.copy`.

    The tree that was here first keeps its ids: it may be running. So does a linked one, whose new ids would be lost
    with the file: the path to it tells its nodes from those of the tree that was appended beside it.
    """
    seen: set[str] = set()
    for tree in sorted(background_trees(), key=lambda tree: tree.session_uid):
        others = seen if tree.library is None else set()
        for node in tree.nodes:
            if hasattr(node, "uid"):
                if not node.uid or node.uid in others:
                    node.uid = new_id()
                    forget_links(tree)
                others.add(node.uid)


def nodes_by_uid(tree: bpy.types.NodeTree) -> dict[str, bpy.types.Node]:
    """The nodes of a tree by their ids: for who looks up many of them, and keeps none."""
    return {node.uid: node for node in reversed(tree.nodes) if hasattr(node, "uid")}


def find_node(tree: bpy.types.NodeTree, path_id: str) -> bpy.types.Node | None:
    """The node of a tree, or of a group in it, by the id of its path: for a node of the tree, that is its own id."""
    node, inside = None, tree
    for uid in ids_in(without_passes(path_id)):
        node = None if inside is None else _node_of(inside, uid)
        inside = getattr(node, "node_tree", None)
    return node


class NodesByPath:
    """The nodes of a tree and of the groups in it, by the ids of their paths: for who looks up many, and keeps none."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self._inside: dict[str, dict[str, bpy.types.Node]] = {"": nodes_by_uid(tree)}

    def get(self, path_id: str) -> bpy.types.Node | None:
        path_id = without_passes(path_id)
        group, uid = group_of(path_id), ids_in(path_id)[-1]
        if group not in self._inside:
            tree = getattr(self.get(group), "node_tree", None)
            self._inside[group] = {} if tree is None else nodes_by_uid(tree)
        return self._inside[group].get(uid)


def _node_of(tree: bpy.types.NodeTree, uid: str) -> bpy.types.Node | None:
    return next((node for node in tree.nodes if getattr(node, "uid", None) == uid), None)


def groups_using(tree: bpy.types.NodeTree, group: bpy.types.NodeTree) -> list[bpy.types.Node]:
    """The group nodes of a tree that stand for a group."""
    return [node for node in tree.nodes if hasattr(node, "uid") and getattr(node, "node_tree", None) == group]
