# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of RNA that a fingerprint leaves out, by the type that has them, and why.

All else counts, what RNA calls read-only too: an operator can change it. An entry here must be sure: what is left out
and changes all the same never comes home.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy
import numpy

#: They are of this session or of the file that is open, not of the data-block.
_SESSION: Mapping[str, frozenset[str]] = {
    "ActionConstraint": frozenset({"action_suitable_slots"}),
    "AnimData": frozenset({"action_suitable_slots"}),
    "Attribute": frozenset({"storage_type"}),
    # Blender sets it as it appends, and no script can.
    **dict.fromkeys(
        ("CameraBackgroundImage", "Constraint", "GpencilModifier", "Modifier", "NlaTrack"),
        frozenset({"is_override_data"}),
    ),
    "ID": frozenset(
        {
            "is_evaluated",
            "is_library_indirect",
            "is_runtime_data",
            "library_weak_reference",
            "name_full",
            "original",
            "preview",
            "session_uid",
            "tag",
            "users",
        }
    ),
    "Material": frozenset({"texture_paint_images", "texture_paint_slots"}),
    "Mesh": frozenset({"total_edge_sel", "total_face_sel", "total_vert_sel"}),
    "Node": frozenset({"dimensions"}),
    "NlaStrip": frozenset({"action_suitable_slots"}),
    "NodeTree": frozenset({"view_center"}),
    "Text": frozenset(
        {
            "current_character",
            "current_line",
            "current_line_index",
            "is_modified",
            "select_end_character",
            "select_end_line",
            "select_end_line_index",
        }
    ),
}
#: What evaluation makes of the rest.
_EVALUATED: Mapping[str, frozenset[str]] = {
    "ClothModifier": frozenset({"hair_grid_max", "hair_grid_min", "hair_grid_resolution", "solver_result"}),
    "Constraint": frozenset({"error_location", "error_rotation", "is_valid"}),
    "DecimateModifier": frozenset({"face_count"}),
    "Driver": frozenset({"is_simple_expression", "is_valid"}),
    "DriverTarget": frozenset({"is_fallback_used"}),
    "DriverVariable": frozenset({"is_name_valid"}),
    "FCurve": frozenset({"is_valid"}),
    "FModifier": frozenset({"is_valid"}),
    "FluidDomainSettings": frozenset(
        {
            "cell_size",
            "color_grid",
            "density_grid",
            "domain_resolution",
            "flame_grid",
            "heat_grid",
            "start_point",
            "temperature_grid",
            "velocity_grid",
        }
    ),
    "Modifier": frozenset({"execution_time"}),
    "NodesModifier": frozenset({"node_warnings"}),
    "Object": frozenset({"bound_box", "dimensions", "matrix_local", "matrix_world"}),
    "ParticleSystem": frozenset({"child_particles", "dt_frac"}),
    "PointCache": frozenset({"info", "is_baking", "is_frame_skip", "is_outdated"}),
    "PointCacheItem": frozenset({"info", "is_baking", "is_frame_skip", "is_outdated"}),
    "PoseBone": frozenset({"head", "is_in_ik_chain", "length", "matrix", "matrix_channel", "tail"}),
}
#: What the files say that data-blocks name. To ask an image is to read and decode its file; no .blend holds the answer.
_FILES: Mapping[str, frozenset[str]] = {
    "Image": frozenset(
        {
            "channels",
            "depth",
            "file_format",
            "frame_duration",
            "has_data",
            "is_float",
            "is_multiview",
            "is_stereo_3d",
            "pixels",  # unsaved ones are read apart
            "resolution",
            "size",
            "type",
        }
    ),
    "MovieClip": frozenset({"fps", "frame_duration", "size"}),
    "Sound": frozenset({"channels", "samplerate"}),
    "UDIMTile": frozenset({"channels", "size"}),
}
#: Other views on what is read already, or follows from it. On a mesh's attributes they are ten times slower; what they
#: alone show of a mesh is read apart.
_VIEWS: Mapping[str, frozenset[str]] = {
    "Bone": frozenset({"children"}),  # and so from each bone to the next, deeper than Python can go
    "Collection": frozenset({"all_objects"}),
    "Curves": frozenset({"color_attributes", "normals"}),
    "GreasePencil": frozenset({"color_attributes"}),
    "GreasePencilDrawing": frozenset({"color_attributes"}),
    "GreasePencilv3": frozenset({"color_attributes"}),
    "Light": frozenset({"temperature_color"}),
    "MaterialSlot": frozenset({"name"}),
    "Mesh": frozenset(
        {
            "color_attributes",
            "corner_normals",
            "edges",
            "loop_triangle_polygons",
            "loop_triangles",
            "loops",
            "normals_domain",
            "polygon_normals",
            "polygons",
            "uv_layer_clone",
            "uv_layer_stencil",
            "uv_layers",
            "vertex_colors",
            "vertex_normals",
            "vertices",
        }
    ),
    "Node": frozenset({"color_tag", "internal_links", "location_absolute", "type"}),
    "NodeLink": frozenset({"is_hidden"}),
    "NodeSocket": frozenset(
        {
            "inferred_structure_type",
            "is_icon_visible",
            "is_inactive",
            "is_linked",
            "is_multi_input",
            "is_output",
            "is_unavailable",
            "node",
            "select",
        }
    ),
    "PointCloud": frozenset({"color_attributes"}),
    "PoseBone": frozenset({"child"}),
    "ShapeKey": frozenset({"points"}),  # of its `data`
    "Text": frozenset({"lines"}),  # read apart
}
_TABLES = (_SESSION, _EVALUATED, _FILES, _VIEWS)
#: Where an object is and how it is shown: what an artist arranges.
ARRANGEMENT = (
    "location",
    "rotation_mode",
    "rotation_euler",
    "rotation_quaternion",
    "rotation_axis_angle",
    "scale",
    "delta_location",
    "delta_rotation_euler",
    "delta_rotation_quaternion",
    "delta_scale",
    "parent",
    "parent_type",
    "parent_bone",
    "parent_vertices",
    "matrix_parent_inverse",
    "use_parent_final_indices",
    "hide_viewport",
    "hide_render",
    "hide_select",
    "color",
    "display_type",
    "show_all_edges",
    "show_axis",
    "show_bounds",
    "show_in_front",
    "show_name",
    "show_texture_space",
    "show_transparent",
    "show_wire",
    "lock_location",
    "lock_rotation",
    "lock_rotation_w",
    "lock_rotations_4d",
    "lock_scale",
)
#: What changes when an artist only looks at a result, or arranges it; or when Blender reads a file.
_ARRANGED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "AttributeGroup",
            "AttributeGroupCurves",
            "AttributeGroupGreasePencil",
            "AttributeGroupGreasePencilDrawing",
            "AttributeGroupMesh",
            "AttributeGroupPointCloud",
        ),
        frozenset({"active", "active_color", "active_color_index", "active_index", "render_color_index"}),
    ),
    "BoneCollections": frozenset({"active", "active_index", "active_name"}),
    "Constraint": frozenset({"active", "show_expanded"}),
    "ID": frozenset({"asset_data", "is_editable", "is_missing", "use_extra_user", "use_fake_user"}),
    "Mesh": frozenset({"use_auto_texspace"}),
    "Modifier": frozenset({"is_active", "show_expanded"}),
    "CurveSplines": frozenset({"active"}),
    "Node": frozenset({"show_options", "show_preview"}),
    "NodeTree": frozenset({"active_input", "active_output"}),
    "Object": frozenset(
        {
            "active_material",
            "active_material_index",
            "active_shape_key_index",
            "matrix_basis",
            "mode",
            *ARRANGEMENT,
        }
    ),
    "ParticleSettings": frozenset({"trail_count"}),
}
#: What is selected within a result; for attributes, how their names begin.
_SELECTION = frozenset(
    {
        "select",
        "select_control_point",
        "select_head",
        "select_left_handle",
        "select_right_handle",
        "select_tail",
    }
)
_SELECTION_ATTRIBUTES = (".select_", ".selection", ".uv_select_", ".es.", ".vs.")
#: Attributes that Blender makes and drops as it likes where no element has them.
_SWITCHES = frozenset({".hide_edge", ".hide_poly", ".hide_vert", "sharp_edge", "sharp_face"})
#: Their properties `bl_*` are of the class, not of the item.
_CLASSES = frozenset({"Node", "NodeSocket", "NodeTree"})


