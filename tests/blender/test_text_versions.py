"""A tree as text is the same tree in each Blender, to the letter."""

from __future__ import annotations

from pathlib import Path

import bpy

from background_nodes.node_tree.text_form.building import build
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.text_form.digest import digest
from background_nodes.runtime.text_form.form import to_text
from background_nodes.runtime.text_form.reading import from_text

#: A tree with all that a text can hold, as Blender 4.2 has written it.
WRITTEN_BY_OLDEST = Path(__file__).parent / "written_by_4_2.json"
DIGEST_OF_OLDEST = "6193293dd7310153b451d90db4a3fdf4e8e6892a782eed232ddc69d7ac08b0c7"


def test_text_that_the_oldest_blender_has_written_is_the_same_tree_here():
    """What is made of it is written to the letter as it was there; so this one's texts are as good there."""
    text = WRITTEN_BY_OLDEST.read_text(encoding="utf-8")
    made = build(from_text(text))
    assert not made.missing
    assert not made.gone
    assert to_text(dump(made.tree)) == text
    assert digest(dump(made.tree)) == DIGEST_OF_OLDEST
    assert sorted({node.bl_idname for tree in bpy.data.node_groups for node in tree.nodes}) == [
        "BackgroundNodeGroup",
        "BackgroundNodeInput",
        "BackgroundNodeOutput",
        "BackgroundNodeScript",
        "BackgroundNodeSwitch",
        "NodeFrame",
        "NodeGroupInput",
        "NodeGroupOutput",
        "NodeReroute",
    ]
