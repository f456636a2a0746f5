# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a field or a button below a problem: it fixes the problem, or leads to the place where it can be fixed."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...node_tree import declared_sockets, lookup
from ...node_tree.identity import find_node
from ...node_tree.links import is_refused, origins
from ...runtime.errors import Problem
from ..editor.active import TreeOperator, edited_tree, outer_tree


class BACKGROUND_NODES_OT_links_refused_remove(TreeOperator, bpy.types.Operator):
    """Remove the links into this socket that can't carry what it takes"""

    bl_idname = "background_nodes.links_refused_remove"
    bl_label = "Remove Link"
    bl_options = {"REGISTER", "UNDO"}

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    identifier: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = edited_tree(context)
        node = tree.nodes.get(self.node_name)
        sockets = [] if node is None else [item for item in node.inputs if item.identifier == self.identifier]
        refused = [link for socket in sockets for link in socket.links if is_refused(link)]
        for link in refused:
            tree.links.remove(link)
        return {"FINISHED"} if refused else {"CANCELLED"}


def draw(layout: bpy.types.UILayout, context: bpy.types.Context, problem: Problem) -> None:
    """The fix of a problem, where something here can carry it out. Looks at the tree as it is now.

    A node of another group than the editor shows is led to instead: what is done to a node is done in its group.
    """
    tree = outer_tree(context)
    node = find_node(tree, problem.node_id) or tree.nodes.get(problem.node)
    if node is None:
        return
    if problem.needs_consent:
        layout.operator("background_nodes.scripts_ask", text="Allow ...", icon="CHECKMARK")
    elif node.id_data != edited_tree(context):
        show = layout.operator("background_nodes.node_select", text="Show in Group", icon="NODETREE")
        show.node_name, show.node_id = problem.node, problem.node_id
    elif getattr(node, "source_error", ""):
        _draw_script_error(layout, node, problem)
    elif "//" in problem.message and not bpy.data.filepath:
        layout.operator("wm.save_mainfile", text="Save File", icon="FILE_TICK")
    elif (entry := _faulty_entry(node, problem)) is not None:
        layout.prop(entry, "name")
        if "name" not in problem.message:
            row = layout.row(align=True)
            row.prop(entry, "data_type")
            row.prop(entry, "is_list", text="", icon="LINENUMBERS_ON")
    elif problem.socket:
        _draw_socket(layout, node, problem.socket)
    elif node.bl_idname == "BackgroundNodeScript" and not (node.script or node.filepath or node.library_script):
        layout.prop(node, "script", text="")


def _draw_script_error(layout: bpy.types.UILayout, node: bpy.types.Node, problem: Problem) -> None:
    if problem.line is None:
        text = translated("Edit Script")
    else:
        text = translated("Go to Line {line}").format(line=problem.line)
    layout.operator("background_nodes.script_error_show", text=text, icon="TEXT", translate=False).node_name = node.name


def _faulty_entry(node: bpy.types.Node, problem: Problem) -> bpy.types.PropertyGroup | None:
    """What is declared on the node and has this problem."""
    faults = declared_sockets.faults(node) if getattr(node, "is_without_main", False) else ()
    found = [fault.identifier for fault in faults if (fault.name, fault.message) == (problem.socket, problem.message)]
    entries = (*node.declared_inputs, *node.declared_outputs) if found else ()
    return next((entry for entry in entries if entry.identifier == found[0]), None)


def _draw_socket(layout: bpy.types.UILayout, node: bpy.types.Node, name: str) -> None:
    sockets = [socket for socket in node.inputs if name in (socket.name, socket.identifier)]
    sockets += [
        socket for socket in node.outputs if name == socket.name and getattr(node, "shows_output_values", False)
    ]
    socket = next(iter(sockets), None)
    if socket is None:
        return
    given = () if socket.is_output else origins(node, socket.identifier)
    if any(origin.is_refused for origin in given):
        remove = layout.operator("background_nodes.links_refused_remove", icon="X")
        remove.node_name, remove.identifier = node.name, socket.identifier
    elif not given:
        socket.draw_value(layout, socket.name)
    else:
        for origin in given:
            _draw_origin(layout, find_node(node.id_data, origin.node_id), origin.identifier)


def _draw_origin(layout: bpy.types.UILayout, node: bpy.types.Node | None, identifier: str) -> None:
    for socket in node.outputs if getattr(node, "shows_output_values", False) else ():
        if socket.identifier == identifier:
            socket.draw_value(layout, lookup.label(node))


classes = (BACKGROUND_NODES_OT_links_refused_remove,)
