# SPDX-License-Identifier: GPL-3.0-or-later
"""Values with their types, on the wire and off it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

FLOAT, FLOATS = SocketType("FLOAT"), SocketType("FLOAT", is_list=True)
MESH, MESHES = SocketType("Mesh"), SocketType("Mesh", is_list=True)


def ref(name: str, blob: str = "1.blend") -> StoredRef:
    return StoredRef("Mesh", name, "//lib.blend", blob)


@pytest.mark.parametrize(
    "value",
    [
        TypedValue(FLOAT, 0.5),
        TypedValue(FLOATS, ()),
        TypedValue(FLOATS, (0.5, 1.0)),
        TypedValue(MESH, ref("x")),
        TypedValue(MESH, None),
        TypedValue(MESHES, ()),
        TypedValue(MESHES, (ref("x"), None)),
        TypedValue(SocketType("ANY"), {"a": [1, None]}),
    ],
    ids=str,
)
def test_a_value_survives_the_wire(value: TypedValue) -> None:
    assert TypedValue.from_wire(json.loads(json.dumps(value.to_wire()))) == value


@pytest.mark.parametrize(
    "data",
    [
        None,
        1,
        "FLOAT",
        [],
        {},
        {"kind": "FLOAT", "is_list": False},
        {"kind": 1, "is_list": False, "content": 1},
        {"kind": "FLOAT", "is_list": 0, "content": 1},
        {"kind": "FLOAT", "is_list": True, "content": 1.0},
        {"kind": "FLOAT", "is_list": True, "content": None},
        {"kind": "Mesh", "is_list": False, "content": None},
        {"kind": "Mesh", "is_list": False, "content": []},
        {"kind": "Mesh", "is_list": False, "content": [None, None]},
        {"kind": "Mesh", "is_list": True, "content": {}},
        {"kind": "Mesh", "is_list": True, "content": ["1.blend"]},
        {"kind": "Mesh", "is_list": True, "content": [["Mesh", "x", ""]]},
        {"kind": "Mesh", "is_list": True, "content": [["Mesh", "x", "", 1]]},
    ],
    ids=repr,
)
def test_what_is_no_value_is_refused(data: Any) -> None:
    with pytest.raises(TypeError):
        TypedValue.from_wire(data)


def test_a_single_value_is_its_only_element() -> None:
    assert TypedValue(FLOAT, 0.5).elements() == (0.5,)
    assert TypedValue(FLOATS, (0.5, 1.0)).elements() == (0.5, 1.0)


def test_its_data_blocks_are_those_that_are_there() -> None:
    assert list(TypedValue(MESHES, (ref("x"), None, ref("y"))).refs()) == [ref("x"), ref("y")]
    assert list(TypedValue(MESH, None).refs()) == []
    assert list(TypedValue(FLOATS, (0.5,)).refs()) == []


def test_moved_data_blocks_are_in_their_new_places_and_the_others_where_they_were() -> None:
    moves = {ref("x"): ref("x", "2.blend")}
    moved = TypedValue(MESHES, (ref("x"), None, ref("y"))).moved(moves)
    assert moved == TypedValue(MESHES, (ref("x", "2.blend"), None, ref("y")))
    assert TypedValue(MESH, ref("x")).moved(moves) == TypedValue(MESH, ref("x", "2.blend"))
    assert TypedValue(MESH, None).moved(moves) == TypedValue(MESH, None)


def test_what_holds_no_data_block_is_not_moved() -> None:
    value = TypedValue(FLOATS, (0.5,))
    assert value.moved({ref("x"): ref("x", "2.blend")}) is value
