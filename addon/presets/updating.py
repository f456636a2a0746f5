# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes, groups and trees that came from presets, and the newer versions of these in the libraries.

To update brings the new version in as any preset, and lets it take the place of what is there: links and values stay,
by the identifiers of sockets. Whoever calls it makes it one undo step.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import bpy

from ...node_tree import noted_results
from ...node_tree.group_node import contains, groups_using, is_group
from ...node_tree.identity import background_trees
from ...node_tree.node_shape import location
from ...node_tree.text_form.dumping import dump, dump_nodes
from ...runtime.errors import DumpError, PresetError
from ...runtime.keys.own_modules import ScriptPart
from ...runtime.presets.preset import Finding, Kind, Preset
from ...runtime.text_form.digest import digest
from ..consent.consent import difference
from . import keeping, notes, using
from .keeping import Kept
from .libraries import libraries
from .notes import Note
from .subject import Data, scripts_in

Owner = bpy.types.Node | bpy.types.NodeTree


@dataclass(frozen=True, slots=True)
class Outdated:
    """Something in this file that has a newer version in a library. Nodes and trees are found again by their ids.

    Attributes:
        tree_uid: `session_uid` of the group or tree, or of the tree that the node is in.
        node_id: id of the node, "" for a group or a tree.
        name: what it is called here.
        note: what it came from.
        newest: the version that there is.
    """

    tree_uid: int
    node_id: str
    name: str
    note: Note
    newest: Preset


@dataclass(frozen=True)
class SocketChange:
    """An input or output that is another one in the new version: `before` or `now` is "" if it is new, or goes."""

    is_output: bool
    before: str
    now: str

    def __str__(self) -> str:
        side = "output" if self.is_output else "input"
        if not self.before:
            return f'new {side} "{self.now}"'
        return f'{side} "{self.before}" becomes "{self.now}"' if self.now else f'{side} "{self.before}" goes'


@dataclass(frozen=True)
class Changes:
    """What an update would change.

    Attributes:
        lines: of each version since, what its author says is new: "2: Faster".
        description: of the new version.
        scripts: by its name, the difference of each script that is another one, as a unified diff.
        sockets: inputs and outputs that are others.
        is_changed_by_hand: whether what is here is not what came from the preset: that would be lost, but for values.
    """

    lines: tuple[str, ...] = ()
    description: str = ""
    scripts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sockets: tuple[SocketChange, ...] = ()
    is_changed_by_hand: bool = False


# What there is


def newer(owner: Owner) -> Preset | None:
    """The newer version of what a node, group or tree came from, unless the artist declined it; None if there is none.

    Looks at no disk.
    """
    note = notes.read(owner)
    found = None if note is None else libraries.find(note.uuid)
    if note is None or found is None or found.version <= max(note.version, note.declined):
        return None
    return found


def outdated() -> tuple[Outdated, ...]:
    """All in this file that has a newer version: trees and groups, then nodes."""
    return tuple(_outdated())


def _outdated() -> Iterator[Outdated]:
    trees = [tree for tree in background_trees() if tree.library is None]
    for owner in (
        *trees,
        *(node for tree in trees for node in tree.nodes if hasattr(node, "uid") and not is_group(node)),
    ):
        note, newest = notes.read(owner), newer(owner)
        if note is not None and newest is not None:
            is_tree = isinstance(owner, bpy.types.NodeTree)
            tree = owner if is_tree else owner.id_data
            yield Outdated(tree.session_uid, "" if is_tree else owner.uid, owner.name, note, newest)


def missing() -> tuple[Finding, ...]:
    """Nodes whose script or group is missing, with what it was and where it came from."""
    return tuple(_missing())


def _missing() -> Iterator[Finding]:
    for tree in background_trees():
        for node in tree.nodes if tree.library is None else ():
            part = _missing_part(node)
            note = notes.read(node) if part else None
            if note is not None:
                origin = f'version {note.version} of the preset "{note.name}" in {note.library or "this file"}'
                yield Finding(tree.name, f"its {part} is missing: it was {origin}", "Add the preset again", node.name)
            elif part:
                yield Finding(tree.name, f"its {part} is missing", "Choose another one", node.name)


def _missing_part(node: bpy.types.Node) -> str:
    if is_group(node):
        group = node.node_tree
        return "group" if group is None else _missing_name(group, "group")
    if node.bl_idname != "BackgroundNodeScript":
        return ""
    if node.script is not None:
        return _missing_name(node.script, "script")
    has_sockets = bool(len(node.inputs) or len(node.outputs))
    return "script" if has_sockets and not node.filepath and not node.library_script else ""


def _missing_name(item: bpy.types.ID, what: str) -> str:
    """What is missing if a data-block is in a library that is not there."""
    if item.library is None or not getattr(item, "is_missing", False):
        return ""
    return f'{what} "{item.name}" of {item.library.filepath}'


