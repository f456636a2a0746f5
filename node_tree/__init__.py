# SPDX-License-Identifier: GPL-3.0-or-later
"""The language: tree, sockets and nodes; the reader (tree -> graph) and the writer (results -> outputs)."""

from __future__ import annotations

import bpy

from . import (
    data_nodes,
    declared_sockets,
    field_properties,
    group_interface,
    group_node,
    kept_readings,
    links,
    list_nodes,
    noted_results,
    script_node,
    sockets,
    tree,
)


def _classes() -> tuple[type, ...]:
    return (
        *noted_results.classes,
        *sockets.classes(),
        *group_interface.classes(),
        *tree.classes,
        *declared_sockets.classes,
        *script_node.classes,
        *data_nodes.classes,
        *list_nodes.classes,
    )


def register() -> None:
    for cls in _classes():
        bpy.utils.register_class(cls)
    group_node.register()
    tree.register()
    links.register()
    kept_readings.register()
    noted_results.register()


def unregister() -> None:
    noted_results.unregister()
    kept_readings.unregister()
    links.unregister()
    tree.unregister()
    group_node.unregister()
    field_properties.unregister()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
