# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert a file with a model to another format. A list converts each file, as a task of its own.

So a file that can't be read fails only itself: all others are written. What the file holds goes into the new one:
objects, materials, images, and armatures and animation where both formats hold them. Where several would get the same
name, all but the first get a number. A file that is there is replaced only once the new one is complete.
"""

import math
from pathlib import Path
from typing import Literal

import addon_utils
import bpy

from background_nodes.script import (
    OutputPath,
    as_shown,
    depends_on,
    image_files,
    imported_objects,
    items,
    log,
    objects_to_export,
    own_file,
    progress,
    write_alembic,
    write_fbx,
    write_ply,
    write_stl,
    write_usd,
    written_whole,
)

#: What Blender must have been built with to write some formats. Which one is read is not known before the run.
NEEDS = {"file_format": {"USDZ": "usd", "Alembic": "alembic"}}
#: What a file can hold, beside what becomes a mesh.
HELD = {
    ".glb": {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT"},
    ".fbx": {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT"},
    ".usdz": {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT"},
    ".obj": {"MESH"},
    ".stl": {"MESH"},
    ".ply": {"MESH"},
    ".abc": {"MESH", "EMPTY", "CAMERA"},
}
#: Files that hold movement.
ANIMATED = {".glb", ".fbx", ".usdz", ".abc"}
ENDINGS = {
    "glTF Binary": ".glb",
    "FBX": ".fbx",
    "USDZ": ".usdz",
    "OBJ": ".obj",
    "STL": ".stl",
    "PLY": ".ply",
    "Alembic": ".abc",
}


def main(
    filepath: Path,
    folder: OutputPath,
    file_format: Literal["glTF Binary", "FBX", "USDZ", "OBJ", "STL", "PLY", "Alembic"] = "glTF Binary",
) -> Path:
    """Convert `filepath`.

    Args:
        filepath: The file: .obj, .gltf, .glb, .fbx, .usd, .usda, .usdc, .usdz, .stl, .ply or .abc.
        folder: Where the new file goes, under the same name. It is made if it doesn't exist.
        file_format: The format of the new file.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() not in READERS:
        raise ValueError(f"Nothing here reads {path.name}; choose files that end in {', '.join(READERS)}")
    target = own_file(
        lambda item: Path(item["folder"]) / (Path(item["filepath"]).stem + ENDINGS[item["file_format"]]),
        filepath=filepath,
        folder=folder,
        file_format=file_format,
    )
    # It is looked for among thousands of items only where there is something to be written over.
    if target.exists() and str(target).lower() in {str(item["filepath"]).lower() for item in items(filepath=str(path))}:
        raise ValueError(f"{target.name} would be written over; choose another folder or format")

    progress(0.1, f"Reading {path.name}")
    with imported_objects(path) as objects:
        READERS[path.suffix.lower()](path)
    is_animated = take_frames()
    if is_animated and target.suffix in ANIMATED:
        tell_left_out(target.suffix)
    progress(0.5, f"Writing {target.name}")
    ending = target.suffix
    one_mesh = ending in (".stl", ".ply")
    found = objects_to_export(objects, HELD[ending], f"a {file_format}", one_mesh=one_mesh)
    with written_whole(target) as beside:
        WRITERS[ending](beside, found, is_animated)
    log(f"Wrote {target}")
    return target


def need(operator: str, name: str) -> None:
    """Raise ValueError if Blender was built without a part: which one a file needs is not known before the run."""
    if operator not in dir(bpy.ops.wm):
        raise ValueError(f"This Blender was built without {name}; use one of blender.org, or another format")


def enable(module: str) -> None:
    if not addon_utils.check(module)[1]:
        addon_utils.enable(module)


def read_obj(path: Path) -> None:
    depends_on(path.parent)  # its .mtl file and its images, whatever they are called
    bpy.ops.wm.obj_import(filepath=str(path))


def read_gltf(path: Path) -> None:
    if path.suffix.lower() == ".gltf":
        depends_on(path.parent)
    enable("io_scene_gltf2")
    bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)


def read_fbx(path: Path) -> None:
    if "fbx_import" in dir(bpy.ops.wm):  # from Blender 4.5 on
        bpy.ops.wm.fbx_import(filepath=str(path), anim_offset=0.0, ignore_leaf_bones=True)
    else:
        enable("io_scene_fbx")
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0, ignore_leaf_bones=True)


