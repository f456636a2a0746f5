# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs and outputs of a group: what Blender's interface of a node tree keeps of our types of sockets.

Blender gives group nodes their sockets by itself, but knows neither defaults nor ranges of ours: `follow` brings those.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from ..runtime.errors import MisfitError
from ..runtime.script.signature import MISSING, Parameter
from ..runtime.script.socket_types import SocketType
from ..runtime.script.values import RANGED, fit
from . import changes, fields, sockets
from .base import describe, input_spec
from .fields import Field

_PREFIX = "BackgroundNodeInterface"
#: Called with a tree whose interface was changed in a way that Blender does not tell group nodes of.
Follower = Callable[[bpy.types.NodeTree], None]
_followers: list[Follower] = []


def set_follower(follower: Follower | None) -> None:
    _followers[:] = [] if follower is None else [follower]


def is_followed() -> bool:
    return bool(_followers)


def changed(item: Any, _context: bpy.types.Context | None) -> None:
    """For `update` of a property of an interface's socket."""
    for follower in _followers:
        follower(item.id_data)
    changes.tell(item.id_data)


def _get_choices(item: Any) -> str:
    return ", ".join(map(str, json.loads(item.choices_json or "[]")))


def _set_choices(item: Any, text: str) -> None:
    item.set_choices(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


class BackgroundNodeInterfaceSocket:
    """What the sockets of an interface share. Mixed into a `bpy.types.NodeTreeInterfaceSocket`."""

    value_type: SocketType
    kind: str
    value_name = "default_value"
    is_socket = True
    is_output = True  # its field always has a value
    is_own_value = False
    field_json = ""
    #: For the buttons of a list: no node has it.
    owner_name = ""

    def draw(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        if self.kind == "MENU":
            layout.prop(self, "choices_text")
        if self.in_out == "INPUT" and not self.value_type.is_data_block:
            self._draw_default(layout)
        if self.kind in RANGED:
            for heading, flag, end in (("Min", "use_minimum", "minimum"), ("Max", "use_maximum", "maximum")):
                row = layout.row(heading=heading)
                row.prop(self, flag, text="")
                field = row.row()
                field.active = getattr(self, flag)
                field.prop(self, end, text="")

    def _draw_default(self, layout: bpy.types.UILayout) -> None:
        if self.value_type.is_list:
            layout.use_property_split = False
            self.draw_value(layout, "Default")
        else:
            layout.prop(self, self.value_name, text="Default")

    def get_default(self) -> Any:
        """The default as `Parameter.default` has it; `MISSING` if it has none."""
        if self.in_out == "OUTPUT" or self.value_type.is_data_block:
            return MISSING
        try:
            value = self.get_value()
        except ValueError:  # what is written there is no JSON
            return MISSING
        if value is None or (value == "" and self.kind in ("PATH", "ANY")):
            return MISSING
        with contextlib.suppress(MisfitError):
            return _within(fit(_exact(fields.plain(value, self.value_type)), self.value_type), self)
        return MISSING

    def from_socket(self, _node: bpy.types.Node, socket: bpy.types.NodeSocket) -> None:
        """Blender calls this where a link that is dragged to an end of a group makes a socket."""
        if socket is not None:
            take_over(self, socket)

    def get_value(self) -> Any:
        return self.default_value

    def ends(self) -> tuple[float | None, float | None]:
        """The least and the largest value; None for no limit."""
        if self.kind not in RANGED or (self.use_minimum and self.use_maximum and self.minimum > self.maximum):
            return None, None
        least = _exact(self.minimum) if self.use_minimum else None
        return least, _exact(self.maximum) if self.use_maximum else None


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return fields.exact(value)
    return tuple(map(_exact, value)) if isinstance(value, list | tuple) else value


def _within(value: Any, item: Any) -> Any:
    least, largest = item.ends()
    if isinstance(value, tuple) and item.kind in RANGED:
        return tuple(_within(each, item) for each in value)
    if least is None and largest is None:
        return value
    return _exact(Field(minimum=least, maximum=largest).within(value, item.kind))


# For other modules


def idname(socket_type: SocketType, unit: str = "") -> str:
    """The type of interface sockets that give group nodes sockets of a type: that of the sockets."""
    return sockets.socket_idname(socket_type, unit)


def items(tree: bpy.types.NodeTree, in_out: str) -> Iterator[Any]:
    """The inputs ("INPUT") or outputs ("OUTPUT") of a group whose types are ours, in order."""
    for item in tree.interface.items_tree:
        if item.item_type == "SOCKET" and item.in_out == in_out and hasattr(item, "value_type"):
            yield item


def parameter(item: Any) -> Parameter:
    """What an input of a group, or what is linked to its output, takes. Nothing has to be linked or set there."""
    least, largest = item.ends()
    unit = item.unit if not item.value_type.is_list else ""
    choices = tuple(json.loads(item.choices_json or "[]")) if item.kind == "MENU" else ()
    return Parameter(
        item.identifier,
        item.name,
        item.value_type,
        default=item.get_default(),
        is_optional=True,
        minimum=least,
        maximum=largest,
        unit=unit,
        choices=choices,
        description=item.description,
    )


def follow(node: bpy.types.Node, group: bpy.types.NodeTree) -> None:
    """Bring defaults, ranges, choices and descriptions of a group to the sockets of a node that stands for it.

    `node` is a group node, or a Group Input or Group Output node in the group.
    """
    is_end = node.bl_idname in ("NodeGroupInput", "NodeGroupOutput")
    sides = (
        ((node.outputs, "INPUT"), (node.inputs, "OUTPUT"))
        if is_end
        else (
            (node.inputs, "INPUT"),
            (node.outputs, "OUTPUT"),
        )
    )
    for found, in_out in sides:
        by_identifier = {socket.identifier: socket for socket in found if hasattr(socket, "socket_type")}
        for item in items(group, in_out) if by_identifier else ():
            socket = by_identifier.get(item.identifier)
            if socket is not None and socket.socket_type == item.value_type:
                _follow(socket, item)


def _follow(socket: Any, item: Any) -> None:
    if socket.socket_type.is_list:
        if socket.display_shape != "SQUARE":
            socket.display_shape = "SQUARE"
        if not socket.is_output and socket.link_limit == 1:
            socket.link_limit = 0
    describe(socket, input_spec(parameter(item)), has_field=not socket.is_output)


def set_field(item: Any, field: Field) -> None:
    """Give an item the default, the range and the choices of a field."""
    if item.kind == "MENU" and field.choices:
        item.set_choices(field.choices)
    if item.kind in RANGED:
        for name, end in (("minimum", field.minimum), ("maximum", field.maximum)):
            if end is not None:
                setattr(item, name, int(end) if item.kind == "INT" else end)
                setattr(item, f"use_{name}", True)
    default = fields.settable_default(field.default, item.value_type)
    if default is not None and item.in_out == "INPUT":
        item.default_value = default


def take_over(item: Any, socket: Any) -> None:
    """Give an item what a socket of its type in the group has: its field, with its value as the default."""
    if getattr(socket, "socket_type", None) != item.value_type:
        return
    field = fields.read(socket.field_json)
    with contextlib.suppress(ValueError):  # what is written there is no JSON
        value = None if item.value_type.is_data_block else socket.get_value()
        if value is not None:
            field = dataclasses.replace(field, default=fields.plain(value, item.value_type))
    set_field(item, field)
    if not socket.is_output:
        item.description = socket.description_text


# Making the classes


def _interface_class(socket_type: SocketType, unit: str) -> type:
    kind = socket_type.kind
    annotations: dict[str, Any] = {}
    bases: list[type] = []
    if not socket_type.is_data_block:
        base, annotations = sockets.value_parts(socket_type, unit, sockets.item_classes()[kind], changed)
        bases.append(base)
    if kind in RANGED:
        number = bpy.props.IntProperty if kind == "INT" else bpy.props.FloatProperty
        annotations["use_minimum"] = bpy.props.BoolProperty(name="Use Min", update=changed)
        annotations["minimum"] = number(name="Min", description="The least value", update=changed)
        annotations["use_maximum"] = bpy.props.BoolProperty(name="Use Max", update=changed)
        annotations["maximum"] = number(name="Max", description="The largest value", default=1, update=changed)
    if kind == "MENU":
        annotations["choices_text"] = bpy.props.StringProperty(
            name="Choices",
            description="What the menu offers, with commas in between",
            get=_get_choices,
            set=_set_choices,
            update=changed,
        )
    socket_idname = idname(socket_type, unit)
    name = socket_idname.replace("BackgroundNodeSocket", _PREFIX)
    namespace = {
        "__doc__": f"An input or output of a group that holds {socket_type}.",
        "__annotations__": annotations,
        "bl_idname": name,
        "bl_label": sockets.label_of_type(socket_type, unit),
        "bl_socket_idname": socket_idname,
        "value_type": socket_type,
        "kind": kind,
        "unit": unit,
    }
    return type(name, (*bases, BackgroundNodeInterfaceSocket, bpy.types.NodeTreeInterfaceSocket), namespace)


@functools.cache
def classes() -> tuple[type, ...]:
    """One class for each type of sockets, in an order in which they can be registered."""
    return tuple(_interface_class(socket_type, unit) for socket_type, unit in sockets.socket_types())
