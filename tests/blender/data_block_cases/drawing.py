"""Grease pencils, annotations, brushes, palettes, paint curves, masks and texts."""

from __future__ import annotations

import contextlib

import bpy

from . import case
from .meshes import add_attributes, fill, linked
from .variation import vary

#: What a name in `bpy.data` holds has changed twice.
_NEW = "GreasePencil" if bpy.app.version >= (5, 0, 0) else "GreasePencilv3"
_OLD = "Annotation" if bpy.app.version >= (5, 0, 0) else "GreasePencil"


def _new_pencils() -> bpy.types.bpy_prop_collection:
    return bpy.data.grease_pencils if bpy.app.version >= (5, 0, 0) else bpy.data.grease_pencils_v3


def _ink(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    bpy.data.materials.create_gpencil_data(material)
    return material


@case(_NEW, since=(4, 3))
def grease_pencil() -> bpy.types.ID:
    pencil = _new_pencils().new("Pencil")
    for number in range(2):
        pencil.materials.append(_ink(f"Ink {number}"))
        layer = pencil.layers.new(f"Layer {number} ä")
        vary(layer, 0, name=f"Layer {number} ü", opacity=0.5, lock=False, hide=False)
        for frame_number in (1, 10):
            drawing = layer.frames.new(frame_number).drawing
            drawing.add_strokes([3, 20])
            for stroke in drawing.strokes:
                stroke.cyclic, stroke.material_index, stroke.softness = True, number, 0.25
                for index, point in enumerate(stroke.points):
                    point.position, point.radius, point.opacity = (index, frame_number, 0), 0.1 * index, 0.5
                    point.vertex_color, point.rotation = (0.1, 0.2, 0.3, 0.4), 0.5
            for domain in ("POINT", "CURVE"):
                fill(drawing.attributes.new(f"{domain} heat", "FLOAT", domain))
    group = pencil.layer_groups.new("Group ä")
    pencil.layers.move_to_layer_group(pencil.layers[0], group)
    pencil.layers[0].parent = linked(bpy.data.objects.new("Parent of a layer", None))
    pencil.stroke_depth_order = "3D"
    pencil.onion_factor = 0.25
    pencil["custom"] = 1
    return pencil


@case("Object", since=(4, 3))
def object_grease_pencil() -> bpy.types.ID:
    """Every modifier and effect that such an object can have."""
    item = linked(bpy.data.objects.new("Pencil object", grease_pencil()))
    for choice in bpy.types.Modifier.bl_rna.properties["type"].enum_items:
        if choice.identifier.startswith("GREASE_PENCIL"):
            modifier = item.modifiers.new(choice.identifier, choice.identifier)
            if modifier is not None:
                modifier.show_viewport = False
                vary(modifier)
    for choice in bpy.types.ShaderFx.bl_rna.properties["type"].enum_items:
        with contextlib.suppress(RuntimeError, TypeError):
            vary(item.shader_effects.new(choice.identifier, choice.identifier), show_viewport=False)
    return item


@case("GreasePencil", until=(4, 3))
def grease_pencil_legacy() -> bpy.types.ID:
    pencil = bpy.data.grease_pencils.new("Old pencil")
    for number in range(2):
        pencil.materials.append(_ink(f"Old ink {number}"))
        layer = vary(pencil.layers.new(f"Layer {number}"), 0, info=f"Layer {number} ä", lock=False)
        for frame_number in (1, 10):
            frame = layer.frames.new(frame_number)
            for count in (3, 20):
                stroke = frame.strokes.new()
                stroke.points.add(count)
                stroke.line_width, stroke.material_index, stroke.use_cyclic = 20, number, True
                stroke.hardness, stroke.vertex_color_fill = 0.5, (0.1, 0.2, 0.3, 0.4)
                for index, point in enumerate(stroke.points):
                    point.co, point.pressure, point.strength = (index, number, 0), 0.5, 0.25
                    point.vertex_color, point.uv_rotation = (0.4, 0.3, 0.2, 0.1), 0.5
    pencil.stroke_depth_order = "3D"
    return pencil


@case("Object", until=(4, 3))
def object_grease_pencil_legacy() -> bpy.types.ID:
    item = linked(bpy.data.objects.new("Old pencil object", grease_pencil_legacy()))
    item.vertex_groups.new(name="Group")
    for choice in bpy.types.GpencilModifier.bl_rna.properties["type"].enum_items:
        with contextlib.suppress(RuntimeError, TypeError):
            modifier = item.grease_pencil_modifiers.new(choice.identifier, choice.identifier)
            modifier.show_viewport = False
            vary(modifier)
    return item


@case(_OLD)
def annotation() -> bpy.types.ID:
    pencils = bpy.data.annotations if bpy.app.version >= (5, 0, 0) else bpy.data.grease_pencils
    pencil = pencils.new("Notes")
    layer = pencil.layers.new("Notes ä")
    layer.color = (0.1, 0.2, 0.3)
    frame = layer.frames.new(5)
    with contextlib.suppress(AttributeError):  # 4.3 and later draw annotations by hand only
        frame.strokes.new().points.add(3)
    layer.annotation_hide, layer.thickness = True, 7
    return pencil


@case("Brush")
def brush_mesh() -> bpy.types.ID:
    brush = bpy.data.brushes.new("Sculpt brush", mode="SCULPT")
    brush.size, brush.strength, brush.spacing, brush.hardness = 77, 0.25, 33, 0.5
    brush["custom"] = 1
    brush.texture = bpy.data.textures.new("Of a brush", "CLOUDS")
    brush.mask_texture = bpy.data.textures.new("Mask of a brush", "WOOD")
    vary(brush.texture_slot, 0, texture=brush.texture)
    return brush


@case("Brush")
def brush_paint() -> bpy.types.ID:
    brush = bpy.data.brushes.new("Paint brush", mode="TEXTURE_PAINT")
    brush.color, brush.secondary_color, brush.blend, brush.strength = (0.1, 0.2, 0.3), (0.3, 0.2, 0.1), "MUL", 0.25
    return brush


@case("Palette")
def palette() -> bpy.types.ID:
    colours = bpy.data.palettes.new("Palette")
    for number in range(20):
        colour = colours.colors.new()
        colour.color, colour.strength, colour.weight = (number / 20, 0.5, 0.25), 0.5, 0.75
    colours.colors.active = colours.colors[3]
    return colours


@case("Mask")
def mask() -> bpy.types.ID:
    data = bpy.data.masks.new("Mask")
    data.frame_start, data.frame_end = 3, 30
    for number in range(2):
        layer = data.layers.new(name=f"Layer {number} ä")
        vary(layer, 0, name=f"Layer {number} ü")
        for _spline in range(2):
            spline = layer.splines.new()
            spline.points.add(3)
            spline.use_cyclic, spline.use_fill, spline.offset_mode = True, False, "SMOOTH"
            for index, point in enumerate(spline.points):
                point.co, point.weight, point.handle_type = (index / 3, 0.5), 0.25, "ALIGNED"
                point.handle_left, point.handle_right = (index / 3 - 0.1, 0.4), (index / 3 + 0.1, 0.6)
    return data


@case("Text")
def text_of_words() -> bpy.types.ID:
    words = bpy.data.texts.new("Words ä.py")
    words.write("import bpy\n\n# Wörter 節点\n\tprint('x')\n" * 30)
    words.indentation = "TABS"
    words.use_module = False
    return words


@case("Curves")
def hair_of_attributes_only() -> bpy.types.ID:
    curves = bpy.data.hair_curves.new("Bald")
    add_attributes(curves, ("POINT", "CURVE"))
    return curves
