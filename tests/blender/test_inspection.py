"""The tooltip of an output says what the last run gave."""

from __future__ import annotations

import bpy
import pytest
from mathutils import Vector

from background_nodes.node_tree import inspection

from .graphs import SCALE, new_tree, output, quad, script, value

pytestmark = pytest.mark.skipif("description" not in bpy.types.NodeSocket.bl_rna.properties, reason="no such text")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (8000, "8,000"),
        (0.5, "0.5"),
        (True, "True"),
        ("a name", "a name"),
        (Vector((1.0, 2.5, 3.0)), "1, 2.5, 3"),
        ((1, 2, 3, 4), "4 items: 1, 2, 3, …"),
        ((), "0 items"),
        ({"a": 1}, '{"a": 1}'),
        ("é" * 40, "é" * 30 + "…"),
    ],
)
def test_value_is_told_in_63_bytes(found, text):
    assert inspection.of_value(found) == text
    assert len(text.encode()) <= 63


def test_outputs_tell_what_came_home_what_is_offered_and_what_they_mean_when_that_is_gone(session):
    tree = new_tree()
    scale = script(tree, "Scale", SCALE, source=value(tree, "Object", quad()))
    scale.outputs[0].description_text = "The larger one"
    session.start(tree).wait()
    assert scale.outputs[0].description == "Quad (not in this file)"
    output(tree, "LINK", scale)
    session.start(tree).wait()
    assert scale.outputs[0].description == "Object: Quad.001, 1 face"
    scale.outputs[0].forget_result()
    assert scale.outputs[0].description == scale.outputs[0].description_text


def test_number_is_told(session):
    tree = new_tree()
    count = script(tree, "Count", "def main() -> list[int]: return list(range(5000))")
    session.start(tree).wait()
    assert count.outputs[0].description == "5,000 items: 0, 1, 2, …"
