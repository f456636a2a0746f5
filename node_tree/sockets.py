# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets: one class for each socket type, made from one table and from the data-block kinds this Blender has.

Every socket has `default_value`, which an input uses while nothing is linked and an Input node gives; every output has
`result`, what the last run brought home. Results of values are kept as JSON, so that a float comes back as it was; of
data-blocks the node notes which they are (see `noted_results`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated
from mathutils import Matrix

from ..runtime.blender import data_block_kinds, python_data
from ..runtime.script.socket_types import ANY_DATA_BLOCK, SocketType
from ..runtime.script.values import RANGED
from ..runtime.script.wording import title_of
from . import field_properties, fields, inspection, noted_results, socket_rows
from .changes import property_changed, touch
from .plain_sockets import PLAIN_SOCKETS, UNITS

_PREFIX = "BackgroundNodeSocket"
#: Blender's own colours of data-blocks, where it has such a socket.
_COLORS: dict[str, tuple[float, float, float]] = {
    "Object": (0.93, 0.62, 0.36),
    "Collection": (0.96, 0.96, 0.96),
    "Image": (0.39, 0.22, 0.39),
    "Material": (0.92, 0.46, 0.51),
    "Texture": (0.62, 0.31, 0.64),
    "World": (0.92, 0.46, 0.51),
}
_GEOMETRY_COLOR = (0.00, 0.84, 0.64)
_GEOMETRY = frozenset(
    {"Mesh", "Curve", "Curves", "PointCloud", "Volume", "Lattice", "MetaBall", "GreasePencil", "GreasePencilv3"}
)
_OTHER_DATA_BLOCK_COLOR = (0.75, 0.68, 0.55)

_WITH_LABEL_INSIDE = frozenset({"BOOLEAN", "INT", "FLOAT", "MATRIX"})
_STACKED = frozenset({"VECTOR", "ROTATION"})


@functools.cache
def socket_idname(socket_type: SocketType, unit: str = "") -> str:
    """The `bl_idname` of the socket class for a type: "BackgroundNodeSocketObject", "...FloatAngle", "...MeshList".

    A list has one for all units: its items have fields of their own.
    """
    kind = socket_type.kind
    if kind.isupper() and kind != "ID":
        kind = kind.title().replace("_", "")
    unit = unit.title() if (socket_type.kind, unit) in UNITS and not socket_type.is_list else ""
    return f"{_PREFIX}{kind}{unit}{'List' if socket_type.is_list else ''}"


#: Brings the result that a run offers for an output home. Set by the add-on, which knows of runs.
ResultFetcher = Callable[[bpy.types.NodeSocket], None]
_result_fetchers: list[ResultFetcher] = []


def set_result_fetcher(fetcher: ResultFetcher | None) -> None:
    _result_fetchers[:] = [] if fetcher is None else [fetcher]


class BackgroundNodeResultPiece(bpy.types.PropertyGroup):
    """A piece of a long result."""

    text: bpy.props.StringProperty(options={"HIDDEN"})


def _is_in_use(context: bpy.types.Context, node: bpy.types.Node) -> bool:
    """Whether the editor shows a node in a use of its group: what it has is of a run of the group's tree alone."""
    space = context.space_data
    return isinstance(space, bpy.types.SpaceNodeEditor) and len(space.path) > 1 and space.edit_tree == node.id_data


class BackgroundNodeSocket:
    """What all our sockets share. Mixed into a `bpy.types.NodeSocket`."""

    socket_type: SocketType
    #: Its kind, and the property that holds what is set, for `field_properties`.
    kind: str
    value_name = "default_value"
    is_socket = True

    def draw(self, context: bpy.types.Context, layout: bpy.types.UILayout, node: bpy.types.Node, text: str) -> None:
        if self.is_output:
            self._draw_output(context, layout, node, text)
        elif self.is_linked:
            layout.label(text=text)
        else:
            self.draw_value(layout, text)

    def _draw_output(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, node: bpy.types.Node, text: str
    ) -> None:
        if getattr(node, "shows_output_values", False):
            self.draw_value(layout, "")
        elif self.shows_result and not _is_in_use(context, node):
            self.draw_result(layout, node, text)
        else:
            layout.label(text=text)

    def draw_result(self, layout: bpy.types.UILayout, _node: bpy.types.Node, text: str) -> None:
        """The label of an output, and what the last run gave."""
        layout.label(text=f"{text}: {self.result_label}", translate=False)

    def draw_value(self, layout: bpy.types.UILayout, text: str) -> None:
        name = field_properties.name_for(self, self.field_json)
        if self.has_label_inside:
            layout.prop(self, name, text=text)
        else:
            self.field(layout, text).prop(self, name, text="")

    def field(self, layout: bpy.types.UILayout, text: str) -> bpy.types.UILayout:
        """Draw the label beside the value; where that goes."""
        return socket_rows.field_beside(layout, text, self.node.width, self.field_json)

    @property
    def owner_name(self) -> str:
        """The name of the node that has it."""
        return str(self.node.name)

    @property
    def has_label_inside(self) -> bool:
        """Whether the field has room for the label: a number's and a tick box have."""
        return self.socket_type.kind in _WITH_LABEL_INSIDE and not self.socket_type.is_list

    @classmethod
    def draw_color_simple(cls) -> tuple[float, float, float, float]:
        return (*socket_color(cls.socket_type.kind), 1.0)

    def get_value(self) -> Any:
        """What is set, as a Python value: a data-block, a mathutils value, a tuple of them ...; None if nothing is.

        What the field of an output shows is its value, though nobody touched it.
        """
        return self.default_value if self.is_output or self.is_property_set("default_value") else None

    def unset_value(self) -> None:
        self.property_unset("default_value")
        touch(self)

    @property
    def shows_result(self) -> bool:
        """Whether the last run gave something."""
        return bool(self.result_label)

    @property
    def result_data_blocks(self) -> list[bpy.types.ID]:
        """The data-blocks of the result that are still in the file."""
        return []

    @property
    def result(self) -> Any:
        """What the last run gave: a value, a data-block, a tuple of them, or None."""
        return self._result_value() if self.shows_result else None

    def _result_value(self) -> Any:
        return python_value(json.loads("".join(self.result_pieces())), self.socket_type.kind)

    def set_result(self, value: Any) -> None:
        """Keep a result, given as what JSON holds; None: there is none."""
        self.forget_result()
        if value is not None:
            self.add_result_piece(json.dumps(value))
            self.end_result(len(self.result_json))

    @property
    def num_result_pieces(self) -> int:
        return bool(self.result_json) + len(self.more_result_json)

    def result_pieces(self) -> Iterator[str]:
        """The result as JSON, in the pieces in which it was kept."""
        for index in range(self.num_result_pieces):
            yield self.result_piece(index)

    def result_piece(self, index: int) -> str | None:
        """A piece of the result, None if it has not so many."""
        if index >= self.num_result_pieces:
            return None
        return self.more_result_json[index - 1].text if index else self.result_json

    def add_result_piece(self, text: str) -> None:
        """Keep the next piece of a result, after `forget_result`, given as JSON. `end_result` ends it."""
        if self.result_json:
            self.more_result_json.add().text = text
        else:
            self.result_json = text

    def end_result(self, length: int) -> None:
        """Show what was kept, so many characters; "null": there is none.

        A long one is not looked into: that takes time.
        """
        if length > _MAX_SHOWN_JSON:
            self.result_label = f"{length / 1024**2:,.1f} MB"
            self.tell_in_tooltip(self.result_label)
        elif self.result_json == "null":
            self.forget_result()
        else:
            value = self._result_value()
            self.result_label = self.label_of(value)
            self.tell_in_tooltip(inspection.of_value(value))

    def tell_in_tooltip(self, text: str) -> None:
        """Let the tooltip say what the last run gave; "": there is nothing, and it says what the socket is for."""
        text = text or self.description_text
        if hasattr(self, "description") and self.description != text:  # 4.2 has none
            self.description = text

    def forget_result(self) -> None:
        self.tell_in_tooltip("")
        self.result_json = self.result_label = ""
        if len(self.more_result_json):
            self.more_result_json.clear()

    @staticmethod
    def label_of(result: Any) -> str:
        """A result as an output shows it; not "" for any, as that stands for none."""
        return _shortened(result) or ("0 items" if isinstance(result, tuple) else '""')


class _DataBlockResult:
    """The result of a data-block socket. If the run `offered_by` only offers it, it comes home when it is asked for."""

    @property
    def shows_result(self) -> bool:
        return bool(self.offered_by) or (self.has_result and noted_results.are_own(self.node))

    @property
    def result(self) -> Any:
        """What the last run gave. Never ask for it while Blender draws.

        Raises:
            RunError: if it must come home first, and can't.
            StoreError: if it can't be read.
        """
        if self.offered_by:
            for fetch in _result_fetchers:
                fetch(self)
        if self.offered_by or not self.shows_result:
            return None
        found = tuple(self.result_data_blocks)
        if self.holds_result_list:
            return found
        return found[0] if found else None

    @property
    def result_data_blocks(self) -> list[bpy.types.ID]:
        return noted_results.found(self.node, self.identifier) if self.has_result else []

    @property
    def num_noted(self) -> int:
        """How many data-blocks of the result came home; some may be deleted."""
        return noted_results.num_results(self.node, self.identifier) if self.has_result else 0

    def draw_result(self, layout: bpy.types.UILayout, node: bpy.types.Node, text: str) -> None:
        """The label, and a button that shows what came home, with its icon and name, or their number; or brings it."""
        if self.offered_by:
            _draw_buttons(layout, node, self, text, ("result_bring_home", self.offered_label, "IMPORT"))
            return
        found = self.result_data_blocks
        num_deleted = self.num_noted - len(found)
        buttons = []
        if num_deleted:
            deleted = translated("{count} deleted").format(count=num_deleted) if found else translated("Deleted")
            buttons.append(("result_bring_back", deleted, "LOOP_BACK"))
        if found or not num_deleted:
            name = str(len(found)) if self.holds_result_list else found[0].name
            buttons.append(("result_show", name, _icon(found[0]) if found else _GONE_ICON))
        _draw_buttons(layout, node, self, text, *buttons, shown=found[0] if found else None)

    def set_result(self, value: Any) -> None:
        """Note a data-block, a sequence of them, or None."""
        items = value if isinstance(value, list | tuple) else [value]
        noted = (noted_results.Noted(item, str(place)) for place, item in enumerate(items) if item is not None)
        noted_results.put(self.node, self.identifier, noted)
        self.show_result(has_result=value is not None, is_list=isinstance(value, list | tuple))

    def show_result(self, *, has_result: bool, is_list: bool) -> None:
        """Show what is noted."""
        self.offered_by = 0
        self.has_result = has_result
        self.holds_result_list = is_list
        self.tell_in_tooltip(inspection.of_data_blocks(self.result_data_blocks, is_list=is_list))

    def offer_result(self, run: int, names: Sequence[str], *, is_list: bool) -> None:
        """Show what a run, given by its number, can bring home."""
        self.has_result = False
        self.offered_by = run
        self.offered_label = str(len(names)) if is_list else names[0]
        self.tell_in_tooltip(inspection.of_offer(names, is_list=is_list))

    def forget_result(self) -> None:
        self.tell_in_tooltip("")
        self.has_result = False
        self.offered_by = 0


class _PathResult:
    """The result of a path socket: files, or folders."""

    def draw_result(self, layout: bpy.types.UILayout, node: bpy.types.Node, text: str) -> None:
        """The label, and a button that opens the folder: the file's name, or the number of files."""
        icon = "FILE_FOLDER" if self.result_label != _NO_FILE else _GONE_ICON
        _draw_buttons(layout, node, self, text, ("result_folder_open", self.result_label, icon))

    @staticmethod
    def label_of(result: Any) -> str:
        name = bpy.path.basename(result.rstrip("/\\")) if isinstance(result, str) else str(len(result))
        return name if result else _NO_FILE


def _draw_buttons(
    layout: bpy.types.UILayout,
    node: bpy.types.Node,
    socket: bpy.types.NodeSocket,
    text: str,
    *buttons: tuple[str, str, str],
    shown: bpy.types.ID | None = None,
) -> None:
    """An output's label, and beside it buttons, given by operator, name and icon; greyed out if there is nothing.

    The one that shows an image has a thumbnail, which Blender makes by itself, beside its other work. One of a material
    would be rendered: that holds the window until a slow GPU has its shaders.
    """
    row = layout.row()
    row.alignment = "RIGHT"
    for operator, name, icon in buttons:
        button = row.row()
        button.enabled = icon != _GONE_ICON
        thumbnail = row.icon(shown) if operator == "result_show" and isinstance(shown, bpy.types.Image) else 0
        options = button.operator(
            f"background_nodes.{operator}",
            text=name,
            icon="NONE" if thumbnail else icon,
            icon_value=thumbnail,
            translate=False,
        )
        options.node_name, options.identifier = node.name, socket.identifier
    row.label(text=text, translate=False)


class _PlainValue:
    """A value that is a property of Blender, drawn as any other."""


class _StackedValue:
    """Numbers that stand one above the other: side by side in a node, none of them could be read."""

    def draw_value(self, layout: bpy.types.UILayout, text: str) -> None:
        column = layout.column(align=True)
        if text:
            column.label(text=text)
        column.prop(self, field_properties.name_for(self, self.field_json), text="")


class _JsonValue:
    """`default_value` of a socket that takes anything JSON holds."""

    value_name = "json_value"

    @property
    def default_value(self) -> Any:
        return json.loads(self.json_value) if self.json_value else None

    @default_value.setter
    def default_value(self, value: Any) -> None:
        self.json_value = json.dumps(value)

    def get_value(self) -> Any:
        return self.default_value

    def unset_value(self) -> None:
        self.json_value = ""


class _BlendFileValue:
    """`default_value` of a socket that takes a whole file: its path, or "" for the open one."""

    def get_value(self) -> str:
        return self.default_value

    def draw_value(self, layout: bpy.types.UILayout, text: str) -> None:
        field = self.field(layout, text)
        field.prop(self, "default_value", text="", icon="FILE_BLEND", placeholder=translated("This File"))


class _Choices:
    """What a menu offers: the choices that the script's `Literal[...]` gave."""

    def set_choices(self, choices: Iterable[str | int | float | bool]) -> None:
        self.choices_json = json.dumps(list(choices))

    def choice_of(self, text: str) -> Any:
        """The choice as the script wrote it, None if there is none of that text."""
        return {str(choice): choice for choice in json.loads(self.choices_json or "[]")}.get(text)


class _MenuValue(_Choices):
    """`default_value` of a menu: the text of one of its choices."""

    choice_name = "choice"

    def get_value(self) -> Any:
        return self.choice_of(self.choice)

    def unset_value(self) -> None:
        self.choice = ""
        touch(self)


def _menu_items(socket: Any, _context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    return _cached_items(socket.choices_json)


@functools.cache  # Blender keeps no reference to the strings of dynamic items
def _cached_items(choices_json: str) -> list[tuple[str, str, str]]:
    choices = [str(choice) for choice in json.loads(choices_json or "[]")]
    return [(choice, title_of(choice), "") for choice in choices] or [("", "", "")]


def _get_choice(socket: Any) -> int:
    identifiers = [item[0] for item in _cached_items(socket.choices_json)]
    return identifiers.index(socket.choice) if socket.choice in identifiers else 0


def _set_choice(socket: Any, index: int) -> None:
    socket.choice = _cached_items(socket.choices_json)[index][0]


#: The most items of a list that are shown: a node of hundreds would be higher than the editor.
_MAX_ROWS = 10


class _ListValue:
    """`default_value` of a list: a tuple to read, any sequence to set."""

    @property
    def default_value(self) -> tuple[Any, ...]:
        return tuple(self.unpacked(item.value) for item in self.items_of_list)

    @default_value.setter
    def default_value(self, values: Iterable[Any]) -> None:
        values = tuple(values)
        self.items_of_list.clear()
        for value in values:
            self.items_of_list.add().value = self.packed(value)
        self.has_value = True
        self.is_own_value = False

    def add_item(self) -> None:
        """Add an item that no one has set yet."""
        item = self.items_of_list.add()
        if self.first_value is not None:
            item.value = self.first_value
        self.has_value = True

    @property
    def first_value(self) -> Any:
        """What a new item holds, in the form in which it is kept; None for what its class gives it."""
        return None

    def packed(self, value: Any) -> Any:
        """The form in which an item is kept."""
        return value

    def unpacked(self, value: Any) -> Any:
        return value

    def get_value(self) -> Any:
        return self.default_value if self.has_value or len(self.items_of_list) else None

    def unset_value(self) -> None:
        self.items_of_list.clear()
        self.has_value = False

    def draw_value(self, layout: bpy.types.UILayout, text: str) -> None:
        column = layout.column(align=True)
        row = column.row(align=True)
        row.label(text=text)
        self._draw_button(row, "list_item_add", "ADD")
        count, field_json = len(self.items_of_list), fields.of_items(self.field_json)
        for index, item in enumerate(self.items_of_list):
            if index == _MAX_ROWS and count > _MAX_ROWS + 1:
                more = translated("and {count} more").format(count=count - index)
                column.label(text=more, translate=False)
                break
            row = column.row(align=True)
            row.prop(item, field_properties.name_for(item, field_json), text="")
            self._draw_button(row, "list_item_remove", "REMOVE").index = index

    def _draw_button(self, layout: bpy.types.UILayout, name: str, icon: str) -> Any:
        """A button for an operator on the list; the properties of the operator."""
        options = layout.operator(f"background_nodes.{name}", text="", icon=icon)
        options.node_name, options.identifier, options.is_output = self.owner_name, self.identifier, self.is_output
        return options


class _NumberList(_ListValue):
    """A list of numbers within the range that the script gives."""

    def packed(self, value: Any) -> Any:
        return fields.read(self.field_json).within(value, self.kind)

    @property
    def first_value(self) -> Any:
        return self.packed(0)


class _JsonList(_ListValue):
    """A list of anything JSON holds."""

    def packed(self, value: Any) -> str:
        return json.dumps(value)

    def unpacked(self, value: str) -> Any:
        return json.loads(value) if value else None


class _MenuList(_Choices, _ListValue):
    """A list of choices of a menu. Those that the script does not offer any more drop out when it is read."""

    def packed(self, value: Any) -> str:
        return str(value)

    def unpacked(self, value: str) -> Any:
        return self.choice_of(value)

    @property
    def first_value(self) -> Any:
        return next(iter(json.loads(self.choices_json or "[]")), None)

    def get_value(self) -> Any:
        values = super().get_value()
        return None if values is None else tuple(value for value in values if value is not None)


#: What an output shows of a value.
_MAX_RESULT = 24


def _shortened(value: Any) -> str:
    """A value as an output shows it: short, numbers with few digits."""
    if isinstance(value, float):
        text = f"{value:,.4g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    elif isinstance(value, str | bool):
        text = str(value)
    elif isinstance(value, tuple | list) and len(value) > 3:
        text = f"{len(value)} items"
    elif isinstance(value, Matrix | dict):
        text = "..."
    else:
        text = ", ".join(_shortened(item) for item in value)
    return text if len(text) <= _MAX_RESULT else f"{text[: _MAX_RESULT - 1]}…"


#: The label of a path that is none, and of a list of none.
_NO_FILE = "0"
#: Characters of JSON up to which a result is looked into for its label.
_MAX_SHOWN_JSON = 100_000
#: Of a result that is not there any more.
_GONE_ICON = "GHOST_DISABLED"
#: Kinds whose icon has not the name that the others' have: `<KIND>_DATA`.
_ICONS = {
    "Action": "ACTION",
    "Brush": "BRUSH_DATA",
    "CacheFile": "FILE_CACHE",
    "Collection": "OUTLINER_COLLECTION",
    "GreasePencil": "OUTLINER_DATA_GREASEPENCIL",
    "Image": "IMAGE_DATA",
    "Material": "MATERIAL",
    "Mesh": "OUTLINER_DATA_MESH",
    "Scene": "SCENE_DATA",
    "Sound": "SOUND",
    "Text": "TEXT",
    "Texture": "TEXTURE",
    "World": "WORLD",
}


#: The kind of a new socket of a group: of ours, Blender takes the class that was made last.
_USUAL_KIND = "FLOAT"


def label_of_type(socket_type: SocketType, unit: str) -> str:
    """A type in words: "Float", "Float (Angle)", "List of Mesh"."""
    words = str(socket_type)
    words = words[:1].upper() + words[1:]
    return f"{words} ({title_of(unit.lower())})" if unit else words


def _icon(data_block: bpy.types.ID) -> str:
    """The name of the icon that Blender's Outliner gives a data-block."""
    if isinstance(data_block, bpy.types.Object):
        name = f"OUTLINER_OB_{data_block.type}"
    else:
        kind = data_block_kinds.kind_of(data_block)
        name = _ICONS.get(kind) or f"OUTLINER_DATA_{kind.upper()}"
    return name if name in _icon_names() else "FILE_BLEND"


@functools.cache
def _icon_names() -> frozenset[str]:
    return frozenset(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())


def socket_color(kind: str) -> tuple[float, float, float]:
    if kind in PLAIN_SOCKETS:
        return PLAIN_SOCKETS[kind].color
    if kind in _GEOMETRY:
        return _GEOMETRY_COLOR
    return _COLORS.get(kind, _OTHER_DATA_BLOCK_COLOR)


def python_value(value: Any, kind: str) -> Any:
    """The Python value of a result in wire form: a list of numbers is one vector or several, by its first item."""
    if kind == "ANY":
        return python_data.decode(value)
    make = PLAIN_SOCKETS[kind].from_numbers
    if make is not None and isinstance(value, list) and value and isinstance(value[0], list):
        return tuple(make(item) for item in value)
    if make is not None:
        return make(value) if value else ()
    return tuple(value) if isinstance(value, list) else value


# Making the classes


_LISTS: dict[str, type] = {"ANY": _JsonList, "MENU": _MenuList, "INT": _NumberList, "FLOAT": _NumberList}


def _property(kind: str, unit: str = "", update: Callable[..., None] = property_changed) -> Any:
    if kind in PLAIN_SOCKETS:
        plain = PLAIN_SOCKETS[kind]
        return plain.make_property(name="Value", update=update, **plain.options, **UNITS.get((kind, unit), {}))
    return bpy.props.PointerProperty(name="Value", type=getattr(bpy.types, kind), update=update)


def _item_class(kind: str) -> type:
    """The property group that holds one item of a list."""
    name = f"BackgroundNodeItem{kind.title() if kind in PLAIN_SOCKETS else kind}"
    namespace = {
        "__doc__": f"An item of a list of {kind}.",
        "kind": kind,
        "value_name": "value",
        "choice_name": "value",
        "is_socket": False,
        "__annotations__": {"value": _property(kind)},
    }
    return type(name, (bpy.types.PropertyGroup,), namespace)


def value_parts(
    socket_type: SocketType, unit: str, item: type, update: Callable[..., None]
) -> tuple[type, dict[str, Any]]:
    """What holds the value of a socket, or of an interface's: the class to be mixed in, and the properties.

    `item` holds an item of a list; `update` is called when the value changes.
    """
    kind = socket_type.kind
    properties: dict[str, Any] = {}
    if kind == "MENU":
        properties["choices_json"] = bpy.props.StringProperty(options={"HIDDEN"})
    if socket_type.is_list:
        properties["items_of_list"] = bpy.props.CollectionProperty(type=item)
        properties["has_value"] = bpy.props.BoolProperty(options={"HIDDEN"}, update=update)
        return _LISTS.get(kind, _ListValue), properties
    if kind == "ANY":
        properties["json_value"] = bpy.props.StringProperty(name="JSON", update=update)
        return _JsonValue, properties
    if kind == "MENU":
        properties["choice"] = bpy.props.StringProperty(options={"HIDDEN"})
        properties["default_value"] = bpy.props.EnumProperty(
            name="Value", items=_menu_items, get=_get_choice, set=_set_choice, update=update
        )
        return _MenuValue, properties
    properties["default_value"] = _property(kind, unit, update)
    if kind == "BLEND_FILE":
        return _BlendFileValue, properties
    return _StackedValue if kind in _STACKED else _PlainValue, properties


def _socket_class(socket_type: SocketType, unit: str, item: type) -> type:
    kind = socket_type.kind
    annotations: dict[str, Any] = {
        "description_text": bpy.props.StringProperty(),
        "field_json": bpy.props.StringProperty(options={"HIDDEN"}),  # see `fields`
        "is_own_value": bpy.props.BoolProperty(options={"HIDDEN"}),
    }
    bases: list[type] = []
    if kind in PLAIN_SOCKETS:
        annotations["result_json"] = bpy.props.StringProperty(options={"HIDDEN"})
        # To set a text of many megabytes at once would hold the window.
        annotations["more_result_json"] = bpy.props.CollectionProperty(type=BackgroundNodeResultPiece)
        annotations["result_label"] = bpy.props.StringProperty(options={"HIDDEN"})  # drawing reads no long text
    else:
        bases.append(_DataBlockResult)
        annotations["offered_by"] = bpy.props.IntProperty()
        annotations["offered_label"] = bpy.props.StringProperty()
        annotations["has_result"] = bpy.props.BoolProperty()
        annotations["holds_result_list"] = bpy.props.BoolProperty()
    if kind == "PATH":
        bases.append(_PathResult)
    update = fields.number_changed if kind in RANGED else fields.value_changed
    value_base, properties = value_parts(socket_type, unit, item, update)
    bases.append(value_base)
    annotations |= properties
    idname = socket_idname(socket_type, unit)
    namespace = {
        "__doc__": f"A socket for {'a list of ' if socket_type.is_list else ''}{kind}.",
        "__annotations__": annotations,
        "bl_idname": idname,
        "bl_label": label_of_type(socket_type, unit),
        "socket_type": socket_type,
        "kind": kind,
        "unit": unit,
    }
    return type(idname, (*bases, BackgroundNodeSocket, bpy.types.NodeSocket), namespace)


@functools.cache
def classes() -> tuple[type, ...]:
    """All item and socket classes, in an order in which they can be registered."""
    all_kinds = [*PLAIN_SOCKETS, *data_block_kinds.collections(), ANY_DATA_BLOCK]
    items = {kind: _item_class(kind) for kind in all_kinds}
    sockets = [_socket_class(socket_type, unit, items[socket_type.kind]) for socket_type, unit in socket_types()]
    return (BackgroundNodeResultPiece, *items.values(), *sockets)


def item_classes() -> dict[str, type]:
    """What holds an item of a list, by kind."""
    return {cls.kind: cls for cls in classes() if issubclass(cls, bpy.types.PropertyGroup) and hasattr(cls, "kind")}


def socket_types() -> Iterator[tuple[SocketType, str]]:
    """The type and the unit of each class of sockets."""
    kinds = [*PLAIN_SOCKETS, *data_block_kinds.collections(), ANY_DATA_BLOCK]
    kinds.sort(key=_USUAL_KIND.__eq__)
    yield from ((SocketType(kind), unit) for kind, unit in UNITS)
    yield from ((SocketType(kind, is_list), "") for kind in kinds for is_list in (True, False))
