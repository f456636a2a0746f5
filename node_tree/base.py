# SPDX-License-Identifier: GPL-3.0-or-later
"""What all our nodes share: a stable id, and sockets that follow a list of what they should be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated
from mathutils import Color, Euler, Matrix, Quaternion, Vector

from ..runtime.script.signature import MISSING, Parameter
from ..runtime.script.socket_types import SocketType
from . import changes, fields, kept_links, noted_results
from .identity import new_id
from .links import forget_links, refused_origins
from .sockets import socket_idname

#: Draws a node's status (progress, state, time). Set by the add-on, which knows of runs; the node tree does not.
StatusDrawer = Callable[[bpy.types.Node, bpy.types.UILayout], None]
_status_drawers: list[StatusDrawer] = []


def set_status_drawer(drawer: StatusDrawer | None) -> None:
    _status_drawers[:] = [] if drawer is None else [drawer]


class BackgroundNode:
    """Mixed into each `bpy.types.Node` of ours."""

    uid: bpy.props.StringProperty(
        name="ID", description="Stable id of the node, unique in the file", options={"HIDDEN"}
    )
    results: bpy.props.CollectionProperty(type=noted_results.BackgroundNodeResult, options={"HIDDEN"})
    home_action: bpy.props.StringProperty(
        description="What an Output node did with the results that came home last", options={"HIDDEN"}
    )
    results_of: bpy.props.StringProperty(
        description="Whose results are noted: see `noted_results.owner`", options={"HIDDEN"}
    )

    @classmethod
    def poll(cls, tree: bpy.types.NodeTree) -> bool:
        return tree.bl_idname == "BackgroundNodeTree"

    def init(self, _context: bpy.types.Context) -> None:
        self.uid = new_id()

    def copy(self, _node: bpy.types.Node) -> None:
        # Runs on duplicate, paste and tree copy; on clipboard nodes too, which are in no tree.
        self.uid = new_id()
        noted_results.forget(self)

    def draw_status(self, layout: bpy.types.UILayout) -> None:
        for drawer in _status_drawers:
            drawer(self, layout)
        self._draw_refused_links(layout)

    def _draw_refused_links(self, layout: bpy.types.UILayout) -> None:
        for identifier, origin in refused_origins(self):
            socket = next((socket for socket in self.inputs if socket.identifier == identifier), None)
            if socket is not None:
                text = translated("{socket}: {given} is no {wanted}")
                text = text.format(socket=socket.name, given=origin.type, wanted=socket.socket_type)
                layout.label(text=text, icon="ERROR", translate=False)


@dataclass(frozen=True, slots=True)
class SocketSpec:
    """What a socket should be. `value` is its default, None for none; `field_json` that of its `Parameter`."""

    identifier: str
    label: str
    type: SocketType
    unit: str = ""
    value: Any = None
    choices: tuple[Any, ...] = ()
    description: str = ""
    field_json: str = ""

    @property
    def idname(self) -> str:
        return socket_idname(self.type, self.unit)


def input_spec(parameter: Parameter) -> SocketSpec:
    """What the input of a parameter should be."""
    default = None if parameter.default is MISSING else parameter.default
    return SocketSpec(
        parameter.identifier,
        parameter.label,
        parameter.type,
        parameter.unit,
        fields.settable_default(default, parameter.type),
        parameter.choices,
        parameter.description,
        parameter.field_json,
    )


def sync_sockets(
    node: bpy.types.Node,
    specs: Sequence[SocketSpec],
    *,
    are_outputs: bool,
    may_rename: bool = False,
    renamed: Mapping[str, str] | None = None,
    kept: Container[str] = (),
) -> None:
    """Make a node's inputs (or outputs) what `specs` says. Links and values stay, by identifier, and what is hidden.

    Args:
        node: the node.
        specs: what its sockets should be, in order.
        are_outputs: which of them.
        may_rename: whether links and value of a socket that is gone pass to a new one, where that clearly is the same
            under another name.
        renamed: identifiers that are gone, each with the new one that certainly is the same.
        kept: identifiers of sockets that are only put out of sight, with their links, if `specs` has none of them.
    """
    sockets = node.outputs if are_outputs else node.inputs
    renamed = dict(renamed or {})
    if may_rename:
        renamed |= _renamed(sockets, specs, renamed)
    links: list[kept_links.Ends] = []
    wanted = {spec.identifier: spec for spec in specs}
    for socket in list(sockets):
        identifier = renamed.get(socket.identifier, socket.identifier)
        spec = wanted.get(identifier)
        if socket.enabled != (spec is not None):
            socket.enabled = spec is not None
        if spec is None and socket.identifier in kept:
            continue
        if spec is None or (socket.identifier, socket.bl_idname) != (identifier, spec.idname):
            links = links or kept_links.of(node)
            kept_value, is_hidden = _value_to_keep(socket, spec) if spec is not None else None, socket.hide
            sockets.remove(socket)
            if spec is not None:
                new = _add(sockets, spec, are_outputs)
                _fill(new, kept_value)
                new.hide = is_hidden
    order = [socket.identifier for socket in sockets]
    for index, spec in enumerate(specs):
        if spec.identifier not in order:
            order.append(_add(sockets, spec, are_outputs).identifier)
        place = order.index(spec.identifier)
        describe(sockets[place], spec)
        if place != index:
            sockets.move(place, index)
            order.insert(index, order.pop(place))
    in_place = ({}, renamed) if are_outputs else (renamed, {})
    kept_links.restore(node.id_data, kept_links.renamed(links, node.name, *in_place))
    forget_links(node.id_data)
    changes.touch(node)
    changes.touch_links(node.id_data)


def _renamed(sockets: Any, specs: Sequence[SocketSpec], known: Mapping[str, str]) -> dict[str, str]:
    """The identifiers that are gone, each with the new one it was renamed to, where that is clear."""
    there = [
        (socket.bl_idname if socket.enabled and socket.identifier not in known else "", socket.identifier)
        for socket in sockets
    ]
    wanted = [("" if spec.identifier in known.values() else spec.idname, spec.identifier) for spec in specs]
    return clear_renames(there, wanted)


def clear_renames(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The identifiers that are gone, each with the new one that clearly is the same socket under another name.

    It is if there is no other socket of that type that is gone, and no other new one; or if it is in the same place.

    Args:
        before: the `bl_idname` and the identifier of each socket, in order. One without a `bl_idname` was not renamed.
        now: the same of the sockets that there should be.
    """
    kept = {identifier for _, identifier in before} & {identifier for _, identifier in now}
    gone, new = (
        [(idname, index, name) for index, (idname, name) in enumerate(sockets) if idname and name not in kept]
        for sockets in (before, now)
    )
    renamed = {}
    for idname, index, identifier in gone:
        rivals = [other for other in gone if other[0] == idname]
        candidates = [other for other in new if other[0] == idname]
        is_only_one = len(rivals) == len(candidates) == 1
        found = [other for other in candidates if is_only_one or other[1] == index]
        if found:
            renamed[identifier] = found[0][2]
    return renamed


