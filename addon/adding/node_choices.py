# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist can add: a choice for each node that menus and searches offer, and how it becomes a node."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import bpy

from ...node_tree import group_interface, grouping, list_nodes, sources
from ...node_tree.data_nodes import data_types
from ...node_tree.group_node import GROUP_INPUT, GROUP_OUTPUT
from ...node_tree.identity import background_trees
from ...node_tree.script_folders import FolderScript, ScriptFolders
from ...runtime.blender import data_block_kinds
from ...runtime.errors import SignatureError
from ...runtime.script.signature import ScriptSource, Signature
from ...runtime.script.socket_types import ANY_DATA_BLOCK, SocketType
from ...runtime.script.wording import title_of
from ..preferences import preferences
from . import preset_choices

_OUTPUT = "BackgroundNodeOutput"
#: The nodes without a script. A "node" choice is named by its `bl_idname`.
_TITLES = {
    _OUTPUT: "Output",
    "BackgroundNodeScript": "Empty Script",
    "NodeReroute": "Reroute",
    "NodeFrame": "Frame",
    GROUP_INPUT: "Group Input",
    GROUP_OUTPUT: "Group Output",
} | {cls.bl_idname: cls.bl_label for cls in list_nodes.classes}
#: A text of more lines is no script, and is not looked into whenever a menu opens.
_MAX_LINES = 5_000


class ChoiceSocket(NamedTuple):
    """A socket that a node will have. `type` is None if it takes, or gives, whatever is linked to it."""

    identifier: str
    label: str
    type: SocketType | None


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """A node that can be added.

    Attributes:
        kind: "library", "file" or "text" for a script, "input" for an Input node, "group" for a group, "repeat" for
            one that is repeated and is yet to be chosen, "preset" for one that becomes a node, "node" for another.
        name: of the shipped script, of the file, of the text, of the type of data, of the group's tree, the preset's
            uuid, or the `bl_idname`.
    """

    kind: str
    name: str

    @property
    def identifier(self) -> str:
        """Names the choice in an operator's property; without spaces, as items of an enum must be."""
        return f"{self.kind}:{quote(self.name)}"

    @property
    def is_named_by_artist(self) -> bool:
        """Whether its title is nothing to translate."""
        return self.kind in ("file", "text", "group", "preset")

    @property
    def title(self) -> str:
        match self.kind:
            case "library" | "file":
                return title_of(PurePath(self.name).stem)
            case "text":
                return title_of(self.name.removesuffix(".py"))
            case "input":
                return _data_type_names().get(self.name, self.name)
            case "group":
                return self.name
            case "preset":
                preset = preset_choices.find(self.name)
                return self.name if preset is None else preset.name
            case "repeat":
                return "Repeat"
            case _:
                return _TITLES.get(self.name, self.name)

    def entry(self, word: str = "") -> str:
        """What an entry of a menu says: the title, and behind it the other word by which a search found it."""
        return " \N{BLACK RIGHT-POINTING SMALL TRIANGLE} ".join(filter(None, (self.title, word)))

    @property
    def description(self) -> str:
        """For a tooltip, so without a full stop."""
        if self.kind == "node":
            return bpy.types.Node.bl_rna_get_subclass(self.name).description
        if self.kind == "repeat":
            return "A group that runs several times: what a pass gives goes into the next one"
        if self.kind == "input":
            return bpy.types.Node.bl_rna_get_subclass("BackgroundNodeInput").description
        if self.kind == "group":
            group = bpy.data.node_groups.get(self.name)
            return "" if group is None else group.description.removesuffix(".")
        if self.kind == "preset":
            preset = preset_choices.find(self.name)
            return "" if preset is None else preset_choices.tooltip(preset)
        try:
            return _signature(self).description.removesuffix(".")
        except SignatureError as error:
            return error.message

    def sockets(self, *, are_outputs: bool) -> tuple[ChoiceSocket, ...]:
        """The inputs or outputs that the node will have; none if its script can't be read."""
        if self.kind == "input":
            return (ChoiceSocket("value", "Value", SocketType(self.name)),) if are_outputs else ()
        if self.kind == "repeat":
            return ()
        if self.kind == "node":
            return _sockets_of_node(self.name, are_outputs)
        if self.kind == "group":
            return _sockets_of_group(self.name, are_outputs)
        if self.kind == "preset":
            return _sockets_of_preset(self.name, are_outputs)
        try:
            signature = _signature(self)
        except SignatureError:
            return ()
        sockets = signature.outputs if are_outputs else signature.inputs
        return tuple(ChoiceSocket(socket.identifier, socket.label, socket.type) for socket in sockets)

    def add_to(self, tree: bpy.types.NodeTree) -> bpy.types.Node:
        """Add the node.

        Raises:
            KeyError: if the text or the group is gone.
            RuntimeError: if the tree takes no such node.
            PresetError: if the preset can't be used.
        """
        if self.kind == "preset":
            return preset_choices.add_to(tree, preset_choices.shown().presets.get(self.name))
        if self.kind == "group" and not grouping.can_use(tree, bpy.data.node_groups[self.name]):
            raise RuntimeError("it would be in itself")
        settings = self._settings()
        node = tree.nodes.new(self._idname)
        if self.kind != "node":
            node.name = self.title  # for reports: they name a node
        for name, value in settings.items():
            setattr(node, name, value)
        return node

    def _settings(self) -> dict[str, Any]:
        """What the new node has other than any of its type. Raises KeyError if the text or the group is gone."""
        match self.kind:
            case "library":
                return {"library_script": self.name}
            case "file":
                return {"filepath": self.name}
            case "text":
                return {"script": bpy.data.texts[self.name]}
            case "input":
                return {"data_type": self.name}
            case "group":
                return {"node_tree": bpy.data.node_groups[self.name]}
            case "repeat":
                return {"repeat_mode": "COUNT"}
            case "node" if self.name == _OUTPUT:  # the result stands where its original is: so it can be seen
                return {"hide_original": True}
            case _:
                return {}

    @property
    def _idname(self) -> str:
        if self.kind == "node":
            return self.name
        group = "BackgroundNodeGroup"
        found = {"input": "BackgroundNodeInput", "group": group, "repeat": group}
        return found.get(self.kind, "BackgroundNodeScript")


