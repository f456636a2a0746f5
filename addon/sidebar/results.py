# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what came home: a click on a result selects and frames it, or opens it in an editor for it, or its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...runtime.errors import BackgroundNodesError
from ...runtime.planning.graph import OutputAction, OutputMode, WhenChanged
from ..drawing import areas
from ..editor import end_report
from ..editor.active import TreeOperator, active_run, edited_tree
from ..session.current import bring_back, fetch_result

#: Says what could not be shown, "" if all could.
Shower = Callable[[bpy.types.Context, Sequence[bpy.types.ID]], str]


class _OutputOperator(TreeOperator):
    """Does something with what an output shows."""

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    identifier: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def find_output(self, context: bpy.types.Context) -> bpy.types.NodeSocket | None:
        """The output, None if it is gone."""
        node = edited_tree(context).nodes.get(self.node_name)
        sockets = [] if node is None else node.outputs
        return next((socket for socket in sockets if socket.identifier == self.identifier), None)


class BACKGROUND_NODES_OT_result_show(_OutputOperator, bpy.types.Operator):
    """Select the result and show it: objects in the viewport, others in an editor for them"""

    bl_idname = "background_nodes.result_show"
    bl_label = "Show Result"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        data_blocks = self._data_blocks(context)
        if not data_blocks:
            self.report({"WARNING"}, translated("The result is not there any more"))
            return {"CANCELLED"}
        message = show(context, data_blocks)
        if message:
            self.report({"WARNING"}, message)
        return {"FINISHED"}

    def _data_blocks(self, context: bpy.types.Context) -> list[bpy.types.ID]:
        socket = self.find_output(context)
        return getattr(socket, "result_data_blocks", [])  # a reroute's has none


