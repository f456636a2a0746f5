# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a group of nodes, and nodes of a group: what runs is the same before and after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.script.socket_types import ANY_DATA_BLOCK
from . import fields, group_interface, transplant
from .group_node import ENDS, GROUP_INPUT, GROUP_OUTPUT, active_output, contains
from .links import source_socket
from .node_shape import location
from .transplant import TransplantError, ordered_links, twin

#: Between the nodes of a group and its ends.
_GAP = 200.0
#: What stays in the outer tree: there alone results come home.
_STAYS = frozenset({"BackgroundNodeOutput"})


class GroupingError(Exception):
    """Nodes can't be grouped, or a group can't be taken apart. The text says why, and is for the artist."""


def can_go(node: bpy.types.Node) -> bool:
    """Whether a node can be in a group with others."""
    return node.bl_idname not in ENDS and (node.bl_idname not in _STAYS or node.mode == "SAVE")


# Making a group


def make(tree: bpy.types.NodeTree, nodes: Iterable[bpy.types.Node]) -> bpy.types.Node:
    """Put nodes of a tree in a new group. Returns the group node. Raises GroupingError, and changes nothing."""
    nodes = [node for node in nodes if can_go(node)]
    if not any(node.bl_idname != "NodeFrame" for node in nodes):
        raise GroupingError("Select nodes to make a group of: Output nodes stay outside, as do the ends of a group")
    _check_between(tree, nodes)
    group = bpy.data.node_groups.new("Group", "BackgroundNodeTree")
    inside = _copied(nodes, group, discard=group)
    _center(inside.values())
    left, right, _, _ = transplant.bounds(inside.values())
    entry, leave = group.nodes.new(GROUP_INPUT), group.nodes.new(GROUP_OUTPUT)
    entry.location, leave.location = (left - _GAP - entry.width, 0.0), (right + _GAP, 0.0)
    for each in group.nodes:
        each.select = each.name in {copied.name for copied in inside.values()}
    left, right, lower, upper = transplant.bounds(nodes)
    node = tree.nodes.new("BackgroundNodeGroup")
    node.node_tree = group
    node.location = ((left + right - node.width) / 2.0, (lower + upper) / 2.0)
    _Border(tree, node, nodes, inside, entry, leave).move()
    return node


def insert(group_node: bpy.types.Node, nodes: Iterable[bpy.types.Node]) -> None:
    """Put nodes into the group of a group node beside them. Raises GroupingError, and changes nothing."""
    tree, group = group_node.id_data, group_node.node_tree
    nodes = [node for node in nodes if can_go(node) and node != group_node]
    if not any(node.bl_idname != "NodeFrame" for node in nodes):
        raise GroupingError("Select nodes to insert, and the group node last")
    _check_between(tree, [*nodes, group_node])
    inside = _copied(nodes, group)
    entry = next((node for node in group.nodes if node.bl_idname == GROUP_INPUT), None)
    leave = active_output(group)
    if entry is None:
        entry = group.nodes.new(GROUP_INPUT)
    if leave is None:
        leave = group.nodes.new(GROUP_OUTPUT)
    _Border(tree, group_node, nodes, inside, entry, leave).move()


def _copied(
    nodes: list[bpy.types.Node], target: bpy.types.NodeTree, discard: bpy.types.NodeTree | None = None
) -> dict[str, bpy.types.Node]:
    try:
        return transplant.copy_nodes(nodes, target)
    except TransplantError as error:
        if discard is not None:
            bpy.data.node_groups.remove(discard)
        raise GroupingError(str(error)) from error


def _center(nodes: Collection[bpy.types.Node]) -> None:
    left, right, lower, upper = transplant.bounds(nodes)
    _shift(nodes, -(left + right) / 2.0, -(lower + upper) / 2.0)


def _shift(nodes: Iterable[bpy.types.Node], x: float, y: float) -> None:
    for node in transplant.roots(nodes):
        node.location.x += x
        node.location.y += y


