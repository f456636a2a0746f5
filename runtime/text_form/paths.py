# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths in the text of a tree: a file of text may lie elsewhere than the .blend file that it was made of."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

#: Types of sockets whose values are paths.
PATH_TYPES: Final = frozenset({"Path", "PathList", "BlendFile", "BlendFileList"})
#: Settings of nodes that are.
_SETTINGS: Final = frozenset({"filepath"})
#: A path of Windows that leads to the same place from anywhere.
_WITH_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def with_paths(data: Mapping[str, Any], convert: Callable[[str], str]) -> dict[str, Any]:
    """The data with each path in them converted."""
    return {
        key: with_paths_of_tree(value, convert) if key in ("tree", "part") else value for key, value in data.items()
    } | {"groups": {name: with_paths_of_tree(group, convert) for name, group in data["groups"].items()}}


def absolute_in(folder: Path) -> Callable[[str], str]:
    """Converts what is seen from a folder, with or without Blender's `//`, to whole paths."""

    def convert(path: str) -> str:
        rest = path.removeprefix("//")
        if not path or (rest == path and (os.path.isabs(path) or _WITH_DRIVE.match(path))):  # noqa: PTH117 (it may be no path)
            return path
        return os.path.normpath(folder / rest) + ("/" if rest.endswith("/") else "")

    return convert


def relative_to(folder: Path, *, of: Path | None) -> Callable[[str], str]:
    """Converts paths that begin with Blender's `//`, which stands for the folder `of`, to such of another folder.

    If `of` is None, nobody knows what `//` stands for, and they stay as they are.
    """

    def convert(path: str) -> str:
        if not path.startswith("//") or of is None:
            return path
        try:
            relative = os.path.relpath(of / path[2:], folder)
        except ValueError:  # on another drive
            return str(of / path[2:])
        return "//" + relative.replace(os.sep, "/") + ("/" if path.endswith("/") else "")

    return convert


def relative_in(folder: Path) -> Callable[[str], str]:
    """Converts whole paths to such as Blender sees from a folder: with `//` before them."""
    seen = relative_to(folder, of=Path(folder.anchor))

    def convert(path: str) -> str:
        return seen(f"//{path}") if os.path.isabs(path) else path  # noqa: PTH117 (it may be no path)

    return convert


def with_paths_of_tree(tree: Mapping[str, Any], convert: Callable[[str], str]) -> dict[str, Any]:
    """One tree of them with each path in it converted."""
    nodes = {name: _node(node, convert) for name, node in tree.get("nodes", {}).items()}
    found = {**tree, "nodes": nodes}
    return found | ({"interface": _items(tree["interface"], convert)} if "interface" in tree else {})


def _node(node: Mapping[str, Any], convert: Callable[[str], str]) -> dict[str, Any]:
    found = dict(node)
    if "settings" in node:
        found["settings"] = {
            name: convert(value) if name in _SETTINGS and isinstance(value, str) else _references(value, convert)
            for name, value in node["settings"].items()
        }
    for side in ("inputs", "outputs"):
        if side in node:
            found[side] = [_socket(socket, convert) for socket in node[side]]
    return found


def _socket(socket: Mapping[str, Any], convert: Callable[[str], str]) -> dict[str, Any]:
    """A socket, or an item of an interface."""
    found = dict(socket)
    if "value" in socket:
        is_path = socket["type"] in PATH_TYPES
        found["value"] = _values(socket["value"], convert) if is_path else _references(socket["value"], convert)
    return found


def _items(items: list[Any], convert: Callable[[str], str]) -> list[Any]:
    return [
        {**item, "items": _items(item.get("items", []), convert)} if "panel" in item else _socket(item, convert)
        for item in items
    ]


def _values(value: Any, convert: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_values(item, convert) for item in value]
    return convert(value) if isinstance(value, str) else value


def _references(value: Any, convert: Callable[[str], str]) -> Any:
    """What stands for data-blocks, some of which are of a library."""
    if isinstance(value, list):
        return [_references(item, convert) for item in value]
    if isinstance(value, dict) and "kind" in value and isinstance(value.get("library"), str):
        return value | {"library": convert(value["library"])}
    return value
