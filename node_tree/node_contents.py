# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node and its sockets hold: the one list for all that copies nodes, or writes them down."""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

import bpy

#: What all nodes have, with what it is at first, in the order in which it is set: a script brings a label of its own.
#: Not all Blenders have all of it.
OF_NODES: Final[dict[str, Any]] = {
    "label": "",
    "use_custom_color": False,
    "color": (0.608, 0.608, 0.608),
    "hide": False,
    "mute": False,
    "show_options": True,
    "show_preview": False,
    "show_texture": False,
    "warning_propagation": "ALL",
}
OF_FRAMES: Final[dict[str, Any]] = {"text": None, "shrink": True, "label_size": 20}
OF_TREES: Final[dict[str, Any]] = {"description": "", "color_tag": "NONE", "default_group_node_width": 140}
OF_SOCKETS: Final[dict[str, Any]] = {"hide": False, "enabled": True, "hide_value": False, "show_expanded": False}
#: What follows from the type of a socket and from its script.
SHOWN_OF_SOCKETS: Final = ("display_shape", "link_limit", "description")

#: The custom property that notes which preset a node or a tree came from.
PRESET_NOTE: Final = "background_nodes_preset"
#: What belongs to the one node: its id, and what a run gave.
_OWN: Final = frozenset(
    {"uid", "results", "results_of", "home_action", "num_kept"}
    | {"result_json", "more_result_json", "result_label", "offered_by", "offered_label", "has_result"}
    | {"holds_result_list"}
)
#: These change when others are set, or let an item tell its node of each change.
_LAST: Final = frozenset({"identifier", "is_own_value"})


class Properties(NamedTuple):
    """The names of what an add-on has added to a type of Blender, in the order in which it is set."""

    plain: tuple[str, ...]
    collections: tuple[str, ...]


@functools.cache
def properties(owner: type) -> Properties:
    """What was added to a type, but for what belongs to the one node, and what only shows what others hold."""
    found = [each for each in owner.bl_rna.properties if each.is_runtime and each.identifier not in _OWN]
    names = [each.identifier for each in found if each.type != "COLLECTION"]
    shown = {name for name in names if name.startswith("field_")} - {"field_json"}
    if "choice" in names:
        shown.add("default_value")
    names = sorted((name for name in names if name not in shown), key=_LAST.__contains__)
    return Properties(tuple(names), tuple(each.identifier for each in found if each.type == "COLLECTION"))


@functools.cache
def own_properties(owner: type) -> Properties:
    """As `properties`, without what other add-ons have added to all nodes, sockets or trees of Blender."""
    base = next(cls for cls in _BASES if issubclass(owner, cls))
    foreign = {each.identifier for each in base.bl_rna.properties if each.is_runtime}
    plain, collections = properties(owner)
    return Properties(
        tuple(name for name in plain if name not in foreign), tuple(name for name in collections if name not in foreign)
    )


_BASES: Final = (
    bpy.types.Node,
    bpy.types.NodeSocket,
    bpy.types.NodeTreeInterfaceSocket,
    bpy.types.NodeTree,
    bpy.types.PropertyGroup,
)
