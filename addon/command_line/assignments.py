# SPDX-License-Identifier: GPL-3.0-or-later
"""`NODE.SOCKET=VALUE`: what the command line sets before a run. The text becomes a value by the kind of the socket."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import bpy

from ...node_tree import fields, lookup
from ...node_tree.group_node import GROUP_INPUT
from ...node_tree.lookup import InputError, InputProblem
from ...runtime.errors import MisfitError
from ...runtime.script.socket_types import SocketType
from ...runtime.script.value_kinds import VALUE_KINDS, Form
from ...runtime.script.values import fit
from ...runtime.text_form.paths import absolute_in

_TRUE: Final = frozenset({"true", "on", "yes", "1"})
_FALSE: Final = frozenset({"false", "off", "no", "0"})


def assign(tree: bpy.types.NodeTree, text: str, home: Path | None = None) -> None:
    """Set a socket of the tree.

    Args:
        tree: the tree.
        text: NODE.SOCKET=VALUE.
        home: what `//` stands for in paths, if the tree is of no .blend file.

    Raises:
        InputError: if there is no such node or socket, or the value does not fit.
    """
    if "=" not in text:
        raise InputError(InputProblem(f"--set {text}", "there is no = in it", "Write it as NODE.SOCKET=VALUE"))
    target, value = _split(tree, text)
    where = f"--set {text}"
    socket = _socket(tree, target, where)
    if not socket.is_output and socket.is_linked:
        link = socket.links[0]
        fix = f'Set "{link.from_node.name}", which it is linked to, or unlink it'
        if link.from_node.bl_idname == GROUP_INPUT:
            fix = f'Set "{link.from_socket.name}" of the node that stands for the group, or unlink it'
        raise InputError(InputProblem(where, "the socket is linked, so its own value is not used", fix))
    try:
        _set(socket, value, where)
        if home is not None and socket.socket_type.kind in {"PATH", "BLEND_FILE"}:
            _make_whole(socket, absolute_in(home))
    except MisfitError as error:
        raise InputError(InputProblem(where, error.message, error.fix)) from error
    except (TypeError, ValueError, OverflowError) as error:
        fix = f"Give a value of the type {socket.socket_type}"
        raise InputError(InputProblem(where, str(error).partition("\n")[0].rstrip("."), fix)) from error


# From names to a socket


def _split(tree: bpy.types.NodeTree, text: str) -> tuple[str, str]:
    """What stands before and after the =. A name may hold one too, so the first that leaves a known name is meant."""
    splits = [(text[:index], text[index + 1 :]) for index, letter in enumerate(text) if letter == "="]
    return next((split for split in splits if any(_readings(tree, split[0]))), splits[0])


def _readings(tree: bpy.types.NodeTree, target: str) -> Iterator[tuple[str, str]]:
    """The ways to read "NODE.SOCKET" with a node that exists, the longest name first: names may have dots, too."""
    ends = [len(target), *(index for index in range(len(target) - 1, -1, -1) if target[index] == ".")]
    for end in ends:
        if lookup.has_node(tree, target[:end]):
            yield target[:end], target[end + 1 :]


def _socket(tree: bpy.types.NodeTree, target: str, where: str) -> bpy.types.NodeSocket:
    readings = list(_readings(tree, target))
    if not readings:
        lookup.node(tree, target.rpartition(".")[0] or target, where)
    for node_name, socket_name in readings:
        node = lookup.node(tree, node_name, where)
        if hasattr(node, "sync"):
            node.sync()  # its script may have changed since the file was saved
        sockets = lookup.sockets_called(node, socket_name) if socket_name else lookup.settable_sockets(node)
        if len(sockets) == 1 and (socket_name or sockets[0].is_output):
            return sockets[0]
    raise InputError(_unknown_socket(lookup.node(tree, readings[0][0], where), readings[0][1], where))


def _unknown_socket(node: bpy.types.Node, name: str, where: str) -> InputProblem:
    keys = [lookup.key(socket) for socket in lookup.settable_sockets(node)]
    if not keys:
        return InputProblem(where, f'"{node.name}" has no input that can be set', "Set another node's", node.name)
    if not name:
        fix = f"Write {node.name}.{keys[0]}=VALUE; it has {', '.join(keys)}"
        return InputProblem(where, f'which input of "{node.name}" is not said', fix, node.name)
    message = f'"{node.name}" has no input "{name}"'
    return InputProblem(where, message, lookup.fix_name(name, keys), node.name)


# From text to a value


def _set(socket: bpy.types.NodeSocket, text: str, where: str) -> None:
    socket_type = socket.socket_type
    if socket_type.is_list:
        items = _json(text, "a list")
        if not isinstance(items, list):
            raise MisfitError(f"{text} is no list", 'Give a list, such as ["a", "b"] or [1, 2]')
        items = [_list_item(item, socket_type.kind, where) for item in items]
        fields.check(socket, items)
        socket.default_value = items
    elif socket_type.kind == "MENU":
        socket.default_value = _choice(socket, text)
    else:
        item = _value(text, socket_type, where)
        fields.check(socket, item)
        socket.default_value = item


def _list_item(item: Any, kind: str, where: str) -> Any:
    socket_type = SocketType(kind)
    if socket_type.is_data_block or kind in {"PATH", "BLEND_FILE"}:
        if not isinstance(item, str):
            raise MisfitError(f"{item!r} is no name", "Give a list of names in double quotes")
        return _value(item, socket_type, where)
    return _fitted(item, socket_type)


def _value(text: str, socket_type: SocketType, where: str) -> Any:
    if socket_type.is_data_block:
        return lookup.data_block(socket_type.kind, text, where)
    return _fitted(_READERS[VALUE_KINDS[socket_type.kind].form](text), socket_type)


def _fitted(value: Any, socket_type: SocketType) -> Any:
    """A value in the form in which `default_value` takes it."""
    if socket_type.kind == "BLEND_FILE":  # which may begin with `//`; whether the file is there shows before the run
        return value
    return value if socket_type.kind == "ANY" else fields.settable(fit(value, socket_type), socket_type.kind)


def _choice(socket: bpy.types.NodeSocket, text: str) -> str:
    choices = [str(choice) for choice in json.loads(socket.choices_json or "[]")]
    found = [choice for choice in choices if choice == text] or [
        choice for choice in choices if choice.casefold() == text.casefold()
    ]
    if not found:
        raise MisfitError(f'"{text}" is no choice of the menu', lookup.fix_name(text, choices))
    return found[0]


def _boolean(text: str) -> bool:
    word = text.strip().casefold()
    if word not in _TRUE | _FALSE:
        raise MisfitError(f'"{text}" is neither on nor off', "Give on or off, true or false, 1 or 0")
    return word in _TRUE


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise MisfitError(f'"{text}" is no whole number', "Give a whole number, such as 3") from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise MisfitError(f'"{text}" is no number', "Give a number, such as 0.5") from None


def _path(text: str) -> str:
    """As it is seen from the current folder; `//` stays relative to the .blend file, as in Blender."""
    return text if not text or text.startswith("//") else os.path.abspath(text)  # noqa: PTH100 (Path drops a last slash)


def _make_whole(socket: bpy.types.NodeSocket, convert: Callable[[str], str]) -> None:
    value = socket.default_value
    socket.default_value = tuple(map(convert, value)) if socket.socket_type.is_list else convert(value)


def _numbers(text: str) -> Any:
    """`1, 2, 3` is as good as `[1, 2, 3]`."""
    return _json(text if text.lstrip().startswith("[") else f"[{text}]", "numbers")


def _json(text: str, wanted: str = "JSON") -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise MisfitError(f"{text} is no JSON", f'Give {wanted} in JSON: [1, 2.5], "text", true, null') from None


_READERS: Final[dict[Form, Callable[[str], Any]]] = {
    Form.BOOLEAN: _boolean,
    Form.INTEGER: _integer,
    Form.NUMBER: _float,
    Form.TEXT: str,
    Form.NUMBERS: _numbers,
    Form.MATRIX: _numbers,
    Form.PATH: _path,
    Form.BLEND_FILE: _path,
    Form.JSON: _json,
}
