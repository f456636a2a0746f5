# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets in Blender's own asset shelf and Asset Browser: they list all node trees of add-ons, of which only ours show.

A node-group asset can't be dropped into an editor of an add-on's tree, so a drag of the shelf is an operator of ours,
and the Asset Browser has one in its menus.
"""

from __future__ import annotations

from pathlib import PurePath

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ...runtime.presets.preset import PREFIX, Preset
from ..adding import preset_choices
from ..adding.preset_use import PresetOperator
from ..drawing import areas
from ..editor.active import edited_tree, fault_of
from ..presets.libraries import libraries, preset_of_tree

#: Node editors have a shelf, and operators for it, since this version.
IS_POSSIBLE = bpy.app.version >= (5, 0, 0)
_EDITOR = "BackgroundNodeTree"
#: The regions that list assets, by the type of the area.
_LISTING = {"NODE_EDITOR": ("ASSET_SHELF",), "FILE_BROWSER": ("WINDOW",)}
_UUID, _VERSION = f"{PREFIX}uuid", f"{PREFIX}version"


def _preset_of(asset: bpy.types.AssetRepresentation) -> Preset | None:
    """The preset that an asset is, in that very version; None if it is none, or in no library that was read."""
    if _UUID not in asset.metadata:
        return None
    return libraries.find(str(asset.metadata[_UUID]), _version(asset))


def _version(asset: bpy.types.AssetRepresentation) -> int:
    """What an asset says, which may be anything; 0 for what is no version."""
    said = asset.metadata.get(_VERSION, 0)
    return said if isinstance(said, int) else 0


def _preset_at(library_name: str, place: str) -> Preset | None:
    """The preset that an asset of the shelf is: `place` is "file.blend/NodeTree/Name", without a file in this one."""
    file, _, name = place.replace("\\", "/").rpartition("NodeTree/")
    if not file:
        tree = bpy.data.node_groups.get((name, None))
        return None if tree is None else preset_of_tree(tree)
    for library in libraries.all():
        wanted = library.folder / file.rstrip("/")
        for preset in library.presets() if library.name == library_name else ():
            if preset.name == name and PurePath(preset.file) == wanted:
                return preset
    return None


def _main_region(area: bpy.types.Area) -> bpy.types.Region:
    return next(region for region in area.regions if region.type == "WINDOW")


def _put_cursor(context: bpy.types.Context, event: bpy.types.Event) -> None:
    """New nodes are to be at the mouse, which may be over the shelf."""
    region = _main_region(context.area)
    context.space_data.cursor_location_from_region(event.mouse_x - region.x, event.mouse_y - region.y)


class _ShelfOperator(PresetOperator):
    """Mixed into an operator of the shelf."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    # What the shelf sets. The asset itself is not in the context.
    asset_library_type: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    asset_library_identifier: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    relative_asset_identifier: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if edited_tree(context) is not None:
            _put_cursor(context, event)
        self.use_transform = True
        with context.temp_override(region=_main_region(context.area)):
            return self.use(context, _preset_at(self.asset_library_identifier, self.relative_asset_identifier))


class BACKGROUND_NODES_OT_preset_shelf_use(_ShelfOperator, bpy.types.Operator):
    """Use this preset"""

    bl_idname = "background_nodes.preset_shelf_use"
    bl_label = "Use Preset"


