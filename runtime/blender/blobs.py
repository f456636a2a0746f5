# SPDX-License-Identifier: GPL-3.0-or-later
"""Data-blocks to blobs and back: the one way data-blocks move between processes.

A blob is an uncompressed .blend library, written by `bpy.data.libraries.write` with all that its data-blocks use, and
with no more DNA than it needs: see `short_dna`.
Files beside it are

    NAME.json   its roots, the origins of what is in it, the images whose unsaved pixels come along, and which
                drivers read parts of data-blocks: see `contents`
    NAME.N.*    those pixels, see `pixels`
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import bpy

from ..blend_file import short_dna
from ..errors import BlendFileError, StoreError
from ..scratch import room
from ..scratch.contents import Contents, DataBlockName, PixelFile
from ..scratch.removal import remove_files
from . import data_block_kinds, driver_targets, pixels, remapping, view_layers
from .dependencies import used_by


def write(
    path: Path, roots: Iterable[bpy.types.ID], contents: Contents | None = None, *, is_to_open: bool = False
) -> None:
    """Write data-blocks with all they use to a new blob. The open file is left as it is.

    Args:
        path: the blob, which must not be there yet.
        roots: the data-blocks.
        contents: the origins of what is in the blob.
        is_to_open: whether the blob will be opened, so that nothing is appended from it.

    Raises:
        UnwrittenError: if the blob can't be written (a full disk, say); nothing is left of it then.
    """
    roots = set(roots)
    contents = contents or Contents()
    contents.roots = {data_block_kinds.name_of(root) for root in roots}
    contents.fake_users = set(map(data_block_kinds.name_of, data_block_kinds.with_fake_users()))
    packed = [] if is_to_open else [root for root in roots if data_block_kinds.is_packed(root)]
    flush_edit_modes()
    view_layers.sync()  # 5.2 crashes writing a new scene that nobody looked at yet
    try:
        contents.pixels = dict(_write_pixels(path, roots))
        with (
            driver_targets.owners_read(lambda: roots if is_to_open else used_by(roots)) as contents.part_targets,
            _all_used(),
            _held(packed) as holders,
        ):
            contents.holder = next((holder.name for holder in holders), "")
            bpy.data.libraries.write(
                str(path), roots.union(holders), path_remap="ABSOLUTE", fake_user=False, compress=False
            )
        if short_dna.is_readable(bpy.app.version):
            short_dna.shorten(path)
        contents.save(path)
    except (OSError, RuntimeError, BlendFileError) as error:
        remove_files([path])
        raise room.unwritten("the data-blocks", path, error) from error


@contextlib.contextmanager
def _all_used() -> Iterator[None]:
    """Within the block, each data-block has a user, or Blender 4 leaves it out. Parents and cutters may have none."""
    every = data_block_kinds.all_data_blocks() if bpy.app.version < (5, 0, 0) else ()
    loose = [item for _kind, item in every if item.users == 0 and item.library is None]
    if not loose:
        yield
        return
    collection = bpy.data.collections.new("~")
    try:
        for number, item in enumerate(loose):
            collection[str(number)] = item
        yield
    finally:
        bpy.data.collections.remove(collection)


@contextlib.contextmanager
def _held(packed: list[bpy.types.ID]) -> Iterator[list[bpy.types.Collection]]:
    """Within the block, a collection uses the packed linked data-blocks, which can't be loaded from a blob by name."""
    if not packed:
        yield []
        return
    holder = bpy.data.collections.new("~")
    try:
        for number, item in enumerate(packed):
            holder[str(number)] = item
        yield [holder]
    finally:
        bpy.data.collections.remove(holder)


def release(contents: Contents, loaded: Mapping[DataBlockName, bpy.types.ID]) -> dict[DataBlockName, bpy.types.ID]:
    """Remove the collection that `_held` put into a blob, and return the packed linked data-blocks in it."""
    holder = loaded.get(DataBlockName("Collection", contents.holder, ""))
    if not contents.holder or holder is None:
        return {}
    held = {data_block_kinds.name_of(item): item for item in holder.values()}
    bpy.data.collections.remove(holder)
    return held


def flush_edit_modes() -> None:
    """Update meshes, curves and armatures with what is being edited, because they are what is written."""
    for scene_object in bpy.data.objects:
        if scene_object.mode == "EDIT":
            scene_object.update_from_editmode()


def _write_pixels(path: Path, roots: set[bpy.types.ID]) -> Iterator[tuple[DataBlockName, PixelFile]]:
    """Write the pixels of the unsaved images that the data-blocks use."""
    for number, image in enumerate(_unsaved_images(roots)):
        yield data_block_kinds.name_of(image), pixels.write(image, path.with_suffix(f".{number}"))


def _unsaved_images(roots: set[bpy.types.ID]) -> list[bpy.types.Image]:
    unsaved = [image for image in bpy.data.images if pixels.is_unsaved(image)]
    if not unsaved:
        return []
    used = used_by(roots)
    return [image for image in unsaved if image in used]


