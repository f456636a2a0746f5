# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node tree is as plain data, and as text.

The data hold nothing but dicts, lists, texts, numbers, booleans and None:

    background_nodes    the number of this form
    tree                the tree: name, settings, interface, nodes, links; or
    part                some nodes of a tree: nodes, links
    groups              by its name, each group that is used in it, as a tree
    texts               by its name, each text that is used in it: its source
    modules             by the names of texts that have some, the paths of the modules, each with the name of a text

    a node              type, place and looks, settings, group, inputs, outputs
    a socket            identifier, type, value ... of a script all, of others those of which there is something to say
    a link              from: [node, identifier], to: [node, identifier]; those into one input are in its order

What is as Blender has it at first is left out. The text is JSON, sorted, with texts as lists of their lines, so that
the same tree is always the same text, and a change of it is a change of few lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

FORMAT: Final = 1
#: The key that tells such data from others.
MARK: Final = "background_nodes"
#: The key of what an artist wrote as JSON: its order is kept.
JSON: Final = "json"
#: The longest line that holds more than one value.
_WIDTH: Final = 110
_INDENT: Final = "  "
#: Keys in the order in which they are written; all others come after these, sorted.
_ORDER: Final = {
    key: place
    for place, key in enumerate(
        (
            *(MARK, "tree", "part", "groups", "modules", "texts"),
            *("identifier", "name", "panel", "in_out", "type", "label", "description", "settings", "group"),
            *("interface", "nodes", "links", "from", "to"),
        )
    )
}
_LAST_KEYS: Final = ("inputs", "outputs", "items")
#: What holds names of an artist's choosing, which are sorted as such.
_NAMED: Final = frozenset({"nodes", "groups", "texts", "modules"})


def to_text(data: Mapping[str, Any]) -> str:
    """The text of a tree."""
    content = {**data, "texts": {name: _in_lines(source) for name, source in data["texts"].items()}}
    return "".join(_lines(content, "", is_named=False)) + "\n"


def _in_lines(source: Any) -> Any:
    return source.split("\n") if isinstance(source, str) else source  # else it says where it is: see `files.py`


def _lines(value: Any, indent: str, *, is_named: bool, is_whole: bool = False) -> Iterator[str]:
    """The text of a value, whose first line begins where the cursor is. `is_whole`: one item a line."""
    is_json = isinstance(value, dict) and JSON in value
    if not isinstance(value, dict | list) or not value or is_json or (not is_whole and _fits(value, indent)):
        yield _on_one_line(value)
        return
    inner = indent + _INDENT
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield f"{',' if place else '['}\n{inner}"
            yield from _lines(item, inner, is_named=False)
        yield f"\n{indent}]"
        return
    for place, (key, item) in enumerate(_sorted(value, is_named=is_named)):
        yield f"{',' if place else '{'}\n{inner}{_quoted(key)}: "
        holds_names = key in _NAMED and not is_named
        yield from _lines(item, inner, is_named=holds_names, is_whole=_is_whole(key, item, is_named=is_named))
    yield f"\n{indent}}}"


def _is_whole(key: str, item: Any, *, is_named: bool) -> bool:
    """Whether something has a line for each item, however short that is."""
    if isinstance(item, dict):
        return is_named or key in _NAMED or key in ("tree", "part")
    return isinstance(item, list) and (key in ("links", "interface") or (is_named and all(map(_is_text, item))))


def _is_text(item: Any) -> bool:
    return isinstance(item, str)


def _sorted(value: Mapping[str, Any], *, is_named: bool) -> list[tuple[str, Any]]:
    if is_named:
        return sorted(value.items())
    rank = len(_ORDER)
    return sorted(
        value.items(),
        key=lambda item: (item[0] in _LAST_KEYS, _ORDER.get(item[0], rank), item[0]),
    )


def _fits(value: Any, indent: str) -> bool:
    """Whether a value is short, and holds nothing that holds more than plain values."""
    items = value.values() if isinstance(value, dict) else value
    is_flat = all(_is_flat(item) for item in items) if isinstance(value, dict) else _is_flat(value)
    return is_flat and len(indent) + len(_on_one_line(value)) <= _WIDTH


def _is_flat(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not any(isinstance(item, dict | list) for item in items)


def _on_one_line(value: Any, keeps_order: bool = False) -> str:
    if isinstance(value, dict):
        pairs = value.items() if keeps_order else _sorted(value, is_named=False)
        parts = (f"{_quoted(key)}: {_on_one_line(item, keeps_order or key == JSON)}" for key, item in pairs)
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_on_one_line(item, keeps_order) for item in value)}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _quoted(text: str) -> str:
    """A text as JSON, with letters of all alphabets as they are; what would hide or turn text round is written out."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in quoted)
