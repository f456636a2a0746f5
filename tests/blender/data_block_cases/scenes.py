"""Collections and scenes."""

from __future__ import annotations

import contextlib
import warnings

import bpy

from . import case
from .meshes import grid, mesh_object
from .nodes import add_every_node
from .variation import vary


@case("Collection")
def collection_nested() -> bpy.types.ID:
    """Collections in collections, an object in two of them, another that shows one."""
    root = bpy.data.collections.new("Root")
    shared = mesh_object("Shared")
    for number in range(3):
        child = bpy.data.collections.new(f"Child {number} ä")
        child.hide_render, child.hide_select, child.color_tag = number == 1, number == 2, f"COLOR_0{number + 1}"
        child.instance_offset, child["custom"] = (number, 0, 0), [number]
        child.objects.link(shared)
        child.objects.link(bpy.data.objects.new(f"In {number}", grid(f"In {number}")))
        root.children.link(child)
        child.children.link(bpy.data.collections.new(f"Grandchild {number}"))
    shower = bpy.data.objects.new("Shower", None)
    shower.instance_type, shower.instance_collection = "COLLECTION", root.children[0]
    root.objects.link(shower)
    if hasattr(root, "lineart_usage"):
        root.lineart_usage, root.lineart_use_intersection_mask = "OCCLUSION_ONLY", True
    return root


@case("Collection")
def collection_exporters() -> bpy.types.ID:
    collection = bpy.data.collections.new("Exported")
    collection.objects.link(mesh_object("Exported"))
    with contextlib.suppress(AttributeError, RuntimeError, TypeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what exporters warn of as they are registered
        bpy.context.scene.collection.children.link(collection)
        with bpy.context.temp_override(collection=collection):
            for handler in ("IO_FH_gltf2", "IO_FH_usd", "IO_FH_obj", "IO_FH_stl"):
                bpy.ops.collection.exporter_add(name=handler)
        for exporter in collection.exporters:
            exporter.export_properties.filepath = "//out.file"
    return collection


@case("Collection")
def collection_empty() -> bpy.types.ID:
    return bpy.data.collections.new("Empty collection")


@case("Scene")
def scene_with_content() -> bpy.types.ID:
    scene = bpy.data.scenes.new("Stage")
    camera = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
    inner = bpy.data.collections.new("Set")
    inner.objects.link(bpy.data.objects.new("Prop", grid("Prop")))
    scene.collection.children.link(inner)
    scene.collection.objects.link(camera)
    scene.camera, scene.world = camera, bpy.data.worlds.new("Sky")
    scene.frame_start, scene.frame_end, scene.frame_current, scene.frame_step = 10, 90, 33, 2
    marker = scene.timeline_markers.new("Marker ä", frame=20)
    marker.camera = camera
    layer = scene.view_layers.new("Second")
    layer.layer_collection.children["Set"].exclude = True
    layer.use_pass_z, layer.use_pass_normal, layer.samples = True, True, 7
    layer.lightgroups.add(name="Lamps")
    layer.aovs.add().name = "Heat"
    layer["custom"] = 1
    scene["custom"] = {"deep": [1, 2]}
    scene.keyframe_insert("gravity", frame=5)
    keying = scene.keying_sets.new(idname="Own", name="Own")
    keying.paths.add(camera, "location")
    scene.transform_orientation_slots[0].type = "LOCAL"
    scene.cursor.location = (1, 2, 3)
    return scene


@case("Scene")
def scene_settings() -> bpy.types.ID:
    scene = bpy.data.scenes.new("Scene settings")
    for name in ("render", "cycles", "eevee", "display", "unit_settings", "view_settings"):
        with contextlib.suppress(AttributeError):
            vary(getattr(scene, name), 1)
    scene.tool_settings.use_snap, scene.tool_settings.double_threshold = True, 0.25
    scene.render.engine = "CYCLES"
    scene.render.filepath = "//out/"
    scene.unit_settings.system, scene.unit_settings.length_unit = "IMPERIAL", "FEET"
    return scene


@case("Scene", since=(5, 0))
def scene_compositing() -> bpy.types.ID:
    scene = bpy.data.scenes.new("Compositing")
    tree = scene.compositing_node_group = bpy.data.node_groups.new("Of a scene", "CompositorNodeTree")
    add_every_node(tree, "CompositorNode")
    return scene


@case("Scene")
def scene_sequence() -> bpy.types.ID:
    scene = bpy.data.scenes.new("Sequence")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    length = {"length": 30} if bpy.app.version >= (5, 0, 0) else {"frame_end": 40}
    for number, kind in enumerate(("COLOR", "TEXT", "ADJUSTMENT")):
        strip = strips.new_effect(f"{kind} ä", kind, number + 1, 10 * (number + 1), **length)
        strip.blend_alpha, strip.mute, strip.color_tag = 0.5, number == 2, "COLOR_01"
        if kind == "COLOR":
            strip.color = (0.1, 0.2, 0.3)
            if bpy.app.version[:2] != (5, 0):  # there a new modifier of a scene that no window shows is a crash
                vary(strip.modifiers.new("Balance", "COLOR_BALANCE"))
                vary(strip.modifiers.new("Curves", "CURVES"))
        if kind == "TEXT":
            strip.text, strip.font_size = "Wörter", 33
    editor.active_strip = strip
    editor.show_overlay_frame, editor.use_overlay_frame_lock, editor.overlay_frame = True, True, 7
    return scene


@case("Scene")
def scene_rigid_body_world() -> bpy.types.ID:
    scene = bpy.data.scenes.new("Rigid")
    with bpy.context.temp_override(scene=scene):
        bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.time_scale, scene.rigidbody_world.substeps_per_frame = 0.5, 20
    scene.rigidbody_world.collection = bpy.data.collections.new("Bodies")
    scene.rigidbody_world.collection.objects.link(bpy.data.objects.new("Body", grid("Body")))
    return scene