class BACKGROUND_NODES_OT_preset_shelf_drag(_ShelfOperator, bpy.types.Operator):
    """Drag this preset into the node tree"""

    bl_idname = "background_nodes.preset_shelf_drag"
    bl_label = "Drag Preset"

    def finish(self) -> set[str]:
        """The node goes where the mouse goes, until the button is released. (Blender's own move would go on.)"""
        context = bpy.context
        self._node = edited_tree(context).nodes.active.name
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        tree = edited_tree(context)
        node = None if tree is None else tree.nodes.get(self._node)
        if node is None:
            return {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            _put_cursor(context, event)
            node.location = context.space_data.cursor_location
        elif event.type in {"ESC", "RIGHTMOUSE"}:
            tree.nodes.remove(node)
            return {"CANCELLED"}
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            return {"FINISHED"}
        return {"RUNNING_MODAL"}


class BACKGROUND_NODES_OT_preset_asset_add(PresetOperator, bpy.types.Operator):
    """Use this preset in the largest editor of background nodes"""

    bl_idname = "background_nodes.preset_asset_add"
    bl_label = "Add to Background Nodes"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        asset = getattr(context, "asset", None)
        if asset is None or _UUID not in asset.metadata:
            cls.poll_message_set("Choose a preset of background nodes")
            return False
        area = areas.find(context, _EDITOR)
        if area is None:
            cls.poll_message_set("Open a Background Nodes editor first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        preset = _preset_of(context.asset)
        if preset is None and getattr(context.asset, "is_online", False):
            self.report({"ERROR"}, rpt_("The preset is online only. Download it in the Asset Browser first"))
            return {"CANCELLED"}
        area = areas.find(context, _EDITOR)
        window = next(window for window in context.window_manager.windows if area in window.screen.areas[:])
        with context.temp_override(window=window, area=area, region=_main_region(area)):
            tree = edited_tree(bpy.context)
            if tree is not None:
                bpy.context.space_data.cursor_location = tree.view_center
                if fault := fault_of(tree):
                    self.report({"ERROR"}, fault)
                    return {"CANCELLED"}
            return self.use(bpy.context, preset)


def refresh(context: bpy.types.Context) -> None:
    """Let shelves and Asset Browsers list what was just saved: Blender looks at a library once."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            for region in (region for region in area.regions if region.type in _LISTING.get(area.type, ())):
                with context.temp_override(window=window, area=area, region=region):
                    if bpy.ops.asset.library_refresh.poll():
                        bpy.ops.asset.library_refresh()


def _draw_asset_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    asset = getattr(context, "asset", None)
    if asset is not None and _UUID in asset.metadata:
        menu.layout.separator()
        menu.layout.operator(BACKGROUND_NODES_OT_preset_asset_add.bl_idname)


classes: tuple[type, ...] = (BACKGROUND_NODES_OT_preset_asset_add,)

if IS_POSSIBLE:

    class BACKGROUND_NODES_AST_presets(bpy.types.AssetShelf):
        """Presets of background nodes"""

        bl_idname = "BACKGROUND_NODES_AST_presets"
        bl_space_type = "NODE_EDITOR"
        bl_activate_operator = BACKGROUND_NODES_OT_preset_shelf_use.bl_idname
        bl_drag_operator = BACKGROUND_NODES_OT_preset_shelf_drag.bl_idname
        bl_default_preview_size = 64
        filter_node_tree = True

        @classmethod
        def poll(cls, context: bpy.types.Context) -> bool:
            return context.space_data.tree_type == _EDITOR

        @classmethod
        def asset_poll(cls, asset: bpy.types.AssetRepresentation) -> bool:
            """Presets, each in its newest version that is known."""
            if _UUID not in asset.metadata:
                return False
            newest = preset_choices.find(str(asset.metadata[_UUID]))
            return newest is None or _version(asset) >= newest.version

    classes = (
        BACKGROUND_NODES_OT_preset_shelf_use,
        BACKGROUND_NODES_OT_preset_shelf_drag,
        *classes,
        BACKGROUND_NODES_AST_presets,
    )


def _draw_view_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Blender has it for the Compositor only."""
    if context.space_data.tree_type == _EDITOR:
        menu.layout.separator()
        menu.layout.prop(context.space_data, "show_region_asset_shelf")


def register() -> None:
    if IS_POSSIBLE:
        bpy.types.NODE_MT_view.append(_draw_view_menu)
    bpy.types.ASSETBROWSER_MT_context_menu.append(_draw_asset_menu)


def unregister() -> None:
    bpy.types.ASSETBROWSER_MT_context_menu.remove(_draw_asset_menu)
    if IS_POSSIBLE:
        bpy.types.NODE_MT_view.remove(_draw_view_menu)
