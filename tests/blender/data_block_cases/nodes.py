"""Node groups of each sort, and what has nodes of its own."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import bpy

from . import case
from .variation import other_value, vary

_ERRORS = (AttributeError, RuntimeError, TypeError, ValueError)
#: Nodes that come in pairs; and one that uses the open scene with all that is in it, but shows no property for that.
_NOT_ALONE = ("ForeachGeometryElement", "Repeat", "Simulation", "Closure", "SwitchView")


def node_classes(base: type) -> Iterator[str]:
    """The names of all node types below a class. (`__subclasses__` knows only those that someone asked for.)"""
    for name in dir(bpy.types):
        cls = getattr(bpy.types, name, None)
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base:
            yield name


def add_every_node(tree: bpy.types.NodeTree, *bases: str) -> None:
    """A node of each type that the tree takes, with every setting and every value varied, some of them linked."""
    names = (name for base in bases if hasattr(bpy.types, base) for name in node_classes(getattr(bpy.types, base)))
    for number, name in enumerate(dict.fromkeys(names)):
        if any(word in name for word in _NOT_ALONE):
            continue
        try:
            node = tree.nodes.new(name)
        except RuntimeError:  # an abstract one, or one for other trees
            continue
        if getattr(node, "scene", None) is not None:
            node.scene = bpy.data.scenes.get("Of nodes") or bpy.data.scenes.new("Of nodes")
        node.location = (200 * (number % 10), -300 * (number // 10))
        vary(node, label=f"{name} ä", hide=number % 3 == 0, mute=number % 7 == 0)
        for socket in (*node.inputs, *node.outputs):
            vary_socket(socket)
    nodes = list(tree.nodes)
    for node, following in itertools.pairwise(nodes):
        link(tree, node, following)


def vary_socket(socket: bpy.types.NodeSocket) -> None:
    """Another value. What else a socket shows follows from its node's type and settings, each time it is loaded."""
    prop = type(socket).bl_rna.properties.get("default_value")
    if prop is not None:
        with contextlib.suppress(*_ERRORS):
            socket.default_value = other_value(prop, socket.default_value)


def link(tree: bpy.types.NodeTree, node: bpy.types.Node, following: bpy.types.Node) -> None:
    for output in node.outputs:
        fitting = [item for item in following.inputs if item.type == output.type and not item.is_linked]
        if fitting:
            tree.links.new(output, fitting[0])
            return


def new_group(name: str, tree_type: str) -> bpy.types.NodeTree:
    """A group with a described interface, and ends that are linked through."""
    tree = bpy.data.node_groups.new(name, tree_type)
    tree.use_fake_user = False
    panel = tree.interface.new_panel("Panel ä", description="Holds two", default_closed=True)
    for number, socket_type in enumerate(socket_types(tree_type)):
        for direction in ("INPUT", "OUTPUT"):
            with contextlib.suppress(*_ERRORS):
                item = tree.interface.new_socket(
                    f"{direction} {socket_type} ä",
                    description=f"Number {number}",
                    in_out=direction,
                    socket_type=socket_type,
                    parent=panel if number < 2 else None,
                )
                vary(item, 0, name=f"{direction} {socket_type} ü")
    ends = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    for output, end in zip(ends[0].outputs, ends[1].inputs, strict=False):
        if output.type == end.type and output.is_output != end.is_output:
            tree.links.new(output, end)
    return tree


def socket_types(tree_type: str) -> list[str]:
    every = ["NodeSocketFloat", "NodeSocketInt", "NodeSocketBool", "NodeSocketVector", "NodeSocketColor"]
    if tree_type == "GeometryNodeTree":
        more = "Rotation Matrix String Object Image Collection Material Texture Geometry Menu Bundle Closure"
        every += [f"NodeSocket{name}" for name in more.split()]
    if tree_type == "ShaderNodeTree":
        every += ["NodeSocketShader", "NodeSocketFloatFactor", "NodeSocketVectorXYZ"]
    return every


@case("NodeTree")
def geometry_interface() -> bpy.types.ID:
    tree = new_group("Geometry interface", "GeometryNodeTree")
    data = {
        "OBJECT": bpy.data.objects.new("Default", None),
        "MATERIAL": bpy.data.materials.new("Default"),
        "COLLECTION": bpy.data.collections.new("Default"),
        "TEXTURE": bpy.data.textures.new("Default", "CLOUDS"),
        "IMAGE": bpy.data.images.new("Default", 4, 4),
    }
    for item in tree.interface.items_tree:
        kind = getattr(item, "socket_type", "").removeprefix("NodeSocket").upper()
        if kind in data:
            item.default_value = data[kind]
    data["IMAGE"].pack()
    tree.is_modifier, tree.is_tool = True, True
    return tree


@case("NodeTree")
def geometry_nodes() -> bpy.types.ID:
    tree = new_group("Geometry nodes", "GeometryNodeTree")
    add_every_node(tree, "GeometryNode", "FunctionNode", "NodeInternal")
    return tree


@case("NodeTree")
def geometry_zones() -> bpy.types.ID:
    tree = bpy.data.node_groups.new("Zones", "GeometryNodeTree")
    for name in ("Simulation", "Repeat", "ForeachGeometryElement", "Closure"):
        with contextlib.suppress(RuntimeError):  # this version has none such
            prefix = "NodeClosure" if name == "Closure" else f"GeometryNode{name}"
            start, end = tree.nodes.new(f"{prefix}Input"), tree.nodes.new(f"{prefix}Output")
            start.pair_with_output(end)
            add_zone_items(end)
            for node in (start, end):
                for socket in (*node.inputs, *node.outputs):
                    vary_socket(socket)
            link(tree, start, end)
    return tree


