# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes at the two ends of a graph: Input and Output."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.script.socket_types import ANY_DATA_BLOCK, VALUE_KINDS, SocketType
from ..runtime.script.wording import title_of
from .base import BackgroundNode, SocketSpec, sync_sockets
from .changes import property_changed
from .plain_sockets import PATH_OPTIONS

#: Kinds an Input node does not offer: a menu's choices belong to a script, JSON is written by one.
_NOT_OFFERED = frozenset({"MENU"})
#: The kinds of data-blocks that graphs work on most.
_FIRST = ("Object", "Collection", "Mesh", "Material", "Image")


@functools.cache
def data_types() -> tuple[tuple[str, str, str, str, int], ...]:
    """Items of the enum of data types: the data-blocks that are used most, plain values, the others by their names.

    A file keeps an item's number, so that depends on nothing but its identifier: another version has other kinds.
    """
    values = [kind for kind in VALUE_KINDS if kind not in _NOT_OFFERED]
    names = {kind: title_of(kind) for kind in values} | {"INT": "Integer", "ANY": "JSON"}
    names |= {kind: _name_of(kind) for kind in data_block_kinds.collections()}
    order = [*_FIRST, *values, *sorted(names.keys() - {*_FIRST, *values}, key=names.__getitem__)]
    return tuple((kind, names[kind], "", "NONE", zlib.crc32(kind.encode()) & 0x7FFFFFFF) for kind in order)


def _name_of(kind: str) -> str:
    """What Blender calls a kind of data-blocks, in words: "Movie Clip" where its own name is "MovieClip"."""
    if kind == "MetaBall":
        return "Metaball"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", getattr(bpy.types, kind).bl_rna.name)


def _type_changed(node: BackgroundNodeInput, context: bpy.types.Context | None) -> None:
    spec = SocketSpec("value", "Value", SocketType(node.data_type, node.is_list))
    sync_sockets(node, [spec], are_outputs=True)
    property_changed(node, context)


class BackgroundNodeInput(BackgroundNode, bpy.types.Node):
    """A value or a data-block of this file, set on the node"""

    bl_idname = "BackgroundNodeInput"
    bl_label = "Input"
    bl_icon = "IMPORT"
    bl_width_default = 160.0

    shows_output_values = True

    data_type: bpy.props.EnumProperty(
        name="Type",
        description="What the node gives",
        items=data_types(),
        default="Object",
        update=_type_changed,
    )
    is_list: bpy.props.BoolProperty(name="List", description="Give a list", update=_type_changed)

    def init(self, context: bpy.types.Context) -> None:
        super().init(context)
        _type_changed(self, context)

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.prop(self, "data_type", text="")
        row.prop(self, "is_list", text="", icon="LINENUMBERS_ON")
        if self.outputs[0].socket_type.is_data_block:
            fill = row.operator("background_nodes.input_fill", text="", icon="RESTRICT_SELECT_OFF")
            fill.node_name = self.name
        self.draw_status(layout)

    def draw_label(self) -> str:
        if self.label or not self.is_list:
            return self.label or self.data_type_name
        count = len(self.outputs[0].items_of_list)
        plural = data_block_kinds.collections().get(self.data_type)
        if plural is None or count < 2:
            return f"{self.data_type_name} List"
        return f"{count} {title_of(plural)}"

    @property
    def data_type_name(self) -> str:
        """The type as an artist reads it."""
        return self.bl_rna.properties["data_type"].enum_items[self.data_type].name

    def set_data_blocks(self, data_blocks: Sequence[bpy.types.ID]) -> None:
        """Let it give data-blocks of its type: the first one if it gives no list."""
        self.outputs[0].default_value = data_blocks if self.is_list else data_blocks[0]
        property_changed(self, None)