def _check_between(tree: bpy.types.NodeTree, nodes: list[bpy.types.Node]) -> None:
    """Raise GroupingError if a node that stays outside stands between two that go."""
    going = {node.name for node in nodes}
    after: dict[str, set[str]] = {}
    for link in tree.links:
        after.setdefault(link.from_node.name, set()).add(link.to_node.name)
    waiting = [(name, name) for start in going for name in after.get(start, ()) if name not in going]
    seen = {name for name, _ in waiting}
    while waiting:
        name, first = waiting.pop()
        for following in after.get(name, ()):
            if following in going:
                raise GroupingError(f'"{first}" is between nodes of the group: select it, too')
            if following not in seen:
                seen.add(following)
                waiting.append((following, first))


class _Source(NamedTuple):
    """An output outside that nodes of the group are linked to; a muted link has a socket of its own."""

    node: str
    socket: str
    is_muted: bool


class _Border:
    """The links between the nodes that go into a group and those that stay."""

    def __init__(
        self,
        tree: bpy.types.NodeTree,
        node: bpy.types.Node,
        nodes: list[bpy.types.Node],
        inside: dict[str, bpy.types.Node],
        entry: bpy.types.Node,
        leave: bpy.types.Node,
    ) -> None:
        self._tree, self._node, self._inside = tree, node, inside
        self._group, self._entry, self._leave = node.node_tree, entry, leave
        self._going = {each.name for each in nodes}
        self._nodes = nodes
        self._inputs: dict[_Source, str] = {}
        self._outputs: dict[tuple[str, str], str] = {}

    def move(self) -> None:
        """Link the group node in place of the nodes, and remove these."""
        ways_in = [link for link in ordered_links(self._tree) if self._goes(link.to_node)]
        ways_out = [
            link
            for link in ordered_links(self._tree)
            if self._goes(link.from_node) and not self._goes(link.to_node) and link.to_node != self._node
        ]
        to_node = [
            link for link in ordered_links(self._tree) if self._goes(link.from_node) and link.to_node == self._node
        ]
        self._add_inputs(ways_in)
        self._link_inside(ways_in)
        self._add_outputs(ways_out)
        # The group node's own links to the nodes that go are inside from now on.
        self._move_in(to_node)
        self._link_outside(ways_out)
        for node in self._nodes:
            self._tree.nodes.remove(node)

    def _goes(self, node: bpy.types.Node) -> bool:
        return node.name in self._going

    def _comes_in(self, link: bpy.types.NodeLink) -> bool:
        return not self._goes(link.from_node) and link.from_node != self._node

    def _add_inputs(self, links: list[bpy.types.NodeLink]) -> None:
        """One input for each output outside: as the topmost socket that is linked to it."""
        order = sorted((link for link in links if self._comes_in(link)), key=_place_of_target)
        sources: dict[_Source, bpy.types.NodeSocket] = {}
        for link in order:
            source = _Source(link.from_node.name, link.from_socket.identifier, link.is_muted)
            if source not in self._inputs:
                self._inputs[source] = self._new_item("INPUT", link).identifier
                sources[source] = link.from_socket
        for source, identifier in self._inputs.items():
            new = self._tree.links.new(_find(self._node.inputs, identifier), sources[source])
            new.is_muted = source.is_muted

    def _link_inside(self, links: list[bpy.types.NodeLink]) -> None:
        """Make the links of each input that is linked to outside anew, in their order."""
        targets = {_key(link.to_socket) for link in links if not self._goes(link.from_node)}
        for link in links:
            if _key(link.to_socket) in targets:
                _remove_links(twin(link.to_socket, self._inside[link.to_node.name]))
        for link in links:
            if _key(link.to_socket) not in targets:
                continue
            target, is_muted = twin(link.to_socket, self._inside[link.to_node.name]), link.is_muted
            if self._goes(link.from_node):
                found = [twin(link.from_socket, self._inside[link.from_node.name])]
            elif link.from_node == self._node:
                found = [each.from_socket for each in _links_into(self._leave, link.from_socket.identifier)]
            else:
                source = _Source(link.from_node.name, link.from_socket.identifier, link.is_muted)
                found = [_find(self._entry.outputs, self._inputs[source])]
            for each in found:
                self._group.links.new(target, each).is_muted = is_muted

    def _add_outputs(self, links: list[bpy.types.NodeLink]) -> None:
        """One output for each output inside that is linked to outside."""
        for link in sorted(links, key=_place_of_source):
            key = _key(link.from_socket)
            if key not in self._outputs:
                self._outputs[key] = identifier = self._new_item("OUTPUT", link).identifier
                inner = twin(link.from_socket, self._inside[link.from_node.name])
                self._group.links.new(_find(self._leave.inputs, identifier), inner)

    def _move_in(self, links: list[bpy.types.NodeLink]) -> None:
        """What nodes that go give to the group node, they give inside to what its input gave that to."""
        for identifier in dict.fromkeys(link.to_socket.identifier for link in links):
            fed = [link for link in links if link.to_socket.identifier == identifier]
            socket = _find(self._node.inputs, identifier)
            stays = any(not self._goes(link.from_node) for link in socket.links)
            new = [twin(link.from_socket, self._inside[link.from_node.name]) for link in fed]
            for target in _targets_of(self._group, identifier):
                before = [link.from_socket for link in _ordered(target)]
                _remove_links(target)
                for source in before:
                    is_input = source.node.bl_idname == GROUP_INPUT and source.identifier == identifier
                    for each in [*([source] if stays else []), *new] if is_input else [source]:
                        self._group.links.new(target, each)
            if not stays:
                item = next(
                    each for each in group_interface.items(self._group, "INPUT") if each.identifier == identifier
                )
                self._group.interface.remove(item)

    def _link_outside(self, links: list[bpy.types.NodeLink]) -> None:
        """Make the links of each input outside that is linked to the group anew, in their order."""
        for target in {_key(link.to_socket): link.to_socket for link in links}.values():
            before = [(link.from_socket, link.is_muted) for link in _ordered(target)]
            _remove_links(target)
            for source, is_muted in before:
                goes = self._goes(source.node)
                new = _find(self._node.outputs, self._outputs[_key(source)]) if goes else source
                self._tree.links.new(target, new).is_muted = is_muted

    def _new_item(self, in_out: str, link: bpy.types.NodeLink) -> Any:
        """A socket of the interface for a link: of the type of what comes, with the field of what takes it."""
        source = source_socket(link)
        target = link.to_socket if hasattr(link.to_socket, "socket_type") and _is_real(link.to_node) else None
        like = source if hasattr(source, "socket_type") else target
        named = (target if in_out == "INPUT" else None) or like or link.from_socket
        idname = "BackgroundNodeSocketAny" if like is None else like.bl_idname
        if in_out == "INPUT" and target is not None and like is not None and target.socket_type == like.socket_type:
            idname = target.bl_idname  # it may have a unit
        item = self._group.interface.new_socket(named.name, in_out=in_out, socket_type=idname)
        if target is not None and in_out == "INPUT":
            group_interface.take_over(item, target)
        return item