def add_zone_items(end: bpy.types.Node) -> None:
    names = ("state_items", "repeat_items", "generation_items", "input_items", "main_items", "output_items")
    for name in names:
        items = getattr(end, name, None)
        if items is not None:
            for socket_type in ("FLOAT", "VECTOR", "GEOMETRY"):
                with contextlib.suppress(*_ERRORS):
                    vary(items.new(socket_type, f"{name} {socket_type} ä"), 0)


@case("NodeTree")
def geometry_items() -> bpy.types.ID:
    """Nodes with lists of their own: captured attributes, menus, index switches, baked items, bundles."""
    tree = bpy.data.node_groups.new("Items", "GeometryNodeTree")
    lists = {
        "GeometryNodeMenuSwitch": ("enum_items", [("One ä",), ("Two",)]),
        "GeometryNodeIndexSwitch": ("index_switch_items", [(), ()]),
        "GeometryNodeCaptureAttribute": ("capture_items", [("FLOAT", "Heat"), ("VECTOR", "Wind")]),
        "GeometryNodeBake": ("bake_items", [("FLOAT", "Heat")]),
        "NodeCombineBundle": ("bundle_items", [("FLOAT", "Heat"), ("GEOMETRY", "Mesh")]),
        "NodeSeparateBundle": ("bundle_items", [("FLOAT", "Heat")]),
        "GeometryNodeFieldToGrid": ("grid_items", [("FLOAT", "Heat")]),
        "FunctionNodeFormatString": ("format_items", [("FLOAT", "x"), ("STRING", "y")]),
    }
    for idname, (name, entries) in lists.items():
        with contextlib.suppress(RuntimeError):
            node = tree.nodes.new(idname)
            items = getattr(node, name, None) or getattr(getattr(node, "enum_definition", None), name, None)
            for entry in entries if items is not None else ():
                with contextlib.suppress(*_ERRORS):
                    items.new(*entry)
            if idname == "GeometryNodeMenuSwitch":
                for item in node.enum_items:
                    item.description = f"About {item.name}"
    return tree


@case("NodeTree")
def geometry_group_in_group() -> bpy.types.ID:
    inner, outer = new_group("Inner", "GeometryNodeTree"), new_group("Outer", "GeometryNodeTree")
    frame = outer.nodes.new("NodeFrame")
    frame.label, frame.label_size, frame.shrink = "Frame ä", 30, False
    frame.text = bpy.data.texts.new("About the frame")
    frame.text.write("Words\n")
    for number in range(2):
        node = outer.nodes.new("GeometryNodeGroup")
        node.node_tree, node.parent, node.width = inner, frame, 300
        node.use_custom_color, node.color = True, (0.1, 0.2 * number, 0.3)
        for socket in node.inputs:
            vary_socket(socket)
    reroute = outer.nodes.new("NodeReroute")
    outer.links.new(outer.nodes[-2].outputs[0], reroute.inputs[0])
    return outer


@case("NodeTree")
def shader_group() -> bpy.types.ID:
    tree = new_group("Shader group", "ShaderNodeTree")
    add_every_node(tree, "ShaderNode", "FunctionNode")
    return tree


@case("NodeTree")
def compositor_group() -> bpy.types.ID:
    tree = new_group("Compositor group", "CompositorNodeTree")
    add_every_node(tree, "CompositorNode", "NodeInternal")
    return tree


@case("NodeTree")
def texture_group() -> bpy.types.ID:
    tree = new_group("Texture group", "TextureNodeTree")
    add_every_node(tree, "TextureNode")
    return tree


@case("NodeTree")
def node_curves_and_ramps() -> bpy.types.ID:
    tree = bpy.data.node_groups.new("Ramps", "ShaderNodeTree")
    ramp = tree.nodes.new("ShaderNodeValToRGB").color_ramp
    ramp.color_mode, ramp.hue_interpolation = "HSV", "CW"
    ramp.elements.new(0.25).color = (0.1, 0.2, 0.3, 0.4)
    ramp.elements.new(0.75).color = (1, 0.5, 0, 1)
    mapping = tree.nodes.new("ShaderNodeRGBCurve").mapping
    for number, curve in enumerate(mapping.curves):
        curve.points.new(0.3, 0.2 + number / 10).handle_type = "VECTOR"
    mapping.use_clip, mapping.clip_max_x, mapping.black_level = False, 2, (0.1, 0.2, 0.3)
    mapping.update()
    return tree


@case("NodeTree")
def node_tree_animated() -> bpy.types.ID:
    tree = bpy.data.node_groups.new("Animated nodes", "ShaderNodeTree")
    node = tree.nodes.new("ShaderNodeValue")
    node.outputs[0].default_value = 0.5
    node.outputs[0].keyframe_insert("default_value", frame=1)
    node.outputs[0].default_value = 2
    node.outputs[0].keyframe_insert("default_value", frame=10)
    driver = tree.nodes.new("ShaderNodeMath").inputs[0].driver_add("default_value").driver
    driver.expression = "frame * 0.5"
    return tree


@case("NodeTree")
def node_tree_settings() -> bpy.types.ID:
    tree = vary(bpy.data.node_groups.new("Tree settings", "GeometryNodeTree"), description="What it does")
    tree["custom"] = [1.0, 2.0]
    tree.nodes.new("GeometryNodeSetPosition")["custom"] = "of a node"
    if hasattr(tree, "annotation"):
        tree.annotation = None
    return tree