def counted(rna: bpy.types.bpy_struct, *, of_result: bool = False) -> list[bpy.types.Property]:
    """The properties of an RNA type that count, those of the types that it is based on too.

    `of_result`: of what came home; how an artist arranges that is no change of it.
    """
    bases = _bases(rna)
    tables = (*_TABLES, _ARRANGED) if of_result else _TABLES
    left_out = {name for base in bases for table in tables for name in table.get(base, ())} | {"rna_type", "bl_rna"}
    if of_result:
        left_out |= _SELECTION
    prefix = ("bl_",) if not _CLASSES.isdisjoint(bases) else ()
    return [
        prop for prop in rna.properties if prop.identifier not in left_out and not prop.identifier.startswith(prefix)
    ]


def counted_attributes(attributes: Iterable[bpy.types.Attribute]) -> list[bpy.types.Attribute]:
    """Those that count in what came home, by name: Edit Mode gives them another order, and says what is selected."""
    named = sorted((each.name, number, each) for number, each in enumerate(attributes))
    return [
        each
        for name, _number, each in named
        if not name.startswith(_SELECTION_ATTRIBUTES) and not (name in _SWITCHES and _is_unset(each))
    ]


def _is_unset(attribute: bpy.types.Attribute) -> bool:
    if attribute.data_type != "BOOLEAN":
        return False
    values = numpy.empty(len(attribute.data), numpy.bool_)
    attribute.data.foreach_get("value", values)
    return not values.any()


def _bases(rna: bpy.types.bpy_struct | None) -> list[str]:
    found = []
    while rna is not None:
        found.append(rna.identifier)
        rna = rna.base
    return found