def find(found: Outdated) -> Owner:
    """The node or tree. Raises PresetError if it is gone."""
    tree = next((tree for tree in background_trees() if tree.session_uid == found.tree_uid), None)
    owner = tree
    if tree is not None and found.node_id:
        owner = next((node for node in tree.nodes if getattr(node, "uid", "") == found.node_id), None)
    if owner is None:
        raise PresetError(f'"{found.name}" is gone', "Look for what is outdated again")
    return owner


def decline(found: Outdated) -> None:
    """Tell no more of this version. Raises PresetError if what it is for is gone."""
    notes.decline(find(found), found.newest.version)


# What would change


def changes(found: Outdated) -> Changes:
    """What an update would change. Reads files. Raises PresetError if the new version can't be used."""
    owner = find(found)
    now, new = _data(owner), using.data_of(found.newest)
    return Changes(
        tuple(f"{each.version}: {each.change}" for each in _versions(found) if each.change),
        found.newest.description,
        _script_changes(now, new),
        tuple(_socket_changes(owner, found.newest, renames(found))),
        _is_changed_by_hand(found, now),
    )


def _is_changed_by_hand(found: Outdated, now: Data) -> bool:
    original = _original(found)
    if original is None:
        return not found.node_id and bool(found.note.digest) and digest(now) != found.note.digest
    keeps_values = found.newest.kind is not Kind.GROUP
    return _shape(now, keeps_values=keeps_values) != _shape(original, keeps_values=keeps_values)


def _shape(data: Data, *, keeps_values: bool) -> str:
    """The digest of what an update does not keep: without names of a single node, and without what it keeps."""
    data = copy.deepcopy(_part(data))
    nodes = data["part"]["nodes"]
    data["part"].pop("settings", None)
    if len(nodes) == 1:
        data["part"]["nodes"] = {"": next(iter(nodes.values()))}
    for node in nodes.values() if keeps_values else ():
        node["settings"] = {
            name: each for name, each in node.get("settings", {}).items() if keeping.is_of_script(node, name)
        }
        for socket in (*node.get("inputs", []), *node.get("outputs", [])):
            socket.pop("value", None)
            socket.pop("own", None)
    return digest(data)


def _data(owner: Owner) -> Data:
    try:
        return dump(owner) if isinstance(owner, bpy.types.NodeTree) else dump_nodes([owner])
    except DumpError as error:
        problem = error.problems[0]
        raise PresetError(problem.message, problem.fix) from error


def _versions(found: Outdated) -> list[Preset]:
    """The versions since, as far as they are there."""
    numbers = range(found.note.version + 1, found.newest.version + 1)
    known = (libraries.find(found.note.uuid, number) for number in numbers)
    return [preset for preset in known if preset is not None]


def renames(found: Outdated) -> dict[str, str]:
    """The identifier that each renamed socket has now, over all versions since."""
    names: dict[str, str] = {}
    for preset in _versions(found):
        step = preset.renames()
        there = {*names, *names.values()}  # one that has the name of what was renamed is another one
        names = {old: step.get(new, new) for old, new in names.items()} | {
            old: new for old, new in step.items() if old not in there
        }
    return names


def _script_changes(now: Data, new: Data) -> dict[str, list[str]]:
    """Pairs scripts by name; what has no pair is new, or goes."""
    before, after = scripts_in(now), scripts_in(new)
    nothing = [ScriptPart("", b"")]
    lines = {
        name: difference(before.get(name, nothing), after.get(name, nothing))
        for name in dict.fromkeys([*after, *before])
    }
    return {name: found for name, found in lines.items() if found}


def _socket_changes(owner: Owner, newest: Preset, renamed: Mapping[str, str]) -> Iterator[SocketChange]:
    for is_output in (False, True):
        before = dict(_labels(owner, is_output=is_output))
        now = {identifier: label for identifier, label, _type in newest.sockets(is_output=is_output)}
        kept = {renamed.get(identifier, identifier) for identifier in before}
        for identifier, label in before.items():
            new = now.get(renamed.get(identifier, identifier), "")
            if new != label:
                yield SocketChange(is_output, label, new)
        yield from (SocketChange(is_output, "", label) for identifier, label in now.items() if identifier not in kept)


def _labels(owner: Owner, *, is_output: bool) -> Iterator[tuple[str, str]]:
    if isinstance(owner, bpy.types.NodeTree):
        side = "OUTPUT" if is_output else "INPUT"
        items = (item for item in owner.interface.items_tree if item.item_type == "SOCKET" and item.in_out == side)
        yield from ((item.identifier, item.name) for item in items)
    else:
        sockets = owner.outputs if is_output else owner.inputs
        yield from ((socket.identifier, socket.name) for socket in sockets if socket.enabled)


