"""Curves, surfaces, texts, metaballs, lattices, hair and point clouds."""

from __future__ import annotations

import bpy

from . import case
from .meshes import add_attributes, add_shape_keys, linked
from .variation import vary


def new_curve(name: str, curve_type: str = "CURVE") -> bpy.types.Curve:
    curve = bpy.data.curves.new(name, curve_type)
    curve.dimensions = "3D"
    return curve


def add_bezier(curve: bpy.types.Curve, count: int = 4) -> bpy.types.Spline:
    spline = curve.splines.new("BEZIER")
    spline.bezier_points.add(count - 1)
    handles = ("FREE", "VECTOR", "ALIGNED", "AUTO")
    for index, point in enumerate(spline.bezier_points):
        point.handle_left_type = point.handle_right_type = handles[index % 4]
        point.co = (index, index % 2, 0.5 * index)
        point.handle_left, point.handle_right = (index - 0.3, 0, 0), (index + 0.4, 1, 0)
        point.tilt, point.radius, point.weight_softbody = 0.1 * index, 1 + index, 0.25
        point.hide, point.select_control_point = index == 2, index == 1
    return spline


def add_points(curve: bpy.types.Curve, spline_type: str, count: int = 5) -> bpy.types.Spline:
    spline = curve.splines.new(spline_type)
    spline.points.add(count - 1)
    for index, point in enumerate(spline.points):
        point.co = (index, index % 2, index % 3, 1 + index / 10)
        point.tilt, point.radius, point.weight_softbody = 0.1 * index, 2 - index / 10, 0.5
    return spline


@case("Curve")
def curve_splines() -> bpy.types.ID:
    curve = new_curve("Splines")
    for index in range(2):
        curve.materials.append(bpy.data.materials.new(f"Spline {index}"))
    bezier = add_bezier(curve)
    bezier.use_cyclic_u, bezier.resolution_u, bezier.tilt_interpolation = True, 7, "BSPLINE"
    nurbs = add_points(curve, "NURBS")
    nurbs.order_u, nurbs.use_endpoint_u, nurbs.material_index = 3, True, 1
    poly = add_points(curve, "POLY")
    poly.use_smooth, poly.hide = False, False
    return curve


@case("Curve")
def curve_long() -> bpy.types.ID:
    curve = new_curve("Long")
    add_points(curve, "POLY", 1000)
    add_bezier(curve, 500)
    return curve


@case("Curve")
def curve_settings() -> bpy.types.ID:
    curve = new_curve("Curve settings")
    add_bezier(curve)
    vary(curve, dimensions="3D", bevel_resolution=2, resolution_u=5, resolution_v=3, twist_mode="TANGENT")
    return curve


@case("Curve")
def curve_bevel_and_taper() -> bpy.types.ID:
    curve = new_curve("Bevelled")
    add_bezier(curve)
    bevel, taper = (bpy.data.objects.new(name, new_curve(name)) for name in ("Bevel", "Taper"))
    add_bezier(bevel.data)
    add_points(taper.data, "POLY")
    curve.bevel_mode, curve.bevel_object, curve.taper_object = "OBJECT", bevel, taper
    curve.bevel_factor_start, curve.bevel_factor_end = 0.25, 0.75
    curve.bevel_factor_mapping_start, curve.taper_radius_mode = "SPLINE", "ADD"
    curve.use_fill_caps, curve.use_map_taper = True, True
    return curve


@case("Curve")
def curve_bevel_profile() -> bpy.types.ID:
    curve = new_curve("Profile")
    add_bezier(curve)
    curve.bevel_mode, curve.bevel_depth = "PROFILE", 0.25
    curve.bevel_profile.points.add(0.25, 0.6)
    curve.bevel_profile.update()
    return curve


@case("Curve")
def curve_path_animated() -> bpy.types.ID:
    curve = new_curve("Path")
    add_points(curve, "NURBS")
    curve.use_path, curve.path_duration, curve.use_path_follow = True, 50, True
    curve.eval_time = 1
    curve.keyframe_insert("eval_time", frame=1)
    curve.eval_time = 50
    curve.keyframe_insert("eval_time", frame=100)
    return curve


@case("Object")
def object_curve_with_shape_keys() -> bpy.types.ID:
    curve = new_curve("Curve keys")
    add_bezier(curve)
    add_points(curve, "POLY")
    item = linked(bpy.data.objects.new("Curve keys", curve))
    item.shape_key_add(name="Basis")
    curve.shape_keys.name = "Keys of Curve keys"
    block = item.shape_key_add(name="Bent", from_mix=False)
    for index, point in enumerate(block.data):
        point.co.z += index
        point.tilt, point.radius = 0.25, 1.5
    block.value = 0.5
    return item


