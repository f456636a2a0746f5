# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs and outputs that an artist declares on a node whose script has no `main` to say what they are.

The node keeps them in two lists. An entry's identifier is its socket's, and stays through renames: so do links.
"""

from __future__ import annotations

import contextlib
import functools
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import bpy

from ..runtime.errors import MisfitError
from ..runtime.script import detected_sockets
from ..runtime.script.signature import MISSING, Output, Parameter, Signature
from ..runtime.script.socket_types import ANY_DATA_BLOCK, SocketType
from ..runtime.script.value_kinds import VALUE_KINDS, Form, ValueKind
from ..runtime.script.values import RANGED, fit
from ..runtime.script.without_main import DATA_BLOCKS, PYTHON_DATA, name_fault
from . import changes, fields
from .data_nodes import data_types
from .fields import Field
from .identity import new_id

#: Bytes of a socket's name in Blender.
MAX_NAME: Final = 63
#: What a new entry is called.
_NEW_NAMES = {False: "value", True: "result"}


@functools.cache
def declarable_types() -> tuple[tuple[str, str, str, str, int], ...]:
    """Items of the enum of types: those of an Input node, and a data-block of any type."""
    anything = (
        ANY_DATA_BLOCK,
        "Data-Block",
        "A data-block of any type",
        "NONE",
        zlib.crc32(ANY_DATA_BLOCK.encode()) & 0x7FFFFFFF,
    )
    values = [item for item in data_types() if item[0] in VALUE_KINDS]
    return (*values, anything, *(item for item in data_types() if item[0] not in VALUE_KINDS))


def _changed(entry: BackgroundNodeDeclaredSocket, _context: bpy.types.Context | None) -> None:
    """The artist renamed an entry, or gave it another type: the socket follows."""
    node = _node_of(entry) if entry.identifier else None  # it gets its identifier last
    if node is not None:
        node.is_declaration_adopted = False
        node.sync()
        changes.property_changed(node, None)


def _node_of(entry: BackgroundNodeDeclaredSocket) -> bpy.types.Node | None:
    for node in entry.id_data.nodes:
        entries = (*node.declared_inputs, *node.declared_outputs) if hasattr(node, "declared_inputs") else ()
        if any(other == entry for other in entries):
            return node
    return None


class BackgroundNodeDeclaredSocket(bpy.types.PropertyGroup):
    """An input or output that was declared on a node."""

    identifier: bpy.props.StringProperty(name="ID", description="Identifier of the socket", options={"HIDDEN"})
    name: bpy.props.StringProperty(
        name="Name",
        description="Name of the variable in the script; of an output, its key in python_data or the data-block's name",
        update=_changed,
    )
    data_type: bpy.props.EnumProperty(
        name="Type", description="What the socket holds", items=declarable_types(), default="FLOAT", update=_changed
    )
    is_list: bpy.props.BoolProperty(name="List", description="A list of any length", update=_changed)
    is_optional: bpy.props.BoolProperty(
        name="Optional",
        description="Nothing has to be linked or set: the variable is None then, or an empty list",
        update=_changed,
    )
    use_minimum: bpy.props.BoolProperty(
        name="Use Min", description="Let the number have a least value", update=_changed
    )
    minimum: bpy.props.FloatProperty(name="Min", description="The least value of the number", update=_changed)
    use_maximum: bpy.props.BoolProperty(
        name="Use Max", description="Let the number have a largest value", update=_changed
    )
    maximum: bpy.props.FloatProperty(
        name="Max", description="The largest value of the number", default=1.0, update=_changed
    )
    default_json: bpy.props.StringProperty(
        description="The default as JSON, empty for that of the type", options={"HIDDEN"}, update=_changed
    )


def entries(node: bpy.types.Node, *, are_outputs: bool) -> bpy.types.bpy_prop_collection:
    return node.declared_outputs if are_outputs else node.declared_inputs


def has_any(node: bpy.types.Node) -> bool:
    return bool(len(node.declared_inputs) or len(node.declared_outputs))


def declare(
    node: bpy.types.Node, name: str, socket_type: SocketType, *, is_output: bool, field: Field | None = None
) -> BackgroundNodeDeclaredSocket:
    """Add an entry, with the default and the limits of a field. Its socket is there after the next `sync`."""
    entry = entries(node, are_outputs=is_output).add()
    entry.name, entry.data_type, entry.is_list = name, socket_type.kind, socket_type.is_list
    if field is not None:
        _set_field(entry, field)
    entry.identifier = new_id()
    return entry


def _set_field(entry: BackgroundNodeDeclaredSocket, field: Field) -> None:
    if field.minimum is not None:
        entry.use_minimum, entry.minimum = True, field.minimum
    if field.maximum is not None:
        entry.use_maximum, entry.maximum = True, field.maximum
    if field.default is not None:
        entry.default_json = json.dumps(field.default)


def undeclare(node: bpy.types.Node, index: int, *, is_output: bool) -> None:
    """Remove an entry with its socket."""
    found = entries(node, are_outputs=is_output)
    sockets = node.outputs if is_output else node.inputs
    for socket in [socket for socket in sockets if socket.identifier == found[index].identifier]:
        sockets.remove(socket)
    found.remove(index)


def new_name(node: bpy.types.Node, *, is_output: bool) -> str:
    """A name that no other entry has."""
    taken = {entry.name for entry in entries(node, are_outputs=is_output)}
    base, number = _NEW_NAMES[is_output], 2
    name = base
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def add_missing(node: bpy.types.Node, signature: Signature) -> int:
    """Declare what a script seems to take and give, and what is not there by that name. Returns how many that were."""
    num_added = 0
    sockets: tuple[tuple[bool, Iterable[Parameter | Output]], ...] = (
        (False, signature.inputs),
        (True, signature.outputs),
    )
    for is_output, found in sockets:
        taken = {entry.name for entry in entries(node, are_outputs=is_output)}
        for item in found:
            if item.label not in taken and len(item.label.encode()) <= MAX_NAME:
                declare(node, item.label, item.type, is_output=is_output)
                num_added += 1
    return num_added


def adopt(node: bpy.types.Node) -> bool:
    """Declare the sockets as they are: those of a `main` that is gone. Returns whether there are any."""
    offered = {item[0] for item in declarable_types()}
    for sockets, is_output in ((node.inputs, False), (node.outputs, True)):
        for socket in list(sockets):
            kind = socket.socket_type.kind
            kind = kind if kind in offered else "STRING"  # a menu
            field = fields.read(socket.field_json)
            socket_type = SocketType(kind, socket.socket_type.is_list)
            declare(node, socket.identifier, socket_type, is_output=is_output, field=field)
    node.is_declaration_adopted = has_any(node)
    return has_any(node)


def use_as_default(entry: BackgroundNodeDeclaredSocket, socket: bpy.types.NodeSocket) -> None:
    """Let the value that a socket has be the default. Raises ValueError if it is a text that is no JSON."""
    value = socket.get_value()
    entry.default_json = "" if value is None else json.dumps(fields.plain(value, socket.socket_type))
    socket.is_own_value = False


def has_range(entry: BackgroundNodeDeclaredSocket) -> bool:
    """Whether its type has a least and a largest value."""
    return entry.data_type in RANGED


def has_default(entry: BackgroundNodeDeclaredSocket) -> bool:
    """Whether its type can have a default that is not always the same."""
    return entry.data_type in VALUE_KINDS and entry.data_type != "BLEND_FILE"


def forget(node: bpy.types.Node) -> None:
    node.declared_inputs.clear()
    node.declared_outputs.clear()
    node.is_declaration_adopted = False


def identifiers(node: bpy.types.Node, *, are_outputs: bool) -> dict[str, str]:
    """The identifiers of the entries, each with the name of it."""
    return {entry.identifier: entry.name for entry in entries(node, are_outputs=are_outputs)}


# For other modules


def signature(node: bpy.types.Node, text: str) -> Signature:
    """The declared inputs and outputs, with what the script of that source says of them."""
    docstring = detected_sockets.docstring(text)
    return Signature(
        tuple(_parameter(entry, docstring.names) for entry in node.declared_inputs),
        tuple(_output(entry, docstring.names) for entry in node.declared_outputs),
        docstring.summary,
    )


def _label(entry: BackgroundNodeDeclaredSocket) -> str:
    """The name as far as a socket's can be. (Blender itself would cut a letter in two.)"""
    return entry.name.encode()[:MAX_NAME].decode(errors="ignore")


