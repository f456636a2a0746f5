# SPDX-License-Identifier: GPL-3.0-or-later
"""What was selected for export is written by Blender's exporters, with what other programs want of each format."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import addon_utils
import bpy

from .model_files import image_files


def write_fbx(
    path: Path,
    objects: Iterable[bpy.types.Object],
    *,
    apply_modifiers: bool = True,
    animation: bool = True,
    triangulate: bool = False,
    apply_rotation: bool = False,
) -> None:
    """As `script.write_fbx`."""
    if not addon_utils.check("io_scene_fbx")[1]:
        addon_utils.enable("io_scene_fbx")
    found = list(objects)
    takes_strips = animation and _has_strips(found)
    with tempfile.TemporaryDirectory() as images:
        image_files(found, Path(images))
        bpy.ops.export_scene.fbx(
            filepath=str(path),
            use_selection=True,
            apply_scale_options="FBX_SCALE_UNITS",  # else engines scale each object by 100
            bake_space_transform=apply_rotation,
            use_mesh_modifiers=apply_modifiers,
            use_triangles=triangulate,
            mesh_smooth_type="FACE",
            use_custom_props=True,
            add_leaf_bones=False,  # bones that nobody made
            bake_anim=animation,
            bake_anim_use_nla_strips=takes_strips,  # with this, what is no strip is left out without a word
            bake_anim_use_all_actions=False,  # it would give each armature the actions of all others
            path_mode="COPY",
            embed_textures=True,
        )
    content, depsgraph = path.read_bytes(), bpy.context.evaluated_depsgraph_get()
    meshes = [item for item in found if item.type == "MESH"]
    wanted = [item for item in meshes if (item.evaluated_get(depsgraph) if apply_modifiers else item).data.polygons]
    missing = [item.name for item in wanted if item.name.encode() + b"\x00\x01Model" not in content]
    if missing:
        raise RuntimeError(f"Blender left out {', '.join(missing)}; the log may tell why")


def _has_strips(objects: list[bpy.types.Object]) -> bool:
    """Whether NLA strips play on one of them. Then each action that they use becomes a strip, too."""
    animated = [item.animation_data for item in objects if item.animation_data]
    for each in (each for each in animated if not each.use_nla):
        for track in each.nla_tracks:
            track.mute = True
        each.use_nla = True  # what becomes a strip shall play
    tracks = [track for each in animated for track in each.nla_tracks if not track.mute]
    if all(strip.mute for track in tracks for strip in track.strips):
        return False
    for each in (each for each in animated if each.action):
        action = each.action
        strip = each.nla_tracks.new().strips.new(action.name, math.floor(action.frame_range[0]), action)
        if hasattr(strip, "action_slot"):  # from Blender 4.4 on
            strip.action_slot = each.action_slot
        each.action = None
    return True


def write_usd(
    path: Path,
    objects: Iterable[bpy.types.Object],
    *,
    animation: bool = False,
    materials: bool = True,
    triangulate: bool = False,
    up: str = "Z",
) -> None:
    """As `script.write_usd`."""
    found = list(objects)
    with tempfile.TemporaryDirectory() as folder:
        if materials:  # an archive takes the images in
            images = Path(folder) if path.suffix.lower() == ".usdz" else path.parent
            image_files(found, images / f"{path.stem}_textures")
        _note_names(found)
        # Blender before 4.3 calls this otherwise: images are not to be copied again, they are beside the file.
        has_mode = "export_textures_mode" in bpy.ops.wm.usd_export.get_rna_type().properties
        copying = {"export_textures_mode": "KEEP"} if has_mode else {"export_textures": False}
        bpy.ops.wm.usd_export(
            filepath=str(path),
            selected_objects_only=True,
            export_animation=animation,
            export_materials=materials,
            triangulate_meshes=triangulate,
            convert_orientation=up == "Y",
            relative_paths=True,
            evaluation_mode="VIEWPORT",
            export_subdivision="TESSELLATE",
            **copying,
        )


def _note_names(objects: list[bpy.types.Object]) -> None:
    """Note names that USD can't hold as they are, for *Import USD*. Blender's importer does not read its own notes."""
    materials = [slot.material for item in objects for slot in item.material_slots if slot.material]
    for block in (*objects, *(item.data for item in objects if item.data), *materials):
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", block.name):
            block["blender_name"] = block.name


def write_alembic(path: Path, *, animation: bool = True, triangulate: bool = False, scale: float = 1.0) -> None:
    """As `script.write_alembic`."""
    scene = bpy.context.scene
    bpy.ops.wm.alembic_export(
        filepath=str(path),
        start=scene.frame_start if animation else scene.frame_current,
        end=scene.frame_end if animation else scene.frame_current,
        selected=True,
        uvs=True,
        normals=True,
        vcolors=True,
        face_sets=True,
        evaluation_mode="VIEWPORT",
        apply_subdiv=True,
        triangulate=triangulate,
        global_scale=scale,
        as_background_job=False,
    )


def write_stl(
    path: Path, *, apply_modifiers: bool = True, up: str = "Z", scale: float = 1.0, as_text: bool = False
) -> None:
    """As `script.write_stl`."""
    bpy.ops.wm.stl_export(
        filepath=str(path),
        export_selected_objects=True,
        apply_modifiers=apply_modifiers,
        forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
        up_axis=up,
        global_scale=scale,
        ascii_format=as_text,
    )
    with path.open("rb") as file:
        start = file.read(200)
    has_faces = b"facet" in start if start.startswith(b"solid") else int.from_bytes(start[80:84], "little") > 0
    if not has_faces:
        names = ", ".join(item.name for item in bpy.context.selected_objects)
        raise ValueError(f"Nothing of {names} goes into an STL file: it holds faces alone; link objects with faces")


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
) -> list[tuple[str, str]]:
    """As `script.write_ply`. Returns the names that have others in the file, with these."""
    renamed = []
    for layer in (*mesh.vertex_groups, *mesh.data.attributes):
        word = "_".join(layer.name.split())
        name = layer.name
        if word != name and not getattr(layer, "is_internal", False):
            layer.name = word
            renamed.append((name, layer.name))  # with a number, if another one has that word
    bpy.ops.wm.ply_export(
        filepath=str(path),
        export_selected_objects=True,
        apply_modifiers=apply_modifiers,
        export_triangulated_mesh=triangulate,
        export_normals=True,
        export_colors=colors.upper(),
        forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
        up_axis=up,
        global_scale=scale,
        ascii_format=as_text,
    )
    return renamed
