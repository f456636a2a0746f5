# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what may be the text of a node tree, and refuses what is none. Whatever it holds, nothing of it is executed.

What is checked here needs no Blender: form, sizes, and that all names lead somewhere. What this Blender can have of it
is found out where the tree is made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from ..script import script_files
from . import tree_checks
from .form import FORMAT, MARK
from .parts import dict_of, only, refuse, shortened, shown

#: Characters of a text; a tree of a thousand nodes has one million.
MAX_SIZE: Final = 32 * 1024**2
#: Things in each other. A tree needs about 12; the values that an artist writes as JSON, some more.
_MAX_DEPTH: Final = 100
_MAX_ITEMS: Final = 1_000_000
#: What every tree has, if a text written by hand does not.
_EMPTY: Final[dict[str, Any]] = {"nodes": {}, "links": []}


def from_text(text: str) -> dict[str, Any]:
    """The data that a text holds. Raises BuildError if it is none of a tree or of nodes."""
    return checked(parsed(text))


def parsed(text: str) -> Any:
    """The JSON in a text, which may be anything. Raises BuildError."""
    if len(text) > MAX_SIZE:
        refuse(f"it is larger than the text of a tree can be ({MAX_SIZE // 1024**2} MB)")
    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        refuse("it holds things in each other deeper than any tree does")
    except ValueError as error:
        refuse(f"it is no JSON: {error}")


def checked(data: Any) -> dict[str, Any]:
    """The same data, if they are those of a tree or of nodes, with texts as one source. Raises BuildError."""
    if not isinstance(data, dict) or MARK not in data:
        refuse("it is no text of a node tree")
    if data[MARK] != FORMAT or isinstance(data[MARK], bool):
        message = f"it has the form {shown(data[MARK])}, and this version of Background Nodes reads {FORMAT}"
        refuse(message, "Update Background Nodes")
    _check_depth(data)
    texts = {name: _source(name, lines) for name, lines in dict_of(data, "texts").items()}
    data = dict(data) | {"groups": dict_of(data, "groups"), "texts": texts}
    if "" in data["groups"]:
        refuse("a group has no name")
    if ("tree" in data) == ("part" in data):
        refuse("it holds no tree, or both a tree and a part of one")
    only(data, "", MARK, "tree", "part", "groups", "texts", "modules")
    _check_modules(data)
    for where, tree in trees(data):
        tree_checks.check(where, tree, data)
    _check_groups(data)
    data["groups"] = {name: {**_EMPTY, **group} for name, group in data["groups"].items()}
    outer = "tree" if "tree" in data else "part"
    return dict(data) | {outer: {**_EMPTY, **data[outer]}}


def trees(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The groups and the tree, or the part of one, each with its name; "" for the outer one."""
    yield from dict_of(data, "groups").items()
    yield "", data["tree"] if "tree" in data else data["part"]


def uses(tree: Mapping[str, Any]) -> Iterator[str]:
    """The names of the groups that the nodes of a tree stand for."""
    return (node["group"] for node in tree.get("nodes", {}).values() if "group" in node)


def in_order(data: Mapping[str, Any]) -> list[str]:
    """The names of the groups, each after those that it uses. Raises BuildError if one is in itself."""
    groups, found, above = data.get("groups", {}), dict[str, None](), set[str]()
    waiting = [(name, False) for name in sorted(groups, reverse=True)]
    while waiting:
        name, is_done = waiting.pop()
        if is_done:
            above.discard(name)
            found[name] = None
        elif name in above:
            refuse(f'the group "{shortened(name)}" would be in itself')
        elif name not in found:
            above.add(name)
            waiting.append((name, True))
            waiting += [(inner, False) for inner in sorted(set(uses(groups[name])), reverse=True)]
    return list(found)


def _check_modules(data: Mapping[str, Any]) -> None:
    """That modules are texts which have none themselves, by paths that lead nowhere else."""
    modules = dict_of(data, "modules")
    for name, found in modules.items():
        inner = found if isinstance(found, dict) else {}
        texts = [text for text in inner.values() if isinstance(text, str) and text in data["texts"]]
        if name not in data["texts"] or not inner or len(texts) != len(inner) or not modules.keys().isdisjoint(texts):
            refuse(f"the modules of the text {shown(name)} are no texts")
        for path in inner:
            if not script_files.is_module_path(path):
                refuse(f"{shown(path)} can be no module of the text {shown(name)}")


def _check_groups(data: Mapping[str, Any]) -> None:
    reached, waiting = set[str](), list(uses(data["tree"] if "tree" in data else data["part"]))
    in_order(data)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += uses(data["groups"][name])
    for name in data.get("groups", {}):
        if name not in reached:
            refuse(f'no node uses the group "{shortened(name)}"', "Remove it from the text")


def _source(name: str, lines: Any) -> str:
    source = "\n".join(lines) if isinstance(lines, list) and all(isinstance(line, str) for line in lines) else lines
    if not isinstance(source, str) or not name or len(name.encode(errors="surrogatepass")) > tree_checks.MAX_NAME:
        refuse(f"the text {shown(name)} is no list of lines")
    if "\0" in source or len(source) > script_files.MAX_SIZE:
        refuse(f"the text {shown(name)} is {script_files.TOO_LONG}")
    return source


# Parts of JSON


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        refuse(f"it says {shown(twice)} twice in one place")
    return found


def _refuse_constant(name: str) -> NoReturn:
    refuse(f"it holds {name}, which is no JSON")


def _check_depth(data: Any) -> None:
    waiting, count = [(data, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += len(items)
        if depth > _MAX_DEPTH or count > _MAX_ITEMS:
            refuse("it holds things in each other deeper than any tree does, or far more than one can have")
        if isinstance(value, float) and not math.isfinite(value):
            refuse("it holds a number that is too large")
        waiting += [(item, depth + 1) for item in items]
