# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves presets: into a .blend file of a library, or as an asset of the open file.

What is saved is made anew of its text form, so it has no ids, results or runs of this file. Nothing here changes.
"""

from __future__ import annotations

import contextlib
import getpass
import itertools
import os
import re
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import bpy

from ...node_tree.group_node import has_group
from ...node_tree.text_form import values
from ...node_tree.text_form.building import Built, build
from ...node_tree.text_form.dumping import dump
from ...runtime.blend_file.asset_data import Picture
from ...runtime.errors import BlendFileError, BuildError, PresetError, SignatureError
from ...runtime.keys import own_modules
from ...runtime.presets import catalogs, mirror
from ...runtime.presets.library import PresetLibrary
from ...runtime.presets.preset import (
    PREFIX,
    Finding,
    Kind,
    Preset,
    properties_of,
    readable_from,
    renames_between,
    version_text,
)
from ...runtime.text_form.digest import digest
from . import notes
from .costs import cost_of
from .libraries import libraries, preset_of_tree
from .subject import Content, Data, Subject, content_of, digests_of_scripts, nodes_in, without_number

#: Letters of a name of a data-block, in bytes: Blender 4.2 has no longer ones.
_MAX_NAME: Final = 63
_MAX_SLUG: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the artist says of a preset.

    Attributes:
        name: what it is called.
        description: what it does.
        author: who made it.
        licence: such as "CC0-1.0".
        change: a line on what is new in this version.
        catalog: path of its catalog ("Rocks/LODs"), which is made if it is not there; "" for none.
        tags: words that it is found by.
        uuid: of the preset that this is a new version of, "" for a new preset.
        renamed: sockets that were renamed since the last version, "old=new" each, by identifiers.
    """

    name: str
    description: str = ""
    author: str = ""
    licence: str = ""
    change: str = ""
    catalog: str = ""
    tags: tuple[str, ...] = ()
    uuid: str = ""
    renamed: tuple[str, ...] = ()


def suggested(subject: Subject) -> Details:
    """What is known before the artist says anything: of the preset that it was saved as, or came from, last."""
    known = last_preset(subject)
    if known is not None:
        return Details(
            name=known.name,
            description=known.description,
            author=known.author,
            licence=known.licence,
            catalog=known.catalog,
            tags=known.tags,
            uuid=known.uuid,
        )
    description = subject.tree.description if hasattr(subject.tree, "description") and subject.node is None else ""
    return Details(name=subject.name, description=description, author=_author())


def last_preset(subject: Subject) -> Preset | None:
    """The preset that a subject is a version of; None if it is of none, or that is in no library here.

    While a library is being read, it is the version that the subject came from.
    """
    if subject.node is None and (own := preset_of_tree(subject.tree)) is not None:
        return libraries.find(own.uuid) or own
    note = _note(subject)
    found = None if note is None else libraries.find(note.uuid)
    if note is None or found is not None or all(library.is_listed for library in libraries.all()):
        return found
    with contextlib.suppress(ValueError):
        return Preset(uuid=note.uuid, version=note.version, kind=subject.kind, name=note.name)
    return None


def _note(subject: Subject) -> notes.Note | None:
    return notes.read(subject.node if subject.node is not None else subject.tree)


def _author() -> str:
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""


def check(subject: Subject) -> tuple[Finding, ...]:
    """What is wrong with what is to be saved, or is left out, each with its mend. Nothing is changed."""
    return tuple(content_of(subject).findings)


def save(subject: Subject, details: Details, folder: str, picture: Picture | None = None) -> Preset:
    """Save a preset to a library, or with the folder "" in the open file.

    Args:
        subject: what is to be saved.
        details: what is said of it.
        folder: of the library.
        picture: what is shown of it.

    Raises:
        PresetError: if it can't be saved. Nothing is changed then.
    """
    content = content_of(subject)
    if content.errors:
        first = content.errors[0]
        raise PresetError(f"{first.node or first.file}: {first.message}", first.fix)
    preset = described(subject, content, details, folder)
    if not folder:
        return _save_here(subject, content.data, preset, picture)
    while True:
        try:
            return write(content.data, preset, folder, picture)
        except _TakenError:  # another Blender has saved that version meanwhile
            found = described(subject, content, details, folder, is_new_to_us=True)
            preset = replace(found, version=max(found.version, preset.version + 1))


