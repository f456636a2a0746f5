"""A result that the artist deleted is brought back at a click: by a run of this session, or from the store."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.addon.editor import end_report

from .graphs import editor, names, new_tree, output, script, socket_of, value

MAKE = """
    def main(size: float = 1.0) -> bpy.types.Object:
        mesh = bpy.data.meshes.new("Made")
        mesh.from_pydata([(size, 0, 0)], [], [])
        mesh.materials.append(bpy.data.materials.new("Paint"))
        return bpy.data.objects.new("Made", mesh)
"""


@pytest.fixture
def tree():
    return new_tree()


def make(tree: bpy.types.NodeTree, source: str = MAKE, *, cache: bool = True, **inputs) -> bpy.types.Node:
    """A node that made something, which is in a collection of the scene."""
    place = bpy.data.collections.new("Place")
    bpy.context.scene.collection.children.link(place)
    node = script(tree, "Make", source, **inputs)
    output(tree, "LINK", node, collection=place)
    assert background_nodes.run(tree, cache=cache).state == "succeeded"
    return node


def here() -> bpy.types.NodeTree:
    return bpy.data.node_groups["Tree"]


def bring_back() -> None:
    with editor(here()):
        socket = here().nodes["Make"].outputs[0]
        bpy.ops.background_nodes.result_bring_back(node_name="Make", identifier=socket.identifier)


def reload(tmp_path) -> None:
    path = str(tmp_path / "mine.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)


def delete(*objects: bpy.types.Object) -> None:
    bpy.data.batch_remove(objects)


def result() -> object:
    return here().nodes["Make"].outputs[0].result


def test_it_is_again_what_and_where_it_was(tree):
    make(tree)
    with editor(tree):
        before = names()
    delete(result())
    bring_back()
    assert names() == before
    assert result() == bpy.data.collections["Place"].objects["Made"]


@pytest.mark.parametrize("deletion", ["before", "after"])
def test_result_of_an_earlier_session_comes_from_the_store(tree, store, session, tmp_path, deletion):
    make(tree)
    if deletion == "after":
        reload(tmp_path)
    delete(result())
    reload(tmp_path)
    bring_back()
    assert session.run_of(here()).tasks["Make"].cached
    assert result() == bpy.data.collections["Place"].objects["Made"]
    assert [len(items) for items in (bpy.data.objects, bpy.data.meshes, bpy.data.materials)] == [1, 1, 1]


@pytest.mark.parametrize("is_kept", [False, True])
def test_it_says_to_run_again_what_is_not_kept_and_runs_nothing(tree, store, session, tmp_path, is_kept):
    mark = tmp_path / "it ran"
    make(tree, MAKE.replace("mesh = ", f"open({str(mark)!r}, 'w').close(); mesh = "), cache=is_kept)
    delete(result())
    reload(tmp_path)
    mark.unlink()
    node = here().nodes["Make"]
    if is_kept:
        socket_of(node.inputs, "size").default_value = 2.0
    bring_back()
    message = "The result is not kept, or what it is made of has changed. Run the node tree again"
    assert end_report.summary(session.run_of(here())) == ("WARNING", message)
    assert not mark.exists()
    assert (result(), node.outputs[0].shows_result) == (None, True)


def test_only_what_is_missing_of_a_list_comes_and_what_was_changed_by_hand_stays(tree):
    source = "def main(n: int) -> bpy.types.Object: return bpy.data.objects.new(f'Item {n}', None)"
    node = make(tree, source, n=value(tree, "INT", [1, 2, 3], is_list=True))
    first, second, third = node.outputs[0].result
    first["mine"], third.location.x = 7, 5
    delete(second)
    bring_back()
    assert [item.name for item in result()] == ["Item 1", "Item 2", "Item 3"]
    assert (bpy.data.objects["Item 1"]["mine"], bpy.data.objects["Item 3"].location.x) == (7, 5)
    for _ in range(2):
        background_nodes.run(tree, cache=False)
        assert bpy.data.objects["Item 1"]["mine"] == 7, "it still counts as changed"
    assert len(bpy.data.objects) == 3


def test_what_a_click_had_brought_home_comes_into_the_scene(tree):
    node = script(tree, "Make", MAKE)
    background_nodes.run(tree)
    for _ in range(2):
        _ = node.outputs[0].result
        delete(node.outputs[0].result)
        bring_back()
        assert bpy.context.scene.collection.objects.keys() == ["Made"]


def test_other_nodes_show_what_they_showed(tree, store, tmp_path):
    first = script(tree, "First", MAKE)
    script(tree, "Number", "def main(made: bpy.types.Object) -> int: return 7", made=first)
    source = "def main(made: bpy.types.Object) -> bpy.types.Object: return made"
    make(tree, source, made=first)
    delete(result())
    reload(tmp_path)
    bring_back()
    assert here().nodes["Number"].outputs[0].result == 7
    assert result() is not None


def test_it_says_what_it_waits_for_while_another_result_is_edited(tree):
    source = (
        "def main(n: int) -> bpy.types.Object: return bpy.data.objects.new(f'Item {n}', bpy.data.meshes.new('Mesh'))"
    )
    node = make(tree, source, n=value(tree, "INT", [1, 2], is_list=True))
    first, second = node.outputs[0].result
    delete(second)
    bpy.context.view_layer.objects.active = first
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match='until "Item 1" leaves Edit Mode'):
        bring_back()
    bpy.ops.object.mode_set(mode="OBJECT")
    bring_back()
    assert len(result()) == 2
