# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes node trees of plain data: everything or nothing.

What is here already is used again: a group that does the same, a text that says the same.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import bpy

from ...runtime.blender import data_block_kinds
from ...runtime.errors import BuildError, DumpError, MisfitError, Problem
from ...runtime.script.wording import title_of
from ...runtime.text_form import reading
from ...runtime.text_form.digest import digest_as_group, digests_of_groups
from .. import chosen_files, fields, foreign_scripts, node_contents, sources, text_modules
from ..base import BackgroundNode, SocketSpec, clear_renames, sync_sockets
from ..group_node import ENDS, GROUP, contains
from ..identity import background_trees
from ..tree import BackgroundNodeTree, mode_is_not_chosen
from . import values
from .dumping import LEFT_OUT, PLAIN_NODES, dump, has_sockets_of_its_own
from .interface import make_interface

#: What Blender raises for what it can't do or hold.
_REFUSALS: Final = (TypeError, ValueError, OverflowError, AttributeError, RuntimeError, KeyError)
_NUMBER: Final = re.compile(r"\.\d{3,}$")


class Missing(NamedTuple):
    """A data-block that a text names and that is not in this file: where it is used, its kind, its name."""

    node: str
    socket: str
    kind: str
    name: str


@dataclass
class Built:
    """What was made.

    Attributes:
        tree: the tree; of nodes, the one that they are in now.
        nodes: of nodes, the new ones by their names in the text.
        groups, texts: those that are new in the file.
        names: what these are called in the data, by their uids: here, another one may have had that name.
        missing: data-blocks that are not in this file: nothing is set there.
        gone: sockets that a script does not have any more, as problems: what was set or linked there is lost.
    """

    tree: bpy.types.NodeTree
    nodes: dict[str, bpy.types.Node] = field(default_factory=dict)
    groups: list[bpy.types.NodeTree] = field(default_factory=list)
    texts: list[bpy.types.Text] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    gone: list[Problem] = field(default_factory=list)


def build(data: Mapping[str, Any], source: str = "", *, reuses: bool = True) -> Built:
    """Make the tree that `dump` wrote, or a tree of the nodes that `dump_nodes` wrote.

    Args:
        data: as `runtime/text_form/reading.py` has checked them, or as `dump` gave them.
        source: where they came from, such as the path of a file: the artist is asked before its scripts run.
        reuses: whether groups and texts that are here already are used again. Give False for a tree that is to share
            nothing with this file, and does not stay in it: nobody is told of its texts.

    Raises:
        BuildError: if this Blender can't have that tree. Nothing is left of it.
    """
    builder = _Builder(data, source, reuses=reuses)
    with builder.all_or_nothing():
        outer = data["tree"] if "tree" in data else {"name": _NAME_OF_PART, **data["part"]}
        builder.make_groups(None)
        tree = builder.new_tree(outer["name"])
        tree.use_fake_user = True  # nothing else uses it
        builder.fill(tree, outer, "")
        builder.result.tree = tree
    return builder.result


def build_nodes(data: Mapping[str, Any], tree: bpy.types.NodeTree, source: str = "") -> Built:
    """Add the nodes that `dump_nodes` wrote to a tree, or those of a whole tree but for its ends. As `build`."""
    builder = _Builder(data, source)
    part = data["part"] if "part" in data else _without_ends(data["tree"])
    with builder.all_or_nothing():
        builder.make_groups(tree)
        builder.result.tree = tree
        builder.result.nodes = builder.add(tree, part, "")
    return builder.result


_NAME_OF_PART: Final = "Nodes"


def _without_ends(tree: Mapping[str, Any]) -> dict[str, Any]:
    nodes = {name: node for name, node in tree["nodes"].items() if node["type"] not in ENDS}
    links = [link for link in tree["links"] if link["from"][0] in nodes and link["to"][0] in nodes]
    return {"nodes": nodes, "links": links}


