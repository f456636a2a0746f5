"""Ctrl Shift click on a node shows what it gives: in the viewport, or in an Image Editor."""

from __future__ import annotations

import shutil

import pytest

GROWS = """
import bpy
def main(source: bpy.types.Object, size: float = 2.0) -> bpy.types.Object:
    for vertex in source.data.vertices:
        vertex.co.z *= size
    return source
"""
PAINTS = """
import bpy
def main() -> bpy.types.Image:
    image = bpy.data.images.new("Red", 64, 64)
    image.pixels = [1.0, 0.0, 0.0, 1.0] * 64 * 64
    image.pack()
    return image
"""
COUNTS = """
import bpy
def main(number: int) -> bpy.types.Object:
    if number == 1:
        raise ValueError("not this one")
    return bpy.data.objects.new(f"Made {number}", None)
"""
SHOWN = "return [item.name for each in bpy.data.collections if each.name == 'Viewer' for item in each.objects]"


@pytest.fixture
def graph(editor):
    """Cube > First > Second, beside a viewport."""
    editor.add_script(GROWS, "First", (-100.0, 100.0))
    editor.add_script(GROWS, "Second", (150.0, 100.0))
    editor.add_script(PAINTS, "Paints", (-100.0, -100.0))
    editor.window.run(
        """
        tree = places.tree()
        source = tree.nodes.new("BackgroundNodeInput")
        source.outputs[0].default_value = bpy.data.objects["Cube"]
        source.location = -350.0, 100.0
        tree.links.new(source.outputs[0], tree.nodes["First"].inputs["Source"])
        tree.links.new(tree.nodes["First"].outputs[0], tree.nodes["Second"].inputs["Source"])
        places.area().spaces.active.show_region_ui = False
        places.area("PROPERTIES").ui_type = "VIEW_3D"
        """
    )
    editor.frame_all()
    return editor


def view(editor, x: float, y: float) -> None:
    editor.window.move(x, y)
    for key in ("LEFT_CTRL", "LEFT_SHIFT"):
        editor.window.event(key, "PRESS", ctrl=True, shift=key == "LEFT_SHIFT")
    editor.window.click(x, y, ctrl=True, shift=True)
    for key in ("LEFT_SHIFT", "LEFT_CTRL"):
        editor.window.event(key, "RELEASE")
    editor.window.settle(5)


def test_click_runs_to_the_node_and_shows_its_object_until_a_click_beside(graph, tmp_path):
    window = graph.window
    view(graph, *graph.place_of("First"))
    (name,) = window.wait_for(SHOWN)
    window.settle(5)
    window.screen.save(tmp_path / "object.png")
    heights = (
        "return {item.name: item.dimensions.z for item in places.window().view_layer.objects if item.visible_get()}"
    )
    assert window.run(heights)[name] == 4.0
    assert "Cube" not in window.run(heights)
    left, bottom, _, _ = window.run("return places.rectangle('BackgroundNodeTree', 'WINDOW')")
    view(graph, left + 40, bottom + 60)
    window.wait_for("return 'Viewer' not in bpy.data.collections")
    assert window.run("return bpy.data.objects['Cube'].visible_get()")
    assert name not in window.run("return bpy.data.objects.keys()")


def test_click_shows_an_image_which_is_not_saved(graph, tmp_path):
    window = graph.window
    view(graph, *graph.place_of("Paints"))
    image = "return any(each.spaces.active.image for each in places.areas('IMAGE_EDITOR'))"
    window.wait_for(image)
    window.settle(5)
    window.screen.save(tmp_path / "image.png")
    path = str(tmp_path / "saved.blend")
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=path)
    assert window.run(image), "it is shown again"
    assert not window.run("return bpy.data.is_dirty")
    copy = shutil.copy(path, tmp_path / "copy.blend")
    images = "with bpy.data.libraries.load(path) as (found, _): return found.images"
    assert "Red" not in window.run(images, path=str(copy))


def test_click_on_a_node_that_did_a_part_of_its_items_runs_nothing_unless_something_changed(editor):
    window = editor.window
    editor.add_script(COUNTS, "Counts", (-100.0, 100.0))
    window.run(
        """
        tree = places.tree()
        numbers = tree.nodes.new("BackgroundNodeInput")
        numbers.data_type, numbers.is_list, numbers.location = "INT", True, (-350.0, 100.0)
        numbers.name, numbers.outputs[0].default_value = "Numbers", [0, 1, 2]
        tree.links.new(numbers.outputs[0], tree.nodes["Counts"].inputs["Number"])
        places.area().spaces.active.show_region_ui = False
        places.area("PROPERTIES").ui_type = "VIEW_3D"
        """
    )
    editor.frame_all()
    window.press("RET", ctrl=True)
    window.wait_for("return places.session().run_of(places.tree()) is not None")
    assert editor.wait_until_home()["state"] == "failed"
    window.run("global first; first = places.session().run_of(places.tree())")
    is_first = "return places.session().run_of(places.tree()) is first"
    forecast = "places.module('addon.session.forecasts')._told[places.tree().session_uid]"
    window.wait_for(f"return {forecast}.is_fresh")  # as long as it is not known what a run would give, a click runs

    view(editor, *editor.place_of("Counts"))
    assert window.wait_for(SHOWN) == ["Made 0", "Made 2"]
    assert window.run(is_first)

    left, bottom, _, _ = window.run("return places.rectangle('BackgroundNodeTree', 'WINDOW')")
    view(editor, left + 40, bottom + 60)
    window.wait_for("return 'Viewer' not in bpy.data.collections")
    window.run("places.tree().nodes['Numbers'].outputs[0].default_value = [0, 3, 2]")
    window.settle(5)
    view(editor, *editor.place_of("Counts"))
    window.wait_for(is_first.replace("is first", "is not first"))
    assert window.wait_for(SHOWN) == ["Made 0", "Made 3", "Made 2"]
