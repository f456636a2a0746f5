# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings presets into the open file: nodes, groups, trees, and values for a node that is there.

The file of a preset is linked for as long as it takes to write its tree down in the text form. What that says is made
here: with new ids, with groups and texts that are here already used again, and with nothing left of the library.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import addon_utils
import bpy

from ...node_tree import fields
from ...node_tree.group_node import GROUP
from ...node_tree.identity import background_trees
from ...node_tree.text_form import values
from ...node_tree.text_form.building import Built, Missing, build, build_nodes
from ...node_tree.text_form.dumping import dump
from ...runtime.blender import data_block_kinds
from ...runtime.errors import BuildError, DumpError, MisfitError, PresetError
from ...runtime.presets.library import read_again
from ...runtime.presets.preset import Finding, Kind, Preset, version_numbers
from ...runtime.text_form.digest import digest_as_group
from . import notes
from .libraries import preset_of_tree
from .subject import Data, digests_of_scripts


@dataclass
class Used:
    """What came into the file.

    Attributes:
        tree: the group or tree, None for a node or values.
        node: the new node, or the one that got values; None for a tree.
        texts: scripts that are new in the file.
        missing: data-blocks that the preset names and that are not here.
        applied: of values, the identifiers of the inputs that got one.
        left: of values, the identifiers of inputs that the node does not have, or has of another type.
    """

    tree: bpy.types.NodeTree | None = None
    node: bpy.types.Node | None = None
    texts: list[bpy.types.Text] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def needs(preset: Preset) -> tuple[Finding, ...]:
    """What this Blender lacks to use a preset. Nothing is opened to tell."""
    return tuple(_needs(preset))


def _needs(preset: Preset) -> Iterator[Finding]:
    if preset.file and version_numbers(preset.needs_blender) > bpy.app.version[:2]:
        message = f'"{preset.name}" needs Blender {preset.needs_blender} or later, and this is {bpy.app.version_string}'
        written = f"it was written by Blender {preset.blender}" if preset.blender else "its author says so"
        fix = f"Use a newer Blender, or ask for a version of it that an older one saved: {written}"
        yield Finding(preset.file, message, fix)
    for module in preset.addons:
        if not addon_utils.check(module)[1]:
            message = f'"{preset.name}" needs the add-on {module}, which is not enabled'
            yield Finding(preset.file, message, "Install and enable it before running", is_error=False)


def data_of(preset: Preset) -> Data:
    """The tree of a preset in the text form. Nothing of it stays in this file.

    Raises:
        PresetError: if its file is another one than was listed, can't be opened here, or holds what can't be used.
    """
    if not preset.file or _is_open(preset.file):
        tree = next((tree for tree in background_trees() if _is(tree, preset)), None)
        if tree is None:
            raise PresetError(f'"{preset.name}" is not in this file any more', "Choose another preset")
        return _dumped(tree)
    said = read_again(preset)
    for finding in needs(said):
        if finding.is_error:
            raise PresetError(finding.message, finding.fix)
    with _linked(said) as tree:
        data = _dumped(tree)
    if set(said.script_digests) != digests_of_scripts(data):
        message = f"the scripts in {said.file} are not those that it says it has"
        raise PresetError(message, "Save it as a preset again if you changed it, else ask who keeps the library")
    return data


def _is_open(file: str) -> bool:
    """Whether it is the open file, of which Blender links nothing."""
    with contextlib.suppress(OSError):
        return bool(bpy.data.filepath) and Path(bpy.data.filepath).samefile(file)
    return False


def _is(tree: bpy.types.NodeTree, preset: Preset) -> bool:
    found = preset_of_tree(tree) if tree.library is None else None
    return found is not None and found.key == preset.key


def _dumped(tree: bpy.types.NodeTree) -> Data:
    try:
        return dump(tree, keeps_paths=True)
    except DumpError as error:
        raise PresetError.of(error.problems[0]) from error


@contextlib.contextmanager
def _linked(preset: Preset) -> Iterator[bpy.types.NodeTree]:
    """The tree of a preset, linked; all that came with it is gone afterwards, and what was linked before stays."""
    libraries = {library.session_uid for library in bpy.data.libraries}
    before = {item.session_uid for item in _all_data_blocks()}
    try:
        with bpy.data.libraries.load(preset.file, link=True) as (found, wanted):
            wanted.node_groups = [name for name in found.node_groups if name == preset.name]
        tree = next((tree for tree in wanted.node_groups if tree is not None), None)
        if tree is None or tree.bl_idname != "BackgroundNodeTree":
            raise PresetError(f'{preset.file} holds no background node tree "{preset.name}"', "Save the preset again")
        yield tree
    except (OSError, RuntimeError, ValueError) as error:
        message = f"{preset.file} can't be opened by Blender {bpy.app.version_string}: {error}"
        raise PresetError(message, "Save the preset again, or use another Blender") from error
    finally:
        for library in [library for library in bpy.data.libraries if library.session_uid not in libraries]:
            bpy.data.libraries.remove(library)
        bpy.data.batch_remove([item for item in _all_data_blocks() if item.session_uid not in before])


def _all_data_blocks() -> Iterator[bpy.types.ID]:
    yield from (item for _kind, item in data_block_kinds.all_data_blocks())


# Into the file