def _is_real(node: bpy.types.Node) -> bool:
    return bool(node.bl_idname != "NodeReroute")


def _place_of_target(link: bpy.types.NodeLink) -> tuple[float, float, int]:
    return _place(link.to_node, link.to_socket)


def _place_of_source(link: bpy.types.NodeLink) -> tuple[float, float, int]:
    return _place(link.from_node, link.from_socket)


def _place(node: bpy.types.Node, socket: bpy.types.NodeSocket) -> tuple[float, float, int]:
    """What sorts sockets from above to below."""
    x, y = location(node)
    sockets = node.outputs if socket.is_output else node.inputs
    return -y, x, next(index for index, each in enumerate(sockets) if each == socket)


def _key(socket: bpy.types.NodeSocket) -> tuple[str, str]:
    return socket.node.name, socket.identifier


def _find(sockets: Any, identifier: str) -> Any:
    return next(socket for socket in sockets if socket.identifier == identifier)


def _ordered(socket: bpy.types.NodeSocket) -> list[bpy.types.NodeLink]:
    return sorted(socket.links, key=lambda link: link.multi_input_sort_id)


def _remove_links(socket: bpy.types.NodeSocket) -> None:
    for link in list(socket.links):
        socket.id_data.links.remove(link)


def _links_into(node: bpy.types.Node | None, identifier: str) -> list[bpy.types.NodeLink]:
    return [] if node is None else _ordered(_find(node.inputs, identifier))


def _targets_of(group: bpy.types.NodeTree, identifier: str) -> list[bpy.types.NodeSocket]:
    """The inputs in a group that an input of the group is given to."""
    found = {
        _key(link.to_socket): link.to_socket
        for link in ordered_links(group)
        if link.from_node.bl_idname == GROUP_INPUT and link.from_socket.identifier == identifier
    }
    return list(found.values())


