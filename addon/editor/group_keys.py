# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of groups say that there are none yet: Blender's own operators would do nothing, and say nothing."""

from __future__ import annotations

import bpy

from ..drawing import keymaps
from .active import TreeOperator


class BACKGROUND_NODES_OT_groups_missing(TreeOperator, bpy.types.Operator):
    """Groups are not there yet"""

    bl_idname = "background_nodes.groups_missing"
    bl_label = "Groups"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        self.report({"INFO"}, "Background Nodes has no groups yet: they come in a later version")
        return {"CANCELLED"}


classes = (BACKGROUND_NODES_OT_groups_missing,)


def register() -> None:
    idname = BACKGROUND_NODES_OT_groups_missing.bl_idname
    for key, modifiers in (("G", {"ctrl": True}), ("G", {"ctrl": True, "alt": True}), ("TAB", {}), ("P", {})):
        keymaps.add("Node Editor", "NODE_EDITOR", idname, key, **modifiers)