class BACKGROUND_NODES_OT_result_bring_home(_OutputOperator, bpy.types.Operator):
    """Bring the result into this file: objects and collections into the scene"""

    bl_idname = "background_nodes.result_bring_home"
    bl_label = "Bring Home"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        socket = self.find_output(context)
        if not getattr(socket, "offered_by", 0):
            self.report({"WARNING"}, translated("There is no result to bring home"))
            return {"CANCELLED"}
        try:
            fetch_result(socket, OutputAction(OutputMode.LINK))
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKGROUND_NODES_OT_result_bring_back(_OutputOperator, bpy.types.Operator):
    """Bring what was deleted of the result back, if it is still kept. No script runs"""

    bl_idname = "background_nodes.result_bring_back"
    bl_label = "Bring Back"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        socket = self.find_output(context)
        if getattr(socket, "num_noted", 0) == len(getattr(socket, "result_data_blocks", ())):
            self.report({"WARNING"}, translated("Nothing of the result was deleted"))
            return {"CANCELLED"}
        try:
            run = bring_back(socket)
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if run is not None and bpy.app.background:
            run.wait()
            level, message = end_report.summary(run)
            self.report({level}, message)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_changed_settle(TreeOperator, bpy.types.Operator):
    """Bring the new results home although you changed the earlier ones by hand"""

    bl_idname = "background_nodes.changed_settle"
    bl_label = "Changed by Hand"
    bl_options = {"REGISTER", "UNDO"}

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    choice: bpy.props.EnumProperty(
        name="Choice",
        items=(
            ("RESULT", "Take Result", "Let the new results take the place of yours"),
            ("BOTH", "Side by Side", "Put the new results beside yours"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return properties.bl_rna.properties["choice"].enum_items[properties.choice].description

    def execute(self, context: bpy.types.Context) -> set[str]:
        run, node = active_run(context), edited_tree(context).nodes.get(self.node_name)
        if run is None or not run.is_home or node is None:
            self.report({"WARNING"}, translated("There are no results to bring home. Run the node tree again"))
            return {"CANCELLED"}
        try:
            run.settle_changed(node.uid, WhenChanged[self.choice])
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKGROUND_NODES_OT_output_collection_new(TreeOperator, bpy.types.Operator):
    """Make a new collection in the scene for the results"""

    bl_idname = "background_nodes.output_collection_new"
    bl_label = "New Collection"
    bl_options = {"REGISTER", "UNDO"}

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = edited_tree(context).nodes.get(self.node_name)
        if node is None or node.bl_idname != "BackgroundNodeOutput":
            return {"CANCELLED"}
        node.collection = bpy.data.collections.new("Results")
        context.scene.collection.children.link(node.collection)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_result_folder_open(_OutputOperator, bpy.types.Operator):
    """Open the folder of the result in the system's file browser"""

    bl_idname = "background_nodes.result_folder_open"
    bl_label = "Open Folder"

    def execute(self, context: bpy.types.Context) -> set[str]:
        result = getattr(self.find_output(context), "result", None)
        path = result[0] if isinstance(result, tuple) and result else result
        folder = _folder(path) if isinstance(path, str) else None
        if folder is None:
            self.report({"WARNING"}, translated("The result is not there any more"))
            return {"CANCELLED"}
        return bpy.ops.wm.path_open(filepath=str(folder))


def _folder(path: str) -> Path | None:
    """The folder that a path is or is in; None if it is not there."""
    found = Path(bpy.path.abspath(path))
    if not found.exists():
        return None
    return found if found.is_dir() else found.parent


def show(context: bpy.types.Context, data_blocks: Sequence[bpy.types.ID]) -> str:
    """Show data-blocks of one kind where the artist looks at such. Returns what could not be shown, "" if all could."""
    return _SHOWERS.get(_kind(data_blocks[0]), _show_properties)(context, data_blocks)


def _kind(data_block: bpy.types.ID) -> str:
    return data_block.bl_rna.identifier


def _show_objects(context: bpy.types.Context, objects: Sequence[bpy.types.Object]) -> str:
    layer = context.view_layer
    there = [item for item in objects if layer.objects.get(item.name) == item]
    if not there:
        return translated('"{name}" is in no collection of the scene').format(name=objects[0].name)
    if context.mode != "OBJECT":
        return translated("Objects can be selected in Object Mode only")
    for item in layer.objects:
        item.select_set(item in there)
    layer.objects.active = there[0]
    if not any(item.visible_get() for item in there):
        return translated('"{name}" is hidden').format(name=there[0].name)
    _frame_selected(context)
    return ""


def _show_collections(context: bpy.types.Context, collections: Sequence[bpy.types.Collection]) -> str:
    objects = [item for collection in collections for item in collection.all_objects]
    if not objects:
        return translated('"{name}" is empty').format(name=collections[0].name)
    return _show_objects(context, objects)


def _frame_selected(context: bpy.types.Context) -> None:
    area = areas.find(context, "VIEW_3D")
    if area is None:
        return
    window = next(item for item in context.window_manager.windows if area in item.screen.areas[:])
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.view_selected()


def _show_images(context: bpy.types.Context, images: Sequence[bpy.types.Image]) -> str:
    return _open(context, "IMAGE_EDITOR", "image", images[0])


def _show_texts(context: bpy.types.Context, texts: Sequence[bpy.types.Text]) -> str:
    return _open(context, "TEXT_EDITOR", "text", texts[0])


def _show_properties(context: bpy.types.Context, data_blocks: Sequence[bpy.types.ID]) -> str:
    """What has no editor of its own is shown by the Properties editor, pinned."""
    try:
        return _open(context, "PROPERTIES", "pin_id", data_blocks[0])
    except (TypeError, AttributeError):
        return translated('There is no editor that shows "{name}"').format(name=data_blocks[0].name)


def _open(context: bpy.types.Context, ui_type: str, name: str, data_block: bpy.types.ID) -> str:
    setattr(areas.find_or_open(context, ui_type).spaces.active, name, data_block)
    return ""


_SHOWERS: dict[str, Shower] = {
    "Object": _show_objects,
    "Collection": _show_collections,
    "Image": _show_images,
    "Text": _show_texts,
}


classes = (
    BACKGROUND_NODES_OT_result_show,
    BACKGROUND_NODES_OT_result_bring_home,
    BACKGROUND_NODES_OT_result_bring_back,
    BACKGROUND_NODES_OT_changed_settle,
    BACKGROUND_NODES_OT_output_collection_new,
    BACKGROUND_NODES_OT_result_folder_open,
)
