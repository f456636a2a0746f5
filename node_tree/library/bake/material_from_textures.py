# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a material of textures: colour, normal, roughness, metallic, occlusion or all three in one, emission, alpha."""

from typing import Annotated

import bpy

from background_nodes.script import Range, log


def main(
    base_color: bpy.types.Image | None = None,
    normal: bpy.types.Image | None = None,
    orm: bpy.types.Image | None = None,
    roughness: bpy.types.Image | None = None,
    metallic: bpy.types.Image | None = None,
    occlusion: bpy.types.Image | None = None,
    emission: bpy.types.Image | None = None,
    alpha: bpy.types.Image | None = None,
    emission_strength: Annotated[float, Range(0.0)] = 1.0,
    uv_map: str = "",
    name: str = "Material",
) -> bpy.types.Material:
    """Make a material.

    Args:
        base_color: Its colour.
        normal: Its normal map, of tangent space, OpenGL's way.
        orm: Occlusion, roughness and metallic in red, green and blue, as Pack ORM makes it.
        roughness: Its roughness; it goes before that of ORM.
        metallic: Its metallic; it goes before that of ORM.
        occlusion: Its ambient occlusion; it goes before that of ORM. It is multiplied into the colour.
        emission: What it emits.
        alpha: How opaque it is.
        emission_strength: How bright the emission is.
        uv_map: The UV map that the textures use, empty for that which renders use.
        name: Name of the material.

    Returns:
        The material, with a Principled BSDF.
    """
    given = {
        "Base Color": base_color,
        "Normal": normal,
        "ORM": orm,
        "Roughness": roughness,
        "Metallic": metallic,
        "Occlusion": occlusion,
        "Emission": emission,
        "Alpha": alpha,
    }
    if not any(given.values()):
        raise ValueError("There is nothing to make a material of; link an image to Base Color, Normal ...")
    for kind, image in given.items():
        check(kind, image)
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # from 5.0 on every material has one
        material.use_nodes = True
    connect(Nodes(material.node_tree, uv_map), {kind: image for kind, image in given.items() if image}, uv_map)
    if emission:
        principled(material.node_tree).inputs["Emission Strength"].default_value = emission_strength
    if alpha and hasattr(material, "blend_method"):
        material.blend_method = "HASHED"
    log(f"{name} uses {', '.join(kind for kind, image in given.items() if image)}")
    return material


def connect(nodes: "Nodes", images: dict[str, bpy.types.Image], uv_map: str) -> None:
    """Link images to what they say of the surface."""
    sockets = {kind: nodes.image(kind, image) for kind, image in images.items()}
    if "ORM" in sockets:
        red, green, blue = nodes.channels(sockets["ORM"])
        sockets = {"Occlusion": red, "Roughness": green, "Metallic": blue, **sockets}
    if "Normal" in sockets:
        sockets["Normal"] = nodes.normal(sockets["Normal"], uv_map)
    if "Emission" in sockets:
        sockets["Emission Color"] = sockets["Emission"]
    if "Occlusion" in sockets:
        sockets["Base Color"] = nodes.multiplied(sockets.get("Base Color"), sockets["Occlusion"])
    for kind, socket in sockets.items():
        if kind in nodes.shader.inputs:
            nodes.link(socket, nodes.shader.inputs[kind])


def principled(tree: bpy.types.NodeTree) -> bpy.types.Node:
    return next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")


def check(kind: str, image: bpy.types.Image | None) -> None:
    """Raise ValueError for an image that would silently look wrong."""
    if image is None:
        return
    if not (image.has_data or image.size[0]):
        raise ValueError(f"{image.name} has no pixels; is its file missing?")
    is_data, is_color = image.colorspace_settings.is_data, kind in ("Base Color", "Emission")
    if is_data is is_color:
        holds, wants = ("data", "sRGB") if is_data else ("colours", "Non-Color")
        raise ValueError(f"{image.name} holds {holds}, which {kind} is not; set its colour space to {wants}")


class Nodes:
    """The node tree of the material as it grows."""

    def __init__(self, tree: bpy.types.NodeTree, uv_map: str) -> None:
        self.tree = tree
        self.shader = principled(tree)
        self.uv = None
        if uv_map:
            node = tree.nodes.new("ShaderNodeUVMap")
            node.uv_map, node.location = uv_map, (-1000.0, 0.0)
            self.uv = node.outputs["UV"]
        self.num_images = 0

    def link(self, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket) -> None:
        self.tree.links.new(source, target)

    def image(self, kind: str, image: bpy.types.Image) -> bpy.types.NodeSocket:
        node = self.tree.nodes.new("ShaderNodeTexImage")
        node.image, node.label = image, kind
        node.location = (-750.0, 400.0 - 300.0 * self.num_images)
        self.num_images += 1
        if self.uv:
            self.link(self.uv, node.inputs["Vector"])
        return node.outputs["Color"]

    def channels(self, color: bpy.types.NodeSocket) -> tuple[bpy.types.NodeSocket, ...]:
        node = self.tree.nodes.new("ShaderNodeSeparateColor")
        node.location = (-400.0, -200.0)
        self.link(color, node.inputs["Color"])
        return tuple(node.outputs)

    def normal(self, color: bpy.types.NodeSocket, uv_map: str) -> bpy.types.NodeSocket:
        node = self.tree.nodes.new("ShaderNodeNormalMap")
        node.uv_map, node.location = uv_map, (-400.0, -400.0)
        self.link(color, node.inputs["Color"])
        return node.outputs["Normal"]

    def multiplied(self, color: bpy.types.NodeSocket | None, by: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type, node.blend_type, node.location = "RGBA", "MULTIPLY", (-250.0, 300.0)
        # The node has sockets of the same names for numbers, vectors and colours: only the enabled ones are meant.
        factor, first, second = (socket for socket in node.inputs if socket.enabled)
        factor.default_value, first.default_value = 1.0, self.shader.inputs["Base Color"].default_value
        if color:
            self.link(color, first)
        self.link(by, second)
        return next(socket for socket in node.outputs if socket.enabled)
