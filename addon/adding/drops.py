# SPDX-License-Identifier: GPL-3.0-or-later
"""Files dropped onto the editor become nodes: a script becomes its own node, another file a shipped node that reads it.

Data-blocks dropped onto it never reach an add-on: see `selection.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bpy

from ..editor.active import edited_tree, select_only
from . import node_add
from .node_add import AddOperator
from .node_choices import NodeChoice

#: The shipped script that reads a file, by the file's ending; each has an input `filepath`.
_READERS = {
    ".blend": "import_export/append_from_blend",
    ".obj": "import_export/import_obj",
    ".gltf": "import_export/import_gltf",
    ".glb": "import_export/import_gltf",
    ".fbx": "import_export/import_fbx",
    ".stl": "import_export/import_stl",
    ".ply": "import_export/import_ply",
    ".abc": "import_export/import_alembic",
    **dict.fromkeys((".usd", ".usda", ".usdc", ".usdz"), "import_export/import_usd"),
    **dict.fromkeys(bpy.path.extensions_image, "image/load_image"),
}
_SCRIPT = ".py"
#: Between the nodes of files that were dropped together.
_GAP = 180.0


class BACKGROUND_NODES_OT_files_drop(AddOperator, bpy.types.Operator):
    """Add a node for each file: a node with the script, or a node that reads the file"""

    bl_idname = "background_nodes.files_drop"
    bl_label = "Add Nodes for Files"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        node_add.store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        paths = [Path(self.directory, file.name) for file in self.files]
        nodes = self._add_all(context, [path for path in paths if _choice(path) is not None])
        if not nodes:
            self.report({"WARNING"}, "No node reads such a file")
            return {"CANCELLED"}
        select_only(edited_tree(context), *nodes)
        return {"FINISHED"}

    def _add_all(self, context: bpy.types.Context, paths: Sequence[Path]) -> list[bpy.types.Node]:
        nodes = []
        for index, path in enumerate(paths):
            node = self.add(context, _choice(path))
            if node is not None:
                node.location.y -= index * _GAP
                if path.suffix.lower() != _SCRIPT:
                    node.inputs["filepath"].default_value = str(path)
                nodes.append(node)
        return nodes


def _choice(path: Path) -> NodeChoice | None:
    ending = path.suffix.lower()
    if ending == _SCRIPT:
        return NodeChoice("file", str(path))
    return NodeChoice("library", _READERS[ending]) if ending in _READERS else None


class BACKGROUND_NODES_FH_files(bpy.types.FileHandler):
    """Files that become nodes"""

    bl_idname = "BACKGROUND_NODES_FH_files"
    bl_label = "Background Node"
    bl_import_operator = BACKGROUND_NODES_OT_files_drop.bl_idname
    bl_file_extensions = ";".join((_SCRIPT, *_READERS))

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        tree = edited_tree(context)
        return tree is not None and tree.is_editable and context.region is not None and context.region.type == "WINDOW"


classes = (BACKGROUND_NODES_OT_files_drop, BACKGROUND_NODES_FH_files)
