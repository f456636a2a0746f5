# SPDX-License-Identifier: GPL-3.0-or-later
"""A search of the nodes that fit a socket: what is picked is added and linked, as in Geometry Nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...node_tree import lookup
from ...node_tree.links import source_socket
from ...runtime.script.socket_types import SocketType, conversion
from ..drawing import keymaps
from ..editor.active import edited_tree
from . import node_choices
from .node_add import AddOperator, store_cursor
from .node_choices import ChoiceSocket, NodeChoice
from .socket_finder import socket_at

#: Blender's own sign between the parts of what a search lists.
_ARROW = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"
#: The kind of a socket that takes all values: an Input node of any type is as good.
_ANYTHING = "ANY"
_OUTPUT = NodeChoice("node", "BackgroundNodeOutput")
#: The header of a node is this much above where its first socket is: that is where the mouse is.
_ABOVE_SOCKET = 20.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A node with a socket that fits. `is_main`: it is the one that who picks the node means."""

    choice: NodeChoice
    socket: ChoiceSocket
    is_main: bool

    @property
    def identifier(self) -> str:
        return f"{self.choice.identifier}:{quote(self.socket.identifier)}"

    @property
    def title(self) -> str:
        """Of the main socket the shortest one: of names that match as well, a search shows the shortest first."""
        if self.choice.kind == "input":
            return f"{iface_('Input')} {_ARROW} {iface_(self.choice.title)}"
        is_named_by_artist = self.choice.is_named_by_artist
        title = self.choice.title if is_named_by_artist else iface_(self.choice.title)
        if self.is_main:
            return title
        return f"{title} {_ARROW} {self.socket.label if is_named_by_artist else iface_(self.socket.label)}"


def offers(socket_type: SocketType | None, *, from_output: bool, tree: bpy.types.NodeTree | None = None) -> list[Offer]:
    """What can be linked to an output (or input) of a type: Output, sockets of that type, others; main ones first.

    Args:
        socket_type: None where all fits, such as a reroute that nothing is linked to.
        from_output: whether it is an output, which is linked to inputs.
        tree: where the node is to be: not all groups can be in it.
    """
    found = list(_fitting(socket_type, from_output, tree))
    return sorted(found, key=lambda offer: _rank(offer, socket_type))


def _fitting(socket_type: SocketType | None, from_output: bool, tree: bpy.types.NodeTree | None) -> Iterator[Offer]:
    for choice in _candidates(socket_type, tree):
        found = [
            socket
            for socket in choice.sockets(are_outputs=not from_output)
            if _fits(*((socket_type, socket.type) if from_output else (socket.type, socket_type)))
        ]
        main = next((socket for socket in found if _is_main(socket, choice, socket_type)), None)
        yield from (Offer(choice, socket, is_main=socket == main) for socket in found)


def _fits(given: SocketType | None, wanted: SocketType | None) -> bool:
    return given is None or wanted is None or conversion(given, wanted) is not None


def _is_main(socket: ChoiceSocket, choice: NodeChoice, socket_type: SocketType | None) -> bool:
    """Whether the node's name says enough: it has no other socket, or this one takes or gives what it works on."""
    return choice.kind == "node" or (_is_same(socket, socket_type) and socket_type.is_data_block)


def _is_same(socket: ChoiceSocket, socket_type: SocketType | None) -> bool:
    return socket.type is not None and socket_type is not None and socket.type.kind == socket_type.kind


def _candidates(socket_type: SocketType | None, tree: bpy.types.NodeTree | None) -> Iterator[NodeChoice]:
    """All choices, but of Input nodes only the one of the type, if there is one: the others need a conversion."""
    exact = None if socket_type is None else NodeChoice("input", socket_type.kind)
    has_exact = exact in node_choices.inputs() and exact.name != _ANYTHING
    for choice in node_choices.all_choices(tree):
        if choice.kind != "input" or choice == exact or not has_exact:
            yield choice


def _rank(offer: Offer, socket_type: SocketType | None) -> int:
    if offer.choice == _OUTPUT:
        return 0
    if offer.socket.type is None:
        return 5
    return (1 if _is_same(offer.socket, socket_type) else 3) + (not offer.is_main)


def type_of(socket: bpy.types.NodeSocket) -> SocketType | None:
    """The type of what a socket gives or takes, through reroutes; None if that is unknown."""
    if not socket.is_output and socket.node.bl_idname == "NodeReroute":
        wanted = (link.to_socket for link in socket.node.outputs[0].links)
        return next((found for found in map(type_of, wanted) if found is not None), None)
    if socket.is_output and socket.node.bl_idname == "NodeReroute":
        links = socket.node.inputs[0].links
        found = source_socket(links[0]) if links else None
        return None if found is None else getattr(found, "socket_type", None)
    is_of_any_type = getattr(socket.node, "is_of_any_type", None)
    if is_of_any_type is not None and not socket.is_output and is_of_any_type(socket):
        return None
    return getattr(socket, "socket_type", None)


# The operator


class _Listed:
    """What the search lists. Blender asks for it again and again, and keeps no reference to the strings."""

    socket: tuple[int, str, str, bool] | None = None
    items: list[tuple[str, str, str]] = []