def find(identifier: str) -> NodeChoice:
    kind, _, name = identifier.partition(":")
    return NodeChoice(kind, unquote(name))


def _sockets_of_node(idname: str, are_outputs: bool) -> tuple[ChoiceSocket, ...]:
    if idname == "NodeReroute":
        name = "Output" if are_outputs else "Input"
        return (ChoiceSocket(name, name, None),)
    if idname == "BackgroundNodeOutput" and not are_outputs:
        return (ChoiceSocket("data", "Data", SocketType(ANY_DATA_BLOCK, is_list=True)),)
    sockets = list_nodes.NEW_SOCKETS.get(idname, ((), ()))[are_outputs]
    return tuple(ChoiceSocket(*each) for each in sockets)


def _sockets_of_group(name: str, are_outputs: bool) -> tuple[ChoiceSocket, ...]:
    group = bpy.data.node_groups.get(name)
    items = () if group is None else group_interface.items(group, "OUTPUT" if are_outputs else "INPUT")
    return tuple(ChoiceSocket(item.identifier, item.name, item.value_type) for item in items)


def _sockets_of_preset(uuid: str, are_outputs: bool) -> tuple[ChoiceSocket, ...]:
    preset = preset_choices.find(uuid)
    rows = () if preset is None else preset.sockets(is_output=are_outputs)
    found = ((identifier, label, preset_choices.socket_type(name)) for identifier, label, name in rows)
    return tuple(ChoiceSocket(*row) for row in found if row[2] is not None)


@functools.cache
def _data_type_names() -> dict[str, str]:
    return {item[0]: item[1] for item in data_types()}


def _signature(choice: NodeChoice) -> Signature:
    """The signature of a script. Raises SignatureError."""
    if choice.kind == "library":
        return _library_signature(choice.name)
    return sources.signature(_source(choice))


@functools.cache
def _library_signature(name: str) -> Signature:
    return sources.signature(sources.from_library(name))


def _source(choice: NodeChoice) -> ScriptSource:
    if choice.kind == "file":
        return sources.from_file(choice.name)
    text = bpy.data.texts.get(choice.name)
    if text is None:
        raise SignatureError(f'there is no text "{choice.name}"')
    return sources.from_text(text)


# What there is


def library() -> Iterator[tuple[str, list[NodeChoice]]]:
    """The shipped scripts, by category."""
    for category, names in sources.library_categories():
        yield sources.category_title(category), [NodeChoice("library", name) for name in names]


def texts() -> list[NodeChoice]:
    """Texts of the file that look like scripts."""
    return [NodeChoice("text", text.name) for text in bpy.data.texts if text.library is None and _is_script(text)]


def _is_script(text: bpy.types.Text) -> bool:
    return len(text.lines) <= _MAX_LINES and sources.seems_to_be_script(text.as_string())


def groups(tree: bpy.types.NodeTree | None) -> list[NodeChoice]:
    """The trees that a tree can use as groups; all for None. (A local one stands for those of its name.)"""
    found = (each for each in background_trees() if tree is None or grouping.can_use(tree, each))
    names = dict.fromkeys(each.name for each in found)
    return [NodeChoice("group", name) for name in names]


def inputs() -> list[NodeChoice]:
    """An Input node for each type of data."""
    return [NodeChoice("input", kind) for kind in _data_type_names()]


def lists() -> list[NodeChoice]:
    """The nodes that work on lists, choose or repeat without a script."""
    return [*(NodeChoice("node", cls.bl_idname) for cls in list_nodes.classes), NodeChoice("repeat", "")]


def folder_categories() -> dict[str, list[FolderScript]]:
    """The scripts in the artist's own folders, by category."""
    categories: dict[str, list[FolderScript]] = {}
    for script in folder_scripts():
        categories.setdefault(" / ".join(map(title_of, script.category)), []).append(script)
    return categories


def folder_scripts() -> tuple[FolderScript, ...]:
    """The scripts in the artist's own folders, those with errors too. What changes on disk is there a moment later."""
    _folders.set_folders(preferences.script_folders())
    _folders.read_soon()
    return _folders.scripts()


def all_choices(tree: bpy.types.NodeTree | None = None) -> Iterator[NodeChoice]:
    """What can be added to a tree; to any for None."""
    for _, choices in library():
        yield from choices
    for script in folder_scripts():
        yield NodeChoice("file", script.path)
    yield from texts()
    yield from inputs()
    yield from groups(tree)
    yield from lists()
    for preset in preset_choices.of_nodes():
        yield NodeChoice("preset", preset.uuid)
    yield NodeChoice("node", "BackgroundNodeOutput")
    yield NodeChoice("node", "NodeReroute")


_folders = ScriptFolders(lambda path: sources.signature(sources.from_file(path)))


def register() -> None:
    # Read from RNA in the main thread, before the one that reads folders asks for it.
    data_block_kinds.data_block_types()
    folder_scripts()