class BackgroundNodeOutput(BackgroundNode, bpy.types.Node):
    """Takes results home: into a collection, in place of the original's data, or into a file"""

    bl_idname = "BackgroundNodeOutput"
    bl_label = "Output"
    bl_icon = "EXPORT"
    bl_width_default = 190.0

    mode: bpy.props.EnumProperty(
        name="Mode",
        description="What to do with the data-blocks",
        items=(
            ("LINK", "Link to Collection", "Link objects and collections into a collection"),
            ("REPLACE", "Replace Original", "Give the object that the result was made of the result's data"),
            ("SAVE", "Save as Blend File", "Write the data-blocks to a .blend file"),
            ("KEEP", "Keep", "Only bring the data-blocks into this file"),
        ),
        default="LINK",
        update=property_changed,
    )
    collection: bpy.props.PointerProperty(
        name="Collection",
        description="Where to link objects, the scene's own collection if empty",
        type=bpy.types.Collection,
        update=property_changed,
    )
    filepath: bpy.props.StringProperty(
        name="File",
        description="The .blend file to write",
        subtype="FILE_PATH",
        default="//results.blend",
        options=PATH_OPTIONS,
        update=property_changed,
    )
    offset: bpy.props.FloatVectorProperty(
        name="Offset",
        description="How far each result is moved from its original, and several of one original from each other",
        subtype="TRANSLATION",
        update=property_changed,
    )
    hide_original: bpy.props.BoolProperty(
        name="Hide Original",
        description="Hide the objects that the results were made of in the viewport",
        update=property_changed,
    )
    keep_earlier: bpy.props.BoolProperty(
        name="Keep Earlier",
        description="Leave the results of earlier runs in the file, beside the new ones",
    )

    when_changed: bpy.props.EnumProperty(
        name="Changed by Hand",
        description="What becomes of earlier results that you changed, when new ones come home",
        items=(
            ("ASK", "Ask", "Leave yours as they are, and let you take the new ones with a button of the node"),
            ("MINE", "Keep Mine", "Leave yours as they are"),
            ("RESULT", "Take Result", "Let new results take their place"),
            ("BOTH", "Side by Side", "Leave yours as they are, and put the new ones beside them"),
        ),
        default="ASK",
    )
    keep_succeeded: bpy.props.BoolProperty(
        name="Keep Succeeded",
        description="Bring home what succeeded, though other items of the list or other nodes failed",
        default=True,
    )
    num_kept: bpy.props.IntProperty(
        description="How many data-blocks of the last run wait because the earlier ones were changed by hand",
        options={"HIDDEN"},
    )

    def copy(self, node: bpy.types.Node) -> None:
        super().copy(node)
        self.num_kept = 0

    def init(self, context: bpy.types.Context) -> None:
        super().init(context)
        spec = SocketSpec("data", "Data", SocketType(ANY_DATA_BLOCK, is_list=True))
        sync_sockets(self, [spec], are_outputs=False)

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "mode", text="")
        if self.mode == "LINK":
            row = layout.row(align=True)
            row.prop(self, "collection", text="")
            if self.collection is None:
                new = row.operator("background_nodes.output_collection_new", text="New", icon="ADD")
                new.node_name = self.name
        elif self.mode == "SAVE":
            layout.prop(self, "filepath", text="")
        if self.num_kept:
            self._draw_kept(layout)
        self.draw_status(layout)

    def _draw_kept(self, layout: bpy.types.UILayout) -> None:
        """The question what shall become of results that were changed by hand."""
        text = bpy.app.translations.pgettext_iface("{count} changed by hand").format(count=self.num_kept)
        layout.label(text=text, icon="QUESTION", translate=False)
        row = layout.row(align=True)
        for choice in ("RESULT", "BOTH"):
            text = self.bl_rna.properties["when_changed"].enum_items[choice].name
            take = row.operator("background_nodes.changed_settle", text=text)
            take.node_name, take.choice = self.name, choice

    def draw_buttons_ext(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        layout.use_property_split = True
        layout.use_property_decorate = False
        self.draw_buttons(context, layout)
        if self.mode != "SAVE":
            if self.mode == "LINK":
                layout.prop(self, "offset")
                layout.prop(self, "hide_original")
            layout.prop(self, "keep_earlier")
            layout.prop(self, "keep_succeeded")
            layout.prop(self, "when_changed")


classes = (BackgroundNodeInput, BackgroundNodeOutput)
