# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake how much light reaches each point of an object, dark in its crevices, with Cycles.

It bakes the object itself or, with a high-poly object given, that one's surface. The materials of the object are
copied, and their base colour is multiplied by the result if asked for.
"""

from contextlib import contextmanager
from typing import Annotated, NamedTuple

import bpy
import numpy as np

from background_nodes.script import Length, Pixels, Range, progress

#: What pixels hold before a bake. Occlusion is grey, so it shows where nothing was baked.
UNTOUCHED = (1.0, 0.0, 1.0, 1.0)

#: Cycles tells nothing while it bakes: so many samples are baked at once, then progress is shown.
SAMPLES_AT_ONCE = 4


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        baked: The object, with materials that hold the image.
        image: The occlusion: white where all light comes in, packed.
    """

    baked: bpy.types.Object
    image: bpy.types.Image


def main(
    source: bpy.types.Object,
    high: bpy.types.Object | None = None,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
    samples: Annotated[int, Range(1, 4096)] = 16,
    distance: Annotated[Length, Range(0.0)] = 0.0,
    cage_extrusion: Annotated[Length, Range(0.0)] = 0.0,
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    darken_base_color: bool = True,
) -> Output:
    """Bake the ambient occlusion of `source`.

    Args:
        source: The object to bake to. It needs a UV map without overlaps.
        high: A high-poly object in the same place, to bake from instead.
        resolution: Width and height of the image.
        samples: Rays in each pixel. More are less noisy; time grows alike.
        distance: How far away something may be to give shade. 0 is the object's largest dimension.
        cage_extrusion: How far outside of the surface to look for the high-poly one. 0 is 2 % of the object's size.
        margin: How far to extend the islands, against seams.
        darken_base_color: Multiply the base colour of the object's materials by the image.
    """
    check_inputs(source, high)
    layer = uv_layer(source)
    progress(0.0, "Preparing")
    image = bpy.data.images.new(f"{source.name} Occlusion", resolution, resolution, alpha=False, is_data=True)
    nodes = image_nodes(source, image)
    size = max(source.dimensions)
    involved = [source, high] if high else [source]
    options = {"margin": margin, "uv_layer": layer.name}
    if high:
        extrusion = (cage_extrusion or 0.02 * size) / largest_scale(source)  # in the object's own space
        options |= {"use_selected_to_active": True, "cage_extrusion": extrusion}
    with visible(*involved):
        set_up_cycles(distance or size)
        select(involved, active=source)
        pixels = bake(image, samples, options)
    if pixels is None:
        raise ValueError(
            f"{source.name} found nothing of {high.name}; put both in the same place or raise the cage extrusion"
            if high
            else f"The UV map of {source.name} covers no pixel of the image; unwrap it anew"
        )

    progress(0.95, "Packing the image")
    image.pixels.foreach_set(pixels)
    image.pack()
    for material, node in nodes.items():
        if darken_base_color:
            multiply_base_color(material, node)
    return Output(source, image)


def check_inputs(source: bpy.types.Object, high: bpy.types.Object | None) -> None:
    for item in (source, high):
        if item and item.type != "MESH":
            raise ValueError(f"{item.name} is a {item.type.lower()}, not a mesh; convert it to a mesh first")
    if high == source:
        raise ValueError(f"{source.name} is linked to both Source and High; link the detailed object to High")
    uv_layer(source)
    for item in (source, high):
        if item and not faces(item):
            raise ValueError(f"{item.name} has no faces, so there is nothing to bake")


def uv_layer(source: bpy.types.Object) -> bpy.types.MeshUVLoopLayer:
    """The UV map that renders use."""
    layers = source.data.uv_layers
    if not layers:
        raise ValueError(f"{source.name} has no UV map; unwrap it first")
    return next((layer for layer in layers if layer.active_render), layers[0])


def faces(item: bpy.types.Object) -> int:
    """How many there are once its modifiers did their work."""
    return len(item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.polygons)


