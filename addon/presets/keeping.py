# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update keeps of nodes: their links, and what the artist set, by the identifiers of sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import bpy

from ...node_tree import kept_links, node_contents
from ...node_tree.text_form import values
from ...node_tree.text_form.dumping import dump_nodes
from ...runtime.blender import data_block_kinds
from ...runtime.errors import DumpError, MisfitError, PresetError
from . import using

#: Settings that say what a node runs: these are the preset's.
OF_SCRIPTS: Final = frozenset(
    {"script", "filepath", "library_script", "is_without_main", "is_declaration_adopted"}
    | {"declared_inputs", "declared_outputs"}
)
#: Nodes whose file is no script.
_SAVING: Final = "BackgroundNodeOutput"
#: Of a setting that is as it is at first.
_AT_FIRST: Final = object()

#: A node as the text form has it.
Entry = Mapping[str, Any]


def is_of_script(entry: Entry, setting: str) -> bool:
    """Whether a setting of a node says what it runs."""
    return setting in OF_SCRIPTS and not (setting == "filepath" and entry["type"] == _SAVING)


@dataclass(frozen=True, slots=True)
class SetByArtist:
    """What an artist set on a node.

    Attributes:
        sockets: by side (whether it is an output) and identifier: without a value if that is the script's again.
        settings: by name.
    """

    sockets: Mapping[tuple[bool, str], Entry]
    settings: Mapping[str, Any]

    def give_to(self, node: bpy.types.Node, renamed: Mapping[str, str]) -> None:
        for name, value in self.settings.items():
            set_setting(node, name, value)
        for (is_output, identifier), found in self.sockets.items():
            socket = _socket(node, renamed.get(identifier, identifier), is_output=is_output)
            if socket is not None and values.type_name(socket.bl_idname) == found["type"]:
                using.set_socket(socket, found, _data_block)


def set_by_artist(now: Entry, original: Entry | None) -> SetByArtist:
    """What is other on a node than its preset made it; all that is set, if nobody knows that any more."""
    before = {} if original is None else dict(_values_in(original))
    after = dict(_values_in(now))
    sockets = {key: each for key, each in after.items() if before.get(key, {}).get("value", _AT_FIRST) != each["value"]}
    for key, each in before.items():
        if key not in after:
            sockets[key] = {"type": each["type"]}
    given = {} if original is None else original.get("settings", {})
    settings = {name: each for name, each in changed(given, now.get("settings", {})) if not is_of_script(now, name)}
    return SetByArtist(sockets, settings)


def _values_in(entry: Entry) -> Iterator[tuple[tuple[bool, str], Entry]]:
    for is_output, side in ((False, "inputs"), (True, "outputs")):
        for socket in entry.get(side, []):
            if "value" in socket:
                yield (is_output, socket["identifier"]), socket


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings that are others now, for `set_setting`."""
    for name in dict.fromkeys([*before, *now]):
        value = now.get(name, _AT_FIRST)
        if before.get(name, _AT_FIRST) != value:
            yield name, value


def set_setting(owner: bpy.types.Node | bpy.types.NodeTree, name: str, value: Any) -> None:
    """Set a setting as the text form has it. What does not fit any more is left out."""
    if name not in node_contents.own_properties(type(owner)).plain:
        return
    rna = owner.bl_rna.properties[name]
    with contextlib.suppress(MisfitError, TypeError, ValueError):
        if value is not _AT_FIRST:
            values.set_property(owner, name, value, _data_block)
        elif rna.type == "POINTER":
            setattr(owner, name, None)
        else:
            setattr(owner, name, rna.default_array if getattr(rna, "is_array", False) else rna.default)


def _data_block(reference: Any) -> bpy.types.ID | None:
    return data_block_kinds.find(reference["kind"], reference["name"], reference.get("library", ""))


class Kept:
    """Links, values, settings and hidden sockets of a node that gets others, or whose place another one takes."""

    def __init__(self, node: bpy.types.Node, original: Entry | None = None) -> None:
        """`original` is the node as its preset made it. Raises PresetError if it can't be written down."""
        self._name = node.name
        self._links = kept_links.of(node)
        self._are_hidden = {
            (socket.is_output, socket.identifier): socket.hide for socket in (*node.inputs, *node.outputs)
        }
        self._set = set_by_artist(_entry(node), original)

    def give_to(self, node: bpy.types.Node, renamed: Mapping[str, str]) -> None:
        self._set.give_to(node, renamed)
        for (is_output, identifier), is_hidden in self._are_hidden.items():
            socket = _socket(node, renamed.get(identifier, identifier), is_output=is_output)
            if socket is not None and socket.hide != is_hidden:
                socket.hide = is_hidden
        kept_links.restore(node.id_data, kept_links.renamed(self._links, self._name, renamed, renamed))


def _entry(node: bpy.types.Node) -> Entry:
    try:
        (entry,) = dump_nodes([node])["part"]["nodes"].values()
    except DumpError as error:
        problem = error.problems[0]
        raise PresetError(problem.message, problem.fix) from error
    return entry


def _socket(node: bpy.types.Node, identifier: str, *, is_output: bool) -> bpy.types.NodeSocket | None:
    sockets = node.outputs if is_output else node.inputs
    return next((socket for socket in sockets if socket.identifier == identifier), None)