class _Builder:
    def __init__(self, data: Mapping[str, Any], source: str, *, reuses: bool = True) -> None:
        self._data, self._source, self._reuses = data, source, reuses
        self._made: list[bpy.types.ID] = []
        self._new_nodes: list[tuple[bpy.types.NodeTree, str]] = []
        self._groups: dict[str, bpy.types.NodeTree] = {}
        self._texts: dict[str, bpy.types.Text] = {}
        part = data["part"]["nodes"] if "part" in data else {}
        self._ends_of_a_part = {name for name, node in part.items() if node["type"] in ENDS}
        self.result = Built(None)

    @contextlib.contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        try:
            with chosen_files.not_chosen_here(), mode_is_not_chosen(), sources.read_once():
                yield
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        for tree, name in self._new_nodes:
            if tree not in self._made and name in tree.nodes:
                tree.nodes.remove(tree.nodes[name])
        bpy.data.batch_remove(self._made)

    # Texts and groups

    def _text(self, name: str) -> bpy.types.Text:
        """The text of that name in the data: one that is here if it says the same."""
        if name not in self._texts:
            wanted, base = self._data["texts"][name], _NUMBER.sub("", name)
            for text in bpy.data.texts if self._reuses else ():
                is_named = text.library is None and _NUMBER.sub("", text.name) == base
                if is_named and text.as_string() == wanted and _module_sources(text) == self._modules(name):
                    self._texts[name] = text
                    break
            else:
                self._texts[name] = self._new_text(name, wanted)
        return self._texts[name]

    def _modules(self, name: str) -> dict[str, str]:
        """The sources of the modules that a text is to have, by their paths."""
        found = self._data.get("modules", {}).get(name, {})
        return {path: self._data["texts"][module] for path, module in found.items()}

    def _new_text(self, name: str, source: str) -> bpy.types.Text:
        text = bpy.data.texts.new(name)
        self._made.append(text)
        self.result.texts.append(text)
        self.result.names[text.session_uid] = name
        text.from_string(source)
        modules = self._data.get("modules", {}).get(name, {})
        text_modules.set_modules(text, {path: self._text(module) for path, module in modules.items()})
        if self._reuses:
            foreign_scripts.tell_text(text, self._source)
        return text

    def make_groups(self, target: bpy.types.NodeTree | None) -> None:
        """Make the groups, each after those in it, or find them. None that is found has the target tree in it."""
        names = reading.in_order(self._data)
        if not names:
            return
        digests, here = digests_of_groups(self._data), _GroupsHere(target)
        for name in names:
            group = self._data["groups"][name]
            num_nodes = sum(node["type"] != "NodeFrame" for node in group["nodes"].values())
            found = here.find(name, digests[name], num_nodes) if self._reuses else None
            if found is None:
                found = self.new_tree(name)
                self.result.groups.append(found)
                self.result.names[found.session_uid] = name
                self.fill(found, group, name)
            self._groups[name] = found

    def new_tree(self, name: str) -> bpy.types.NodeTree:
        tree = bpy.data.node_groups.new(name, BackgroundNodeTree.bl_idname)
        self._made.append(tree)
        return tree

    def fill(self, tree: bpy.types.NodeTree, data: Mapping[str, Any], where: str) -> None:
        known = node_contents.own_properties(BackgroundNodeTree).plain
        with self._told(where, ""):
            for name, value in data.get("settings", {}).items():
                if name not in known:
                    raise MisfitError(f"a tree has no setting {name[:80]}", "Remove it")
                values.set_property(tree, name, value, self._finder(where, name))
            _set_all(tree, data.get("looks", {}), node_contents.OF_TREES)
            make_interface(tree, data.get("interface", []), self._finder(where, "Interface"))
        self.add(tree, data, where)

    @contextlib.contextmanager
    def _told(self, node: str, socket: str) -> Iterator[None]:
        """Tell where something can't be made."""
        try:
            yield
        except MisfitError as error:
            raise BuildError([Problem(node, socket, error.message, error.fix)]) from error
        except _REFUSALS as error:
            message = f"Blender {bpy.app.version_string} can't have that: {error}"
            raise BuildError([Problem(node, socket, message, "Change it in the text")]) from error

    def _finder(self, node: str, socket: str) -> values.Finder:
        """Finds what a reference stands for; what is missing is noted."""

        def find(reference: Any) -> bpy.types.ID | None:
            if isinstance(reference, dict) and isinstance(reference.get("text"), str):
                return self._text(reference["text"])
            kind, name = (reference.get(key) if isinstance(reference, dict) else None for key in ("kind", "name"))
            if not isinstance(kind, str) or not isinstance(name, str):
                raise MisfitError("a data-block has no kind, or no name", 'Write {"kind": "Object", "name": "Cube"}')
            found = _data_block(kind, name, str(reference.get("library", "")))
            if found is None:
                self.result.missing.append(Missing(node, socket, kind, name))
            return found

        return find

    # Nodes

    def add(self, tree: bpy.types.NodeTree, data: Mapping[str, Any], where: str) -> dict[str, bpy.types.Node]:
        """Add nodes and their links to a tree."""
        made: dict[str, bpy.types.Node] = {}
        for name in sorted(data["nodes"], key=lambda name: (_depth(name, data["nodes"]), name)):
            place = " / ".join(filter(None, (where, name)))
            with self._told(place, ""):
                made[name] = node = self._new_node(tree, name, data["nodes"][name])
                self._fill_node(node, data["nodes"][name], place)
                if "frame" in data["nodes"][name]:
                    node.parent = made[data["nodes"][name]["frame"]]
        self._link(tree, data["links"], made, where)
        for name, node in made.items():
            if node.bl_idname == "BackgroundNodeScript":
                node.sync()
                self._note_gone(node, data["nodes"][name], " / ".join(filter(None, (where, name))))
        for name, found in data["nodes"].items():
            if found.get("active"):
                made[name].is_active_output = True
        return made

    def _new_node(self, tree: bpy.types.NodeTree, name: str, data: Mapping[str, Any]) -> bpy.types.Node:
        idname = data["type"]
        cls = bpy.types.Node.bl_rna_get_subclass_py(idname) if idname not in PLAIN_NODES else None
        if idname not in PLAIN_NODES and (cls is None or not issubclass(cls, BackgroundNode)):
            raise MisfitError(
                f"the type {idname[:80]} is unknown", "Enable its add-on, or use a newer Background Nodes"
            )
        node = tree.nodes.new(idname)
        node.select = False  # Blender selects each new one
        self._new_nodes.append((tree, node.name))
        node.name = name
        self._new_nodes[-1] = (tree, node.name)
        return node

    def _fill_node(self, node: bpy.types.Node, data: Mapping[str, Any], place: str) -> None:
        if "group" in data:
            self._set_group(node, self._groups[data["group"]])
        self._set_settings(node, data.get("settings", {}), place)
        if has_sockets_of_its_own(node):
            _make_sockets(node, data.get("inputs", []), are_outputs=False)
            _make_sockets(node, data.get("outputs", []), are_outputs=True)
        for side in ("inputs", "outputs"):
            by_identifier = {socket.identifier: socket for socket in getattr(node, side)}
            for found in data.get(side, []):
                with self._told(place, found.get("label") or found["identifier"]):
                    self._fill_socket(by_identifier.get(found["identifier"]), found, place)
        self._set_looks(node, data, place)

    def _set_group(self, node: bpy.types.Node, group: bpy.types.NodeTree) -> None:
        if node.bl_idname != GROUP:
            raise MisfitError("it is no group node", "Give it the type BackgroundNodeGroup")
        if contains(group, node.id_data):
            raise MisfitError(f'the group "{group.name}" would be in itself', "Add it to another tree")
        node.node_tree = group
        node.follow()

    def _set_settings(self, node: bpy.types.Node, settings: Mapping[str, Any], place: str) -> None:
        names, collections = node_contents.own_properties(type(node)) if isinstance(node, BackgroundNode) else ((), ())
        for name in settings:
            if name not in (*names, *collections) or (name in LEFT_OUT and name != "is_without_main"):
                raise MisfitError(f"{node.bl_label} has no setting {name[:80]}", "Remove it")
        for name in filter(settings.__contains__, collections):
            self._add_entries(getattr(node, name), settings[name], self._finder(place, name))
        for name in filter(settings.__contains__, names):
            values.set_property(node, name, settings[name], self._finder(place, name))
        if self._reuses and node.bl_idname == "BackgroundNodeScript" and node.filepath:
            foreign_scripts.tell_file(node.whole_filepath())

    def _add_entries(self, entries: Any, wanted: Any, find: values.Finder) -> None:
        if not isinstance(wanted, list) or not all(isinstance(entry, dict) for entry in wanted):
            raise MisfitError("what it declares is no list", "Write [{...}, ...]")
        for found in wanted:
            entry = entries.add()
            names = node_contents.own_properties(type(entry)).plain
            for name in found:
                if name not in names:
                    raise MisfitError(f"what it declares has no {name[:80]}", "Remove it")
            for name in filter(found.__contains__, names):
                values.set_property(entry, name, found[name], find)

    def _fill_socket(self, socket: Any, data: Mapping[str, Any], place: str) -> None:
        if socket is None and place in self._ends_of_a_part:
            return  # the tree that it is added to has other inputs and outputs
        if socket is None or values.type_name(socket.bl_idname) != data["type"]:
            raise MisfitError(f"it has no such socket of the type {data['type'][:80]}", "Change the text")
        if "value" in data:
            if not hasattr(socket, "socket_type"):
                raise MisfitError("a socket of Blender's own holds no value", "Remove it")
            where = self._finder(place, socket.name)
            values.set_value(socket, data["value"], is_own=data.get("own") is True, find=where)
        _set_all(socket, data.get("looks", {}), node_contents.OF_SOCKETS)

    def _set_looks(self, node: bpy.types.Node, data: Mapping[str, Any], place: str) -> None:
        at_first = node_contents.OF_NODES | (node_contents.OF_FRAMES if node.bl_idname == "NodeFrame" else {})
        looks = {"label": "", **data.get("looks", {})}
        if "text" in looks:
            looks["text"] = self._finder(place, "Text")(looks["text"])
        _set_all(node, looks, at_first)
        if node.mute != data.get("muted", False):  # each change lets Blender look through the whole tree
            node.mute = not node.mute
        if "width" in data:
            node.width = data["width"]
        if "size" in data:
            node.width, node.height = data["size"]
        node.location = data.get("location", (0.0, 0.0))

    # Links

    def _link(self, tree: bpy.types.NodeTree, links: list[Any], made: Mapping[str, Any], where: str) -> None:
        sockets: dict[tuple[str, bool], dict[str, Any]] = {}
        taken: set[tuple[str, str]] = set()
        for link in links:
            ends = []
            for (name, identifier), is_output in ((link["from"], True), (link["to"], False)):
                if (name, is_output) not in sockets:
                    side = made[name].outputs if is_output else made[name].inputs
                    sockets[name, is_output] = {socket.identifier: socket for socket in side}
                place = " / ".join(filter(None, (where, name)))
                if identifier not in sockets[name, is_output] and place in self._ends_of_a_part:
                    message = f'the tree has nothing that is called "{identifier[:80]}" in the text'
                    self.result.gone.append(Problem(place, "", message, "Link it anew"))
                    break
                if identifier not in sockets[name, is_output] or identifier == "__extend__":
                    what = "output" if is_output else "input"
                    message = f'a link leads to an {what} "{identifier[:80]}", which is not there'
                    raise BuildError([Problem(place, "", message, "Change the text")])
                ends.append(sockets[name, is_output][identifier])
            if len(ends) < 2:
                continue
            source, target = ends
            if not target.is_multi_input and tuple(link["to"]) in taken:
                message = "several links lead to an input that takes one"
                raise BuildError([Problem(place, target.name, message, "Remove all but one")])
            taken.add(tuple(link["to"]))
            with self._told(place, target.name):
                tree.links.new(target, source).is_muted = link.get("muted", False)

    def _note_gone(self, node: bpy.types.Node, data: Mapping[str, Any], place: str) -> None:
        for side in ("inputs", "outputs"):
            now = [(socket.bl_idname, socket.identifier) for socket in getattr(node, side)]
            before = [(values.idname_of(found["type"]), found["identifier"]) for found in data.get(side, [])]
            there = {identifier for _, identifier in now} | clear_renames(before, now).keys()
            for found in data.get(side, []):
                if found["identifier"] not in there:
                    message = "its script does not have that any more"
                    fix = (
                        "Set and link anew what was there, or use the version of the script that the text was made with"
                    )
                    label = found.get("label") or title_of(found["identifier"])
                    self.result.gone.append(Problem(place, label, message, fix, node.uid))


