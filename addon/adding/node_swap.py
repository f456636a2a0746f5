# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts another kind of node in the place of those that are selected: with their links and values, where these fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ...node_tree import base, list_nodes
from ...runtime.errors import PresetError
from ...runtime.script.socket_types import SocketType, conversion
from ..drawing import keymaps
from ..editor.active import EditableTreeOperator, edited_tree, select_only
from . import node_choices
from .choice_menus import ChoiceMenus
from .node_choices import NodeChoice
from .node_search import type_of

#: What the new node has of the old one.
_KEPT = ("parent", "hide", "mute", "use_custom_color", "color")
#: What it has beside if both run scripts.
_KEPT_SETTINGS = ("timeout", "retries", "use_fresh_process", "keep_result", "cache", "addons", "needs")
#: Blender has such a menu, and its key, since this version.
_MENU, _HAS_MENU = "NODE_MT_swap", bpy.app.version >= (5, 0, 0)


class BACKGROUND_NODES_OT_node_swap(EditableTreeOperator, bpy.types.Operator):
    """Put this node in the place of those that are selected. Links and values stay where they fit"""

    bl_idname = "background_nodes.node_swap"
    bl_label = "Swap Node"

    choice: bpy.props.StringProperty(name="Node", description="What to put there", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(_can_go(node) for node in edited_tree(context).nodes if node.select):
            cls.poll_message_set("Select a node first")
            return False
        return True

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return node_choices.find(properties.choice).description

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree, choice = edited_tree(context), node_choices.find(self.choice)
        made = []
        for old in [node for node in tree.nodes if node.select and _can_go(node)]:
            try:
                made.append(swap(old, choice))
            except (KeyError, RuntimeError, PresetError) as error:
                message = rpt_("{node} can't be added: {reason}").format(node=choice.title, reason=error)
                self.report({"ERROR"}, message)
                break
        if not made:
            return {"CANCELLED"}
        select_only(tree, *made)
        return {"FINISHED"}


def _can_go(node: bpy.types.Node) -> bool:
    return node.bl_idname != "NodeFrame"


def swap(old: bpy.types.Node, choice: NodeChoice) -> bpy.types.Node:
    """Put a node in the place of another. Raises what `NodeChoice.add_to` does."""
    tree = old.id_data
    new = choice.add_to(tree)
    for name in (*_KEPT, *_KEPT_SETTINGS):
        if hasattr(old, name) and hasattr(new, name):
            setattr(new, name, getattr(old, name))
    new.location = old.location
    if old.label != _own_label(old):  # the artist has given it one
        new.label = old.label
    if _are_inputs(old, new):
        new.is_list = old.is_list
    _hand_over_inputs(old, new)
    list_nodes.follow_links(tree)  # so that its outputs are what they will be
    _hand_over_outputs(old, new)
    tree.nodes.remove(old)
    return new


def _own_label(node: bpy.types.Node) -> str:
    """The label that a node has unless the artist gives it another one."""
    name = getattr(node, "library_script", "")
    return NodeChoice("library", name).title if name else ""


def _hand_over_inputs(old: bpy.types.Node, new: bpy.types.Node) -> None:
    links = {socket.identifier: _ordered(socket) for socket in old.inputs if socket.enabled}
    taken: set[str] = set()
    for is_by_name in (True, False):
        for socket in (each for each in old.inputs if each.enabled):
            sources = [link.from_socket for link in links.get(socket.identifier, ())]
            are_muted = [link.is_muted for link in links.get(socket.identifier, ())]
            found = next(
                (each for each in _candidates(socket, new.inputs, taken, is_by_name) if _takes(each, socket, sources)),
                None,
            )
            if found is None:
                continue
            taken.add(found.identifier)
            links.pop(socket.identifier, None)
            for source, is_muted in zip(sources, are_muted, strict=True):
                old.id_data.links.new(found, source).is_muted = is_muted
            if not sources and (is_by_name or type_of(socket).is_data_block):
                base.hand_over_value(socket, found)


def _takes(new: bpy.types.NodeSocket, old: bpy.types.NodeSocket, sources: list[bpy.types.NodeSocket]) -> bool:
    """Whether an input can have what another one has: links, or its value."""
    wanted = type_of(new)
    if sources:
        return all(_fits(type_of(source), wanted) for source in sources)
    return wanted is not None and wanted == type_of(old)


def _hand_over_outputs(old: bpy.types.Node, new: bpy.types.Node) -> None:
    taken: set[str] = set()
    linked = [socket for socket in old.outputs if socket.enabled and socket.is_linked]
    moved: set[str] = set()
    for is_by_name in (True, False):
        for socket in (each for each in linked if each.identifier not in moved):
            targets = [link.to_socket for link in socket.links]
            found = next(
                (
                    each
                    for each in _candidates(socket, new.outputs, taken, is_by_name)
                    if all(_fits(type_of(each), type_of(target)) for target in targets)
                ),
                None,
            )
            if found is not None:
                taken.add(found.identifier)
                moved.add(socket.identifier)
                for target in targets:
                    _put_in_place(target, socket, found)
    if _are_inputs(old, new) and old.outputs[0].bl_idname == new.outputs[0].bl_idname:
        base.hand_over_value(old.outputs[0], new.outputs[0])


def _are_inputs(*nodes: bpy.types.Node) -> bool:
    return all(getattr(node, "shows_output_values", False) for node in nodes)


def _put_in_place(target: bpy.types.NodeSocket, old: bpy.types.NodeSocket, new: bpy.types.NodeSocket) -> None:
    """Link an input to another output; the order of its links stays."""
    links = target.id_data.links
    before = _ordered(target)
    sources = [(link.from_socket, link.is_muted) for link in before]
    for link in before:
        links.remove(link)
    for source, is_muted in sources:
        links.new(target, new if source == old else source).is_muted = is_muted


def _ordered(socket: bpy.types.NodeSocket) -> list[bpy.types.NodeLink]:
    return sorted(socket.links, key=lambda link: link.multi_input_sort_id)


def _candidates(
    socket: bpy.types.NodeSocket, sockets: Iterable[bpy.types.NodeSocket], taken: set[str], is_by_name: bool
) -> Iterator[bpy.types.NodeSocket]:
    """The sockets that may be the same one on the new node: of its name, or of its type, data-blocks only."""
    for other in sockets:
        if not other.enabled or other.identifier in taken:
            continue
        if is_by_name:
            if other.identifier == socket.identifier or other.name == socket.name:
                yield other
        elif _means_the_same(type_of(socket), type_of(other)):
            yield other


def _means_the_same(one: SocketType | None, other: SocketType | None) -> bool:
    """Whether sockets of other names can stand for each other: a node has few data-blocks, but many numbers."""
    if one is None or other is None:
        return True
    return one.kind == other.kind or (one.is_data_block and other.is_data_block)


def _fits(given: SocketType | None, wanted: SocketType | None) -> bool:
    return given is None or wanted is None or conversion(given, wanted) is not None


# The menu


def _draw_entry(layout: bpy.types.UILayout, choice: NodeChoice, *, icon: str = "NONE", word: str = "") -> None:
    properties = layout.operator(
        BACKGROUND_NODES_OT_node_swap.bl_idname,
        text=choice.entry(word),
        translate=not choice.is_named_by_artist,
        icon=icon,
    )
    properties.choice = choice.identifier


_menus = ChoiceMenus("swap", _draw_entry)


class BACKGROUND_NODES_MT_swap(bpy.types.Menu):
    """Nodes that can take the place of the selected ones"""

    bl_idname = "BACKGROUND_NODES_MT_swap"
    bl_label = "Swap"
    bl_options = {"SEARCH_ON_KEY_PRESS"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return edited_tree(context) is not None

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        _menus.draw_inputs(layout)
        for idname in ("BackgroundNodeOutput", "NodeReroute"):
            _draw_entry(layout, NodeChoice("node", idname))
        _menus.draw_lists(layout)
        layout.separator()
        _menus.draw_texts(layout)
        _draw_entry(layout, NodeChoice("node", "BackgroundNodeScript"))
        layout.separator()
        _menus.draw_scripts(layout)
        layout.separator()
        _menus.draw_presets(layout)
        layout.menu(BACKGROUND_NODES_MT_swap_group.bl_idname)


class BACKGROUND_NODES_MT_swap_group(bpy.types.Menu):
    """Node trees of this file that can take the place of the selected nodes as groups"""

    bl_idname = "BACKGROUND_NODES_MT_swap_group"
    bl_label = "Group"

    def draw(self, context: bpy.types.Context) -> None:
        tree = edited_tree(context)
        choices = node_choices.groups(tree) if tree is not None else ()
        for choice in choices:
            _draw_entry(self.layout, choice)
        if not choices:
            self.layout.label(text="No tree in this file can be a group here")


def _draw_in_blenders(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if edited_tree(context) is not None:
        menu.layout.menu_contents(BACKGROUND_NODES_MT_swap.bl_idname)


def _draw_in_node_menus(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    tree = edited_tree(context)
    if tree is not None and any(node.select for node in tree.nodes):
        menu.layout.menu(BACKGROUND_NODES_MT_swap.bl_idname)


classes = (BACKGROUND_NODES_OT_node_swap, *_menus.classes, BACKGROUND_NODES_MT_swap_group, BACKGROUND_NODES_MT_swap)


def register() -> None:
    bpy.types.NODE_MT_context_menu.append(_draw_in_node_menus)
    if _HAS_MENU:
        getattr(bpy.types, _MENU).append(_draw_in_blenders)
    else:
        bpy.types.NODE_MT_node.append(_draw_in_node_menus)
        menu = {"name": BACKGROUND_NODES_MT_swap.bl_idname}
        keymaps.add("Node Editor", "NODE_EDITOR", "wm.call_menu", "S", shift=True, properties=menu)


def unregister() -> None:
    if _HAS_MENU:
        getattr(bpy.types, _MENU).remove(_draw_in_blenders)
    else:
        bpy.types.NODE_MT_node.remove(_draw_in_node_menus)
    bpy.types.NODE_MT_context_menu.remove(_draw_in_node_menus)
