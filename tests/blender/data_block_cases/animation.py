"""Actions, drivers, NLA, armatures and their poses."""

from __future__ import annotations

import contextlib

import bpy

from . import case
from .meshes import grid, linked, mesh_object
from .variation import vary


def key(item: bpy.types.ID, path: str, *values: float, group: str = "") -> None:
    """Keyframes of a property, ten frames apart."""
    for number, value in enumerate(values):
        setattr(item, path, value)
        item.keyframe_insert(path, frame=1 + 10 * number, group=group)


def curves_of(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]


@case("Action")
def action_keyframes() -> bpy.types.ID:
    """Every interpolation, easing and handle; groups, modifiers, markers."""
    item = bpy.data.objects.new("Keyed", None)
    item.location = (0, 0, 0)
    for frame in range(40):
        item.location = (frame, frame % 7, 0.5 * frame)
        item.keyframe_insert("location", frame=frame, group="Place ä")
    key(item, "pass_index", 1, 5, 2)
    action = item.animation_data.action
    action.name = "Keyframes"
    point_type = bpy.types.Keyframe.bl_rna.properties
    for curve in curves_of(action):
        curve.color_mode, curve.color, curve.extrapolation = "CUSTOM", (0.1, 0.2, 0.3), "LINEAR"
        curve.mute, curve.lock, curve.auto_smoothing = curve.array_index == 1, False, "NONE"
        for number, point in enumerate(curve.keyframe_points):
            for name in ("interpolation", "easing", "type", "handle_left_type", "handle_right_type"):
                choices = [choice.identifier for choice in point_type[name].enum_items]
                setattr(point, name, choices[number % len(choices)])
            point.back, point.period, point.amplitude = 1.5, 0.25, 0.5
            if point.handle_left_type == "FREE":
                point.handle_left = (point.co.x - 1, 3)
    curve = curves_of(action)[0]
    for choice in bpy.types.FModifier.bl_rna.properties["type"].enum_items:
        with contextlib.suppress(RuntimeError, TypeError):
            modifier = curve.modifiers.new(choice.identifier)
            if modifier is None:
                continue
            vary(modifier, use_restricted_range=True)
            if choice.identifier == "ENVELOPE":
                modifier.control_points.add(5)
                # Assigning runs an update of Blender's that takes the point for its modifier and reads, at worst
                # writes, what lies behind it in memory: a crash, sooner or later.
                modifier.control_points.foreach_set("min", [-2.0])
            if choice.identifier == "GENERATOR":
                modifier.coefficients = range(2, 2 + len(modifier.coefficients))
    action.pose_markers.new("Marker ä").frame = 12
    action.use_frame_range, action.use_cyclic, action.frame_start, action.frame_end = True, True, 3, 33
    action["custom"] = "of an action"
    return action


@case("Action")
def action_sampled() -> bpy.types.ID:
    item = bpy.data.objects.new("Sampled", None)
    key(item, "pass_index", 1, 5, 2)
    action = item.animation_data.action
    action.name = "Sampled"
    curves_of(action)[0].convert_to_samples(1, 20)
    return action


@case("Action", since=(4, 4))
def action_layered() -> bpy.types.ID:
    """Slots of several kinds; one is bound to nothing."""
    action = bpy.data.actions.new("Layered")
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    for kind, path in (("OBJECT", "location"), ("MATERIAL", "diffuse_color"), ("CAMERA", "lens")):
        slot = action.slots.new(kind, f"Slot {kind} ä")
        bag = strip.channelbag(slot, ensure=True)
        for index in range(3 if path != "lens" else 1):
            curve = bag.fcurves.new(path, index=index)
            curve.keyframe_points.insert(1, index)
            curve.keyframe_points.insert(20, index + 5)
        bag.groups.new("Group")
    action.slots.active = action.slots[1]
    return action


@case("Object")
def object_animated() -> bpy.types.ID:
    item = linked(bpy.data.objects.new("Animated", None))
    key(item, "location", (0, 0, 0), (1, 2, 3))
    key(item, "hide_viewport", False, True)
    data = item.animation_data
    data.action_extrapolation, data.action_blend_type, data.action_influence = "NOTHING", "ADD", 0.5
    return item