def read_usd(path: Path) -> None:
    need("usd_import", "USD")
    if path.suffix.lower() != ".usdz":
        depends_on(path.parent)
    bpy.ops.wm.usd_import(filepath=str(path), set_frame_range=True)
    for item in list(bpy.data.objects):
        if item.type == "EMPTY" and item.name.startswith("_materials") and not item.children:
            bpy.data.objects.remove(item)  # the place of the materials in the file


def read_alembic(path: Path) -> None:
    need("alembic_import", "Alembic")
    bpy.ops.wm.alembic_import(filepath=str(path), relative_path=False, set_frame_range=True, as_background_job=False)


def read_stl(path: Path) -> None:
    bpy.ops.wm.stl_import(filepath=str(path))


def read_ply(path: Path) -> None:
    bpy.ops.wm.ply_import(filepath=str(path))


def take_frames() -> bool:
    """Have the scene show all frames of what was imported. Returns whether anything moves."""
    scene, ranges = bpy.context.scene, [tuple(action.frame_range) for action in bpy.data.actions]
    if ranges:
        if bpy.data.cache_files:  # the importer has set their frames
            ranges.append((scene.frame_start, scene.frame_end))
        start = math.floor(min(start for start, _ in ranges))
        if start < 0:
            log(f"The frames before 0 are not in the file: the first one is {start}")
        scene.frame_start = max(0, start)
        scene.frame_end = max(scene.frame_start, math.ceil(max(end for _, end in ranges)))
    return bool(ranges or bpy.data.cache_files)


def tell_left_out(ending: str) -> None:
    """Tell the log which animations are not in the new file, as another one of the same thing plays."""
    users_of = bpy.data.user_map(subset=set(bpy.data.actions))
    if ending == ".glb":  # it takes those in NLA tracks, too, and all for one armature
        has_one_armature = sum(item.type == "ARMATURE" for item in bpy.data.objects) == 1
        left_out = [] if has_one_armature else [action.name for action, users in users_of.items() if not users]
    else:
        playing = {user.animation_data.action for users in users_of.values() for user in users if user.animation_data}
        left_out = [action.name for action in users_of if action not in playing]
    if left_out:
        log(f"The file has the animation that plays, and lacks {', '.join(sorted(left_out))}")


def to_gltf(path: Path, _objects: list[bpy.types.Object], _is_animated: bool) -> None:
    enable("io_scene_gltf2")
    for image in list(bpy.data.images):  # the exporter writes the numbers of floats as they are, which is too dark
        as_shown(image, replaces=True)
    bpy.ops.export_scene.gltf(
        filepath=str(path), export_format="GLB", use_selection=True, export_cameras=True, export_lights=True
    )


def to_fbx(path: Path, objects: list[bpy.types.Object], is_animated: bool) -> None:
    write_fbx(path, objects, animation=is_animated)


def to_usd(path: Path, objects: list[bpy.types.Object], is_animated: bool) -> None:
    need("usd_export", "USD")
    write_usd(path, objects, animation=is_animated)


def to_alembic(path: Path, _objects: list[bpy.types.Object], is_animated: bool) -> None:
    need("alembic_export", "Alembic")
    write_alembic(path, animation=is_animated)


def to_obj(path: Path, objects: list[bpy.types.Object], _is_animated: bool) -> None:
    image_files(objects, path.parent / f"{path.stem}_textures")
    bpy.ops.wm.obj_export(filepath=str(path), export_selected_objects=True, path_mode="RELATIVE")


def to_stl(path: Path, _objects: list[bpy.types.Object], _is_animated: bool) -> None:
    write_stl(path)


def to_ply(path: Path, objects: list[bpy.types.Object], _is_animated: bool) -> None:
    write_ply(path, objects[0])


READERS = {
    ".obj": read_obj,
    **dict.fromkeys((".gltf", ".glb"), read_gltf),
    ".fbx": read_fbx,
    **dict.fromkeys((".usd", ".usda", ".usdc", ".usdz"), read_usd),
    ".stl": read_stl,
    ".ply": read_ply,
    ".abc": read_alembic,
}
WRITERS = {
    ".glb": to_gltf,
    ".fbx": to_fbx,
    ".usdz": to_usd,
    ".obj": to_obj,
    ".stl": to_stl,
    ".ply": to_ply,
    ".abc": to_alembic,
}
