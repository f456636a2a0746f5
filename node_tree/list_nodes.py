# SPDX-License-Identifier: GPL-3.0-or-later
"""List nodes: what is done with lists without a script. Sockets of lists have the type of what is linked to them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import bpy

from ..runtime.planning.lists import Lengths, ListAction, ListOperation
from ..runtime.script.signature import Parameter
from ..runtime.script.socket_types import SocketType
from . import kept_links, links
from .base import BackgroundNode, SocketSpec, input_spec, sync_sockets
from .changes import property_changed
from .data_nodes import data_types
from .sockets import socket_idname

#: What the sockets of a list hold before anything is linked.
_FIRST_KIND: Final = "Object"
_LETTERS: Final = "ABCDEFGH"
_INT: Final = SocketType("INT")


class ListNode(BackgroundNode):
    """What list nodes share. Mixed into a `bpy.types.Node`; a class says what it does, and which sockets it has."""

    bl_width_default = 160.0

    #: Whether the inputs that decide stand above the others.
    are_deciders_first = False

    def init(self, context: bpy.types.Context) -> None:
        super().init(context)
        self.follow()

    def operation(self) -> ListOperation:
        """What it does, and with which of its inputs."""
        raise NotImplementedError

    def labels(self) -> dict[str, str]:
        """What the inputs are called whose elements it gives, by identifier."""
        return {"list": "List"}

    def deciders(self) -> tuple[Parameter, ...]:
        """The inputs that decide what it gives."""
        return ()

    def given(self, kinds: dict[str, SocketType]) -> Iterator[SocketSpec]:
        """Its outputs, by the types of its inputs."""
        yield SocketSpec("list", "List", kinds["list"])

    def follow(self) -> None:
        """Bring its sockets up to date with its settings, and with what is linked to it."""
        kinds = self._types()
        specs = [SocketSpec(identifier, label, kinds[identifier]) for identifier, label in self.labels().items()]
        deciding = list(map(input_spec, self.deciders()))
        inputs = [*deciding, *specs] if self.are_deciders_first else [*specs, *deciding]
        _sync(self, inputs, are_outputs=False)
        _sync(self, list(self.given(kinds)), are_outputs=True)

    def is_of_any_type(self, socket: bpy.types.NodeSocket) -> bool:
        """Whether an input takes whatever is linked to it."""
        return socket.identifier in self.labels()

    def _types(self) -> dict[str, SocketType]:
        """What its inputs take: the type of what is linked to one first; with no link, what it took before."""
        kinds = {identifier: self.first_kind(identifier) for identifier in self.labels()}
        kinds |= {each.identifier: each.socket_type.kind for each in self.inputs if each.identifier in kinds}
        kinds |= {identifier: linked.kind for identifier, linked in self._linked().items()}
        return {identifier: SocketType(kind, is_list=True) for identifier, kind in kinds.items()}

    def _linked(self) -> dict[str, SocketType]:
        """The types of what is linked to its inputs, of those that are linked, in the order of `labels`."""
        sockets = {each.identifier: each for each in self.inputs}
        found = {each: linked_type(sockets[each]) for each in self.labels() if each in sockets}
        return {identifier: linked for identifier, linked in found.items() if linked is not None}

    def first_kind(self, _identifier: str) -> str:
        """What an input takes before anything is linked."""
        return _FIRST_KIND

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        self.draw_settings(layout)
        self.draw_status(layout)

    def draw_buttons_ext(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        layout.use_property_split = True
        layout.use_property_decorate = False
        self.draw_settings(layout)

    def draw_settings(self, layout: bpy.types.UILayout) -> None:
        """Draw what is set on the node itself."""


def linked_type(socket: bpy.types.NodeSocket) -> SocketType | None:
    """The type of what is linked to an input first, through reroutes; None if nothing is, or nothing of ours."""
    if (noted := kept_links.noted_of(socket.id_data)) is not None:
        sources: Iterator[bpy.types.NodeSocket | None] = noted.sources(socket)
    else:
        arriving = sorted(socket.links, key=lambda link: link.multi_input_sort_id)
        sources = (links.source_socket(link) for link in arriving if not link.is_muted)
    found = next((each for each in sources if each is not None and hasattr(each, "socket_type")), None)
    return None if found is None else found.socket_type


def is_list_node(node: bpy.types.Node) -> bool:
    return isinstance(node, ListNode)


def follow_links(tree: bpy.types.NodeTree) -> None:
    """Let the list nodes of a tree have the types of what is linked to them: one may be linked to another."""
    nodes = [node for node in tree.nodes if is_list_node(node)]
    if not nodes or not tree.is_editable:
        return
    with kept_links.noted(tree) as links_before:
        nodes = links_before.after_sources(nodes)
        before: list[str] = []
        for _round in range(len(nodes) + 1):  # two, unless there is a circle
            for node in nodes:
                node.follow()
            now = [socket.bl_idname for node in nodes for socket in (*node.inputs, *node.outputs)]
            if now == before:
                break
            before = now


def _sync(node: bpy.types.Node, specs: list[SocketSpec], *, are_outputs: bool) -> None:
    """Bring sockets up to date, if they are not."""
    sockets = node.outputs if are_outputs else node.inputs
    there = [(each.identifier, each.bl_idname, each.name) for each in sockets]
    if there != [(each.identifier, socket_idname(each.type, each.unit), each.label) for each in specs]:
        sync_sockets(node, specs, are_outputs=are_outputs)


def _setting_changed(node: ListNode, context: bpy.types.Context | None) -> None:
    with kept_links.noted(node.id_data):  # once: each of many inputs asks what is linked to it
        node.follow()
    property_changed(node, context)


def _num_lists() -> object:
    return bpy.props.IntProperty(
        name="Lists",
        description="How many lists it takes",
        min=2,
        max=len(_LETTERS),
        default=2,
        update=_setting_changed,
    )


class _SeveralLists(ListNode):
    """A node with an output for each of its lists."""

    def labels(self) -> dict[str, str]:
        return {f"list_{index}": _LETTERS[index] for index in range(self.num_lists)}

    def given(self, kinds: dict[str, SocketType]) -> Iterator[SocketSpec]:
        for identifier, label in self.labels().items():
            yield SocketSpec(identifier, label, kinds[identifier])


class BackgroundNodeCrossProduct(_SeveralLists, bpy.types.Node):
    """Each element of a list with each element of the others, such as each object with each ratio"""

    bl_idname = "BackgroundNodeCrossProduct"
    bl_label = "Cross Product"
    bl_icon = "MESH_GRID"

    num_lists: _num_lists()

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.CROSS_PRODUCT, tuple(self.labels()))

    def draw_settings(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "num_lists")


class BackgroundNodeZip(_SeveralLists, bpy.types.Node):
    """The first elements of lists together, then the second ones, and so on"""

    bl_idname = "BackgroundNodeZip"
    bl_label = "Zip"
    bl_icon = "ARROW_LEFTRIGHT"

    num_lists: _num_lists()
    lengths: bpy.props.EnumProperty(
        name="Lengths",
        description="What to do with lists of different lengths",
        items=(
            (Lengths.SAME.value, "Same Length", "They have to be of one length. If not, that is an error"),
            (Lengths.SHORTEST.value, "Shortest", "End with the shortest list"),
            (Lengths.LAST.value, "Repeat Last", "Repeat the last element of shorter lists"),
            (Lengths.CYCLE.value, "Repeat All", "Begin shorter lists again"),
        ),
        update=property_changed,
    )

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.ZIP, tuple(self.labels()), lengths=Lengths(self.lengths))

    def draw_settings(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "lengths", text="")
        layout.prop(self, "num_lists")


class BackgroundNodeSlice(ListNode, bpy.types.Node):
    """Part of a list, by position and length"""

    bl_idname = "BackgroundNodeSlice"
    bl_label = "Slice"
    bl_icon = "SNAP_INCREMENT"

    def deciders(self) -> tuple[Parameter, ...]:
        position = "The first element to give, counted from 0. A negative one counts from the end"
        length = "How many elements to give at most, -1 for all the rest"
        step = "Give each element (1), each second one (2), and so on"
        return (
            Parameter("position", "Position", _INT, default=0, description=position),
            Parameter("length", "Length", _INT, default=-1, minimum=-1, description=length),
            Parameter("step", "Step", _INT, default=1, minimum=1, description=step),
        )

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.SLICE, ("list",), ("position", "length", "step"))


class BackgroundNodeFlatten(ListNode, bpy.types.Node):
    """One list of all that is linked: single things and lists"""

    bl_idname = "BackgroundNodeFlatten"
    bl_label = "Flatten"
    bl_icon = "AREA_JOIN"

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.FLATTEN, ("list",))


class BackgroundNodeCount(ListNode, bpy.types.Node):
    """The number of elements of a list"""

    bl_idname = "BackgroundNodeCount"
    bl_label = "Count"
    bl_icon = "LINENUMBERS_ON"

    def given(self, _kinds: dict[str, SocketType]) -> Iterator[SocketSpec]:
        yield SocketSpec("count", "Count", _INT)

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.COUNT, ("list",))


class BackgroundNodeFilter(ListNode, bpy.types.Node):
    """The elements of a list that are to be kept, and the others"""

    bl_idname = "BackgroundNodeFilter"
    bl_label = "Filter"
    bl_icon = "FILTER"

    def deciders(self) -> tuple[Parameter, ...]:
        description = "For each element whether to keep it"
        return (Parameter("keep", "Keep", SocketType("BOOLEAN", is_list=True), description=description),)

    def given(self, kinds: dict[str, SocketType]) -> Iterator[SocketSpec]:
        yield SocketSpec("kept", "Kept", kinds["list"])
        yield SocketSpec("others", "Others", kinds["list"])

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.FILTER, ("list",), ("keep",))


class BackgroundNodeSort(ListNode, bpy.types.Node):
    """A list in the order of keys: numbers by size, texts as Blender sorts names"""

    bl_idname = "BackgroundNodeSort"
    bl_label = "Sort"
    bl_icon = "SORTSIZE"

    is_descending: bpy.props.BoolProperty(
        name="Descending", description="Give the largest key first", update=property_changed
    )

    def labels(self) -> dict[str, str]:
        return {"list": "List", "keys": "Keys"}

    def first_kind(self, identifier: str) -> str:
        return "FLOAT" if identifier == "keys" else super().first_kind(identifier)

    def operation(self) -> ListOperation:
        return ListOperation(ListAction.SORT, ("list",), ("keys",), is_descending=self.is_descending)

    def draw_settings(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "is_descending")


@functools.cache
def _offered_kinds() -> frozenset[str]:
    return frozenset(item[0] for item in data_types())


class BackgroundNodeSwitch(ListNode, bpy.types.Node):
    """One of its inputs. What only the others need does not run"""

    bl_idname = "BackgroundNodeSwitch"
    bl_label = "Switch"
    bl_icon = "UV_SYNC_SELECT"

    are_deciders_first = True

    mode: bpy.props.EnumProperty(
        name="By",
        description="What decides which input it gives",
        items=(
            ("BOOLEAN", "Boolean", "False or true"),
            ("INDEX", "Index", "The number of the input, counted from 0"),
            ("MENU", "Menu", "The name of the input"),
        ),
        update=_setting_changed,
    )
    data_type: bpy.props.EnumProperty(
        name="Type",
        description="What it gives. It becomes the type of what is linked",
        items=data_types(),
        default=_FIRST_KIND,
        update=_setting_changed,
    )
    num_inputs: bpy.props.IntProperty(
        name="Inputs", description="How many inputs to choose from", min=2, max=32, default=2, update=_setting_changed
    )
    names: bpy.props.StringProperty(
        name="Names",
        description="The names of the inputs, with commas in between",
        default="Low, High",
        update=_setting_changed,
    )

    def choices(self) -> tuple[bool | int | str, ...]:
        """What decides for each of the inputs."""
        if self.mode == "BOOLEAN":
            return (False, True)
        if self.mode == "INDEX":
            return tuple(range(self.num_inputs))
        return tuple(dict.fromkeys(name.strip() for name in self.names.split(",") if name.strip())) or ("Low",)

    def labels(self) -> dict[str, str]:
        return {f"input_{index}": str(choice) for index, choice in enumerate(self.choices())}

    def deciders(self) -> tuple[Parameter, ...]:
        if self.mode == "BOOLEAN":
            return (Parameter("switch", "Switch", SocketType("BOOLEAN"), default=False),)
        if self.mode == "INDEX":
            return (Parameter("index", "Index", _INT, default=0, minimum=0),)
        choices = tuple(map(str, self.choices()))
        return (Parameter("menu", "Menu", SocketType("MENU"), default=choices[0], choices=choices),)

    def given(self, kinds: dict[str, SocketType]) -> Iterator[SocketSpec]:
        is_list = any(each.is_list for each in kinds.values())
        yield SocketSpec("output", "Output", SocketType(next(iter(kinds.values())).kind, is_list))

    def operation(self) -> ListOperation:
        by = tuple(parameter.identifier for parameter in self.deciders())
        return ListOperation(ListAction.SWITCH, tuple(self.labels()), by, choices=self.choices())

    def follow(self) -> None:
        first = next(iter(self._linked().values()), None)
        if first is not None and first.kind in _offered_kinds() and self.data_type != first.kind:
            self.data_type = first.kind  # which comes here again
        else:
            super().follow()

    def _types(self) -> dict[str, SocketType]:
        """All inputs take what the first link gives; one without a link is a list if another is."""
        linked = self._linked()
        kind = next((each.kind for each in linked.values()), self.data_type)
        is_list = any(each.is_list for each in linked.values())
        return {each: SocketType(kind, linked[each].is_list if each in linked else is_list) for each in self.labels()}

    def draw_settings(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "data_type", text="")
        layout.prop(self, "mode", text="")
        if self.mode == "INDEX":
            layout.prop(self, "num_inputs")
        elif self.mode == "MENU":
            layout.prop(self, "names", text="")


_PAIR = (("list_0", "A", None), ("list_1", "B", None))
_LIST = (("list", "List", None),)
#: Identifier, label and type of the inputs and outputs that a new node has; no type for those that may have any.
NEW_SOCKETS: Final[dict[str, tuple[tuple[tuple[str, str, SocketType | None], ...], ...]]] = {
    "BackgroundNodeCrossProduct": (_PAIR, _PAIR),
    "BackgroundNodeZip": (_PAIR, _PAIR),
    "BackgroundNodeSlice": (
        (*_LIST, ("position", "Position", _INT), ("length", "Length", _INT), ("step", "Step", _INT)),
        _LIST,
    ),
    "BackgroundNodeFlatten": (_LIST, _LIST),
    "BackgroundNodeCount": (_LIST, (("count", "Count", _INT),)),
    "BackgroundNodeFilter": (
        (*_LIST, ("keep", "Keep", SocketType("BOOLEAN", is_list=True))),
        (("kept", "Kept", None), ("others", "Others", None)),
    ),
    "BackgroundNodeSort": ((*_LIST, ("keys", "Keys", None)), _LIST),
    "BackgroundNodeSwitch": (
        (("switch", "Switch", SocketType("BOOLEAN")), ("input_0", "False", None), ("input_1", "True", None)),
        (("output", "Output", None),),
    ),
}

classes = (
    BackgroundNodeCrossProduct,
    BackgroundNodeZip,
    BackgroundNodeSlice,
    BackgroundNodeFlatten,
    BackgroundNodeCount,
    BackgroundNodeFilter,
    BackgroundNodeSort,
    BackgroundNodeSwitch,
)
