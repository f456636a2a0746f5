# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks one tree in a text: that it has the form of one, that names lead somewhere, that nothing is too large.

Whether this Blender can have what the tree tells of is found out where it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from ..errors import BuildError, Problem
from .parts import FIX, dict_of, is_numbers, list_of, only, shortened, shown

_MAX_NODES: Final = 20_000
#: Bytes of a node's name, and of a data-block's in Blender 5.
_MAX_NODE_NAME, MAX_NAME = 63, 255
#: How far numbers of an interface's sockets may go: Blender gives them in turn, so that those before have to be made.
MAX_SOCKET_NUMBER: Final = 5_000
_SOCKET: Final = re.compile(r"Socket_(0|[1-9][0-9]{0,9})")
#: As far as anybody places nodes.
_FARTHEST: Final = 1_000_000.0
_SIDES: Final = ("inputs", "outputs")
_OF_NODES: Final = (
    *("type", "location", "width", "size", "frame", "muted", "active", "looks", "settings", "group"),
    *_SIDES,
)
_OF_SOCKETS: Final = ("identifier", "type", "label", "value", "own", "field", "looks")
_OF_PANELS: Final = ("panel", "description", "closed", "items")
_OF_ITEMS: Final = ("identifier", "name", "in_out", "type", "description", "settings", "value", "looks")


def check(where: str, tree: Any, data: Mapping[str, Any]) -> None:
    """Check a tree of some data, by its name; "" for the outer one. Raises BuildError."""
    _Tree(where, tree, data).check()


