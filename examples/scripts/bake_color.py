"""Bake the procedural colours of a high-poly object into one picture, which the low-poly one's materials then use.

Formats such as glTF know no procedural texture; a picture they do.
"""

from typing import Annotated, NamedTuple

import bpy

from background_nodes.script import Pixels, Range, progress


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        baked: The low-poly object, with materials that use the picture.
        image: The picture, packed.
    """

    baked: bpy.types.Object
    image: bpy.types.Image


def main(
    low: bpy.types.Object, high: bpy.types.Object, resolution: Annotated[Pixels, Range(16, 16384)] = 512
) -> Output:
    """Bake the colours of `high` to `low`.

    Args:
        low: The low-poly object. It needs a UV map, and materials of its own.
        high: The high-poly object, in the same place.
        resolution: Width and height of the picture.
    """
    progress(0.1, "Baking colours")
    image = bpy.data.images.new(f"{low.name} Color", resolution, resolution, alpha=False)
    materials = materials_of(low)
    pictures = [add_picture(material, image) for material in materials]
    for material in materials_of(high):
        glow(material)
    set_up_cycles()
    bpy.context.view_layer.update()
    for item in bpy.context.view_layer.objects:
        item.select_set(item in (low, high))
    bpy.context.view_layer.objects.active = low
    bpy.ops.object.bake(type="EMIT", use_selected_to_active=True, cage_extrusion=0.02 * max(low.dimensions), margin=8)

    progress(0.9, "Packing the image")
    image.pack()
    for material, picture in zip(materials, pictures, strict=True):
        material.node_tree.links.new(picture.outputs["Color"], principled(material).inputs["Base Color"])
    return Output(low, image)


def set_up_cycles() -> None:
    """One sample: a colour has no noise."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 1


def materials_of(item: bpy.types.Object) -> list[bpy.types.Material]:
    """The materials of an object, each once."""
    return list(dict.fromkeys(slot.material for slot in item.material_slots if slot.material))


def principled(material: bpy.types.Material) -> bpy.types.Node:
    """The shader of a material whose base colour is baked."""
    found = [node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"]
    if not found:
        raise ValueError(f"{material.name} has no Principled BSDF, so it has no base colour to bake")
    return found[0]


def add_picture(material: bpy.types.Material, image: bpy.types.Image) -> bpy.types.Node:
    """Give the material a node with `image`, and aim the bake at it."""
    picture = material.node_tree.nodes.new("ShaderNodeTexImage")
    picture.image, picture.location = image, (-600.0, 500.0)
    material.node_tree.nodes.active = picture
    return picture


def glow(material: bpy.types.Material) -> None:
    """Let the material, of the worker's own copy, shine in its base colour: a metal has no diffuse one to bake."""
    tree, color = material.node_tree, principled(material).inputs["Base Color"]
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL" and node.is_active_output)
    emission = tree.nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = color.default_value
    if color.is_linked:
        tree.links.new(color.links[0].from_socket, emission.inputs["Color"])
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
