# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the inputs of the Geometry Nodes of an object, by their names: for an asset in many variations.

With the settings of *Wedge* it makes a variation for each.
"""

from typing import Any, NamedTuple

import bpy

from background_nodes.script import convert_to_mesh, editable, log, mesh_copy, progress

#: Sockets whose value is one of these types; others take text.
NUMBERS = {"NodeSocketFloat": float, "NodeSocketInt": int, "NodeSocketBool": bool}
VECTORS = ("NodeSocketVector", "NodeSocketColor", "NodeSocketRotation")
DATA = {
    "NodeSocketObject": lambda: bpy.data.objects,
    "NodeSocketCollection": lambda: bpy.data.collections,
    "NodeSocketMaterial": lambda: bpy.data.materials,
    "NodeSocketImage": lambda: bpy.data.images,
    "NodeSocketTexture": lambda: bpy.data.textures,
}
#: What has a surface and can't have Geometry Nodes, or can't in all versions of Blender.
MADE_MESHES = ("EMPTY", "META", "SURFACE")


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        result: The object.
        faces: How many faces are to be seen of it.
    """

    result: bpy.types.Object
    faces: int


def main(
    source: bpy.types.Object,
    settings: dict | None = None,
    node_group: bpy.types.NodeTree | None = None,
    apply: bool = False,
    suffix: str = "",
) -> Output:
    """Set inputs of `source`.

    Args:
        source: The object. Where no node group is linked it has Geometry Nodes among its modifiers; the last ones are
            meant.
        settings: JSON: values by the names of the inputs, as Wedge gives them. Vectors and colours are lists, menus and
            data-blocks names.
        node_group: Add these Geometry Nodes to it first. A surface, metaball or collection instance becomes a mesh.
        apply: Make what they give its mesh.
        suffix: Added to its name; {Radius} stands for a setting.
    """
    settings = settings or {}
    name = source.name + filled(suffix, settings)
    source = editable(source)
    if node_group is not None and source.type in MADE_MESHES:
        source = convert_to_mesh(source)
    modifier = last_nodes(source) if node_group is None else added(source, node_group)
    for input_name, value in settings.items():
        set_input(modifier, input_name, value)
    source.update_tag()
    progress(0.3, "Evaluating")
    bpy.context.view_layer.update()
    tell_warnings(source, modifier)
    if apply:
        source = applied(source)
    source.name = name
    log(f"{name}: {', '.join(f'{key} = {value}' for key, value in settings.items()) or 'as it was'}")
    return Output(source, count_faces(source))


def last_nodes(source: bpy.types.Object) -> bpy.types.Modifier:
    found = [each for each in source.modifiers if each.type == "NODES" and each.node_group is not None]
    if not found:
        raise ValueError(f"{source.name} has no Geometry Nodes; add some, or link Node Group")
    return found[-1]


def added(source: bpy.types.Object, node_group: bpy.types.NodeTree) -> bpy.types.Modifier:
    if node_group.bl_idname != "GeometryNodeTree":
        raise ValueError(f"{node_group.name} is no group of Geometry Nodes; link another one")
    modifier = source.modifiers.new(node_group.name, "NODES")
    if modifier is None:
        kind = source.type.replace("_", " ").title()
        raise ValueError(f"{source.name} ({kind}) can't have Geometry Nodes; link a mesh, curve, text or the like")
    modifier.node_group = node_group
    return modifier


def applied(source: bpy.types.Object) -> bpy.types.Object:
    name = source.name
    result = convert_to_mesh(source)
    if not result.data.vertices:
        raise ValueError(f"Nothing of {name} is a mesh; switch Apply off, or link another object or other settings")
    return result


