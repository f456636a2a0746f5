"""The demo's materials: procedural colours and roughness, shared between objects."""

from collections.abc import Sequence

import bpy

Rgb = tuple[float, float, float]


def new_material(
    name: str,
    colors: Sequence[Rgb],
    *,
    pattern: str = "noise",
    scale: float = 4.0,
    roughness: tuple[float, float] = (0.5, 0.7),
    metallic: float = 0.0,
    coat: float = 0.0,
) -> bpy.types.Material:
    """A material whose colour and roughness vary with a pattern in the object's own space.

    Args:
        name: Name of the material.
        colors: Two or more colours, from where the pattern is dark to where it is light.
        pattern: "noise" is cloudy, "veins" are thin streaks, "rings" are those of wood.
        scale: Features in one metre.
        roughness: Least and greatest roughness.
        metallic: 1 for metals.
        coat: How strong a clear lacquer is.
    """
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # from 5.0 on every material has one
        material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Coat Weight"].default_value = coat
    shader.inputs["Coat Roughness"].default_value = 0.08

    coordinates = nodes.new("ShaderNodeTexCoord")
    coordinates.location = (-1000.0, 100.0)
    factor = _pattern(material.node_tree, pattern, scale, coordinates.outputs["Object"])

    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.location = (-380.0, 240.0)
    _fill(ramp.color_ramp, colors, (0.80, 0.98) if pattern == "veins" else (0.28, 0.72))
    links.new(factor, ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shader.inputs["Base Color"])

    rough = nodes.new("ShaderNodeMapRange")
    rough.location = (-380.0, -40.0)
    rough.inputs["From Min"].default_value, rough.inputs["From Max"].default_value = 0.3, 0.7
    rough.inputs["To Min"].default_value, rough.inputs["To Max"].default_value = roughness
    links.new(factor, rough.inputs["Value"])
    links.new(rough.outputs["Result"], shader.inputs["Roughness"])
    material.diffuse_color = (*colors[len(colors) // 2], 1.0)
    material.metallic, material.roughness = metallic, sum(roughness) / 2.0
    return material


def _pattern(
    tree: bpy.types.NodeTree, pattern: str, scale: float, coordinates: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    if pattern == "noise":
        node = tree.nodes.new("ShaderNodeTexNoise")
        node.inputs["Detail"].default_value = 6.0
    else:
        node = tree.nodes.new("ShaderNodeTexWave")
        node.wave_type = "RINGS" if pattern == "rings" else "BANDS"
        node.bands_direction = "DIAGONAL"
        node.rings_direction = "X"
        node.inputs["Distortion"].default_value = 3.0 if pattern == "rings" else 14.0
        node.inputs["Detail"].default_value = 4.0
        node.inputs["Detail Scale"].default_value = 1.5
    node.location = (-640.0, 100.0)
    node.inputs["Scale"].default_value = scale
    tree.links.new(coordinates, node.inputs["Vector"])
    return next(socket for socket in node.outputs if socket.name in {"Fac", "Factor"})


def _fill(ramp: bpy.types.ColorRamp, colors: Sequence[Rgb], ends: tuple[float, float]) -> None:
    low, high = ends
    places = [low + (high - low) * index / (len(colors) - 1) for index in range(len(colors))]
    ramp.elements[0].position, ramp.elements[1].position = places[0], places[-1]
    ramp.elements[0].color, ramp.elements[1].color = (*colors[0], 1.0), (*colors[-1], 1.0)
    for place, color in zip(places[1:-1], colors[1:-1], strict=True):
        ramp.elements.new(place).color = (*color, 1.0)


def all_materials() -> dict[str, bpy.types.Material]:
    """Every material of the demo by a short name."""
    make = new_material
    return {
        "marble": make("Marble", [(0.80, 0.77, 0.72), (0.72, 0.69, 0.65), (0.28, 0.27, 0.28)], pattern="veins",
                       scale=1.6, roughness=(0.18, 0.30)),
        "gold": make("Gold", [(0.92, 0.60, 0.20), (1.0, 0.72, 0.32)], metallic=1.0, roughness=(0.16, 0.34)),
        "brass": make("Brass", [(0.55, 0.36, 0.13), (0.80, 0.58, 0.26)], metallic=1.0, scale=6.0,
                      roughness=(0.24, 0.45)),
        "iron": make("Dark Iron", [(0.05, 0.05, 0.06), (0.14, 0.13, 0.13)], metallic=0.9, scale=7.0,
                     roughness=(0.35, 0.60)),
        "rust": make("Weathered Iron", [(0.10, 0.09, 0.09), (0.13, 0.10, 0.09), (0.34, 0.12, 0.04)], metallic=0.6,
                     scale=3.5, roughness=(0.40, 0.80)),
        "terracotta": make("Terracotta", [(0.42, 0.12, 0.05), (0.64, 0.24, 0.11)], scale=5.0, roughness=(0.65, 0.85)),
        "jade": make("Jade Glaze", [(0.01, 0.16, 0.12), (0.06, 0.42, 0.28)], scale=2.5, roughness=(0.10, 0.22),
                     coat=0.8),
        "indigo": make("Indigo Glaze", [(0.010, 0.022, 0.12), (0.03, 0.08, 0.34)], scale=3.0, roughness=(0.08, 0.20),
                       coat=1.0),
        "coral": make("Coral", [(0.52, 0.06, 0.05), (0.86, 0.26, 0.20), (0.95, 0.50, 0.38)], scale=3.0,
                      roughness=(0.45, 0.65)),
        "lacquer": make("Red Lacquer", [(0.42, 0.010, 0.008), (0.62, 0.03, 0.02)], scale=2.0, roughness=(0.10, 0.20),
                        coat=1.0),
        "oak": make("Oak", [(0.17, 0.075, 0.028), (0.36, 0.19, 0.08), (0.44, 0.25, 0.12)], pattern="rings", scale=5.0,
                    roughness=(0.45, 0.65)),
        "slate": make("Slate", [(0.07, 0.085, 0.10), (0.20, 0.22, 0.24)], scale=3.0, roughness=(0.60, 0.85)),
        "moss": make("Moss", [(0.045, 0.11, 0.012), (0.16, 0.27, 0.04)], scale=9.0, roughness=(0.85, 0.95)),
        "cream": make("Cream", [(0.70, 0.60, 0.44), (0.86, 0.78, 0.62)], scale=5.0, roughness=(0.40, 0.60)),
        "pumpkin": make("Pumpkin Skin", [(0.62, 0.16, 0.015), (0.86, 0.33, 0.03)], scale=2.0, roughness=(0.30, 0.45),
                        coat=0.2),
    }  # fmt: skip