def described(
    subject: Subject, content: Content, details: Details, folder: str, *, is_new_to_us: bool = False
) -> Preset:
    """What is said of a preset that is to be saved. Raises PresetError if that can't be said.

    If the library has files that it did not have when it was read last, `is_new_to_us`, it is read again.
    """
    cost = cost_of(subject)
    inputs, outputs = _rows(subject)
    target, target_name = _target(subject) if subject.kind is Kind.VALUES else ("", "")
    known = details.uuid or uuid.uuid4().hex
    before, note = _version_before(known, folder, is_new_to_us=is_new_to_us), _note(subject)
    last = max(0 if before is None else before.version, note.version if note is not None and note.uuid == known else 0)
    try:
        return Preset(
            uuid=known,
            version=last + 1,
            kind=subject.kind,
            name=_checked_name(details.name),
            change=details.change,
            description=details.description,
            author=details.author,
            licence=details.licence,
            catalog=catalogs.clean(details.catalog),
            tags=tuple(dict.fromkeys(filter(None, map(str.strip, details.tags)))),
            script_digests=tuple(content.script_digests),
            graph_digest=digest(content.data),
            **_writer(),
            addons=tuple(sorted(_addons(content.data))),
            cost_seconds=cost.seconds,
            cost_memory=cost.memory,
            cost_amount=cost.amount,
            cost_unit=cost.unit,
            runs=cost.runs,
            inputs=inputs,
            outputs=outputs,
            renamed=details.renamed or _renamed(subject, before, inputs, outputs),
            target=target,
            target_name=target_name,
        )
    except ValueError as error:
        raise PresetError(f"the preset can't be described: {error}", "Say it in other words") from error


def _writer() -> dict[str, str]:
    """Which Blender writes a preset here, and the oldest one that can read it."""
    version = bpy.app.version
    needs = ".".join(map(str, readable_from((version[0], version[1]))))
    return {"blender": version_text(version[0] * 100 + version[1]), "needs_blender": needs}


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name.encode()) > _MAX_NAME:
        raise PresetError(f'"{name}" is no name for a preset', f"Give one of 1 to {_MAX_NAME} letters")
    return name


def _version_before(known: str, folder: str, *, is_new_to_us: bool = False) -> Preset | None:
    """The newest version of a preset that is known here or there; None if there is none.

    Somebody else may have saved a later one since: see `save`.
    """
    found = [preset for preset in (libraries.find(known),) if preset is not None]
    if folder:
        library = libraries.library(folder)
        if (
            library is None or not library.is_listed or is_new_to_us
        ):  # else to look again could take minutes on a slow share
            library = PresetLibrary(folder)
            library.read()
        found += [preset for preset in library.presets() if preset.uuid == known]
    return max(found, key=lambda preset: preset.version, default=None)


def _renamed(subject: Subject, before: Preset | None, inputs: Sequence[str], outputs: Sequence[str]) -> tuple[str, ...]:
    """Which sockets of a script were renamed since the last version; those of a group keep their identifiers."""
    if before is None or subject.kind is not Kind.NODE:
        return ()
    return renames_between(before.inputs, inputs) + renames_between(before.outputs, outputs)


