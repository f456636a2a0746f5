# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes node trees of the open file down as plain data, without results, ids and what is selected."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import bpy

from ...runtime.blender import data_block_kinds
from ...runtime.errors import DumpError, Problem, SignatureError
from ...runtime.script.wording import title_of
from ...runtime.text_form.form import FORMAT, MARK
from ...runtime.text_form.paths import with_paths_of_tree
from .. import list_nodes, node_contents, sources, text_modules
from ..group_node import ENDS, GROUP_OUTPUT, active_output, has_group
from ..node_shape import location
from ..transplant import ordered_links
from . import values
from .interface import written_interface

#: The types of Blender's own nodes that a tree may have.
PLAIN_NODES: Final = frozenset({"NodeFrame", "NodeReroute", *ENDS})
#: Here it means nothing, and Blender 5.2 does not keep it.
_NEVER_MUTED: Final = frozenset({"NodeFrame", *ENDS})
#: What a script says of a node, and what is chosen in a list of the Sidebar.
_DERIVED: Final = frozenset({"source_error", "source_error_line", "is_without_main"})
LEFT_OUT: Final = frozenset({"active_input_index", "active_output_index", *_DERIVED})
#: Digits of places that count: the place of a node in a frame is a sum.
_DIGITS: Final = 1


def dump(tree: bpy.types.NodeTree, *, keeps_paths: bool = False) -> dict[str, Any]:
    """A tree with all groups and texts that it uses, as `runtime/text_form/form.py` describes it.

    Sockets are brought up to date first with scripts, and those of list nodes with links, as they are before a run.

    Args:
        tree: the tree.
        keeps_paths: of a linked tree, whether `//` stays, and so will stand for the folder of the file that the tree is
            made in. Else paths lead to where they lead now.

    Raises:
        DumpError: if it holds what can't be written.
    """
    return _Dump([tree], list(tree.nodes), keeps_paths=keeps_paths).whole(tree)


def dump_nodes(nodes: Iterable[bpy.types.Node]) -> dict[str, Any]:
    """Some nodes of a tree, with the links between them. Raises DumpError."""
    nodes = list(nodes)
    return _Dump([], nodes).part(nodes)


def has_sockets_of_its_own(node: bpy.types.Node) -> bool:
    """Whether its sockets are written in whole: they follow from more than its type, its settings and its group."""
    return node.bl_idname == "BackgroundNodeScript" or list_nodes.is_list_node(node)