def type_of(entry: BackgroundNodeDeclaredSocket) -> SocketType:
    """The type of an entry; anything where this Blender has no such type, as it may be in a file of another version."""
    return SocketType(entry.data_type or "ANY", entry.is_list)


def _parameter(entry: BackgroundNodeDeclaredSocket, descriptions: Mapping[str, str]) -> Parameter:
    socket_type = type_of(entry)
    kind = VALUE_KINDS.get(socket_type.kind)
    default: Any = MISSING
    if socket_type.is_list:
        default = () if entry.is_optional else MISSING
    elif kind is not None and kind.default is not None:
        default = kind.default
    elif entry.is_optional:
        default = None
    least, largest = _ends(entry)
    return Parameter(
        entry.identifier,
        _label(entry),
        socket_type,
        annotation=_class_name(kind),
        default=_default(entry, default),
        is_optional=default is None,
        minimum=least,
        maximum=largest,
        description=descriptions.get(entry.name, ""),
    )


def _ends(entry: BackgroundNodeDeclaredSocket) -> tuple[float | None, float | None]:
    """The range of an entry. One without a number in it is none, but a fault."""
    if not has_range(entry) or _is_range_empty(entry):
        return None, None
    least = fields.exact(entry.minimum) if entry.use_minimum else None
    return least, fields.exact(entry.maximum) if entry.use_maximum else None


