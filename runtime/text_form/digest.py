# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a node tree: of what it does, and not of how it is arranged.

Two trees have the same digest if the same nodes run the same scripts with the same values in the same groups. The names
of trees and of texts do not count, nor do places, sizes, colours, labels, frames, what is hidden, panels, descriptions.
The names of nodes do: by these a run is told what to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .form import JSON
from .parts import sockets_in
from .reading import in_order


def digest(data: Mapping[str, Any]) -> str:
    """The digest of a tree, or of nodes, as `form.py` describes them. Raises BuildError if a group is in itself."""
    outer = data["tree"] if "tree" in data else data["part"]
    return _hash([digest_as_group(data), outer.get("settings", {})])


def digest_as_group(data: Mapping[str, Any]) -> str:
    """The same without the settings of the tree, which say when it runs: a group runs with the tree that it is in."""
    return _digest_of(data["tree"] if "tree" in data else data["part"], _texts(data), digests_of_groups(data))


def digests_of_groups(data: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each group, by its name."""
    found: dict[str, str] = {}
    texts = _texts(data)
    for name in in_order(data):
        found[name] = _digest_of(data["groups"][name], texts, found)
    return found


def _texts(data: Mapping[str, Any]) -> dict[str, Any]:
    """What each text says; of one with modules, these too."""
    texts, modules = data["texts"], data.get("modules", {})
    return {
        name: [source, {path: texts[module] for path, module in modules[name].items()}] if name in modules else source
        for name, source in texts.items()
    }


def _digest_of(tree: Mapping[str, Any], texts: Mapping[str, Any], groups: Mapping[str, str]) -> str:
    nodes = {
        name: _node(node, texts, groups) for name, node in tree.get("nodes", {}).items() if node["type"] != "NodeFrame"
    }
    links = [[link["from"], link["to"], link.get("muted", False)] for link in tree.get("links", [])]
    into: dict[str, list[Any]] = {}
    for source, target, is_muted in links:
        into.setdefault(json.dumps(target), []).append([source, is_muted])
    return _hash([nodes, into, sorted(map(_item, sockets_in(tree.get("interface", []))), key=lambda item: item[0])])


def _node(node: Mapping[str, Any], texts: Mapping[str, Any], groups: Mapping[str, str]) -> Any:
    settings = {
        name: _hash(texts[value["text"]]) if isinstance(value, dict) and "text" in value else _as_written(value)
        for name, value in node.get("settings", {}).items()
    }
    group = groups[node["group"]] if "group" in node else None
    sides = [list(map(_socket, node.get(side, []))) for side in ("inputs", "outputs")]
    return [node["type"], settings, group, node.get("muted", False), node.get("active", False), sides]


def _socket(socket: Mapping[str, Any]) -> Any:
    value = socket.get("value", {})
    return [socket["identifier"], socket["type"], "value" in socket, _as_written(value), socket.get("field")]


def _item(item: Mapping[str, Any]) -> Any:
    """An input or output of the tree."""
    value = _as_written(item.get("value"))
    return [item["identifier"], item["name"], item["in_out"], item["type"], item.get("settings", {}), value]


def _as_written(value: Any) -> Any:
    """A value; one that was written as JSON with its keys in their order."""
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    if not isinstance(value, dict):
        return value
    # The same library is elsewhere on another machine.
    return (
        json.dumps(value[JSON]) if JSON in value else {name: each for name, each in value.items() if name != "library"}
    )


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
