"""Results on the sockets: what they show, and what a click on one does."""

from __future__ import annotations

import os
import shutil
import sys

import bpy
import pytest

import background_nodes
from background_nodes.node_tree.sockets import _icon, _shortened

from .graphs import add, editor, new_tree, output, quad, script, value


def show(tree, node, identifier="result"):
    with editor(tree):
        return bpy.ops.background_nodes.result_show(node_name=node.name, identifier=identifier)


@pytest.fixture
def tree():
    return new_tree()


@pytest.fixture
def copied(tree):
    """A node that gave a copy of an object, which is linked to the scene."""
    node = script(
        tree,
        "Copy",
        "def main(source: bpy.types.Object) -> bpy.types.Object: return source",
        source=value(tree, "Object", quad()),
    )
    output(tree, "LINK", node)
    return node


def test_click_on_an_object_selects_it_alone(tree, copied):
    other = quad("Other")
    other.select_set(True)
    assert background_nodes.run(tree).state == "succeeded"
    assert show(tree, copied) == {"FINISHED"}
    assert [item.name for item in bpy.context.view_layer.objects if item.select_get()] == ["Quad.001"]
    assert bpy.context.view_layer.objects.active.name == "Quad.001"


def test_click_on_an_object_out_of_the_scene_selects_nothing_and_says_so(tree, copied):
    background_nodes.run(tree)
    result = copied.outputs[0].result
    bpy.context.scene.collection.objects.unlink(result)
    assert show(tree, copied) == {"FINISHED"}
    assert not any(item.select_get() for item in bpy.context.view_layer.objects)


def test_click_on_a_removed_result_is_refused(tree, copied):
    background_nodes.run(tree)
    bpy.data.objects.remove(copied.outputs[0].result)
    assert show(tree, copied) == {"CANCELLED"}


def test_click_on_a_collection_selects_what_is_in_it(tree):
    collection = bpy.data.collections.new("Things")
    bpy.context.scene.collection.children.link(collection)
    for name in "AB":
        item = quad(name)
        bpy.context.scene.collection.objects.unlink(item)
        collection.objects.link(item)
    node = script(
        tree,
        "Copy",
        "def main(source: bpy.types.Collection) -> bpy.types.Collection: return source",
        source=value(tree, "Collection", collection),
    )
    output(tree, "LINK", node)
    background_nodes.run(tree)
    show(tree, node)
    assert sorted(item.name for item in bpy.context.selected_objects) == [
        "A",
        "B",
    ]  # they are as they were, and stay the artist's own


@pytest.mark.parametrize(
    ("source", "ui_type", "name"),
    [
        ("def main() -> bpy.types.Image: return bpy.data.images.new('I', 4, 4)", "IMAGE_EDITOR", "image"),
        ("def main() -> bpy.types.Text: return bpy.data.texts.new('T')", "TEXT_EDITOR", "text"),
        ("def main() -> bpy.types.Material: return bpy.data.materials.new('M')", "PROPERTIES", "pin_id"),
    ],
)
def test_click_on_what_has_an_editor_opens_it_there(tree, source, ui_type, name):
    node = script(tree, "Make", source)
    node.keep_result = True
    assert background_nodes.run(tree).state == "succeeded"
    assert show(tree, node) == {"FINISHED"}
    shown = [
        getattr(area.spaces.active, name)
        for area in bpy.context.window_manager.windows[0].screen.areas
        if area.ui_type == ui_type
    ]
    assert node.outputs[0].result in shown


def test_unknown_node_is_refused(tree):
    add(tree, "BackgroundNodeOutput", "Output")
    with editor(tree):
        assert bpy.ops.background_nodes.result_show(node_name="Gone", identifier="x") == {"CANCELLED"}


def test_click_on_an_offered_result_brings_it_home(tree):
    source = """
        class Output(NamedTuple):
            item: bpy.types.Object
            paint: bpy.types.Material

        def main() -> Output:
            return Output(bpy.data.objects.new("Made", None), bpy.data.materials.new("Paint"))
    """
    script(tree, "Make", source)
    for _ in range(2):
        background_nodes.run(tree)
        for identifier in ("item", "paint"):
            with editor(tree):
                bring = bpy.ops.background_nodes.result_bring_home
                assert bring(node_name="Make", identifier=identifier) == {"FINISHED"}
                assert bring(node_name="Make", identifier=identifier) == {"CANCELLED"}
    assert bpy.context.scene.collection.objects.keys() == ["Made"]
    assert [(item.name, item.use_fake_user) for item in bpy.data.materials] == [("Paint", True)]


@pytest.mark.skipif(sys.platform != "linux", reason="a file browser of the test's own takes Linux' place of one")
@pytest.mark.parametrize("result", ["str(file)", "str(file.parent)", "[str(file), str(file)]"])
def test_click_on_a_path_opens_its_folder(tree, result, tmp_path, monkeypatch):
    browser, opened, folder = tmp_path / "bin" / "xdg-open", tmp_path / "opened", tmp_path / "My Files"
    browser.parent.mkdir()
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n', encoding="utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(browser.parent), prepend=os.pathsep)
    kind = "list[Path]" if result.startswith("[") else "Path"
    source = f"""
        from pathlib import Path
        def main(folder: Path) -> {kind}:
            file = Path(folder) / "made.txt"
            file.parent.mkdir(exist_ok=True)
            file.write_text("made")
            return {result}
    """
    node = script(tree, "Make", source, folder=str(folder))
    background_nodes.run(tree)
    with editor(tree):
        open_folder = bpy.ops.background_nodes.result_folder_open
        assert open_folder(node_name="Make", identifier=node.outputs[0].identifier) == {"FINISHED"}
        assert opened.read_text(encoding="utf-8") == str(folder)
        shutil.rmtree(folder)
        assert open_folder(node_name="Make", identifier=node.outputs[0].identifier) == {"CANCELLED"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (1234567, "1,234,567"),
        (0.123456789, "0.1235"),
        (True, "True"),
        ("x" * 30, "x" * 23 + "…"),
        ((1.0, 2.0, 3.5), "1, 2, 3.5"),
        (tuple(range(24)), "24 items"),
        ({"a": 1}, "..."),
    ],
)
def test_value_is_shown_short(content, text):
    assert _shortened(content) == text


def test_every_kind_has_an_icon_that_blender_has():
    for kind, make in (("meshes", "new"), ("materials", "new"), ("images", "new"), ("texts", "new"), ("worlds", "new")):
        arguments = ("X", 1, 1) if kind == "images" else ("X",)
        assert _icon(getattr(getattr(bpy.data, kind), make)(*arguments)) != "FILE_BLEND", kind
    assert _icon(quad()) == "OUTLINER_OB_MESH"