# Taking a group apart


def ungroup(group_node: bpy.types.Node) -> list[bpy.types.Node]:
    """Put the nodes of a group in the place of a group node; these. Raises GroupingError, and changes nothing."""
    tree, group = group_node.id_data, group_node.node_tree
    if group_node.repeat_mode != "ONCE":
        raise GroupingError(f'"{group_node.name}" is repeated: let it run once first')
    inner = [node for node in group.nodes if node.bl_idname not in ENDS]
    inside = _copied(inner, tree)
    left, right, lower, upper = transplant.bounds(inner)
    x, y = location(group_node)
    _shift(inside.values(), x + group_node.width / 2.0 - (left + right) / 2.0, y - (lower + upper) / 2.0)
    parts = _Parts(group_node, inside)
    parts.link()
    tree.nodes.remove(group_node)
    return [*inside.values(), *parts.made]


class _Parts:
    """The nodes of a group, on their way to where a group node was."""

    def __init__(self, node: bpy.types.Node, inside: dict[str, bpy.types.Node]) -> None:
        self._tree, self._group, self._node, self._inside = node.id_data, node.node_tree, node, inside
        self._leave = active_output(self._group)
        #: Input nodes that were made for values.
        self.made: list[bpy.types.Node] = []
        self._values: dict[str, list[bpy.types.NodeSocket]] = {}

    def link(self) -> None:
        links = [
            link
            for link in ordered_links(self._group)
            if link.to_node.bl_idname not in ENDS and link.to_socket.identifier != "__extend__"
        ]
        fed = {_key(link.to_socket) for link in links if link.from_node.bl_idname == GROUP_INPUT}
        for target in {_key(link.to_socket): link.to_socket for link in links}.values():
            if _key(target) in fed:
                self._link_input(target)
        outside: dict[tuple[str, str], bpy.types.NodeSocket] = {}
        for socket in self._node.outputs:
            outside |= {_key(link.to_socket): link.to_socket for link in _ordered(socket)}
        for target in outside.values():
            before = [(link.from_socket, link.is_muted) for link in _ordered(target)]
            _remove_links(target)
            for source, is_muted in before:
                is_mine = source.node == self._node
                is_only = len(before) == 1 and not is_muted  # else the input has its own value
                found = self._given_at(source, [target], is_only=is_only) if is_mine else [(source, False)]
                for each, is_mute_inside in found:
                    self._tree.links.new(target, each).is_muted = is_muted or is_mute_inside

    def _link_input(self, target: bpy.types.NodeSocket) -> None:
        """Make the links of an input that the group's own input is linked to anew, in their order."""
        new, before = twin(target, self._inside[target.node.name]), _ordered(target)
        _remove_links(new)
        for link in before:
            if link.from_node.bl_idname == GROUP_INPUT:
                is_only = len(before) == 1 and not link.is_muted  # else the input has its own value
                found = self._given_to(link.from_socket.identifier, new, is_only=is_only)
            else:
                found = [(twin(link.from_socket, self._inside[link.from_node.name]), False)]
            for source, is_muted in found:
                self._tree.links.new(new, source).is_muted = is_muted or link.is_muted

    def _given_at(
        self, output: bpy.types.NodeSocket, targets: list[bpy.types.NodeSocket], *, is_only: bool
    ) -> list[tuple[bpy.types.NodeSocket, bool]]:
        """What an output of the group gives: outputs of the nodes, and whether their links are muted."""
        end = None if self._leave is None else _find(self._leave.inputs, output.identifier)
        links = [] if end is None else _ordered(end)
        found: list[tuple[bpy.types.NodeSocket, bool]] = []
        for link in links:
            if link.from_node.bl_idname == GROUP_INPUT:
                holds = is_only and len(links) == 1 and not link.is_muted
                given = self._given_to(link.from_socket.identifier, targets[0], is_only=holds)
                found += [(source, is_muted or link.is_muted) for source, is_muted in given]
            else:
                found.append((twin(link.from_socket, self._inside[link.from_node.name]), link.is_muted))
        if not links and end is not None:
            found += self._value(end, targets[0], is_only=is_only)
        return found

    def _given_to(
        self, identifier: str, target: bpy.types.NodeSocket, *, is_only: bool
    ) -> list[tuple[bpy.types.NodeSocket, bool]]:
        """What is linked to an input of the group node. What is set there goes to `target`, if that can hold it."""
        if identifier == "__extend__":
            return []
        socket = _find(self._node.inputs, identifier)
        links = _ordered(socket)
        if links:
            return [(link.from_socket, link.is_muted) for link in links]
        return self._value(socket, target, is_only=is_only)

    def _value(
        self, socket: bpy.types.NodeSocket, target: bpy.types.NodeSocket, *, is_only: bool
    ) -> list[tuple[bpy.types.NodeSocket, bool]]:
        is_ours = hasattr(socket, "socket_type") and hasattr(target, "socket_type")
        if is_only and is_ours and _is_real(target.node) and _hand_over(socket, target):
            return []
        key = f"{socket.node.name} {socket.identifier}"
        if key not in self._values:
            self._values[key] = list(self._new_inputs(socket))
        return [(made, False) for made in self._values[key]]

    def _new_inputs(self, socket: bpy.types.NodeSocket) -> Iterator[bpy.types.NodeSocket]:
        """Input nodes that give what a socket holds: where no single socket can hold it in its place."""
        if not hasattr(socket, "socket_type"):  # of a type of Blender's own, which gives nothing
            return
        kind, is_list, value = socket.socket_type.kind, socket.socket_type.is_list, socket.get_value()
        if kind == "MENU":  # the choices are the group's
            texts = tuple(map(str, value or ())) if is_list else None if value is None else str(value)
            yield self._new_input(socket, "STRING", texts, is_list=is_list)
        elif kind == ANY_DATA_BLOCK:  # an Input node has one type
            items = [item for item in (value or () if is_list else (value,)) if item is not None]
            for item in items:
                yield self._new_input(socket, data_block_kinds.kind_of(item), item, is_list=False)
            if not items:
                yield self._new_input(socket, "Object", () if is_list and value is not None else None, is_list=is_list)
        else:
            yield self._new_input(socket, kind, value, is_list=is_list)

    def _new_input(self, socket: bpy.types.NodeSocket, kind: str, value: Any, *, is_list: bool) -> bpy.types.NodeSocket:
        node = self._tree.nodes.new("BackgroundNodeInput")
        node.data_type, node.is_list, node.label = kind, is_list, socket.name
        if value is not None:
            node.outputs[0].default_value = value
        x, y = location(self._node)
        node.location = (x - _GAP - node.width, y - 60.0 * len(self.made))
        self.made.append(node)
        return node.outputs[0]