class _Tree:
    def __init__(self, where: str, tree: Any, data: Mapping[str, Any]) -> None:
        self._where, self._tree, self._data = where, tree, data

    def check(self) -> None:
        tree = self._tree
        if not isinstance(tree, dict):
            self._refuse("a tree is no JSON object")
        is_part = not self._where and "part" in self._data
        extra = () if is_part else ("interface", "settings", "looks", *(() if self._where else ("name",)))
        only(tree, self._where, "nodes", "links", *extra)
        if self._where or not is_part:
            self._check_name(self._where or tree.get("name"), MAX_NAME)
        nodes = dict_of(tree, "nodes")
        if len(nodes) > _MAX_NODES:
            self._refuse(f"a tree has {len(nodes)} nodes, more than {_MAX_NODES}")
        for name, node in nodes.items():
            self._check_node(name, node)
        self._check_frames(nodes)
        for link in list_of(tree, "links"):
            self._check_link(link, nodes)
        for key in ("settings", "looks"):
            dict_of(tree, key)
        self._check_interface(list_of(tree, "interface"), set())

    def _refuse(self, message: str, node: str = "", fix: str = FIX) -> NoReturn:
        where = " / ".join(filter(None, (self._where, node)))
        raise BuildError([Problem(shortened(where), "", message, fix)])

    def _check_name(self, name: Any, longest: int) -> None:
        if not isinstance(name, str) or not name or "\0" in name:
            self._refuse("a name is missing, or no text")
        if len(name.encode(errors="surrogatepass")) > longest:
            self._refuse(f"the name {shown(name)} is longer than Blender allows", fix=f"Use {longest} letters")

    # Nodes

    def _check_node(self, name: str, node: Any) -> None:
        self._check_name(name, _MAX_NODE_NAME)
        if not isinstance(node, dict):
            self._refuse("a node is no JSON object", name)
        if not isinstance(node.get("type"), str):
            self._refuse("the node has no type", name)
        only(node, name, *_OF_NODES)
        self._check_place(name, node)
        self._check_references(name, node)
        for side in _SIDES:
            if not isinstance(node.get(side, []), list):
                self._refuse(f"its {side} are no list", name)
            for socket in node.get(side, []):
                self._check_socket(name, socket, side)

    def _check_place(self, name: str, node: Mapping[str, Any]) -> None:
        for key, count in (("location", 2), ("size", 2), ("width", 1)):
            numbers = node.get(key, [0.0] * count)
            numbers = [numbers] if key == "width" and key in node else numbers
            if not is_numbers(numbers, count) or any(abs(each) > _FARTHEST for each in numbers):
                self._refuse(f"its {key} is not made of numbers up to {_FARTHEST:,.0f}", name)
        for key in ("muted", "active"):
            if not isinstance(node.get(key, False), bool):
                self._refuse(f"{key} is neither true nor false", name)

    def _check_references(self, name: str, node: Mapping[str, Any]) -> None:
        for key in ("settings", "looks"):
            if not isinstance(node.get(key, {}), dict):
                self._refuse(f"its {key} are no JSON object", name)
        if "group" in node and (not isinstance(node["group"], str) or node["group"] not in self._data["groups"]):
            self._refuse(f"the text holds no group {shown(node['group'])}", name)
        for text in _texts_of(node):
            if not isinstance(text, str) or text not in self._data["texts"]:
                self._refuse(f"the text holds no text {shown(text)}", name)

    def _check_socket(self, name: str, socket: Any, side: str) -> None:
        if not isinstance(socket, dict) or not all(isinstance(socket.get(key), str) for key in ("identifier", "type")):
            self._refuse(f"one of its {side} has no identifier, or no type", name)
        only(socket, name, *_OF_SOCKETS)
        if not isinstance(socket.get("looks", {}), dict) or not isinstance(socket.get("label", ""), str):
            self._refuse(f"one of its {side} has looks that are no JSON object, or a label that is no text", name)

    def _check_frames(self, nodes: Mapping[str, Any]) -> None:
        for name, node in nodes.items():
            seen, frame = {name}, node.get("frame")
            while frame is not None:
                if not isinstance(frame, str) or nodes.get(frame, {}).get("type") != "NodeFrame":
                    self._refuse(f"there is no frame {shown(frame)}", name)
                if frame in seen:
                    self._refuse("the frame is in itself", name)
                seen.add(frame)
                frame = nodes[frame].get("frame")

    def _check_link(self, link: Any, nodes: Mapping[str, Any]) -> None:
        ends = [link.get("from"), link.get("to")] if isinstance(link, dict) else [None]
        for end in ends:
            if not isinstance(end, list) or len(end) != 2 or not all(isinstance(each, str) for each in end):
                self._refuse("a link has not two ends with a node and a socket each")
            if end[0] not in nodes:
                self._refuse(f"a link leads to {shown(end[0])}, which is not there")
        only(link, self._where, "from", "to", "muted")
        if not isinstance(link.get("muted", False), bool):
            self._refuse("a link is muted neither true nor false")

    # The interface

    def _check_interface(self, items: Iterable[Any], identifiers: set[str]) -> None:
        for item in items:
            if not isinstance(item, dict):
                self._refuse("an item of the interface is no JSON object")
            self._check_name(item.get("panel", item.get("name")), MAX_NAME)
            if not isinstance(item.get("description", ""), str):
                self._refuse("the description of an item of the interface is no text")
            if "panel" in item:
                only(item, self._where, *_OF_PANELS)
                self._check_interface(list_of(item, "items"), identifiers)
            else:
                self._check_item(item, identifiers)

    def _check_item(self, item: Mapping[str, Any], identifiers: set[str]) -> None:
        only(item, self._where, *_OF_ITEMS)
        identifier = item.get("identifier")
        if not isinstance(identifier, str) or socket_number(identifier) is None or identifier in identifiers:
            message = f"the interface has no identifier, one twice, or one beyond {MAX_SOCKET_NUMBER}"
            self._refuse(f"{message}: {shown(identifier)}")
        identifiers.add(identifier)
        if item.get("in_out") not in ("INPUT", "OUTPUT") or not isinstance(item.get("type"), str):
            self._refuse(f"{identifier} of the interface is neither INPUT nor OUTPUT, or has no type")
        if not all(isinstance(item.get(key, {}), dict) for key in ("settings", "looks")):
            self._refuse(f"settings or looks of {identifier} of the interface are no JSON object")


def socket_number(identifier: str) -> int | None:
    """The number in the identifier of a socket of an interface, None if there is none, or a far too large one."""
    found = _SOCKET.fullmatch(identifier)
    number = None if found is None else int(found[1])
    return number if number is not None and number <= MAX_SOCKET_NUMBER else None


def _texts_of(node: Mapping[str, Any]) -> Iterator[Any]:
    """The names of the texts that a node refers to."""
    for key in ("settings", "looks"):
        for value in node.get(key, {}).values():
            if isinstance(value, dict) and "text" in value:
                yield value["text"]