def _is_range_empty(entry: BackgroundNodeDeclaredSocket) -> bool:
    return has_range(entry) and entry.use_minimum and entry.use_maximum and entry.minimum > entry.maximum


def _default(entry: BackgroundNodeDeclaredSocket, usual: Any) -> Any:
    """The default of an entry, within its range; `usual` if it has none, or one that its type can't hold any more."""
    default, socket_type = usual, type_of(entry)
    if entry.default_json and has_default(entry):
        with contextlib.suppress(MisfitError):
            default = fit(json.loads(entry.default_json), socket_type)
    if not has_range(entry) or default is MISSING:
        return default
    if socket_type.is_list:
        return tuple(_within(item, entry) for item in default)
    return _within(default, entry)


def _within(number: float, entry: BackgroundNodeDeclaredSocket) -> float:
    least, largest = _ends(entry)
    nearest = Field(minimum=least, maximum=largest).within(number, entry.data_type)
    return fields.exact(nearest) if entry.data_type == "FLOAT" and nearest != number else nearest


def _class_name(kind: ValueKind | None) -> str:
    """The class of which a script gets a value that is numbers; "" for others, which stay as they are."""
    if kind is None or kind.form not in (Form.NUMBERS, Form.MATRIX):
        return ""
    return next(iter(kind.annotations.values()))


def can_be_optional(entry: BackgroundNodeDeclaredSocket) -> bool:
    """Whether there is a way to set nothing: the field of a plain value always shows one."""
    kind = VALUE_KINDS.get(type_of(entry).kind)
    return entry.is_list or kind is None or kind.default is None


def _output(entry: BackgroundNodeDeclaredSocket, descriptions: Mapping[str, str]) -> Output:
    socket_type = type_of(entry)
    description = descriptions.get(entry.name, "") or _place_of(entry.name, socket_type)
    return Output(entry.identifier, _label(entry), socket_type, description)


def _place_of(name: str, socket_type: SocketType) -> str:
    """Where a script puts an output, in Python's words."""
    if name in (PYTHON_DATA, DATA_BLOCKS):
        return name
    if not socket_type.is_data_block:
        return f"{PYTHON_DATA}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{DATA_BLOCKS}: {socket_type}" if socket_type.is_list else f'{DATA_BLOCKS}: {socket_type} "{name}"'


class Fault(NamedTuple):
    """What is wrong with an entry: its identifier and name, a sentence, and what the artist can do about it."""

    identifier: str
    name: str
    message: str
    fix: str


def faults(node: bpy.types.Node) -> Iterator[Fault]:
    """What keeps the declared sockets from being used."""
    for is_output in (False, True):
        seen: set[str] = set()
        for entry in entries(node, are_outputs=is_output):
            message, fix = _output_fault(entry) if is_output else _input_fault(entry)
            if not entry.data_type:
                message, fix = "its type is one that this Blender does not have", "Choose another type"
            elif entry.name != _label(entry):
                message, fix = "the name is longer than Blender allows a socket", f"Use {MAX_NAME} letters at most"
            elif not message and entry.name in seen:
                what = "outputs" if is_output else "inputs"
                message, fix = f'two {what} have the name "{entry.name}"', "Rename or remove one of them"
            seen.add(entry.name)
            if message:
                yield Fault(entry.identifier, _label(entry), message, fix)


def _input_fault(entry: BackgroundNodeDeclaredSocket) -> tuple[str, str]:
    if not entry.name:
        return "an input has no name", "Name it as the variable in the script"
    if entry.data_type == "BLEND_FILE" and entry.is_list:
        return "a script works on one Blend File", "Make it no list: a list that is linked to it runs the node for each"
    if _is_range_empty(entry):
        return "its largest value is less than its least", "Raise Max, or lower Min"
    message, _, fix = name_fault(entry.name).rpartition(": ")
    return message, fix[:1].upper() + fix[1:]


def _output_fault(entry: BackgroundNodeDeclaredSocket) -> tuple[str, str]:
    socket_type = type_of(entry)
    if not entry.name:
        return "an output has no name", f"Name it as its key in {PYTHON_DATA}, or as the data-block"
    if entry.data_type == "BLEND_FILE":
        return "a Blend File is only an input", "Save a file in the script, and make the output a Path"
    if entry.name == PYTHON_DATA and socket_type != SocketType("ANY"):
        return f"{PYTHON_DATA} as a whole is of type JSON", "Make it JSON and no list, or give it the name of a key"
    if entry.name == DATA_BLOCKS and not (socket_type.is_data_block and socket_type.is_list):
        return f"{DATA_BLOCKS} as a whole is a list of data-blocks", "Make it a list of Data-Block, or rename it"
    return "", ""


classes = (BackgroundNodeDeclaredSocket,)