def _rows(subject: Subject) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Identifier, label and type of each input, and output."""
    if subject.node is not None:
        sides = (subject.node.inputs, subject.node.outputs)
        rows = [[_row(socket, socket.bl_idname) for socket in side if socket.enabled] for side in sides]
    else:
        items = [item for item in subject.tree.interface.items_tree if item.item_type == "SOCKET"]
        rows = [
            [_row(item, item.bl_socket_idname or item.socket_type) for item in items if item.in_out == side]
            for side in ("INPUT", "OUTPUT")
        ]
    return tuple(rows[0]), tuple(rows[1])


def _row(socket: Any, idname: str) -> str:
    return f"{socket.identifier}|{socket.name}|{values.type_name(idname)}"


def _target(subject: Subject) -> tuple[str, str]:
    """Which script or group a set of values is for, and its name for people."""
    node = subject.node
    assert node is not None
    if has_group(node):  # by its name: the group of a newer version is another one
        name = without_number(node.node_tree.name)
        return f"{node.bl_idname} {name}", name
    if node.bl_idname != "BackgroundNodeScript":
        return node.bl_idname, node.bl_label
    if node.library_script:
        return node.library_script, subject.name
    source = node.source()
    return ("" if source is None else own_modules.digest(own_modules.read(source))), subject.name


def target_of(node: bpy.types.Node) -> str:
    """What sets of values for a node are for: see `Preset.target`; "" if its script can't be read."""
    with contextlib.suppress(SignatureError):
        return _target(Subject(Kind.VALUES, node.id_data, node))[0]
    return ""


def _addons(data: Data) -> set[str]:
    found = (node.get("settings", {}).get("addons", "") for _place, node in nodes_in(data))
    return {name.strip() for names in found for name in str(names).split(",") if name.strip()}


def rebuilt(preset: Preset, data: Data) -> Preset:
    """A preset whose tree was read of text, which may have been edited: with what follows from the tree as it is made.

    Raises:
        PresetError: if this Blender can't have that tree.
    """
    inputs, outputs = preset.inputs, preset.outputs
    with _made(data, preset, None) as tree:
        made = dump(tree)
        if preset.kind is not Kind.VALUES:  # without their script nobody could tell
            node = next(iter(tree.nodes), None) if preset.kind is Kind.NODE else None
            inputs, outputs = _rows(Subject(preset.kind, tree, node))
    return replace(
        preset,
        script_digests=tuple(sorted(digests_of_scripts(data))),
        graph_digest=digest(made),
        **_writer(),
        addons=tuple(sorted(_addons(made))),
        inputs=inputs,
        outputs=outputs,
    )


# Writing


class _TakenError(PresetError):
    """The library has a file of that version."""


def write(data: Data, preset: Preset, folder: str, picture: Picture | None = None) -> Preset:
    """Write what the text form says as a file of a library. Raises PresetError; nothing is changed then.

    Returns:
        the preset as its file has it.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PresetError(f"{folder} can't be made: {error.strerror}", "Choose another library") from error
    preset = replace(preset, catalog_id=catalogs.id_of(place, preset.catalog))
    name = _write_file(data, preset, place, picture)
    library = libraries.library(folder) or PresetLibrary(folder)
    try:
        entry = library.entry(name)
        mirror.add(place, {name: entry})
    except (BlendFileError, PresetError) as error:
        _remove(place / name)
        if isinstance(error, PresetError):
            raise
        raise PresetError(f"the file that was written {error}", "Save it once more") from error
    library.add(entry.presets)
    return entry.presets[0]


def _write_file(data: Data, preset: Preset, place: Path, picture: Picture | None) -> str:
    """Write a new file. Returns its name."""
    beside = place / f".{uuid.uuid4().hex}.blend"
    try:
        with _made(data, preset, picture) as tree:
            # What is written once is opened by anybody: nothing in it is a path of this machine.
            bpy.data.libraries.write(str(beside), {tree}, path_remap="NONE", fake_user=True, compress=False)
        return _moved(beside, place, preset)
    except (OSError, RuntimeError) as error:
        said = " ".join(str(error).removeprefix("Error: ").split())
        why = "" if said == "Success" else f": {said}"  # so Blender says it of a full disk
        raise PresetError(f"{place} can't be written{why}", "Choose another library, or make room") from error
    finally:
        _remove(beside)


def _moved(beside: Path, place: Path, preset: Preset) -> str:
    """Give a file the name of its preset and version, if no other file has it. Raises OSError or _TakenError."""
    ending = f"-{preset.uuid[:8]}-v{preset.version}.blend"
    file = place / f"{_slug(preset.name)}{ending}"
    taken = next((each for each in place.iterdir() if each.name.endswith(ending)), None)  # it may have another name
    if taken is None:
        try:  # from now on there is one, which is empty
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            taken = file
    if taken is not None:
        message = f"{taken} is there already, and no file of a library is ever changed"
        raise _TakenError(message, "Raise the version, or look at what that file is")
    try:
        beside.replace(file)
    except OSError:
        _remove(file)
        raise
    return file.name


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)


def _slug(name: str) -> str:
    """A name that any file system and any web address can have."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_SLUG].strip("-") or "preset"