def _module_sources(text: bpy.types.Text) -> dict[str, str]:
    found = text_modules.modules(text)
    return {path: module.as_string() if module is not None else "" for path, module in found.items()}


class _GroupsHere:
    """The groups that are in this file already."""

    def __init__(self, target: bpy.types.NodeTree | None) -> None:
        self._trees = [
            tree
            for tree in background_trees()
            if tree.library is None and (target is None or not contains(tree, target))
        ]
        self._digests: dict[int, str] = {}

    def find(self, name: str, wanted: str, num_nodes: int) -> bpy.types.NodeTree | None:
        """The group that does the same; one of that name first."""
        for tree in sorted(self._trees, key=lambda tree: (tree.name != name, tree.name)):
            count = sum(node.bl_idname != "NodeFrame" for node in tree.nodes)
            if count == num_nodes and self._digest(tree) == wanted:
                return tree
        return None

    def _digest(self, tree: bpy.types.NodeTree) -> str:
        if tree.session_uid not in self._digests:
            self._digests[tree.session_uid] = ""
            with contextlib.suppress(DumpError, UnicodeDecodeError):  # a name that was cut within a letter
                self._digests[tree.session_uid] = digest_as_group(dump(tree))
        return self._digests[tree.session_uid]


def _data_block(kind: str, name: str, library: str) -> bpy.types.ID | None:
    """The data-block of that kind and name: of that library if it is here, else a local one, else any."""
    if kind not in data_block_kinds.collections():
        return None
    found = data_block_kinds.find(kind, name, bpy.path.abspath(library)) if library else None
    items = data_block_kinds.collection(kind)
    return next(filter(None, (found, items.get((name, None)), items.get(name))), None)