def use(preset: Preset, tree: bpy.types.NodeTree, location: tuple[float, float] = (0.0, 0.0)) -> Used:
    """Add a node, or a node that stands for a group or a tree, to a tree of this file. Raises PresetError."""
    if preset.kind is Kind.VALUES:
        raise PresetError(f'"{preset.name}" is a set of values', "Choose a node that is to get them")
    data = data_of(preset)
    part = _only_node(data) if preset.kind is Kind.NODE else _as_group(data, preset.name)
    built = _built(preset, lambda: build_nodes(part, tree, preset.file))
    (node,) = built.nodes.values()
    node.location = location
    group = getattr(node, "node_tree", None)
    _note(node, preset)
    if group is not None:
        _note(group, preset)
    return Used(None if preset.kind is Kind.NODE else group, node, built.texts, built.missing)


def use_tree(preset: Preset, known: Iterable[bpy.types.NodeTree] | None = None) -> Used:
    """Add a tree, or a group as a tree of its own, to this file; one that is here and was not changed is used again.

    Args:
        preset: the preset.
        known: the trees that may be used again, None for all.

    Raises:
        PresetError: if it can't be used.
    """
    if preset.kind not in (Kind.TREE, Kind.GROUP):
        raise PresetError(f'"{preset.name}" is no tree', "Add it to a tree")
    data = data_of(preset)
    wanted = digest_as_group(data)
    for tree in background_trees() if known is None else known:
        note = notes.read(tree) if tree.library is None else None
        if note is not None and note.uuid == preset.uuid and digest_of(tree) == wanted:
            return Used(tree)
    built = _built(preset, lambda: build(data, preset.file))
    _note(built.tree, preset)
    return Used(built.tree, None, built.texts, built.missing)


def digest_of(tree: bpy.types.NodeTree) -> str:
    """Of what a tree of this file does; "" if that can't be told."""
    with contextlib.suppress(DumpError):
        return digest_as_group(dump(tree))
    return ""


def apply_values(preset: Preset, node: bpy.types.Node) -> Used:
    """Set the values of a preset on a node, by the identifiers of its inputs. Links stay. Raises PresetError."""
    if preset.kind is not Kind.VALUES:
        raise PresetError(f'"{preset.name}" is no set of values', "Add it to a tree")
    (entry,) = data_of(preset)["tree"]["nodes"].values()
    if hasattr(node, "sync"):
        node.sync()  # its script may have changed since the file was saved
    used = Used(node=node)
    for side in ("inputs", "outputs") if getattr(node, "shows_output_values", False) else ("inputs",):
        there = {socket.identifier: socket for socket in getattr(node, side) if socket.enabled}
        for found in entry.get(side, []):
            socket = there.get(found["identifier"])
            is_fitting = socket is not None and values.type_name(socket.bl_idname) == found["type"]
            if is_fitting and socket.socket_type.is_data_block and "value" not in found:
                continue  # data-blocks stay in the file that they are in: what is chosen here stays, too
            if is_fitting and set_socket(socket, found):
                used.applied.append(found["identifier"])
            elif "value" in found:
                used.left.append(found["identifier"])
    if not used.applied:
        fix = f"Choose a node with the script {preset.target_name}" if preset.target_name else "Choose another node"
        raise PresetError(f'none of the values of "{preset.name}" fits "{node.name}"', fix)
    return used


def set_socket(socket: Any, found: Mapping[str, Any], find: values.Finder = lambda _reference: None) -> bool:
    """Set what the text form says of a socket, or what its script says if that says nothing.

    Returns:
        whether it fits.
    """
    with contextlib.suppress(MisfitError, TypeError, ValueError):
        if "value" in found:
            values.set_value(socket, found["value"], is_own=bool(found.get("own")), find=find)
        else:
            default = fields.settable_default(fields.read(socket.field_json).default, socket.socket_type)
            if default is None:
                socket.unset_value()
            else:
                socket.default_value = default
        return True
    return False


def _only_node(data: Data) -> Data:
    """The one node of a preset as a part of a tree."""
    nodes = data["tree"]["nodes"]
    if len(nodes) != 1:
        raise PresetError(f"the preset of a node has {len(nodes)} nodes", "Save it again")
    return {**{key: value for key, value in data.items() if key != "tree"}, "part": {"nodes": nodes, "links": []}}


def _as_group(data: Data, name: str) -> Data:
    """A tree as a part of a tree: a node that stands for it."""
    tree = {key: value for key, value in data["tree"].items() if key != "name"}
    found, number = name, 2
    while found in data["groups"]:
        found, number = f"{name} {number}", number + 1
    node = {"type": GROUP, "group": found, "location": [0.0, 0.0]}
    rest = {key: value for key, value in data.items() if key != "tree"}
    return {**rest, "groups": {**data["groups"], found: tree}, "part": {"nodes": {name: node}, "links": []}}


def _built(preset: Preset, make: Any) -> Built:
    try:
        return make()
    except BuildError as error:
        problem = error.problems[0]
        where = f"{problem.node}: " if problem.node else ""
        raise PresetError(f'"{preset.name}" can\'t be used: {where}{problem.message}', problem.fix) from error


def _note(owner: bpy.types.Node | bpy.types.NodeTree, preset: Preset) -> None:
    """Note where it came from; a group that was here already keeps what it is said to be."""
    if notes.read(owner) is None or not isinstance(owner, bpy.types.NodeTree):
        notes.write(owner, notes.note_of(preset))
