"""Materials, worlds, lights, cameras and the like."""

from __future__ import annotations

import bpy

from . import case
from .meshes import linked
from .nodes import add_every_node
from .variation import vary


def with_nodes(data_block: bpy.types.ID) -> bpy.types.ID:
    if data_block.node_tree is None:  # setting it is deprecated where all have nodes
        data_block.use_nodes = True
    return data_block


@case("Material")
def material_settings() -> bpy.types.ID:
    return vary(bpy.data.materials.new("Material settings"))


@case("Material")
def material_nodes() -> bpy.types.ID:
    material = with_nodes(bpy.data.materials.new("Material nodes"))
    add_every_node(material.node_tree, "ShaderNode")
    return material


@case("Material")
def material_of_images_and_groups() -> bpy.types.ID:
    material = with_nodes(bpy.data.materials.new("Textured"))
    nodes = material.node_tree.nodes
    image = bpy.data.images.new("Texture", 4, 4)
    image.pixels.foreach_set([number / 64 if number % 4 < 3 else 1.0 for number in range(64)])
    image.pack()
    texture, group = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeGroup")
    texture.image, texture.interpolation, texture.extension = image, "Closest", "CLIP"
    group.node_tree = bpy.data.node_groups.new("Group of a material", "ShaderNodeTree")
    nodes.new("ShaderNodeTexCoord").object = linked(bpy.data.objects.new("Coordinates", None))
    script = nodes.new("ShaderNodeScript")
    script.script = bpy.data.texts.new("Shader.osl")
    script.script.write("shader s(output color c = 0) { c = 1; }\n")
    nodes.active = texture
    return material


@case("Material")
def material_animated() -> bpy.types.ID:
    material = with_nodes(bpy.data.materials.new("Animated material"))
    material.diffuse_color = (0.1, 0.2, 0.3, 0.4)
    material.keyframe_insert("diffuse_color", frame=3)
    node = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    node.inputs["Roughness"].keyframe_insert("default_value", frame=5)
    return material


@case("Material")
def material_grease_pencil() -> bpy.types.ID:
    material = bpy.data.materials.new("Ink")
    bpy.data.materials.create_gpencil_data(material)
    vary(material.grease_pencil, stroke_style="TEXTURE", fill_style="GRADIENT")
    return material


@case("World")
def world_nodes() -> bpy.types.ID:
    world = with_nodes(bpy.data.worlds.new("World nodes"))
    add_every_node(world.node_tree, "ShaderNode")
    return world


@case("World")
def world_settings() -> bpy.types.ID:
    return vary(bpy.data.worlds.new("World settings"))


def _light(light_type: str) -> bpy.types.Light:
    light = vary(bpy.data.lights.new(f"Light {light_type}", light_type))
    light.color, light.energy = (0.1, 0.5, 0.9), 123.5
    return light


@case("Light")
def light_point() -> bpy.types.ID:
    return _light("POINT")


@case("Light")
def light_sun() -> bpy.types.ID:
    return _light("SUN")


@case("Light")
def light_spot() -> bpy.types.ID:
    return _light("SPOT")


@case("Light")
def light_area() -> bpy.types.ID:
    light = _light("AREA")
    light.shape, light.size, light.size_y = "ELLIPSE", 2, 3
    return light


@case("Light")
def light_nodes() -> bpy.types.ID:
    light = with_nodes(bpy.data.lights.new("Light nodes", "POINT"))
    light.node_tree.nodes.new("ShaderNodeBlackbody").inputs[0].default_value = 3000
    return light


@case("Camera")
def camera() -> bpy.types.ID:
    data = vary(bpy.data.cameras.new("Camera settings"), sensor_fit="VERTICAL")
    data.lens, data.shift_x, data.clip_start, data.clip_end = 85, 0.25, 0.5, 500
    data.dof.use_dof, data.dof.focus_distance = True, 3.5
    data.dof.focus_object = linked(bpy.data.objects.new("Focus", None))
    return data


@case("Camera")
def camera_background() -> bpy.types.ID:
    data = bpy.data.cameras.new("Background")
    data.show_background_images = True
    background = vary(data.background_images.new(), source="IMAGE")
    background.image = bpy.data.images.new("Behind", 4, 4)
    background.image.pack()
    background.alpha, background.scale, background.rotation = 0.25, 2, 0.5
    return data


@case("Camera")
def camera_types() -> bpy.types.ID:
    data = bpy.data.cameras.new("Orthographic")
    data.type, data.ortho_scale = "ORTHO", 12
    data["panorama"] = {"kind": "fisheye", "angles": [1.0, 2.0]}
    return data


@case("Speaker")
def speaker() -> bpy.types.ID:
    return vary(bpy.data.speakers.new("Speaker settings"), volume=0.5, pitch=2)


def _probe(probe_type: str) -> bpy.types.LightProbe:
    return vary(bpy.data.lightprobes.new(f"Probe {probe_type}", probe_type))


@case("LightProbe")
def light_probe_sphere() -> bpy.types.ID:
    probe = _probe("SPHERE")
    probe.visibility_collection = bpy.data.collections.new("Seen by the probe")
    return probe


@case("LightProbe")
def light_probe_plane() -> bpy.types.ID:
    return _probe("PLANE")


@case("LightProbe")
def light_probe_volume() -> bpy.types.ID:
    return _probe("VOLUME")


@case("FreestyleLineStyle")
def line_style() -> bpy.types.ID:
    style = vary(bpy.data.linestyles.new("Line style"))
    for modifiers, prop in (
        (style.color_modifiers, "color_modifiers"),
        (style.alpha_modifiers, "alpha_modifiers"),
        (style.thickness_modifiers, "thickness_modifiers"),
        (style.geometry_modifiers, "geometry_modifiers"),
    ):
        new = modifiers.bl_rna.functions["new"].parameters["type"]
        for item in new.enum_items:
            vary(modifiers.new(f"{prop} {item.identifier}", item.identifier))
    slot = style.texture_slots.add()
    slot.texture = bpy.data.textures.new("Of a line", "NOISE")
    with_nodes(style)
    return style


@case("Texture")
def texture_settings() -> bpy.types.ID:
    texture = vary(bpy.data.textures.new("Clouds", "CLOUDS"))
    texture.use_color_ramp = True
    texture.color_ramp.elements.new(0.5).color = (1, 0, 0, 0.5)
    return texture


@case("Collection")
def textures_of_each_type() -> bpy.types.ID:
    """A collection with a modifier for each type of texture: one case, for textures have so many types."""
    collection = bpy.data.collections.new("Textures")
    for item in bpy.types.Texture.bl_rna.properties["type"].enum_items:
        texture = vary(bpy.data.textures.new(f"Texture {item.identifier}", item.identifier))
        owner = bpy.data.objects.new(f"Of {item.identifier}", bpy.data.meshes.new(f"Of {item.identifier}"))
        owner.modifiers.new("Displace", "DISPLACE").texture = texture
        collection.objects.link(owner)
    return collection


@case("Texture")
def texture_nodes() -> bpy.types.ID:
    texture = bpy.data.textures.new("Texture nodes", "NONE")
    texture.use_nodes = True
    add_every_node(texture.node_tree, "TextureNode")
    return texture