def bake(image: bpy.types.Image, samples: int, options: dict) -> np.ndarray | None:
    """Bake a few samples at a time, each time with another seed; the mean of all. None if no pixel was baked."""
    cycles = bpy.context.scene.cycles
    untouched = np.tile(np.float32(UNTOUCHED), image.size[0] * image.size[1])
    total, pixels = np.zeros_like(untouched), np.empty_like(untouched)
    has_found = False
    for done in range(0, samples, SAMPLES_AT_ONCE):
        progress(0.05 + 0.9 * done / samples, f"Baking sample {done}/{samples}")
        cycles.seed, cycles.samples = done, min(SAMPLES_AT_ONCE, samples - done)
        image.pixels.foreach_set(untouched)
        bpy.ops.object.bake(type="AO", use_clear=False, **options)
        image.pixels.foreach_get(pixels)
        is_untouched = pixels[0::4] != pixels[1::4]
        has_found |= not is_untouched.all()
        pixels.reshape(-1, 4)[is_untouched] = 1.0
        total += pixels * cycles.samples
    return total / samples if has_found else None


def largest_scale(source: bpy.types.Object) -> float:
    return max(1e-9, *(abs(factor) for factor in source.matrix_world.to_scale()))


def image_nodes(source: bpy.types.Object, image: bpy.types.Image) -> dict:
    """Give `source` materials of its own, each with an active image node to bake to: material -> node."""
    if not source.material_slots:
        source.data.materials.append(None)
    copies: dict[bpy.types.Material | None, bpy.types.Material] = {}
    nodes = {}
    for slot in source.material_slots:
        if slot.material not in copies:
            copies[slot.material] = material = own_material(slot.material, source.name)
            nodes[material] = node = material.node_tree.nodes.new("ShaderNodeTexImage")
            node.image = image
            node.location = (-600.0, -300.0)
            material.node_tree.nodes.active = node
        slot.material = copies[slot.material]
    return nodes


def own_material(material: bpy.types.Material | None, owner: str) -> bpy.types.Material:
    """A copy, because others that use `material` shall not get this object's image."""
    own = material.copy() if material else bpy.data.materials.new(owner)
    own.name = f"{material.name} {owner}" if material else owner
    if own.node_tree is None:  # from 5.0 on every material has one
        own.use_nodes = True
    return own


def multiply_base_color(material: bpy.types.Material, image_node: bpy.types.ShaderNodeTexImage) -> None:
    """Put the image between each shader of the material and what it has for a colour."""
    tree = material.node_tree
    for shader in [node for node in tree.nodes if node.type.startswith("BSDF_")]:
        color = shader.inputs.get("Base Color") or shader.inputs.get("Color")
        if color is None:
            continue
        mix = tree.nodes.new("ShaderNodeMix")
        mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
        mix.location = (image_node.location.x + 300.0, image_node.location.y)
        # The node has sockets of the same names for numbers, vectors and colours: only the enabled ones are meant.
        factor, first, second = (socket for socket in mix.inputs if socket.enabled)
        factor.default_value, first.default_value = 1.0, color.default_value
        if color.is_linked:
            tree.links.new(color.links[0].from_socket, first)
        tree.links.new(image_node.outputs["Color"], second)
        tree.links.new(next(socket for socket in mix.outputs if socket.enabled), color)


def set_up_cycles(distance: float) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.world = bpy.data.worlds.new("Occlusion")
    scene.world.light_settings.distance = distance


def select(objects: list[bpy.types.Object], active: bpy.types.Object) -> None:
    """Select these and nothing else."""
    bpy.context.view_layer.update()  # what was shown or linked just now can't be selected before
    for item in bpy.context.view_layer.objects:
        item.select_set(item in objects)
    bpy.context.view_layer.objects.active = active


@contextmanager
def visible(*objects: bpy.types.Object):
    """Show objects for a while: Blender doesn't bake what is disabled in viewports, in renders or for selection."""
    before = [(item, item.hide_viewport, item.hide_render, item.hide_select) for item in objects]
    for item in objects:
        item.hide_viewport = item.hide_render = item.hide_select = False
    yield
    for item, *hidden in before:
        item.hide_viewport, item.hide_render, item.hide_select = hidden
