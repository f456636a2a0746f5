# SPDX-License-Identifier: GPL-3.0-or-later
"""What files of models are written of, and what comes in from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from ..runtime.engine.used_files import depends_on
from .telling import log

if TYPE_CHECKING:
    import bpy


def objects_to_export(
    objects: Iterable[bpy.types.Object],
    held: Collection[str],
    file_format: str,
    *,
    apply_modifiers: bool = True,
    one_mesh: bool = False,
) -> list[bpy.types.Object]:
    """Select what of `objects` goes into a file, and nothing else. What has a surface and is no mesh becomes one.

    What is hidden is shown, and the log tells what the format can't hold.

    Args:
        objects: what is to be exported.
        held: the types of objects that the format holds: "MESH", "EMPTY" ...
        file_format: its name with an article, for messages: "an FBX".
        apply_modifiers: whether the file shall show what modifiers make of meshes.
        one_mesh: all becomes plain meshes, with what is instanced, for formats that hold nothing else.

    Returns:
        what was selected.

    Raises:
        ValueError: if nothing of it can be seen in such a file.
    """
    from ..runtime.blender import model_files

    return model_files.objects_to_export(
        objects, held, file_format, log, apply_modifiers=apply_modifiers, one_mesh=one_mesh
    )


def write_fbx(
    path: Path,
    objects: Iterable[bpy.types.Object],
    *,
    apply_modifiers: bool = True,
    animation: bool = True,
    triangulate: bool = False,
    apply_rotation: bool = False,
) -> None:
    """Write what `objects_to_export` selected to an FBX file that engines take at a scale of 1, its images in it.

    Args:
        path: the file.
        objects: what was selected.
        apply_modifiers: write what the modifiers make of the meshes.
        animation: write what moves in the frame range of the scene as one take, or, where an object has NLA strips
            that play, a take for each strip and each action.
        triangulate: divide all faces into triangles.
        apply_rotation: turn the meshes themselves to Y up.

    Raises:
        RuntimeError: if an object with faces is not in the file: Blender leaves out without a word.
    """
    from ..runtime.blender import model_writers

    model_writers.write_fbx(
        path,
        objects,
        apply_modifiers=apply_modifiers,
        animation=animation,
        triangulate=triangulate,
        apply_rotation=apply_rotation,
    )


def write_usd(
    path: Path,
    objects: Iterable[bpy.types.Object],
    *,
    animation: bool = False,
    materials: bool = True,
    triangulate: bool = False,
    up: str = "Z",
) -> None:
    """Write what `objects_to_export` selected to a USD file, in metres, with modifiers applied.

    Args:
        path: the file. A .usdz file has the images in it, the others in a folder name_textures beside them.
        objects: what was selected.
        animation: write each frame in the frame range of the scene.
        materials: write the materials, and copy their images.
        triangulate: divide all faces into triangles.
        up: the axis that points up in the file, "Z" or "Y"; the file says which.
    """
    from ..runtime.blender import model_writers

    model_writers.write_usd(path, objects, animation=animation, materials=materials, triangulate=triangulate, up=up)


def write_alembic(path: Path, *, animation: bool = True, triangulate: bool = False, scale: float = 1.0) -> None:
    """Write what `objects_to_export` selected to an Alembic file, with modifiers applied.

    Args:
        path: the file.
        animation: write each frame in the frame range of the scene, else the current one.
        triangulate: divide all faces into triangles.
        scale: multiplies the size.
    """
    from ..runtime.blender import model_writers

    model_writers.write_alembic(path, animation=animation, triangulate=triangulate, scale=scale)


def write_stl(
    path: Path, *, apply_modifiers: bool = True, up: str = "Z", scale: float = 1.0, as_text: bool = False
) -> None:
    """Write what `objects_to_export` selected as one mesh to an STL file.

    Args:
        path: the file.
        apply_modifiers: write what the modifiers make of it.
        up: the axis that points up in the file, "Z" or "Y".
        scale: multiplies the size.
        as_text: write text rather than binary data.

    Raises:
        ValueError: if it has no faces: Blender writes an empty file without a word.
    """
    from ..runtime.blender import model_writers

    model_writers.write_stl(path, apply_modifiers=apply_modifiers, up=up, scale=scale, as_text=as_text)


def write_ply(
    path: Path,
    mesh: bpy.types.Object,
    *,
    apply_modifiers: bool = True,
    triangulate: bool = False,
    up: str = "Z",
    scale: float = 1.0,
    colors: str = "sRGB",
    as_text: bool = False,
) -> None:
    """Write what `objects_to_export` selected as one mesh to a PLY file, with normals, colours, UV map and attributes.

    Args:
        path: the file.
        mesh: what was selected. Its attributes and vertex groups get names of one word, as the log tells: with
            another, no program can read the file.
        apply_modifiers: write what the modifiers make of it.
        triangulate: divide all faces into triangles.
        up: the axis that points up in the file, "Z" or "Y".
        scale: multiplies the size.
        colors: how its active colour attribute is written, "sRGB", "Linear" or "None".
        as_text: write text rather than binary data.
    """
    from ..runtime.blender import model_writers

    renamed = model_writers.write_ply(
        path,
        mesh,
        apply_modifiers=apply_modifiers,
        triangulate=triangulate,
        up=up,
        scale=scale,
        colors=colors,
        as_text=as_text,
    )
    for name, word in renamed:
        log(f"{name} is called {word} in the file")


def image_files(objects: Iterable[bpy.types.Object], folder: Path) -> None:
    """Copy the images of materials of `objects` into `folder`, each under its own name, and let these use the copies.

    So an exporter finds a file for each, whether it was packed, painted or generated. Blender's own copy the second
    diffuse.png over the first, and forget pixels that are in no file. An image whose file is gone stays as it is.
    """
    from ..runtime.blender import model_files

    model_files.image_files(objects, folder)


def imported_objects(path: Path) -> AbstractContextManager[list[bpy.types.Object]]:
    """A list that holds the objects which came in, after a `with` block that imports a file. Parents come first.

    The result depends on the images and caches that they use, too.

    Raises:
        ValueError: if there is no such file, or Blender can't read it, or there is no object in it.
    """
    from ..runtime.blender import model_files

    return model_files.imported_objects(path, depends_on, log)