class _Dump:
    def __init__(
        self, outer: list[bpy.types.NodeTree], nodes: list[bpy.types.Node], *, keeps_paths: bool = False
    ) -> None:
        self._problems: list[Problem] = []
        self._keeps_paths = keeps_paths
        groups = _all_groups(nodes, {tree.session_uid for tree in outer})
        self._groups = {group.session_uid: name for name, group in _named(groups)}
        self._trees = groups
        texts = {text.session_uid: text for text in _texts_of(_nodes_of(nodes, groups))}
        named_texts = _named(list(texts.values()))
        self._texts = {text.session_uid: name for name, text in named_texts}
        self._sources = {name: self._source(text) for name, text in named_texts}
        self._modules = {name: found for name, text in named_texts if (found := self._modules_of(text))}

    def _source(self, text: bpy.types.Text) -> str:
        try:
            sources.content(text)
        except SignatureError as error:
            self._report("", f'"{text.name}": {error.message}', "Choose another text")
            return ""
        return text.as_string()

    def _modules_of(self, text: bpy.types.Text) -> dict[str, str]:
        """The modules of a text, by their paths, with their names in the data."""
        found = text_modules.modules(text)
        for path in [path for path, module in found.items() if module is None]:
            self._report("", f'"{text.name}": its module "{path}" was deleted', "Choose another text")
        return {path: self._texts[module.session_uid] for path, module in found.items() if module is not None}

    def _report(self, node: str, message: str, fix: str) -> None:
        self._problems.append(Problem(node, "", message, fix))

    # Whole

    def whole(self, tree: bpy.types.NodeTree) -> dict[str, Any]:
        data = {MARK: FORMAT, "tree": {"name": tree.name, **self._settings(tree), **self._tree(tree)}}
        return self._finished(data)

    def part(self, nodes: list[bpy.types.Node]) -> dict[str, Any]:
        found = self._nodes(nodes, "")
        library = nodes[0].id_data.library if nodes else None
        found = found if library is None else with_paths_of_tree(found, _of_library(library))
        return self._finished({MARK: FORMAT, "part": found})

    def _finished(self, data: dict[str, Any]) -> dict[str, Any]:
        with sources.read_once():
            data["groups"] = {
                self._groups[tree.session_uid]: {**self._settings(tree), **self._tree(tree)} for tree in self._trees
            }
        data["texts"] = self._sources
        if self._modules:
            data["modules"] = self._modules
        if self._problems:
            raise DumpError(self._problems)
        return data

    def _settings(self, tree: bpy.types.NodeTree) -> dict[str, Any]:
        names = node_contents.own_properties(type(tree)).plain
        settings = values.written_properties(tree, names, self._reference)
        looks = _differing(tree, node_contents.OF_TREES)
        return ({"settings": settings} if settings else {}) | ({"looks": looks} if looks else {})

    def _tree(self, tree: bpy.types.NodeTree) -> dict[str, Any]:
        where = self._groups.get(tree.session_uid, "")
        if tree.animation_data is not None and (tree.animation_data.action or tree.animation_data.drivers):
            self._report(where, "it is animated, or has drivers, which no text holds", "Remove keyframes and drivers")
        items = written_interface(tree, self._reference)
        found = {**({"interface": items} if items else {}), **self._nodes(list(tree.nodes), where)}
        if tree.library is None or self._keeps_paths:
            return found
        return with_paths_of_tree(found, _of_library(tree.library))

    def _nodes(self, nodes: list[bpy.types.Node], where: str) -> dict[str, Any]:
        names = {node.name for node in nodes}
        if nodes:
            list_nodes.follow_links(nodes[0].id_data)
        with sources.read_once():
            found = {node.name: self._node(node, names, where) for node in sorted(nodes, key=lambda node: node.name)}
        links = sorted(_links_between(nodes, names), key=lambda link: (link["to"], link["from"][0] == ""))
        return {"nodes": found, "links": links}

    # A node

    def _node(self, node: bpy.types.Node, names: set[str], where: str) -> dict[str, Any]:
        place = " / ".join(filter(None, (where, node.name)))
        if node.bl_idname not in PLAIN_NODES and not hasattr(node, "uid"):
            self._report(place, f"the type {node.bl_idname} is unknown", "Delete the node or enable its add-on")
            return {"type": ""}
        found: dict[str, Any] = {"type": node.bl_idname}
        if not _is_shaped_by_content(node):
            found["location"] = [round(each, _DIGITS) for each in location(node)]
        if node.parent is not None and node.parent.name in names:
            found["frame"] = node.parent.name
        try:
            found |= self._content(node, place)
        except UnicodeDecodeError:
            self._report(place, "it holds a text that was cut in the middle of a letter", "Write that text anew")
        return found

    def _content(self, node: bpy.types.Node, place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if node.bl_idname == "NodeFrame" and not _is_shaped_by_content(node):
            found["size"] = [round(node.width, _DIGITS), round(node.height, _DIGITS)]
        elif node.bl_idname not in ("NodeFrame", "NodeReroute"):
            found["width"] = round(node.width, _DIGITS)
        if looks := self._looks(node):
            found["looks"] = looks
        if node.mute and node.bl_idname not in _NEVER_MUTED:
            found["muted"] = True
        if node.bl_idname == GROUP_OUTPUT and node == active_output(node.id_data):
            others = (other for other in node.id_data.nodes if other.bl_idname == GROUP_OUTPUT and other != node)
            if next(others, None) is not None:
                found["active"] = True
        is_known = node.bl_idname != "BackgroundNodeScript" or node.read_script() is not None
        if hasattr(node, "uid"):
            found |= self._settings_of_node(node, place, is_known=is_known)
        for side in ("inputs", "outputs") if node.bl_idname != "NodeReroute" else ():
            is_whole = has_sockets_of_its_own(node)
            sockets = (
                self._socket(socket, is_whole=is_whole, is_known=is_known, node=node) for socket in getattr(node, side)
            )
            found[side] = [socket for socket in sockets if is_whole or len(socket) > 2]
        return {key: value for key, value in found.items() if value or key not in ("inputs", "outputs")}

    def _looks(self, node: bpy.types.Node) -> dict[str, Any]:
        at_first = node_contents.OF_NODES | (node_contents.OF_FRAMES if node.bl_idname == "NodeFrame" else {})
        found = _differing(node, {name: value for name, value in at_first.items() if name != "mute"})
        if "text" in found:
            found["text"] = self._reference(found["text"])
        return found

    def _settings_of_node(self, node: bpy.types.Node, place: str, *, is_known: bool) -> dict[str, Any]:
        names, collections = node_contents.own_properties(type(node))
        wanted = [name for name in names if name not in LEFT_OUT or (name == "is_without_main" and not is_known)]
        settings = values.written_properties(node, wanted, self._reference)
        for name in collections:
            entries = [
                values.written_properties(entry, node_contents.own_properties(type(entry)).plain, self._reference)
                for entry in getattr(node, name)
            ]
            if entries:
                settings[name] = entries
        found = {"settings": settings} if settings else {}
        if has_group(node):
            found["group"] = self._groups[node.node_tree.session_uid]
        elif getattr(node, "node_tree", None) is not None:
            message = f'its group "{node.node_tree.name}" is missing, or no background node tree'
            self._report(place, message, "Choose a group")
        return found

    def _socket(self, socket: Any, *, is_whole: bool, is_known: bool, node: bpy.types.Node) -> dict[str, Any]:
        found = {"identifier": socket.identifier, "type": values.type_name(socket.bl_idname)}
        if looks := _differing(socket, node_contents.OF_SOCKETS):
            found["looks"] = looks
        if not values.is_ours(socket) or not hasattr(node, "uid"):
            return found
        if is_whole and socket.name != title_of(socket.identifier):
            found["label"] = socket.name
        if not is_known and socket.field_json:
            found["field"] = json.loads(socket.field_json)
        if not socket.is_output or getattr(node, "shows_output_values", False):
            value = values.written(socket, self._reference)
            if value is not values.NOTHING:
                found["value"] = value
                if value is not None and socket.is_own_value:
                    found["own"] = True
        return found

    def _reference(self, data_block: bpy.types.ID) -> dict[str, str]:
        """What stands for a data-block: a text that comes along by its name there, others by kind and name."""
        if isinstance(data_block, bpy.types.Text) and data_block.session_uid in self._texts:
            return {"text": self._texts[data_block.session_uid]}
        found = {"kind": data_block_kinds.kind_of(data_block), "name": data_block.name}
        if data_block.library is not None:
            found["library"] = data_block.library.filepath
        return found


def _of_library(library: bpy.types.Library) -> Callable[[str], str]:
    """Converts paths of a linked tree, which are seen from its own file, to such of this one, if that is saved."""

    def convert(path: str) -> str:
        if not path.startswith("//"):
            return path
        whole = bpy.path.abspath(path, library=library)
        with contextlib.suppress(ValueError):  # on another drive
            return str(bpy.path.relpath(whole)) if bpy.data.filepath else whole
        return whole

    return convert


def _differing(owner: Any, at_first: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as it is at first, as far as this Blender has it."""
    found = {}
    for name, value in at_first.items():
        now = getattr(owner, name, value)
        is_same = [values.number(each) for each in now] == list(value) if isinstance(value, tuple) else now == value
        if not is_same:
            found[name] = [values.number(each) for each in now] if isinstance(value, tuple) else now
    return found


def _is_shaped_by_content(node: bpy.types.Node) -> bool:
    """Whether Blender gives a frame its place and size whenever it is drawn."""
    is_shrunk = node.bl_idname == "NodeFrame" and node.shrink
    return is_shrunk and any(other.parent == node for other in node.id_data.nodes)


def _links_between(nodes: list[bpy.types.Node], names: set[str]) -> Iterator[dict[str, Any]]:
    for link in ordered_links(nodes[0].id_data) if nodes else ():
        ends = link.from_node.name in names and link.to_node.name in names
        if ends and "__extend__" not in (link.from_socket.identifier, link.to_socket.identifier):
            found: dict[str, Any] = {
                "from": [link.from_node.name, link.from_socket.identifier],
                "to": [link.to_node.name, link.to_socket.identifier],
            }
            yield found | ({"muted": True} if link.is_muted else {})


def _all_groups(nodes: Iterable[bpy.types.Node], outer: set[int]) -> list[bpy.types.NodeTree]:
    """The groups that nodes stand for, at any depth, each once."""
    found: dict[int, bpy.types.NodeTree] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if has_group(node) and node.node_tree.session_uid not in found.keys() | outer:
            found[node.node_tree.session_uid] = node.node_tree
            waiting.extend(node.node_tree.nodes)
    return list(found.values())


def _nodes_of(nodes: Iterable[bpy.types.Node], groups: Iterable[bpy.types.NodeTree]) -> Iterator[bpy.types.Node]:
    yield from nodes
    for group in groups:
        yield from group.nodes


def _texts_of(nodes: Iterable[bpy.types.Node]) -> Iterator[bpy.types.Text]:
    """The texts that nodes refer to: scripts with their modules; what frames show."""
    for node in nodes:
        for name in ("script", "text"):
            with contextlib.suppress(AttributeError):
                if isinstance(text := getattr(node, name), bpy.types.Text):
                    yield from text_modules.with_modules([text])


def _named(data_blocks: list[Any]) -> list[tuple[str, Any]]:
    """Each with a name that no other one has: of a library's, that may be another than its own."""
    found: dict[str, Any] = {}
    for item in sorted(data_blocks, key=lambda item: (item.library is not None, item.name_full)):
        name, number = item.name, 2
        while name in found:
            name, number = f"{item.name} ({number})", number + 1
        found[name] = item
    return list(found.items())
