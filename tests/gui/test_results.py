"""What results do to the artist's scene, by mouse and keys: ten saves, and one that is deleted and brought back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from editor import Editor
from picture import Color
from window import wait_until

#: A changed copy of the artist's object beside it, with a new material that has an image.
MAKES = """
import bpy
def main(source: bpy.types.Object, size: float = 1.0) -> bpy.types.Object:
    image = bpy.data.images.new("Picture", 4, 4)
    image.pixels = [size / 20] * 64
    image.pack()
    paint = bpy.data.materials.new("Paint")
    paint.use_nodes = True
    paint.node_tree.nodes.new("ShaderNodeTexImage").image = image
    source.data.materials.append(paint)
    source.data.vertices[0].co.z += size
    source.name = "Made"
    return source
"""
#: An image, and a material that comes along.
PAINTS = """
from typing import NamedTuple
import bpy
class Output(NamedTuple):
    image: bpy.types.Image
    material: bpy.types.Material
def main() -> Output:
    image = bpy.data.images.new("Red", 64, 64)
    image.pixels = [1.0, 0.0, 0.0, 1.0] * 64 * 64
    image.pack()
    return Output(image, bpy.data.materials.new("Plain"))
"""
FACTS = """
layer = places.window().view_layer
kinds = [prop.identifier for prop in bpy.data.bl_rna.properties if prop.type == "COLLECTION"]
left_out = {"all_ids", "screens", "workspaces", "window_managers"}
return {
    "data-blocks": {kind: [(item.name_full, item.users) for item in getattr(bpy.data, kind)]
                    for kind in kinds if kind not in left_out},
    "selected": [item.name for item in layer.objects if item.select_get(view_layer=layer)],
    "active": layer.objects.active.name,
    "parents": {item.name: item.parent and item.parent.name for item in bpy.data.objects},
    "collections": {item.name: sorted(item.objects.keys()) for item in bpy.data.collections},
    "modifiers": {item.name: [each.object.name for each in item.modifiers] for item in bpy.data.objects},
    "materials": {item.name: item.data.materials.keys() for item in bpy.data.objects if item.type == "MESH"},
}
"""


@pytest.fixture
def scene(editor) -> Editor:
    """A graph that makes "Made" of "Cube", which has a parent and a modifier, and a viewport beside it."""
    editor.add_script(MAKES, "Makes", (-150.0, 100.0))
    editor.window.run(
        """
        tree, cube = places.tree(), bpy.data.objects["Cube"]
        parent, cutter = bpy.data.objects.new("Parent", None), bpy.data.objects.new("Cutter", cube.data)
        for item in (parent, cutter):
            bpy.context.scene.collection.objects.link(item)
        cube.parent = cutter.parent = parent
        cutter.location = 1.0, 1.0, 1.0
        cube.modifiers.new("Boolean", "BOOLEAN").object = cutter
        source, output = tree.nodes.new("BackgroundNodeInput"), tree.nodes.new("BackgroundNodeOutput")
        source.outputs[0].default_value = cube
        source.location, output.location, output.offset = (-350.0, 100.0), (100.0, 100.0), (0.0, 3.0, 0.0)
        area = places.area("PROPERTIES")
        area.ui_type = "VIEW_3D"
        area.spaces.active.region_3d.view_distance = 25.0
        """
    )
    editor.frame_all()
    editor.link("Input", "Value", "Makes", "Source")
    editor.link("Makes", "Object", "Output", "Data")
    editor.window.run("places.tree().auto_run = 'SAVE'")
    return editor


def save(editor: Editor, path: str = "") -> None:
    """Save by the key, and wait until the run that this starts is home."""
    window = editor.window
    number = window.run("return len(places.session().history)")
    if path:
        window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=path)
    else:
        window.move(*editor.middle())
        window.press("S", ctrl=True)
    window.wait_for("return len(places.session().history) > number", number=number)
    assert editor.wait_until_home()["state"] == "succeeded"
    window.settle(10)


def viewport(editor: Editor) -> list[Color]:
    """The pixels of the viewport."""
    left, bottom, right, top = editor.window.run("return places.rectangle('VIEW_3D', 'WINDOW')")
    picture = editor.window.screen.picture()
    return [color for y in range(bottom, top) for color in picture.row(left, right, y)]


def look_alike(one: list[Color], other: list[Color]) -> bool:
    """Whether two pictures show the same; edges are smoothed by and by, a pixel here and there does not count."""
    pairs = zip(one, other, strict=True)
    return sum(max(abs(a - b) for a, b in zip(*pair, strict=True)) > 60 for pair in pairs) < 50


def select(editor: Editor, name: str) -> None:
    editor.window.run(
        """
        layer = places.window().view_layer
        for item in layer.objects:
            item.select_set(item.name == name, view_layer=layer)
        """,
        name=name,
    )


def type_size(editor: Editor, size: float) -> None:
    """Type a number into the field of the node."""
    x, y = editor.input("Makes", "Size")
    editor.window.click(x + 60, y)
    editor.window.settle(3)
    editor.window.press("A", ctrl=True)
    editor.window.type_text(f"{size}\n")
    editor.window.wait_for("return places.tree().nodes['Makes'].inputs['Size'].default_value == size", size=size)


def test_ten_saves_leave_the_scene_as_after_the_first_and_the_file_clean(scene, tmp_path):
    window = scene.window
    without = viewport(scene)
    save(scene, str(tmp_path / "saved.blend"))
    facts, seen = window.run(FACTS), viewport(scene)
    assert not look_alike(seen, without), "the result is seen"
    for _ in range(9):
        save(scene)
        assert window.run(FACTS) == facts
        assert not window.run("return bpy.data.is_dirty")
    assert look_alike(viewport(scene), seen)


def test_ten_saves_with_another_value_each_leave_one_result(scene, tmp_path):
    window = scene.window
    save(scene, str(tmp_path / "saved.blend"))
    facts, first = window.run(FACTS), viewport(scene)
    for size in range(2, 11):
        type_size(scene, float(size))
        save(scene)
        assert window.run(FACTS) == facts
    assert not look_alike(viewport(scene), first)
    type_size(scene, 1.0)
    save(scene)
    assert look_alike(viewport(scene), first)


def test_deleted_result_comes_back_at_a_click_on_its_node(scene, tmp_path):
    window = scene.window
    save(scene, str(tmp_path / "saved.blend"))
    facts, seen = window.run(FACTS), viewport(scene)
    select(scene, "Made")
    left, bottom, right, top = window.run("return places.rectangle('VIEW_3D', 'WINDOW')")
    window.move((left + right) / 2, (bottom + top) / 2)
    window.press("DEL")
    window.wait_for("return 'Made' not in bpy.data.objects")
    window.settle(5)
    assert not look_alike(viewport(scene), seen)
    window.screen.save(tmp_path / "deleted.png")
    scene.press_button_on("Makes", "background_nodes.result_bring_back")
    window.wait_for("return 'Made' in bpy.data.objects")
    window.settle(10)
    select(scene, "Cube")
    assert window.run(FACTS) == facts
    window.move(*scene.middle())
    window.settle(10)
    assert look_alike(viewport(scene), seen)


def num_pixels(editor: Editor, node: str, is_counted: Callable[[int, int, int], bool]) -> int:
    """How many pixels of a node are of a colour."""
    (left, top), (right, bottom) = editor.place_of(node, 0.0, 0.0), editor.place_of(node, 1.0, 1.0)
    editor.window.settle(5)
    picture = editor.window.screen.picture()
    return sum(is_counted(*color) for y in range(int(bottom), int(top)) for color in picture.row(left, right, y))


def is_red(red: int, green: int, blue: int) -> bool:
    return red > 200 and green < 60 and blue < 60


def test_output_shows_a_thumbnail_of_an_image(editor, tmp_path):
    editor.add_script(PAINTS, "Paints")
    editor.window.run("places.tree().nodes['Paints'].keep_result = True")
    editor.frame_all()
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    wait_until(lambda: num_pixels(editor, "Paints", is_red) > 50, 60.0, "the thumbnail is there")
    editor.window.screen.save(tmp_path / "thumbnails.png")


def test_previews_show_images_and_objects_on_their_nodes(scene, tmp_path):
    window = scene.window
    scene.add_script(PAINTS, "Paints", (-150.0, -150.0))
    window.run("places.tree().nodes['Paints'].keep_result = True")
    scene.frame_all()
    scene.press_button("background_nodes.run")
    assert scene.wait_until_home()["state"] == "succeeded"
    before = num_pixels(scene, "Paints", is_red)
    window.run("bpy.context.preferences.addons[extension].preferences.overlay_previews = True")
    try:
        window.run("places.area().tag_redraw()")
        wait_until(lambda: num_pixels(scene, "Paints", is_red) > 10 * max(before, 100), 60.0, "the image is there")
        window.wait_for("return bpy.data.objects['Made'].preview is not None")
        lit = "return max(bpy.data.objects['Made'].preview.image_pixels_float[:]) > 0.0"
        window.wait_for(lit)
        window.settle(10)
        window.screen.save(tmp_path / "previews.png")
    finally:
        window.run("bpy.context.preferences.addons[extension].preferences.overlay_previews = False")