@case("Object", since=(4, 4))
def objects_of_one_action() -> bpy.types.ID:
    """Two objects, each with its own slot of one action."""
    first, second = linked(bpy.data.objects.new("First", None)), linked(bpy.data.objects.new("Second", None))
    key(first, "location", (0, 0, 0), (1, 1, 1))
    second.animation_data_create().action = first.animation_data.action
    second.animation_data.action_slot = first.animation_data.action.slots.new("OBJECT", "Second")
    key(second, "rotation_euler", (0, 0, 0), (1, 1, 1))
    first.parent = second
    return first


@case("Object")
def object_nla() -> bpy.types.ID:
    item = linked(bpy.data.objects.new("NLA", None))
    key(item, "location", (0, 0, 0), (1, 2, 3))
    action = item.animation_data.action
    item.animation_data.action = None
    for number in range(2):
        track = item.animation_data.nla_tracks.new()
        track.name, track.mute, track.lock = f"Track {number} ä", number == 1, number == 0
        strip = track.strips.new(f"Strip {number}", 5 + 30 * number, action)
        strip.blend_type, strip.extrapolation, strip.scale, strip.repeat = "ADD", "HOLD_FORWARD", 1.5, 2
        strip.use_auto_blend, strip.blend_in, strip.blend_out, strip.use_reverse = False, 2, 3, number == 1
        strip.use_animated_influence, strip.influence = True, 0.25
        strip.fcurves.find("influence").keyframe_points.insert(5, 0.5)
    item.animation_data.use_nla = False
    return item


@case("Object")
def object_drivers() -> bpy.types.ID:
    item, other = mesh_object("Driven"), linked(bpy.data.objects.new("Driver", None))
    rig = armature_object("Driver rig")
    other.location.x, other["amount"] = 2.5, 0.75
    for index, kind in enumerate(("SCRIPTED", "SUM", "MAX")):
        driver = item.driver_add("location", index).driver
        driver.type, driver.expression = kind, "single + frame * 0" if kind == "SCRIPTED" else ""
        for name, variable_type in (("single", "SINGLE_PROP"), ("move", "TRANSFORMS"), ("far", "LOC_DIFF")):
            variable = driver.variables.new()
            variable.name, variable.type = name, variable_type
            for target in variable.targets:
                target.id = other
                if variable_type == "SINGLE_PROP":
                    target.data_path = '["amount"]'
                elif variable_type == "TRANSFORMS":
                    target.id, target.bone_target = rig, "Root"
                    target.transform_type, target.transform_space, target.rotation_mode = "ROT_Z", "LOCAL_SPACE", "XYZ"
        driver.use_self = False
    curve = item.driver_add("hide_render")
    curve.driver.expression = "0"
    curve.keyframe_points.insert(0, 0.5)
    curve.mute = True
    context = item.driver_add("pass_index").driver
    variable = context.variables.new()
    variable.type = "CONTEXT_PROP"
    variable.targets[0].data_path = "frame_current"
    variable.targets[0].use_fallback_value, variable.targets[0].fallback_value = True, 3
    context.expression = "3"
    return item


@case("Object")
def object_with_motion_path() -> bpy.types.ID:
    item = linked(bpy.data.objects.new("Moving", None))
    key(item, "location", (0, 0, 0), (5, 0, 0))
    layer = bpy.context.view_layer
    layer.update()
    layer.objects.active = item
    item.select_set(True)
    item.animation_visualization.motion_path.frame_end = 12
    with bpy.context.temp_override(object=item, active_object=item, selected_editable_objects=[item]):
        bpy.ops.object.paths_calculate()
    assert item.motion_path is not None
    return item


# Armatures


def add_bones(armature: bpy.types.Object, count: int = 4) -> None:
    """A chain of bones and one beside it."""
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    edit_bones = armature.data.edit_bones
    root = edit_bones.new("Root")
    root.head, root.tail = (0, 0, 0), (0, 0, 1)
    parent = root
    for number in range(1, count):
        bone = edit_bones.new(f"Bone {number} ä")
        bone.head, bone.tail, bone.roll = parent.tail, (0.1 * number, 0, number + 1), 0.2 * number
        bone.parent, bone.use_connect = parent, number % 2 == 1
        parent = bone
    beside = edit_bones.new("Beside")
    beside.head, beside.tail, beside.use_deform = (2, 0, 0), (2, 0, 1), False
    bpy.ops.object.mode_set(mode="OBJECT")