def _offered(properties: Any, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    if context is None:  # asked for the documentation
        return []
    tree = edited_tree(context)
    socket = (tree.session_uid, properties.node_name, properties.socket_identifier, properties.use_inputs)
    if _Listed.socket != socket:
        _Listed.socket, _Listed.items = socket, _items_for(_socket(properties, context))
    return _Listed.items


def _items_for(socket: bpy.types.NodeSocket | None) -> list[tuple[str, str, str]]:
    found = [] if socket is None else offers(type_of(socket), from_output=socket.is_output, tree=socket.id_data)
    return [(offer.identifier, offer.title, offer.choice.description) for offer in found]


def _socket(properties: Any, context: bpy.types.Context) -> bpy.types.NodeSocket | None:
    """The socket to link to that an operator's properties name."""
    nodes = edited_tree(context).nodes
    node = nodes.get(properties.node_name) if properties.node_name else nodes.active
    if node is None:
        return None
    sockets = [socket for socket in (node.inputs if properties.use_inputs else node.outputs) if socket.enabled]
    if properties.socket_identifier:
        return next((socket for socket in sockets if socket.identifier == properties.socket_identifier), None)
    return next((socket for socket in sockets if not socket.is_linked), sockets[0] if sockets else None)


class BACKGROUND_NODES_OT_node_search(AddOperator, bpy.types.Operator):
    """Search for a node with a socket that fits the one under the mouse, or the active node's, and link it"""

    bl_idname = "background_nodes.node_search"
    bl_label = "Add Linked Node"
    bl_property = "offer"

    node_name: bpy.props.StringProperty(
        name="From Node", description="Node to link to, empty for the active one", options={"SKIP_SAVE"}
    )
    socket_identifier: bpy.props.StringProperty(
        name="From Socket",
        description="Identifier of its socket, empty for the first that nothing is linked to",
        options={"SKIP_SAVE"},
    )
    use_inputs: bpy.props.BoolProperty(
        name="Inputs", description="Link to an input of the node instead of an output", options={"SKIP_SAVE"}
    )

    # The last one, since what it offers depends on the others.
    offer: bpy.props.EnumProperty(
        name="Node", description="What to add, and which of its sockets to link", items=_offered, options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        store_cursor(context, event)
        if not self.node_name and _is_key(event):
            self._take(socket_at(context, event.mouse_region_x, event.mouse_region_y))
        socket = _socket(self, context)
        if socket is None:
            wanted = "Select a node with an input first" if self.use_inputs else "Select a node with an output first"
            self.report({"WARNING"}, wanted)
            return {"CANCELLED"}
        self._take(socket)
        _Listed.socket = None  # other texts and scripts may be there since
        self.use_transform = True
        context.window_manager.invoke_search_popup(self)
        return {"RUNNING_MODAL"}

    def _take(self, socket: bpy.types.NodeSocket | None) -> None:
        if socket is not None:
            self.node_name, self.socket_identifier = socket.node.name, socket.identifier
            self.use_inputs = not socket.is_output

    def execute(self, context: bpy.types.Context) -> set[str]:
        identifier, _, other_identifier = self.offer.rpartition(":")
        _Listed.socket = None
        socket = _socket(self, context)
        node = None if socket is None else self.add(context, node_choices.find(identifier))
        if node is None:
            return {"CANCELLED"}
        node.location.y += _ABOVE_SOCKET
        if self.use_inputs:
            node.location.x -= node.width
        _link(edited_tree(context), socket, node, unquote(other_identifier))
        return self.finish()


def _link(tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket, node: bpy.types.Node, identifier: str) -> None:
    if hasattr(node, "socket_idname"):  # a reroute; from 4.5 on it has the type of what it hands on
        node.socket_idname = socket.bl_idname
    others = node.inputs if socket.is_output else node.outputs
    # What is declared on a node has an identifier of its own, once the node is there.
    other = next((other for other in others if identifier in (other.identifier, lookup.key(other))), None)
    if other is not None:
        tree.links.new(*((other, socket) if socket.is_output else (socket, other)))


def _is_key(event: bpy.types.Event) -> bool:
    """Whether its own key calls the operator, so that the mouse is at what is meant: a menu covers that."""
    return event.value == "PRESS" and event.type not in ("RET", "NUMPAD_ENTER")


classes = (BACKGROUND_NODES_OT_node_search,)


def _draw_node_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    tree = edited_tree(context)
    if tree is None:
        return
    menu.layout.separator()
    # Without properties of its own: so Blender shows the key, which has none.
    menu.layout.operator(BACKGROUND_NODES_OT_node_search.bl_idname, text="Add Linked Node...")


def register() -> None:
    idname = BACKGROUND_NODES_OT_node_search.bl_idname
    keymaps.add("Node Editor", "NODE_EDITOR", idname, "A", shift=True, ctrl=True)
    keymaps.add(
        "Node Editor", "NODE_EDITOR", idname, "A", shift=True, ctrl=True, alt=True, properties={"use_inputs": True}
    )
    bpy.types.NODE_MT_node.append(_draw_node_menu)


def unregister() -> None:
    bpy.types.NODE_MT_node.remove(_draw_node_menu)