def _add(sockets: Any, spec: SocketSpec, is_output: bool) -> Any:
    # A list takes several links, which makes it recognisable too; `use_multi_input` is for inputs only.
    options = {} if is_output else {"use_multi_input": spec.type.is_list}
    socket = sockets.new(spec.idname, spec.label, identifier=spec.identifier, **options)
    if spec.type.is_list:
        socket.display_shape = "SQUARE"
        if not is_output:
            socket.link_limit = 0
    if spec.choices:
        socket.set_choices(spec.choices)
    _fill(socket, spec.value)
    return socket


def describe(socket: Any, spec: SocketSpec, *, has_field: bool = True) -> None:
    """Bring what may change without a new socket up to date; its field only if it has one."""
    if socket.name != spec.label:
        socket.name = spec.label
    if socket.description_text != spec.description:
        socket.description_text = spec.description
        if hasattr(socket, "description"):
            socket.description = spec.description
    if has_field and socket.field_json != spec.field_json:
        _change_field(socket, spec)


def _change_field(socket: Any, spec: SocketSpec) -> None:
    """The script has another default, or other limits, or gives them first.

    What the artist did not touch becomes the new default. What he set stays, for a script that is being typed has many
    limits for a moment: if it is out of them, that is a problem before the run, and his choice of a menu is gone.
    """
    is_first, is_free = not socket.field_json, fields.is_untouched(socket)
    if spec.choices:
        socket.set_choices(spec.choices)
        is_free = is_free or socket.get_value() is None
    socket.field_json = spec.field_json
    if not is_free:
        # What it had at first is not known of a socket that an earlier version of ours has made.
        socket.is_own_value = not (is_first and fields.is_untouched(socket))
    elif spec.value is None:
        socket.unset_value()
    else:
        _fill(socket, spec.value)


def _value_to_keep(socket: Any, spec: SocketSpec) -> Any:
    """What the artist has set, for a new socket that may be a list where the old one was none; None for nothing."""
    try:
        if fields.is_untouched(socket):
            return None
        value = socket.get_value()
    except (AttributeError, ValueError):  # not one of ours; an artist's text that is no JSON
        return None
    value = _detached(value)
    if value is None or spec.type.is_list == socket.socket_type.is_list:
        return value
    if spec.type.is_list:
        return [value]
    return value[0] if value else None


def hand_over_value(old: Any, new: Any) -> None:
    """Give a socket the value that the artist has set on another one, if it can hold that."""
    with contextlib.suppress(AttributeError, ValueError):  # not one of ours; an artist's text that is no JSON
        if not fields.is_untouched(old):
            _fill(new, _detached(old.get_value()))


def _detached(value: Any) -> Any:
    """A copy of the value: vectors and colours refer to their socket, which will be removed."""
    if isinstance(value, tuple):
        return tuple(map(_detached, value))
    is_view = isinstance(value, Vector | Color | Euler | Quaternion | Matrix)
    return value.copy() if is_view else value


def _fill(socket: Any, value: Any) -> None:
    """Set a value, if this type of socket can hold it. If not, the socket keeps its own: its type has changed."""
    if value is None:
        return
    try:
        is_menu = socket.socket_type.kind == "MENU" and not socket.socket_type.is_list
        socket.default_value = str(value) if is_menu else value
    except (TypeError, ValueError, AttributeError):
        pass