def armature_object(name: str) -> bpy.types.Object:
    item = linked(bpy.data.objects.new(name, bpy.data.armatures.new(name)))
    add_bones(item)
    return item


@case("Armature")
def armature_bones() -> bpy.types.ID:
    item = armature_object("Bones")
    armature = item.data
    for bone in armature.bones:
        vary(bone, 0)
        bone["custom"] = f"of {bone.name}"
        bone.bbone_segments, bone.bbone_curveinx, bone.inherit_scale = 4, 0.25, "ALIGNED"
        if hasattr(bone, "color"):
            bone.color.palette = "CUSTOM"
            bone.color.custom.normal = (0.1, 0.2, 0.3)
    if hasattr(armature, "collections"):
        first, second = armature.collections.new("First ä"), armature.collections.new("Second")
        first.assign(armature.bones[0])
        second.assign(armature.bones[1])
        inner = armature.collections.new("Inner", parent=first)
        inner.assign(armature.bones[2])
        first.is_visible, second.is_solo, inner["custom"] = False, True, 3
        armature.collections.active = second
    armature.display_type, armature.show_names, armature.pose_position = "BBONE", True, "REST"
    armature.axes_position, armature.show_axes = 0.5, True
    armature.bones.active = armature.bones[1]
    return armature


@case("Object")
def object_pose() -> bpy.types.ID:
    """Poses, constraints, custom shapes, keyframes and drivers of bones."""
    item = armature_object("Pose")
    shape = linked(bpy.data.objects.new("Shape", grid("Shape", 2)))
    item.pose.use_auto_ik = item.pose.use_mirror_x = item.pose.use_mirror_relative = True
    for number, bone in enumerate(item.pose.bones):
        bone.location, bone.rotation_mode, bone.scale = (0.1, 0.2 * number, 0), "XYZ", (1, 1 + number, 1)
        bone.rotation_euler, bone.rotation_quaternion = (0.1, 0.2, 0.3), (0.5, 0.5, 0.5, 0.5)
        bone.lock_location, bone.lock_ik_x, bone.use_ik_limit_x = (True, False, True), True, True
        bone.ik_stretch, bone.ik_min_x, bone.ik_stiffness_z = 0.25, -0.5, 0.75
        bone.custom_shape, bone.custom_shape_scale_xyz = shape, (1, 2, 3)
        bone.custom_shape_translation, bone.use_custom_shape_bone_size = (0.1, 0, 0), False
        bone.custom_shape_transform = item.pose.bones[0]
        bone["custom"] = number / 2
        bone.id_properties_ui("custom").update(min=0.0, max=3.0, soft_max=2.0, description="Half a number")
        if hasattr(bone, "color"):
            bone.color.palette = "THEME03"
    end = item.pose.bones["Bone 3 ä"]
    inverse = end.constraints.new("IK")
    inverse.target, inverse.chain_count, inverse.pole_target = shape, 2, shape
    copy = end.constraints.new("COPY_ROTATION")
    copy.target, copy.subtarget, copy.influence, copy.mute = item, "Root", 0.5, True
    child = end.constraints.new("CHILD_OF")
    child.target, child.subtarget = item, "Beside"
    child.inverse_matrix[0][3] = 2.5
    end.keyframe_insert("location", frame=1)
    end.keyframe_insert('["custom"]', frame=5)
    item.pose.bones["Root"].driver_add("location", 0).driver.expression = "0.5"
    item.pose.ik_solver = "ITASC"
    return item


@case("Object")
def object_skinned() -> bpy.types.ID:
    """A mesh with its rig: modifier, vertex groups, parent of type bone."""
    item, rig = mesh_object("Skinned"), armature_object("Rig")
    for bone in rig.data.bones:
        item.vertex_groups.new(name=bone.name).add(list(range(8)), 0.5, "REPLACE")
    modifier = item.modifiers.new("Armature", "ARMATURE")
    modifier.object, modifier.use_deform_preserve_volume, modifier.vertex_group = rig, True, "Root"
    item.parent = rig
    hat = linked(bpy.data.objects.new("Hat", None))
    hat.parent, hat.parent_type, hat.parent_bone = rig, "BONE", "Bone 1 ä"
    item["hat"] = hat
    return item
