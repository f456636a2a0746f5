# SPDX-License-Identifier: GPL-3.0-or-later
"""The example files: in *File > New* and in the editor's *View* menu, opened as new files are, ready to run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy

from ..drawing import areas

_FOLDER = Path(__file__).parent / "examples"
#: The name of a file's node tree, which is what the artist reads, too, and what it is an example of.
_EXAMPLES = {
    "Levels of Detail": "Two simpler versions of each object of a collection",
    "Bake and Export": "Light objects with baked normal maps, as glTF files",
}
#: The name of the Input node whose path a file leaves open: it has no folder of its own before it is saved.
_FOLDER_NODE = "Folder"

#: Seconds until Blender has drawn an editor for the first time, and knows how large the nodes in it are.
_FIRST_DRAW = 0.2

#: The name of the example that is being opened; the artist may cancel when asked to save.
_opening: list[str] = []


class BACKGROUND_NODES_OT_example_open(bpy.types.Operator):
    """Open an example of background nodes as a new file"""

    bl_idname = "background_nodes.example_open"
    bl_label = "Open Example"

    name: bpy.props.EnumProperty(
        name="Example", items=[(name, name, description) for name, description in _EXAMPLES.items()]
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return _EXAMPLES[properties.name]

    def execute(self, _context: bpy.types.Context) -> set[str]:
        _opening[:] = [self.name]
        # As File > New does it: asks whether to save, keeps the artist's windows, and gives the file no name.
        return bpy.ops.wm.read_homefile(
            "EXEC_DEFAULT" if bpy.app.background else "INVOKE_DEFAULT",
            filepath=str(_FOLDER / f"{self.name.lower().replace(' ', '_')}.blend"),
            load_ui=False,
            use_splash=False,
        )


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    name = _opening.pop() if _opening else ""
    tree = bpy.data.node_groups.get(name)
    if tree is None or bpy.data.filepath:
        return
    folder = tree.nodes.get(_FOLDER_NODE)
    if folder is not None:
        folder.outputs[0].default_value = str(Path(tempfile.gettempdir(), name))
    if not bpy.app.background:
        bpy.app.timers.register(_show, first_interval=0.0)


def _show() -> None:
    """Show the tree, where there is an editor for it, in the upper part of the largest viewport, or in a new window."""
    tree = next((bpy.data.node_groups[name] for name in _EXAMPLES if name in bpy.data.node_groups), None)
    if tree is not None:
        area = _editor(tree.bl_idname)
        area.spaces.active.node_tree = tree
        address = area.as_pointer()
        bpy.app.timers.register(lambda: _view_all(address), first_interval=_FIRST_DRAW)


def _editor(ui_type: str) -> bpy.types.Area:
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, screen=window.screen):
        found = areas.find(bpy.context, ui_type)
    if found is not None:
        return found
    viewports = [area for area in window.screen.areas if area.type == "VIEW_3D"]
    largest = max(viewports, key=lambda area: area.width * area.height, default=None)
    made = areas.split_or_open(window, largest, ui_type, "HORIZONTAL")
    made.spaces.active.show_region_ui = False  # leaves the room to the graph
    return made


def _view_all(address: int) -> None:
    """Bring all nodes into view."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.as_pointer() == address and area.type == "NODE_EDITOR":
                region = next(region for region in area.regions if region.type == "WINDOW")
                with bpy.context.temp_override(window=window, area=area, region=region):
                    bpy.ops.node.view_all()


class BACKGROUND_NODES_MT_examples(bpy.types.Menu):
    """Files that show what background nodes can do"""

    bl_idname = "BACKGROUND_NODES_MT_examples"
    bl_label = "Background Nodes"

    def draw(self, _context: bpy.types.Context) -> None:
        for name in _EXAMPLES:
            self.layout.operator("background_nodes.example_open", text=name, icon="FILE_NEW").name = name


def _draw_in_file_new(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu(BACKGROUND_NODES_MT_examples.bl_idname, icon="SCRIPTPLUGINS")


def _draw_in_view(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if context.space_data.tree_type == "BackgroundNodeTree":
        menu.layout.separator()
        menu.layout.menu(BACKGROUND_NODES_MT_examples.bl_idname, text="Examples")


classes = (BACKGROUND_NODES_OT_example_open, BACKGROUND_NODES_MT_examples)


def register() -> None:
    bpy.types.TOPBAR_MT_file_new.append(_draw_in_file_new)
    bpy.types.NODE_MT_view.append(_draw_in_view)
    bpy.app.handlers.load_post.append(_after_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_after_load)
    bpy.types.NODE_MT_view.remove(_draw_in_view)
    bpy.types.TOPBAR_MT_file_new.remove(_draw_in_file_new)