def _make_sockets(node: bpy.types.Node, wanted: list[Mapping[str, Any]], *, are_outputs: bool) -> None:
    """Give a node the sockets that the text tells of, if its script or its settings give others."""
    sockets = node.outputs if are_outputs else node.inputs
    types = [(found["identifier"], values.idname_of(found["type"])) for found in wanted]
    if [(socket.identifier, socket.bl_idname) for socket in sockets] == types:
        return
    if len({identifier for identifier, _ in types}) != len(types):
        raise MisfitError("two of its sockets have one identifier", "Change the text")
    there = {(socket.identifier, socket.bl_idname): socket for socket in sockets}
    specs = [
        _spec(found, idname, there.get((identifier, idname)))
        for found, (identifier, idname) in zip(wanted, types, strict=True)
    ]
    sync_sockets(node, specs, are_outputs=are_outputs)


def _spec(found: Mapping[str, Any], idname: str, socket: Any) -> SocketSpec:
    """What a socket should be: as it is, if there is one, else as the text has it."""
    if socket is not None:
        described = {"description": socket.description_text, "field_json": socket.field_json}
        return SocketSpec(socket.identifier, socket.name, socket.socket_type, socket.unit, **described)
    cls = bpy.types.NodeSocket.bl_rna_get_subclass_py(idname)
    if not hasattr(cls, "socket_type"):
        raise MisfitError(f"a script has no sockets of the type {found['type'][:80]}", "Give it another type")
    label = found.get("label") or title_of(found["identifier"])
    said = values.checked_field(found.get("field", {}), cls.socket_type)
    return SocketSpec(
        found["identifier"],
        label,
        cls.socket_type,
        cls.unit,
        fields.settable_default(said.get("default"), cls.socket_type),
        tuple(said.get("choices", ())),
        field_json=json.dumps(said) if "field" in found else "",
    )


def _depth(name: str, nodes: Mapping[str, Any]) -> int:
    """How many frames a node is in."""
    depth = 0
    while "frame" in nodes[name]:
        name, depth = nodes[name]["frame"], depth + 1
    return depth


def _set_all(owner: Any, wanted: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Set what may be set; what this Blender does not have is of no account."""
    for name, value in wanted.items():
        if name not in known or name == "mute":
            raise MisfitError(f"{name[:80]} means nothing there", "Remove it")
        if type(value) is not type(known[name]) and known[name] is not None and not isinstance(value, list):
            raise MisfitError(f"{name} can't be {str(value)[:80]}", "Change it in the text")
        if hasattr(owner, name) and getattr(owner, name) != value:
            setattr(owner, name, value)
