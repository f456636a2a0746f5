# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole .blend files as inputs: all of a file in one blob, and that blob as the file that a script has open.

The blob is a library of every data-block. Writing one calls no handlers, renames nothing and leaves the file's path and
its dirty flag alone, which saving a copy does not. What a library does not keep lies beside the blob:

    NAME.file.json   the folder of the file, its active scene and view layer, and where geometry nodes keep their bakes
                     (4.5 and later leave it out)
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ..engine.messages import Copied, CopyFile, Failed
from ..errors import BackgroundNodesError, StoreError
from ..scratch import room
from ..scratch.contents import Contents
from ..scratch.removal import remove_files
from ..scratch.scratch import ScratchFolder
from . import blobs, data_block_kinds


class WholeFileError(BackgroundNodesError):
    """What a script did with a whole file would be lost."""


_VERSION = bpy.app.version_string


def copy(task: CopyFile, folder: ScratchFolder) -> Copied | Failed:
    """Write all that is in a .blend file on disk to a blob. For workers: the file becomes the open one."""
    try:
        _open(task.filepath)
        write(folder.file(task.blob))
    except BackgroundNodesError as error:
        return Failed.of(error)
    except Exception as error:  # whatever is in a file, the worker lives on
        return Failed(f"{task.filepath} can't be copied: {type(error).__name__}: {error}")
    return Copied()


def _open(filepath: str) -> None:
    """Open a file somebody else made, which may be of any version, or broken."""
    try:
        bpy.ops.wm.open_mainfile(filepath=filepath, load_ui=False, use_scripts=False)
    except RuntimeError as error:
        reason = str(error).strip().rpartition(filepath)[2].strip("'\",: ")
        message = f"the file {filepath} can't be opened: it is damaged, or needs a Blender newer than {_VERSION}"
        raise StoreError(f"{message} ({reason})" if reason else message) from error


def write(blob: Path, contents: Contents | None = None) -> None:
    """Write all that is in the open file to a new blob. The file is left as it is.

    Raises:
        UnwrittenError: if the blob can't be written; nothing is left of it then.
    """
    blobs.write(
        blob, (data_block for _kind, data_block in data_block_kinds.all_data_blocks()), contents, is_to_open=True
    )
    try:
        _state_path(blob).write_text(json.dumps(_state()), encoding="utf-8")
    except OSError as error:
        remove_files([blob])
        raise room.unwritten("the settings of its windows", blob, error) from error


def open_copy(blob: Path, own: Path) -> None:
    """Open a blob that is a copy of a whole file.

    Args:
        blob: the copy, which other workers open, too.
        own: path of this worker's own link to it: a script that saves the open file writes there, not to the blob.

    Raises:
        StoreError: if it can't be read.
    """
    try:
        state = json.loads(_state_path(blob).read_text(encoding="utf-8"))
        _link(blob, own)
    except (OSError, ValueError) as error:
        raise StoreError(f"the copy of the file, {blob}, can't be read: {error}") from error
    blobs.open_as_main(own)
    _choose_scene(state["scene"], state["view_layer"])
    _leave_modes()
    _restore_bakes(state["bakes"])
    _make_paths_absolute(state["folder"])


def place_for_copy(filepath: str) -> Path:
    """Where this worker may have its own copy of a file: under the same name, alone in a folder of its own."""
    return Path(tempfile.gettempdir()) / "whole_file" / (Path(filepath).name or "untitled.blend")


def check_left_beside(own: Path) -> None:
    """Raise WholeFileError if a script left files beside the copy: they would be removed with it.

    Blender's own caches, and files that saving makes from the copy's name, don't count.
    """
    known = (own.name, f"blendcache_{own.stem}")
    names = sorted(file.name for file in own.parent.iterdir() if not file.name.startswith(known))
    if names:
        shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
        message = f"the script wrote {shown} beside the copy of the file that it works on, which goes with it"
        raise WholeFileError(f'{message}. Give such paths as bpy.path.abspath("//{names[0]}")')


