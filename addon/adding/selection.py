# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs from what is selected: Blender lets no data-block be dropped onto a node editor of an add-on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ...node_tree.data_nodes import BackgroundNodeInput
from ...runtime.blender import data_block_kinds
from ..editor.active import EditableTreeOperator, edited_tree, select_only
from . import node_add
from .node_add import AddOperator
from .node_choices import NodeChoice

#: Between one node and the next.
_GAP = 110.0


def _objects(context: bpy.types.Context) -> Iterable[bpy.types.ID | None]:
    return context.view_layer.objects.selected


def _collection(context: bpy.types.Context) -> Iterable[bpy.types.ID | None]:
    collection = context.view_layer.active_layer_collection.collection
    return () if collection.is_embedded_data else (collection,)  # a scene's own collection is a part of it


def _material(context: bpy.types.Context) -> Iterable[bpy.types.ID | None]:
    active = context.view_layer.objects.active
    return () if active is None else (active.active_material,)


def _images(context: bpy.types.Context) -> Iterable[bpy.types.ID | None]:
    return (space.image for space in _spaces(context, "IMAGE_EDITOR"))


def _texts(context: bpy.types.Context) -> Iterable[bpy.types.ID | None]:
    return (space.text for space in _spaces(context, "TEXT_EDITOR"))


def _spaces(context: bpy.types.Context, space_type: str) -> Iterator[bpy.types.Space]:
    for area in context.screen.areas:
        if area.type == space_type:
            yield area.spaces.active


def _outliner(context: bpy.types.Context) -> Iterable[bpy.types.ID | None]:
    for area in context.screen.areas:
        if area.type == "OUTLINER":
            region = next(region for region in area.regions if region.type == "WINDOW")
            with context.temp_override(area=area, region=region):
                yield from getattr(bpy.context, "selected_ids", ())  # a Blender without a window does not know


#: Where an input can be taken from: identifier -> (name, description, what gives the data-blocks).
_SOURCES: dict[str, tuple[str, str, Callable[[bpy.types.Context], Iterable[bpy.types.ID | None]]]] = {
    "OBJECTS": ("Selected Objects", "The selected objects, as a list if there are several", _objects),
    "COLLECTION": ("Active Collection", "The active collection", _collection),
    "MATERIAL": ("Active Material", "The active material of the active object", _material),
    "IMAGE": ("Shown Image", "The image in the Image Editor", _images),
    "TEXT": ("Shown Text", "The text in the Text Editor", _texts),
    "OUTLINER": ("Selected in Outliner", "What is selected in the Outliner, a list for each type", _outliner),
}

#: Where a data-block of a type is chosen mostly.
_PLACES = {"Object": "OBJECTS", "Collection": "COLLECTION", "Material": "MATERIAL", "Image": "IMAGE", "Text": "TEXT"}


def data_blocks(context: bpy.types.Context, source: str) -> list[bpy.types.ID]:
    """What a source gives, each data-block once, and only those that can be an input."""
    found = (item for item in _SOURCES[source][2](context) if item is not None)
    return [item for item in dict.fromkeys(found) if _can_be_input(item)]


def _can_be_input(data_block: bpy.types.ID) -> bool:
    try:
        data_block_kinds.kind_of(data_block)
    except KeyError:
        return False
    return True


def _of_node(context: bpy.types.Context, node: BackgroundNodeInput) -> list[bpy.types.ID]:
    """What is selected of the type of an Input node: where one such data-block is chosen mostly, or in the Outliner."""
    kind = node.data_type
    places = dict.fromkeys((_PLACES.get(kind, "OUTLINER"), "OUTLINER"))
    found = [
        [item for item in data_blocks(context, place) if data_block_kinds.kind_of(item) == kind] for place in places
    ]
    # Several of what has no selection of its own can be chosen in the Outliner only.
    return max(found, key=len) if node.is_list else next(filter(None, found), [])


class BACKGROUND_NODES_OT_input_from_selection(AddOperator, bpy.types.Operator):
    """Add an Input node with what is selected: with a list, if that is more than one data-block of a type"""

    bl_idname = "background_nodes.input_from_selection"
    bl_label = "Input from Selection"

    source: bpy.props.EnumProperty(
        name="Source",
        description="Where the data-blocks are selected",
        items=[(source, name, description) for source, (name, description, _) in _SOURCES.items()],
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: BACKGROUND_NODES_OT_input_from_selection) -> str:
        text = rpt_("Add an Input node: {source}").format(source=rpt_(_SOURCES[properties.source][1]).lower())
        return text if data_blocks(context, properties.source) else f"{text}.\n\n{rpt_('Nothing is selected there')}"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        node_add.store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        of_kind: dict[str, list[bpy.types.ID]] = {}
        for data_block in data_blocks(context, self.source):
            of_kind.setdefault(data_block_kinds.kind_of(data_block), []).append(data_block)
        nodes = []
        for index, (kind, found) in enumerate(of_kind.items()):
            node = self.add(context, NodeChoice("input", kind))
            if node is not None:
                node.is_list = len(found) > 1
                node.set_data_blocks(found)
                node.location.y -= index * _GAP
                nodes.append(node)
        if not nodes:
            self.report({"WARNING"}, "Nothing is selected there")
            return {"CANCELLED"}
        select_only(edited_tree(context), *nodes)
        return self.finish()


class BACKGROUND_NODES_OT_input_fill(EditableTreeOperator, bpy.types.Operator):
    """Let the node give what is selected now"""

    bl_idname = "background_nodes.input_fill"
    bl_label = "From Selection"

    node_name: bpy.props.StringProperty(name="Node", description="The Input node", options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = edited_tree(context).nodes[self.node_name]
        found = _of_node(context, node)
        if not found:
            self.report({"WARNING"}, rpt_("Nothing of the type {type} is selected").format(type=node.data_type_name))
            return {"CANCELLED"}
        node.set_data_blocks(found)
        return {"FINISHED"}


class BACKGROUND_NODES_MT_input_from_selection(bpy.types.Menu):
    """Inputs from what is selected"""

    bl_idname = "BACKGROUND_NODES_MT_input_from_selection"
    bl_label = "From Selection"

    def draw(self, context: bpy.types.Context) -> None:
        for source, (name, _, _) in _SOURCES.items():
            row = self.layout.row()
            row.enabled = bool(data_blocks(context, source))
            properties = row.operator(BACKGROUND_NODES_OT_input_from_selection.bl_idname, text=name)
            properties.source, properties.use_transform = source, True


classes = (
    BACKGROUND_NODES_OT_input_from_selection,
    BACKGROUND_NODES_OT_input_fill,
    BACKGROUND_NODES_MT_input_from_selection,
)