@contextlib.contextmanager
def _made(data: Data, preset: Preset, picture: Picture | None) -> Iterator[bpy.types.NodeTree]:
    """The tree of a preset for as long as it is written, with the very names that it is to have."""
    try:
        built = build(data, reuses=False)
    except BuildError as error:
        raise PresetError.of(error.problems[0]) from error
    made = [built.tree, *built.groups, *built.texts]
    aside: list[tuple[bpy.types.ID, str]] = []
    try:
        for item, name in _names(built, preset):
            _take_name(item, name, aside)
        describe(built.tree, preset, picture)
        yield built.tree
    finally:
        bpy.data.batch_remove(made)
        for item, name in reversed(aside):
            item.name = name


def _names(built: Built, preset: Preset) -> Iterator[tuple[bpy.types.ID, str]]:
    yield built.tree, preset.name
    taken = {preset.name, *built.names.values()}
    for item in (*built.groups, *built.texts):
        name = built.names.get(item.session_uid, item.name)
        if name == preset.name and item in built.groups:
            name = next(other for number in itertools.count(2) if (other := f"{name} {number}") not in taken)
        yield item, name


def _take_name(item: bpy.types.ID, name: str, aside: list[tuple[bpy.types.ID, str]]) -> None:
    """Give an item a name that another one may have, who gets another one meanwhile."""
    owner = bpy.data.texts if isinstance(item, bpy.types.Text) else bpy.data.node_groups
    other = owner.get((name, None))
    if other is not None and other != item:
        aside.append((other, name))
        other.name = f".{uuid.uuid4().hex}"
    item.name = name


def describe(tree: bpy.types.NodeTree, preset: Preset, picture: Picture | None) -> None:
    """Make a tree an asset that says what it is as a preset."""
    tree.asset_mark()
    asset = tree.asset_data
    asset.author, asset.description, asset.license = preset.author, preset.description, preset.licence
    if preset.catalog_id:
        asset.catalog_id = preset.catalog_id
    for tag in preset.tags:
        asset.tags.new(tag, skip_if_exists=True)
    for key in [key for key in list(asset.keys()) if key.startswith(PREFIX)]:
        del asset[key]
    for key, value in properties_of(preset).items():
        asset[key] = value
    if picture is not None:
        preview = tree.preview_ensure()
        preview.image_size = (picture.width, picture.height)
        preview.image_pixels_float = [value / 255 for value in picture.pixels]


def _save_here(subject: Subject, data: Data, preset: Preset, picture: Picture | None) -> Preset:
    """Mark a group or tree of this file as an asset; of a node, a tree that holds it. Raises PresetError."""
    tree = subject.tree
    if subject.node is None and not tree.is_editable:
        message = f'"{tree.name}" is linked from another file, so it can be no asset of this one'
        raise PresetError(message, "Save it to a library, or make it local")
    is_renamed = subject.node is not None or preset.name != subject.name
    other = bpy.data.node_groups.get((preset.name, None)) if is_renamed else None
    if subject.node is None and other == tree:
        other = None
    before = None if other is None else preset_of_tree(other)
    if other is not None and (before is None or before.uuid != preset.uuid):
        raise PresetError(f'this file has another node tree "{preset.name}"', "Give the preset another name")
    if subject.node is not None:
        try:
            tree = build(data).tree
        except BuildError as error:
            raise PresetError.of(error.problems[0]) from error
    if other is not None and before is not None:
        other.name = f"{preset.name} {before.version}"
    if is_renamed:
        tree.name = preset.name
    describe(tree, preset, picture)
    found = preset_of_tree(tree)
    assert found is not None
    return found