def close_copy(own: Path) -> None:
    """Remove what `open_copy` and a script that saved the open file left on disk."""
    shutil.rmtree(own.parent, ignore_errors=True)


@contextlib.contextmanager
def no_handlers() -> Iterator[None]:
    """Within the block, opening a file calls nothing that a script left behind."""
    lists = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)]
    kept = [(functions, list(functions)) for functions in lists if isinstance(functions, list)]
    for functions, _copy in kept:
        functions.clear()
    try:
        yield
    finally:
        for functions, items in kept:
            functions[:] = items


def _link(blob: Path, own: Path) -> None:
    """Give a file a second name. To save it, Blender writes a new file of that name, and the blob stays as it is."""
    own.parent.mkdir(exist_ok=True)
    own.unlink(missing_ok=True)
    try:
        os.link(blob, own)
    except OSError:  # this file system has no links
        shutil.copyfile(blob, own)


def _state_path(blob: Path) -> Path:
    return blob.with_suffix(".file.json")


def _state() -> dict[str, Any]:
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    path = bpy.data.filepath
    return {
        "folder": str(Path(path).parent) if path else "",
        "scene": scene.name,
        "view_layer": view_layer.name,
        "bakes": [
            [item.name, modifier.name, bpy.path.abspath(modifier.bake_directory)]
            for item, modifier in _modifiers("NODES")
            if modifier.bake_directory
        ],
    }


def _choose_scene(scene_name: str, view_layer_name: str) -> None:
    """Show the scene and view layer that were active in the file: of a library, Blender shows the first scene."""
    window = bpy.context.window_manager.windows[0]
    scene = data_block_kinds.find("Scene", scene_name)
    if scene is None:
        return
    if window.scene != scene:
        window.scene = scene
    view_layer = scene.view_layers.get(view_layer_name)
    if view_layer is not None and window.view_layer != view_layer:
        window.view_layer = view_layer


def _leave_modes() -> None:
    """A file that was saved in Edit Mode, or another, is opened in it; most operators want Object Mode."""
    for item in bpy.data.objects:
        if item.mode != "OBJECT" and item.library is None:
            with (
                contextlib.suppress(RuntimeError),  # it is in another scene
                bpy.context.temp_override(object=item, active_object=item),
            ):
                bpy.ops.object.mode_set(mode="OBJECT")


def _restore_bakes(bakes: list[list[str]]) -> None:
    for name, modifier_name, folder in bakes:
        scene_object = data_block_kinds.find("Object", name)
        modifier = None if scene_object is None else scene_object.modifiers.get(modifier_name)
        if modifier is not None:
            modifier.bake_directory = folder


def _make_paths_absolute(folder: str) -> None:
    """Those that Blender does not make absolute as it writes a library, mostly because something is written there."""
    if not folder:
        return
    for owner, name in _written_paths():
        path = getattr(owner, name)
        if path.startswith("//"):
            setattr(owner, name, bpy.path.abspath(path, start=folder))


def _written_paths() -> Iterator[tuple[Any, str]]:
    trees = [tree for tree in bpy.data.node_groups if tree.bl_idname == "CompositorNodeTree" and tree.library is None]
    for scene in bpy.data.scenes:
        if scene.library is not None:
            continue
        yield scene.render, "filepath"
        if bpy.app.version < (5, 0, 0) and scene.node_tree is not None:
            trees.append(scene.node_tree)
        if scene.sequence_editor is not None:
            yield scene.sequence_editor, "proxy_dir"
    for tree in trees:
        for node in tree.nodes:
            if node.bl_idname == "CompositorNodeOutputFile":
                yield node, "base_path" if bpy.app.version < (5, 0, 0) else "directory"
    for _item, modifier in _modifiers("FLUID"):
        if modifier.fluid_type == "DOMAIN":
            yield modifier.domain_settings, "cache_directory"


def _modifiers(kind: str) -> Iterator[tuple[bpy.types.Object, Any]]:
    for item in bpy.data.objects:
        if item.library is None:
            yield from ((item, modifier) for modifier in item.modifiers if modifier.type == kind)