def set_input(modifier: bpy.types.Modifier, name: str, value: Any) -> None:
    """Set one input, as it is called in the modifier. Raises ValueError for what does not fit."""
    group = modifier.node_group
    inputs = {
        item.name: item
        for item in group.interface.items_tree
        if item.item_type == "SOCKET" and item.in_out == "INPUT" and item.socket_type != "NodeSocketGeometry"
    }
    item = inputs.get(name)
    if item is None:
        there = ", ".join(inputs) or "none"
        raise ValueError(f"{group.name} has no input {name}; it has {there}")
    try:
        write(modifier, item.identifier, converted(item, value))
    except (TypeError, ValueError, KeyError):
        kind = item.socket_type.removeprefix("NodeSocket").lower()
        message = f"{value!r} does not fit {name} of {group.name}, which takes a {kind}"
        raise ValueError(f"{message}{told(item, modifier)}; set another value") from None


def write(modifier: bpy.types.Modifier, identifier: str, value: Any) -> None:
    if hasattr(modifier, "properties"):  # since Blender 5.2
        place = getattr(modifier.properties.inputs, identifier)
        place.type, place.value = "VALUE", value
        return
    if isinstance(value, Menu):
        value = {name: number for name, *_, number in menu_items(modifier, identifier)}[value]
    modifier[identifier] = value
    if f"{identifier}_use_attribute" in modifier:
        modifier[f"{identifier}_use_attribute"] = False


class Menu(str):
    """The name of a choice, which Blender before 5.2 keeps as its number."""

    __slots__ = ()


def menu_items(modifier: bpy.types.Modifier, identifier: str) -> list[tuple]:
    if hasattr(modifier, "properties"):
        place = getattr(modifier.properties.inputs, identifier)
        return [(each.identifier,) for each in place.bl_rna.properties["value"].enum_items]
    return modifier.id_properties_ui(identifier).as_dict().get("items", [])


def told(item: bpy.types.NodeTreeInterfaceSocket, modifier: bpy.types.Modifier) -> str:
    """What would fit, if that can be said in a few words."""
    if item.socket_type == "NodeSocketMenu":
        return f": {', '.join(each[0] for each in menu_items(modifier, item.identifier))}"
    if item.socket_type in ("NodeSocketFloat", "NodeSocketInt"):
        return f" from {item.min_value:g} to {item.max_value:g}"
    return ""


def converted(item: bpy.types.NodeTreeInterfaceSocket, value: Any) -> Any:
    """The value as Blender takes it. Raises ValueError, TypeError or KeyError if it does not fit."""
    kind = item.socket_type
    if kind in NUMBERS:
        if not isinstance(value, bool | int | float) or (kind == "NodeSocketInt" and value != int(value)):
            raise ValueError
        found = NUMBERS[kind](value)
        if kind != "NodeSocketBool" and not item.min_value <= found <= item.max_value:
            raise ValueError
        return found
    if kind in VECTORS:
        numbers = [float(each) for each in value]
        numbers += [1.0] if (kind, len(numbers)) == ("NodeSocketColor", 3) else []
        if len(numbers) != (4 if kind == "NodeSocketColor" else 3):
            raise ValueError
        return numbers
    if kind in DATA:
        return DATA[kind]()[value]
    return Menu(value) if kind == "NodeSocketMenu" else str(value)


def tell_warnings(source: bpy.types.Object, modifier: bpy.types.Modifier) -> None:
    """Write to the log what the nodes warn of, where Blender tells."""
    evaluated = source.evaluated_get(bpy.context.evaluated_depsgraph_get()).modifiers[modifier.name]
    for warning in getattr(evaluated, "node_warnings", ()):
        log(f"{source.name}: {warning.message}")


def filled(suffix: str, settings: dict[str, Any]) -> str:
    for name, value in settings.items():
        suffix = suffix.replace(f"{{{name}}}", f"{value:g}" if isinstance(value, float) else str(value))
    return suffix


def count_faces(source: bpy.types.Object) -> int:
    try:
        with mesh_copy(source) as copy:
            return len(copy.data.polygons)
    except ValueError:  # points, curves or nothing
        return 0