def open_as_main(blob: Path) -> None:
    """Make a blob the open file: all names stay exact. For workers only. Raises StoreError if it can't be read."""
    try:
        bpy.ops.wm.open_mainfile(filepath=str(blob), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise StoreError(f"the data in {blob} can't be read: {str(error).strip()}") from error


def append(blob: Path, names: Iterable[DataBlockName]) -> dict[DataBlockName, bpy.types.ID]:
    """Append data-blocks, with all they use, as local ones (linked ones stay linked); names that clash become new ones.

    Returns:
        the data-block for each name that the blob holds.

    Raises:
        StoreError: if the blob can't be read.
    """
    found = load(blob, names)
    remove_libraries([blob])
    return found


def load(blob: Path, names: Iterable[DataBlockName]) -> dict[DataBlockName, bpy.types.ID]:
    """As `append`, but leaves the library that Blender makes for the blob: see `remove_libraries`."""
    wanted: dict[str, list[DataBlockName]] = {}
    for name in dict.fromkeys(name for name in names if not name.library):  # of linked ones, a blob has only the names
        wanted.setdefault(data_block_kinds.collections()[name.kind], []).append(name)
    with _opened(str(blob)) as (available, request):
        for collection, group in wanted.items():
            there = set(getattr(available, collection))
            wanted[collection] = [name for name in group if name.name in there]
            setattr(request, collection, [name.name for name in wanted[collection]])
    found: dict[DataBlockName, bpy.types.ID] = {}
    for collection, group in wanted.items():
        pairs = zip(group, getattr(request, collection), strict=True)
        found.update((name, item) for name, item in pairs if item is not None)
    return found


def restore_fake_users(contents: Contents, loaded: Mapping[DataBlockName, bpy.types.ID]) -> None:
    """Give appended data-blocks their fake users back."""
    for name in contents.fake_users & loaded.keys():
        loaded[name].use_fake_user = True


def restore_part_targets(contents: Contents, loaded: Mapping[DataBlockName, bpy.types.ID]) -> None:
    """Let drivers of loaded data-blocks read the parts of others again that they read."""
    for name in contents.part_targets.keys() & loaded.keys():
        driver_targets.restore(loaded[name], contents.part_targets[name])


def restore_overrides(loaded: Iterable[bpy.types.ID]) -> None:
    """Let overrides know again which of their properties they override: 4.5 and later write them without."""
    for item in loaded:
        if item.override_library is not None and item.library is None:
            item.override_library.operations_update()


def link(wanted: DataBlockName) -> dict[DataBlockName, bpy.types.ID]:
    """Link a data-block from its library; an empty dict if that has none. Raises StoreError if it can't be read."""
    collection = data_block_kinds.collections()[wanted.kind]
    with _opened(wanted.library, is_link=True) as (available, request):
        setattr(request, collection, [name for name in getattr(available, collection) if name == wanted.name])
    found = getattr(request, collection)
    return {wanted: found[0]} if found and found[0] is not None else {}


@contextlib.contextmanager
def _opened(path: str, *, is_link: bool = False) -> Iterator[tuple[Any, Any]]:
    """`libraries.load`, with its errors as StoreError. What was requested is loaded at the end of the block."""
    try:
        with bpy.data.libraries.load(path, link=is_link) as names:
            yield names
    except OSError as error:
        raise StoreError(f"the data in {path} can't be read: {error}") from error


def remove_libraries(blobs: Iterable[Path]) -> None:
    """Remove the libraries that loading made for the blobs."""
    paths = {os.path.normpath(blob) for blob in blobs}
    libraries = bpy.data.libraries
    remapping.remove(item for item in libraries if os.path.normpath(bpy.path.abspath(item.filepath)) in paths)


@contextlib.contextmanager
def exact_names(blob: Path, contents: Contents) -> Iterator[None]:
    """Within the block, data-blocks appended from the blob keep their names: those here with equal names get others.

    After the block, those that were here first get their names back. For workers only.
    """
    aside: list[tuple[bpy.types.ID, str]] = []
    for kind, names in _local_names(blob, contents).items():
        for data_block in list(data_block_kinds.collection(kind)) if names else ():
            if data_block.name in names and data_block.library is None:
                aside.append((data_block, data_block.name))
                data_block.name = f"~{data_block.session_uid}"
    yield
    for data_block, name in aside:
        newcomer = data_block_kinds.find(data_block_kinds.kind_of(data_block), name)
        if newcomer is not None:
            newcomer.name = f"~{newcomer.session_uid}"
        data_block.name = name
        if newcomer is not None:
            newcomer.name = name


def _local_names(blob: Path, contents: Contents) -> Mapping[str, Collection[str]]:
    """The names of what a blob holds, by kind; there may be more of them. Only a snapshot has to be opened for that."""
    names: dict[str, set[str]] = {}
    if contents.origins:  # of all that was in the worker's file
        for kind, name, library in (*contents.origins, *contents.holders):
            if not library:
                names.setdefault(kind, set()).add(name)
        return names
    with _opened(str(blob)) as (available, _request):
        for kind, collection in data_block_kinds.collections().items():
            names[kind] = set(getattr(available, collection, ()))
    return names
