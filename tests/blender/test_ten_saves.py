"""Ten saves with a tree that runs at each: the file is as after the first one, but for what is new in the results."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.auto_run import events
from background_nodes.addon.auto_run.known_trees import KnownTrees
from background_nodes.addon.auto_run.queue import queue

from .graphs import link_to_scene, names, new_material, new_tree, output, quad, script, socket_of, value

#: Gives a changed copy of the artist's object, with its material and a new one that has an image, and a new object.
MAKE = """
    def main(source: bpy.types.Object, size: float = 1.0) -> list[bpy.types.Object]:
        source.data.vertices[0].co.z = size
        image = bpy.data.images.new("Picture", 4, 4)
        image.pixels = [size / 20] * 64
        image.pack()
        paint = bpy.data.materials.new("Paint")
        paint.use_nodes = True
        paint.node_tree.nodes.new("ShaderNodeTexImage").image = image
        source.data.materials.append(paint)
        mesh = bpy.data.meshes.new("Made")
        mesh.from_pydata([(size, 0, 0)], [], [])
        mesh.materials.append(paint)
        made = bpy.data.objects.new("Made", mesh)
        made.modifiers.new("Mirror", "MIRROR").mirror_object = source
        return [source, made]
"""


#: The property with which a modifier names another object.
_USES = {"BOOLEAN": "object", "MIRROR": "mirror_object"}


@pytest.fixture(autouse=True)
def artist(store, monkeypatch, tmp_path):
    """As if there were an artist, and a timer that the test calls: see `save`."""
    monkeypatch.setattr(events, "is_attended", lambda: True)
    monkeypatch.setattr(queue, "known", KnownTrees(lambda: tmp_path / "known trees"))


@pytest.fixture
def scene_of_artist() -> bpy.types.Object:
    """An object with a material, a parent, a child, modifiers that use others, in two collections; one is selected."""
    cube = quad("Cube", material=new_material("Steel"))
    parent, child = (link_to_scene(bpy.data.objects.new(name, None)) for name in ("Parent", "Child"))
    cube.parent, child.parent = parent, cube
    cube.modifiers.new("Boolean", "BOOLEAN").object = quad("Cutter", material=cube.data.materials[0])
    place = bpy.data.collections.new("Place")
    bpy.context.scene.collection.children.link(place)
    place.objects.link(cube)
    child.select_set(True)
    bpy.context.view_layer.objects.active = child
    return cube


@pytest.fixture
def tree(scene_of_artist) -> bpy.types.NodeTree:
    tree = new_tree()
    make = script(tree, "Make", MAKE, source=value(tree, "Object", scene_of_artist))
    results = bpy.data.collections.new("Results")
    bpy.context.scene.collection.children.link(results)
    output(tree, "LINK", make, collection=results)
    tree.auto_run = "SAVE"
    return tree


@pytest.fixture
def save(session, tmp_path):
    """Saves, and lets what is due run and come home."""

    def save_file() -> None:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"))
        while queue.turn() is not None or session.is_busy:
            for run in session.runs:
                run.wait()
        (run,) = session.runs
        assert (run.state, run.notes) == ("succeeded", ())

    return save_file


def facts() -> dict[str, object]:
    """What is in the file, and how the artist's scene is: nothing of what is in the meshes and images."""
    layer = bpy.context.view_layer
    return {
        "data-blocks": names(),
        "selected": [item.name for item in layer.objects if item.select_get()],
        "active": layer.objects.active.name,
        "hidden": [item.name for item in layer.objects if item.hide_get()],
        "parents": {item.name: item.parent and item.parent.name for item in bpy.data.objects},
        "collections": {item.name: sorted(item.objects.keys()) for item in bpy.data.collections},
        "places": {item.name: tuple(item.location) for item in bpy.data.objects},
        "modifiers": {
            item.name: [(each.name, getattr(each, _USES[each.type]).name) for each in item.modifiers]
            for item in bpy.data.objects
        },
        "materials": {item.name: item.data.materials.keys() for item in bpy.data.objects if item.type == "MESH"},
    }


def test_nothing_is_done_to_the_file_if_nothing_changes(tree, save, session, monkeypatch):
    save()
    before = facts()
    monkeypatch.setattr(session._host, "push_undo", pytest.fail)
    for _ in range(9):
        save()
        assert facts() == before


def test_new_results_take_the_place_of_the_last_ones_and_all_else_stays(tree, save):
    save()
    before = facts()
    for number in range(2, 11):
        socket_of(tree.nodes["Make"].inputs, "size").default_value = number
        save()
        assert facts() == before
    changed, made = tree.nodes["Make"].outputs[0].result
    assert (changed.data.vertices[0].co.z, made.data.vertices[0].co.x) == (10, 10)
    assert bpy.data.images["Picture"].pixels[0] == pytest.approx(10 / 20, abs=0.01)


def test_what_the_artist_did_with_the_results_stays_too(tree, save):
    save()
    changed, made = tree.nodes["Make"].outputs[0].result
    made.name, made.location.x, made.parent = "Mine", 7, bpy.data.objects["Parent"]
    quad("Other", material=made.data.materials[0]).modifiers.new("Boolean", "BOOLEAN").object = changed
    bpy.data.collections["Results"].objects.unlink(changed)
    bpy.data.collections["Place"].objects.link(changed)
    changed.hide_set(True)
    made.select_set(True)
    before = facts()
    for number in range(2, 11):
        socket_of(tree.nodes["Make"].inputs, "size").default_value = number
        save()
        assert facts() == before