@case("Curve")
def surface() -> bpy.types.ID:
    curve = new_curve("Surface", "SURFACE")
    for row in range(4):
        spline = curve.splines.new("NURBS")
        spline.points.add(3)
        for index, point in enumerate(spline.points):
            point.co, point.select = (index, row, (index * row) % 3, 1), True
    for spline in curve.splines:
        spline.order_u, spline.order_v, spline.use_endpoint_u, spline.use_endpoint_v = 4, 4, True, True
    curve.resolution_v, curve.render_resolution_v = 6, 8
    return curve


@case("Curve")
def text_curve() -> bpy.types.ID:
    curve = bpy.data.curves.new("Words", "FONT")
    curve.body = "Wörter und 節点\nin two lines"
    for index, character in enumerate(curve.body_format):
        character.use_bold, character.use_italic = index % 2 == 0, index % 3 == 0
        character.use_underline, character.use_small_caps = index % 5 == 0, index % 7 == 0
        character.kerning, character.material_index = index / 10, 0
    curve.align_x, curve.align_y, curve.overflow = "CENTER", "TOP", "SCALE"
    curve.size, curve.shear, curve.space_character, curve.space_word, curve.space_line = 2, 0.25, 1.5, 2, 1.25
    curve.extrude, curve.bevel_depth, curve.offset_x, curve.offset_y = 0.1, 0.02, 1, 2
    curve.small_caps_scale, curve.underline_position, curve.underline_height = 0.5, 0.1, 0.2
    box = curve.text_boxes[0]
    box.x, box.y, box.width, box.height = 1, 2, 30, 4
    curve.follow_curve = bpy.data.objects.new("Follow", new_curve("Follow"))
    add_bezier(curve.follow_curve.data)
    return curve


@case("MetaBall")
def metaball() -> bpy.types.ID:
    ball = bpy.data.metaballs.new("Balls")
    for index, element_type in enumerate(("BALL", "CAPSULE", "PLANE", "ELLIPSOID", "CUBE")):
        element = ball.elements.new(type=element_type)
        element.co, element.radius, element.stiffness = (index, 0, 0), 1 + index / 10, 3
        element.use_negative, element.hide = index == 1, index == 2
        element.size_x, element.size_y, element.size_z = 1, 2, 3
        element.rotation = (0.5, 0.5, 0.5, 0.5)
    ball.resolution, ball.render_resolution, ball.threshold, ball.update_method = 0.3, 0.1, 0.4, "NEVER"
    ball.materials.append(bpy.data.materials.new("Ball"))
    return ball


@case("Object")
def object_lattice() -> bpy.types.ID:
    lattice = bpy.data.lattices.new("Lattice")
    lattice.points_u, lattice.points_v, lattice.points_w = 3, 4, 2
    lattice.interpolation_type_u, lattice.interpolation_type_v = "KEY_LINEAR", "KEY_CARDINAL"
    lattice.use_outside, lattice.vertex_group = True, "Group"
    for index, point in enumerate(lattice.points):
        point.co_deform.z += index / 10
        point.weight_softbody = 0.5
    item = linked(bpy.data.objects.new("Lattice", lattice))
    item.vertex_groups.new(name="Group").add([0, 5], 0.75, "REPLACE")
    add_shape_keys(item)
    return item


@case("Lattice")
def lattice_plain() -> bpy.types.ID:
    lattice = bpy.data.lattices.new("Plain lattice")
    lattice.points_u = 5
    return lattice


@case("Curves")
def hair_curves() -> bpy.types.ID:
    curves = bpy.data.hair_curves.new("Hair")
    curves.add_curves([4, 5, 30])
    add_attributes(curves, ("POINT", "CURVE"))
    for index, point in enumerate(curves.points):
        point.position, point.radius = (index, index % 3, 1), 0.01 * index
    curves.surface = linked(bpy.data.objects.new("Scalp", bpy.data.meshes.new("Scalp")))
    curves.surface_uv_map = "UVMap"
    curves.materials.append(bpy.data.materials.new("Hair"))
    curves.use_mirror_x = True
    return curves


@case("PointCloud")
def point_cloud() -> bpy.types.ID:
    cloud = bpy.data.pointclouds.new("Points")
    if hasattr(cloud, "resize"):
        cloud.resize(50)
    if "position" not in cloud.attributes:
        cloud.attributes.new("position", "FLOAT_VECTOR", "POINT")
    add_attributes(cloud, ("POINT",))
    cloud.materials.append(bpy.data.materials.new("Point"))
    return cloud