def _hand_over(socket: bpy.types.NodeSocket, target: bpy.types.NodeSocket) -> bool:
    """Set what a socket holds on another one. Returns whether that now holds the same."""
    if target.is_output or socket.socket_type != target.socket_type:
        return False
    value = socket.get_value()
    if value is None:
        target.unset_value()
        return True
    if socket.socket_type.is_data_block:
        target.default_value = value
        return bool(target.get_value() == value)
    plain = fields.plain(value, socket.socket_type)
    try:
        target.default_value = fields.settable_default(plain, socket.socket_type)
    except (TypeError, ValueError):
        return False
    return bool(target.get_value() is not None and fields.plain(target.get_value(), target.socket_type) == plain)


def separate(
    group: bpy.types.NodeTree, nodes: Iterable[bpy.types.Node], group_node: bpy.types.Node, *, moves: bool
) -> list[bpy.types.Node]:
    """Copy or move nodes of a group to beside its group node, as Blender does: their other links are gone there."""
    nodes = [node for node in nodes if node.bl_idname not in ENDS]
    if not nodes:
        raise GroupingError("Select nodes of the group first")
    made = _copied(nodes, group_node.id_data)
    left, _, _, upper = transplant.bounds(nodes)
    x, y = location(group_node)
    _shift(made.values(), x - left, y - _GAP - upper)
    if moves:
        for node in nodes:
            group.nodes.remove(node)
    return list(made.values())


def can_use(tree: bpy.types.NodeTree, group: bpy.types.NodeTree) -> bool:
    """Whether a tree can have a node of a group: a group must not be in itself."""
    return not contains(group, tree)
