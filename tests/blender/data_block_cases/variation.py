"""Values other than the defaults for each property of a struct, found by its RNA, so that no list goes stale."""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any

import bpy

#: Not set here: they name things, switch into a mode, or say where something is in an editor.
_LEFT_ALONE = frozenset(
    {
        "active_index",
        "active_material_index",
        "curve_preset",
        "filepath",
        "force_non_field",
        "identifier",
        "in_out",
        "is_active",
        "is_active_output",
        "is_runtime_data",
        "mode",
        "name",
        "parent",
        "rna_type",
        "select",
        "show_viewport",
        "socket_type",
        "tag",
        "type",
        "use_extra_user",
        "use_fake_user",
        "use_nodes",
    }
)
_ERRORS = (AttributeError, TypeError, ValueError, RuntimeError)


def vary(struct: bpy.types.bpy_struct, depth: int = 2, **settings: Any) -> bpy.types.bpy_struct:
    """Give every number, switch, menu and text of a struct another value than its default. What can't be set stays.

    Args:
        struct: what to change.
        depth: so many levels of structs that it owns are changed, too.
        settings: values for some properties, in the place of any others.

    Returns:
        `struct`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Blender is about to lose
        _vary(struct, depth, settings)
    for name, value in settings.items():
        setattr(struct, name, value)
    return struct


def _vary(struct: bpy.types.bpy_struct, depth: int, settings: dict[str, Any]) -> None:
    for prop in type(struct).bl_rna.properties:
        name = prop.identifier
        if name in settings or name in _LEFT_ALONE or name.startswith("bl_"):
            continue
        if prop.type == "POINTER":
            if depth > 0 and prop.is_readonly:
                _vary_owned(struct, name, depth)
        elif not prop.is_readonly and prop.type != "COLLECTION":
            with contextlib.suppress(*_ERRORS):
                setattr(struct, name, other_value(prop, getattr(struct, name)))


def _vary_owned(struct: bpy.types.bpy_struct, name: str, depth: int) -> None:
    with contextlib.suppress(*_ERRORS):
        owned = getattr(struct, name)
        if owned is not None and not isinstance(owned, bpy.types.ID) and owned.id_data == struct.id_data:
            _vary(owned, depth - 1, {})


def other_value(prop: bpy.types.Property, value: Any) -> Any:
    """Another value for a property than the one it has."""
    if prop.type == "BOOLEAN":
        return [not item for item in value] if prop.is_array else not value
    if prop.type == "INT":
        return [_number(prop, item, 1) for item in value] if prop.is_array else _number(prop, value, 1)
    if prop.type == "FLOAT":
        return _floats(prop, value)
    if prop.type == "STRING":
        return "varied ä" if prop.subtype not in {"FILE_PATH", "DIR_PATH", "FILE_NAME", "BYTE_STRING"} else value
    return _choice(prop, value)


def _floats(prop: bpy.types.Property, value: Any) -> Any:
    if not prop.is_array:
        return _number(prop, value, 0.125)
    if any(prop.array_dimensions[1:]):
        return [_floats_of(prop, row) for row in value]
    return _floats_of(prop, value)


def _floats_of(prop: bpy.types.Property, values: Any) -> list[float]:
    return [_number(prop, value, 0.125 * (1 + index)) for index, value in enumerate(values)]


def _number(prop: bpy.types.Property, value: float, step: float) -> float:
    """A little more or, at the upper end, a little less."""
    more = value + step
    if not math.isfinite(more) or more > prop.hard_max:
        more = value - step
    return min(max(more, prop.hard_min), prop.hard_max)


def _choice(prop: bpy.types.Property, value: Any) -> Any:
    choices = [item.identifier for item in prop.enum_items]
    if prop.is_enum_flag:
        return set(choices) - set(value) or set(choices)
    others = [choice for choice in choices if choice != value]
    return others[0] if others else value
