"""Where links come from, and which of them are refused: looked up once after a change, however often Blender draws."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.node_tree import links
from background_nodes.node_tree.links import origins, refused_origins

from .graphs import link, new_text, new_tree, script, value

TAKE = "def main(number: int) -> int: return number"


@pytest.fixture
def tree():
    return new_tree()


@pytest.fixture
def walks(monkeypatch):
    """The trees whose links were walked through."""
    walked: list[str] = []
    of = links._Walk.of
    monkeypatch.setattr(links._Walk, "of", lambda tree: walked.append(tree.name) or of(tree))
    return walked


def refused(node) -> list[tuple[str, str]]:
    return [(identifier, str(origin.type)) for identifier, origin in refused_origins(node)]


def test_links_are_walked_through_once_after_a_change(tree, walks):
    first = value(tree, "INT", 1)
    nodes = [script(tree, f"Take {index}", TAKE, number=first) for index in range(20)]
    walks.clear()
    for _ in range(3):
        assert [refused(node) for node in nodes] == [[]] * 20
    assert walks == ["Tree"]
    tree.links.remove(tree.links[0])
    assert [len(origins(node, "number")) for node in nodes].count(0) == 1
    assert walks == ["Tree", "Tree"]


def test_origin_is_found_through_reroutes(tree):
    text = script(tree, "Make", "def main() -> str: ...")
    take = script(tree, "Take", TAKE)
    first, second = tree.nodes.new("NodeReroute"), tree.nodes.new("NodeReroute")
    link(text, first.inputs[0])
    link(first.outputs[0], second.inputs[0])
    link(second.outputs[0], take.inputs[0])
    (origin,) = origins(take, "number")
    assert (origin.node_id, origin.identifier, origin.is_refused) == (text.uid, "result", True)
    assert refused(take) == [("number", "string")]


def test_refusal_goes_with_its_link(tree):
    take = script(tree, "Take", TAKE, number=script(tree, "Make", "def main() -> str: ..."))
    assert refused(take) == [("number", "string")]
    tree.links.remove(tree.links[0])
    assert refused(take) == []


def test_refusal_comes_and_goes_with_the_type_that_a_script_says(tree):
    make = script(tree, "Make", "def main() -> int: ...")
    take = script(tree, "Take", TAKE, number=make)
    assert refused(take) == []
    make.script = new_text("str", "def main() -> str: ...")
    assert refused(take) == [("number", "string")]
    make.script = new_text("bool", "def main() -> bool: ...")
    assert refused(take) == []


def test_output_that_was_put_aside_gives_nothing(tree):
    make = script(tree, "Make", "python_data = {'number': 1}")
    take = script(tree, "Take", TAKE)
    link(make.outputs[0], take.inputs[0])
    assert refused(take) == []
    make.script.from_string("def main() -> str: ...")
    make.sync()
    assert [origin.is_refused for origin in origins(take, "number")] == [True]


def test_undo_brings_the_links_of_before(tree):
    bpy.ops.ed.undo_push(message="before")
    take = script(tree, "Take", TAKE, number=value(tree, "INT", 1))
    bpy.ops.ed.undo_push(message="linked")
    assert len(origins(take, "number")) == 1
    tree.links.remove(tree.links[0])
    bpy.ops.ed.undo_push(message="removed")
    assert origins(take, "number") == ()
    bpy.ops.ed.undo()
    take = bpy.data.node_groups["Tree"].nodes["Take"]
    assert len(origins(take, "number")) == 1


def test_ids_that_are_renewed_keep_their_links(tree):
    take = script(tree, "Take", TAKE, number=value(tree, "INT", 1))
    twin = tree.nodes.new("BackgroundNodeScript")
    twin.uid = take.uid
    assert len(origins(take, "number")) == 1
    from background_nodes.node_tree.identity import renew_duplicates

    renew_duplicates()
    found = {node.name: len(origins(node, "number")) for node in (take, twin)}
    assert found == {take.name: 1, twin.name: 0}


@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="reroutes have no types there")
def test_reroutes_get_the_type_of_what_is_linked_to_them_and_keep_their_links():
    tree = new_tree()
    source = value(tree, "Image", None)
    first, second = tree.nodes.new("NodeReroute"), tree.nodes.new("NodeReroute")
    tree.links.new(first.inputs[0], source.outputs[0])
    tree.links.new(second.inputs[0], first.outputs[0])
    links.give_reroutes_types(tree)
    assert [node.socket_idname for node in (first, second)] == [source.outputs[0].bl_idname] * 2
    assert len(tree.links) == 2