# Updating


def update(found: Outdated) -> Owner:
    """Let the newest version take the place of what is there. Returns the node or tree that is there now.

    Raises:
        PresetError: if it can't be used. Nothing is changed then.
    """
    owner, renamed = find(found), renames(found)
    original = _original(found)
    if isinstance(owner, bpy.types.NodeTree):
        return _update_tree(owner, found, renamed, original)
    return _update_node(owner, found, renamed, original)


def _original(found: Outdated) -> Data | None:
    """What came from the preset once: what is other now was set by the artist. None if nobody knows any more."""
    known = libraries.find(found.note.uuid, found.note.version)
    with contextlib.suppress(PresetError):
        return None if known is None else using.data_of(known)
    return None


def _update_tree(old: bpy.types.NodeTree, found: Outdated, renamed: Mapping[str, str], original: Data | None) -> Owner:
    now, before = _data(old), {tree.session_uid for tree in background_trees()}
    is_group = found.newest.kind is Kind.GROUP
    # A group that is here already does as well; another tree is the artist's own, with values and results of its own.
    new = using.use_tree(found.newest, None if is_group else [old]).tree
    assert new is not None
    if new == old:  # it was changed here to just that
        notes.write(old, notes.note_of(found.newest))
        return old
    if contains(new, old):
        raise PresetError(f'the new version of "{old.name}" uses what it is to replace', "Add it to a new tree")
    for tree in [tree for tree in background_trees() if tree.library is None and tree != new]:
        for node in groups_using(tree, old):
            kept = Kept(node)
            node.node_tree = new
            node.follow()
            kept.give_to(node, renamed)
            if notes.read(node) is not None:
                notes.write(node, notes.note_of(found.newest))
    if not is_group:
        _keep_values(now, original, new)
    is_new = new.session_uid not in before
    if is_new:
        _hand_over_results(old, new)
    new.use_fake_user = new.use_fake_user or old.use_fake_user
    name = old.name
    old.user_remap(new)
    bpy.data.node_groups.remove(old)
    if is_new:
        new.name = name
    notes.write(new, notes.note_of(found.newest))
    return new


def _keep_values(now: Data, original: Data | None, new: bpy.types.NodeTree) -> None:
    """Keep what the artist set in a tree: its settings, and on the nodes of the same names and types."""
    before = {} if original is None else original["tree"]
    for name, value in keeping.changed(before.get("settings", {}), now["tree"].get("settings", {})):
        keeping.set_setting(new, name, value)
    for name, entry in now["tree"]["nodes"].items():
        node = new.nodes.get(name)
        if node is None or node.bl_idname != entry["type"] or not hasattr(node, "uid"):
            continue
        known = before.get("nodes", {}).get(name)
        is_same = known is not None and known["type"] == entry["type"]
        if original is None:  # nobody knows what else the preset gave
            keeping.set_by_artist({**entry, "inputs": []}, None).give_to(node, {})
        else:
            keeping.set_by_artist(entry, known if is_same else None).give_to(node, {})


def _hand_over_results(old: bpy.types.NodeTree, new: bpy.types.NodeTree) -> None:
    for node in old.nodes:
        twin = new.nodes.get(node.name) if hasattr(node, "uid") else None
        if twin is not None and twin.bl_idname == node.bl_idname:
            noted_results.hand_over(node, twin)


def _update_node(old: bpy.types.Node, found: Outdated, renamed: Mapping[str, str], original: Data | None) -> Owner:
    tree, place, looks = old.id_data, location(old), {name: getattr(old, name) for name in _LOOKS}
    looks["color"] = tuple(looks["color"])
    name, frame, number = old.name, old.parent and old.parent.name, list(tree.nodes).index(old)
    is_active = tree.nodes.active == old
    given = None if original is None else next(iter(_part(original)["part"]["nodes"].values()))
    kept = Kept(old, given)
    new = using.use(found.newest, tree, tuple(place)).node
    assert new is not None
    old = tree.nodes[number]  # adding a node may move the others in memory
    noted_results.hand_over(old, new, renamed)
    tree.nodes.remove(old)
    new.name = name
    for key, value in looks.items():
        setattr(new, key, value)
    new.parent = tree.nodes[frame] if frame else None  # keeps its place
    if is_active:
        tree.nodes.active = new
    kept.give_to(new, renamed)
    return new


_LOOKS = ("label", "width", "hide", "mute", "use_custom_color", "color", "select")


def _part(data: Data) -> Data:
    """A tree as a part of one."""
    rest = {key: value for key, value in data.items() if key != "tree"}
    return {**rest, "part": data["tree"]} if "tree" in data else rest
