"""Results that are linked from another file: no file holds what a script changes of them, so it must not get lost."""

from __future__ import annotations

import bpy
import pytest

import background_nodes

from .graphs import new_material, new_tree, quad, script

LOST = "which is linked from library.blend: such a change is in no file, so it would be lost."
MOVE = "source.location.x = 5.0; return source"


@pytest.fixture
def linked(tmp_path) -> bpy.types.Object:
    """An object of another file, with its mesh and a material."""
    theirs = quad("Rock", material=new_material("Stone"))
    path = str(tmp_path / "library.blend")
    bpy.data.libraries.write(path, {theirs})
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(path, link=True) as (_there, wanted):
        wanted.objects = ["Rock"]
    return bpy.data.objects["Rock"]


def use(body: str, head: str = "source: bpy.types.Object", /, **inputs):
    """Run a script with a body; the run, and its error."""
    tree = new_tree()
    source = f"import bpy\nfrom background_nodes.script import BlendFile\ndef main({head}) -> bpy.types.Object:\n"
    script(tree, "Change", source + "".join(f"    {line}\n" for line in body.split("\n")), **inputs)
    run = background_nodes.run(tree)
    error = run.tasks["Change"].error
    return run, "" if error is None else error.message


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (MOVE, 'Object "Rock"'),
        ("source.data.vertices[0].co.x = 5.0; return source", 'Mesh "Rock"'),
        ("source.active_material.roughness = 0.125; return source", 'Material "Stone"'),
        ("source.data.vertices[0].co.x = 5.0; return bpy.data.objects.new('New', source.data)", 'Mesh "Rock"'),
    ],
)
def test_change_of_what_is_linked_is_an_error(linked, change, what):
    run, error = use(change, source=linked)
    assert run.state == "failed"
    assert f"{what}, {LOST}" in error


def test_change_of_a_linked_material_of_an_object_of_this_file_is_an_error(linked):
    item = quad("Own", material=linked.active_material)
    _run, error = use("source.active_material.roughness = 0.125\nreturn source", source=item)
    assert f'Material "Stone", {LOST}' in error


def test_change_of_what_is_linked_in_a_whole_file_is_an_error(linked):
    bpy.context.scene.collection.objects.link(linked)
    body = "source = bpy.data.objects['Rock']\n" + MOVE
    _run, error = use(body, "file: BlendFile")
    assert f'Object "Rock", {LOST}' in error


def test_change_that_the_next_task_makes_is_an_error(linked):
    tree = new_tree()
    first = script(tree, "First", "def main(item: bpy.types.Object) -> bpy.types.Object: return item", item=linked)
    move = f"def main(source: bpy.types.Object) -> bpy.types.Object:\n    {MOVE}"
    script(tree, "Second", move, source=first)
    run = background_nodes.run(tree)
    assert run.tasks["First"].state == "succeeded"
    assert LOST in run.tasks["Second"].error.message


@pytest.mark.parametrize(
    "harmless",
    [
        "return source",
        "source.evaluated_get(bpy.context.evaluated_depsgraph_get())\nreturn source",
        "source.select_set(True)\nbpy.context.view_layer.objects.active = source\nreturn source",
        "source.location.x = 5.0\nreturn bpy.data.objects.new('New', None)",
        f"source = source.make_local(clear_liboverride=True)\n{MOVE}",
        f"source = source.copy()\n{MOVE}",
        "bpy.context.scene.frame_set(7)\nreturn source",
    ],
)
def test_what_changes_nothing_that_is_linked_succeeds(linked, harmless):
    run, error = use(harmless, source=linked)
    assert (run.state, error) == ("succeeded", "")


def test_animated_object_that_is_linked_may_be_given_at_another_frame(linked):
    path = bpy.path.abspath(linked.library.filepath)
    bpy.ops.wm.read_homefile(use_empty=True)
    theirs = quad("Rock")
    theirs.keyframe_insert("location", frame=1)
    theirs.location.x = 9.0
    theirs.keyframe_insert("location", frame=9)
    bpy.data.libraries.write(path, {theirs})
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(path, link=True) as (_there, wanted):
        wanted.objects = ["Rock"]
    run, error = use("bpy.context.scene.frame_set(9)\nreturn source", source=wanted.objects[0])
    assert (run.state, error) == ("succeeded", "")
