# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties that are drawn as fields of sockets, each with the default and the limits that a script gives.

A property of Blender has one default and one range for all sockets of a class. So a class gets one more for each field
that is drawn. It holds nothing: it shows and sets what all sockets of the class keep in the same place. So no file
depends on such a property or its name, and a value outlives each change of its field.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Callable
from typing import Any, Final

import bpy
from mathutils import Matrix

from ..runtime.script.socket_types import SocketType
from ..runtime.script.value_kinds import VALUE_KINDS
from ..runtime.script.values import RANGED
from ..runtime.script.wording import title_of
from . import fields
from .changes import property_changed
from .fields import Field
from .plain_sockets import PLAIN_SOCKETS, UNITS

#: Defaults that nobody can type. They are those of sockets whose script gives none, so that *Reset to Default Value*
#: can be told from a zero or an empty text that an artist means: it leaves nothing set. The zeros are negative.
_NOTHING: Final[dict[str, Any]] = {
    "INT": -(2**31),
    "FLOAT": -0.0,
    "STRING": "\x7f",
    **dict.fromkeys(("VECTOR", "COLOR", "ROTATION"), (-0.0, -0.0, -0.0)),
}

#: What gets a value, by the name of the property that holds it: each draws an editor's fields faster than `getattr`.
_GETTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "default_value": lambda socket: socket.default_value,
    "json_value": lambda socket: socket.json_value,
    "value": lambda item: item.value,
}

#: The names of the properties that were made, by the class that has them and `field_json`.
_made: dict[tuple[type, str], str] = {}
#: Those that were asked for.
_wanted: set[tuple[type, str]] = set()


def name_for(owner: Any, field_json: str) -> str:
    """The name of the property that is the field of a socket, or of an item of a list. Drawing may ask for it.

    Blender makes no property while it draws. So the first time it is that of all sockets of the class, and the editors
    are drawn once more right after.
    """
    name = _made.get((type(owner), field_json))
    if name is not None:
        return name
    if field_json:
        _wanted.add((type(owner), field_json))
        if not bpy.app.timers.is_registered(_make_wanted):
            bpy.app.timers.register(_make_wanted)
    return str(owner.value_name)


def _make_wanted() -> None:
    while _wanted:
        make(*_wanted.pop())
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()


def make(owner: Any, field_json: str) -> str:
    """Give a class the property for a field, if it has none yet; its name.

    What holds the values does by itself for a field that differs in nothing: it is drawn faster.
    """
    if (owner, field_json) not in _made:
        field, name = fields.read(field_json), str(owner.value_name)
        if not _is_usual(owner, field):
            name = f"field_{hashlib.sha256(field_json.encode()).hexdigest()[:16]}"
            setattr(owner, name, _property(owner, field))
        _made[owner, field_json] = name
    return _made[owner, field_json]


def _is_usual(owner: Any, field: Field) -> bool:
    """Whether a field is that of all sockets of a class."""
    if owner.kind == "MENU" or not owner.is_socket or field.limits(owner.kind) != (None, None):
        return False
    if field.default is None:
        return owner.kind not in _NOTHING
    usual = VALUE_KINDS[owner.kind].default
    return usual is not None and fields.is_default(field.default, usual, SocketType(owner.kind))


def unregister() -> None:
    """The properties are gone with their classes."""
    if bpy.app.timers.is_registered(_make_wanted):
        bpy.app.timers.unregister(_make_wanted)
    _wanted.clear()
    _made.clear()


def _property(owner: Any, field: Field) -> Any:
    if owner.kind == "MENU":
        return _menu(owner, field)
    plain = PLAIN_SOCKETS[owner.kind]
    options = {"name": "Value", **plain.options, **UNITS.get((owner.kind, field.unit), {})}
    options["options"] = options.get("options", set()) - {"ANIMATABLE"}  # its name holds for this session only
    _limit(options, *field.limits(owner.kind))
    return plain.make_property(**(options | _behaviour(owner, field)))


def _limit(options: dict[str, Any], least: float | None, largest: float | None) -> None:
    """Give a property limits; those of its unit that lie beyond count no more."""
    for name, limit, is_beyond in (("min", least, operator.lt), ("max", largest, operator.gt)):
        if limit is not None:
            options[name] = limit
            for soft in ("soft_min", "soft_max"):
                if soft in options and is_beyond(options[soft], limit):
                    del options[soft]


def _behaviour(owner: Any, field: Field) -> dict[str, Any]:
    """The default of a property, and how it gets and sets the value."""
    kind, name = owner.kind, owner.value_name
    if field.default is None and owner.is_socket and kind in _NOTHING:
        empty, nothing = _empty(kind, field), _NOTHING[kind]
        return {"default": nothing, "get": _getter(name, empty), "set": _setter(name, nothing)}
    return {
        "default": _empty(kind, field) if field.default is None else _default(kind, field),
        "get": _GETTERS[name],
        "set": _set_matrix if kind == "MATRIX" else _setter(name),
    }


def _default(kind: str, field: Field) -> Any:
    return json.dumps(field.default) if kind == "ANY" else _for_property(field.default, kind)


def _for_property(default: Any, kind: str) -> Any:
    """A default in the form in which `bpy.props` takes it."""
    value = fields.settable(default, kind)
    return tuple(map(tuple, value)) if kind == "MATRIX" else value


def _empty(kind: str, field: Field) -> Any:
    """What a field shows where nothing is set."""
    if kind in RANGED:
        return field.within(0, kind)
    default = VALUE_KINDS[kind].default
    return "" if default is None else _for_property(default, kind)


def _getter(name: str, empty: Any) -> Callable[[Any], Any]:
    return lambda owner: getattr(owner, name) if owner.is_property_set(name) else empty


def _setter(name: str, nothing: Any = None) -> Callable[[Any, Any], None]:
    def put(owner: Any, value: Any) -> None:
        if nothing is not None and repr(value) == repr(nothing):  # as 0.0 == -0.0
            owner.unset_value()
            fields.value_changed(owner, None)
        else:
            setattr(owner, name, value)

    return put


def _set_matrix(owner: Any, columns: Any) -> None:
    setattr(owner, owner.value_name, Matrix(columns).transposed())


def _menu(owner: Any, field: Field) -> Any:
    """A menu that knows a choice by its place. Where nothing is chosen, it shows that."""
    choices, name = [str(choice) for choice in field.choices], owner.choice_name
    items = [(f"choice_{place}", title_of(choice), "", place) for place, choice in enumerate(choices)]
    default = f"choice_{choices.index(str(field.default))}" if field.default is not None else "nothing"
    if field.default is None:
        items.insert(0, (default, "None", "Nothing is chosen", len(choices)))
    places = {choice: place for place, choice in enumerate(choices)}
    elsewhere = next(number for identifier, _, _, number in items if identifier == default)

    tell = fields.value_changed if owner.is_socket else property_changed

    def put(menu: Any, place: int) -> None:
        setattr(menu, name, (*choices, "")[place])
        tell(menu, None)

    return bpy.props.EnumProperty(
        name="Value",
        items=items,
        default=default,
        options=set(),
        get=lambda menu: places.get(getattr(menu, name), elsewhere),
        set=put,
    )
