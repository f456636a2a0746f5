"""Paths of files: absolute in the worker, and at home as the artist spells them."""

from __future__ import annotations

import os
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.runtime.blender.paths import files_in_use
from background_nodes.runtime.engine.own_files import TaskContext, claim, using

from .data_block_cases import files, images, new_folder, use_folder
from .graphs import advance, new_tree, quad, script, value


@pytest.fixture
def folder(awkward_path):
    """Where the open file is, and the files that cases make."""
    use_folder(awkward_path)
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "file.blend"))
    return awkward_path


def touching(kind: str, data_block: bpy.types.ID) -> tuple[bpy.types.NodeTree, bpy.types.Node]:
    """A tree whose script changes its input and returns it."""
    tree = new_tree()
    source = f"""
        def main(data: bpy.types.{kind}) -> bpy.types.{kind}:
            data["touched"] = True
            return data
    """
    return tree, script(tree, "Node", source, data=value(tree, kind, data_block))


def home(kind: str, data_block: bpy.types.ID) -> bpy.types.ID:
    """The result of such a script."""
    tree, node = touching(kind, data_block)
    run = background_nodes.run(tree)
    assert run.tasks["Node"].error is None
    assert node.outputs[0].result != data_block
    return node.outputs[0].result


def without(option: str) -> pytest.MarkDecorator:
    """Skips where Blender was built without something."""
    return pytest.mark.skipif(not getattr(bpy.app.build_options, option), reason=f"this Blender has no {option}")


def is_relative(path: str) -> bool:
    return path.startswith("//case ")


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("Image", images.image_file),
        ("Image", images.image_packed_file),
        ("Image", images.image_sequence),
        ("Image", images.image_movie),
        ("Image", images.image_tiles_files),
        ("MovieClip", files.clip_movie),
        ("Sound", files.sound_file),
        ("Sound", files.sound_packed),
        ("Volume", files.volume_file),
        ("Volume", files.volume_sequence),
        pytest.param("CacheFile", files.cache_alembic, marks=without("alembic")),
        pytest.param("CacheFile", files.cache_usd, marks=without("usd")),
        ("Text", files.text_file),
    ],
)
def test_relative_path_comes_home_as_it_was(folder, kind, make):
    original = make()
    bpy.ops.file.make_paths_relative()
    assert is_relative(original.filepath)
    result = home(kind, original)
    assert result.filepath == original.filepath


def test_absolute_path_comes_home_as_it_was(folder):
    original = images.image_file()
    assert not is_relative(original.filepath)
    assert home("Image", original).filepath == original.filepath


def test_path_of_a_file_that_was_never_saved_comes_home_as_it_was(tmp_path):
    use_folder(tmp_path)
    original = files.sound_file()
    assert home("Sound", original).filepath == original.filepath


def test_relative_image_with_unsaved_pixels_comes_home_with_both(folder):
    original = images.image_painted_over_its_file()
    original.filepath_raw = bpy.path.relpath(original.filepath_raw)
    result = home("Image", original)
    assert (result.filepath_raw, list(result.pixels)) == (original.filepath_raw, list(original.pixels))


def test_relative_path_stays_right_when_the_file_is_saved_elsewhere_meanwhile(folder, session, tmp_path):
    original = images.image_file()
    original.filepath = bpy.path.relpath(original.filepath)
    path = bpy.path.abspath(original.filepath)
    tree, node = touching("Image", original)
    run = session.start(tree)
    elsewhere = tmp_path / "other" / "folder"
    elsewhere.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "file.blend"))
    advance(run, lambda: run.tasks["Node"].state == "succeeded" or run.state.is_final)
    run.wait()
    result = node.outputs[0].result
    assert result.filepath.startswith("//")
    assert os.path.normpath(bpy.path.abspath(result.filepath)) == path


def test_relative_paths_of_modifiers_and_nodes_come_home_as_they_were(folder):
    item = quad("Cube")
    domain = item.modifiers.new("Fluid", "FLUID")
    domain.fluid_type = "DOMAIN"
    domain.domain_settings.cache_directory = "//cache of fluid"
    ocean = item.modifiers.new("Ocean", "OCEAN")
    ocean.filepath = "//cache of ocean"
    material = bpy.data.materials.new("Light")
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    light = material.node_tree.nodes.new("ShaderNodeTexIES")
    light.mode, light.filepath = "EXTERNAL", "//lamp.ies"
    item.data.materials.append(material)
    tree = new_tree()
    source = """
        def main(item: bpy.types.Object) -> bpy.types.Object:
            item.data.materials[0]["touched"] = True
            modifiers = item.modifiers
            paths = [modifiers[0].domain_settings.cache_directory, modifiers[1].filepath]
            nodes = item.data.materials[0].node_tree.nodes
            item["paths"] = [*paths, next(node.filepath for node in nodes if node.type == "TEX_IES")]
            return item
    """
    node = script(tree, "Node", source, item=value(tree, "Object", item))
    run = background_nodes.run(tree)
    assert run.tasks["Node"].error is None
    result = node.outputs[0].result
    assert [path.rstrip("/") for path in result["paths"]] == [
        str(folder / name) for name in ("cache of fluid", "cache of ocean", "lamp.ies")
    ]
    assert result.modifiers[0].domain_settings.cache_directory.rstrip("/") == "//cache of fluid"
    assert result.modifiers[1].filepath == "//cache of ocean"
    nodes = result.data.materials[0].node_tree.nodes
    assert next(node.filepath for node in nodes if node.type == "TEX_IES") == "//lamp.ies"


@without("alembic")
def test_files_with_relative_paths_are_read_by_the_worker(folder):
    volume, cached = files.volume_file(), files.object_with_cache_file()
    bpy.ops.file.make_paths_relative()
    tree = new_tree()
    source = """
        def main(volume: bpy.types.Volume, cached: bpy.types.Object) -> list[Any]:
            volume.grids.load()
            depsgraph = bpy.context.evaluated_depsgraph_get()
            paths = [item.path for item in cached.modifiers[0].cache_file.object_paths]
            return [[grid.name for grid in volume.grids], paths]
    """
    inputs = {"volume": value(tree, "Volume", volume), "cached": value(tree, "Object", cached)}
    node = script(tree, "Node", source, **inputs)
    run = background_nodes.run(tree)
    assert run.tasks["Node"].error is None
    assert [list(part) for part in node.outputs[0].result] == [["density"], ["/Alembic_Object/Alembic_Object"]]


# Files in use


def can_be_written(path: Path) -> bool:
    try:
        with using(TaskContext(in_use=lambda: [files_in_use()])):
            claim(path)
    except ValueError as error:
        assert "that the open file uses and would be overwritten" in str(error)  # noqa: PT017 (only one reason is right)
        return False
    return True


def image_of_tiles() -> bpy.types.Image:
    folder = new_folder()
    paths = [images.picture(folder, f"tile.{number}.png") for number in (1001, 1002)]
    image = bpy.data.images.load(str(paths[0]))
    image.source = "TILED"
    image.filepath = str(folder / "tile.<UDIM>.png")
    return image


@pytest.mark.parametrize(
    "make",
    [
        images.image_file,
        images.image_movie,
        images.image_sequence,
        image_of_tiles,
        files.clip_movie,
        files.clip_tracked,
        files.sound_file,
        files.font_file,
        pytest.param(files.volume_file, marks=without("openvdb")),
        pytest.param(files.volume_sequence, marks=without("openvdb")),
        pytest.param(files.cache_alembic, marks=without("alembic")),
        files.text_file,
        images.image_packed_file,
        files.sound_packed,
        files.font_packed,
    ],
)
def test_no_file_that_a_data_block_names_is_written_over_unless_it_is_packed(folder, make):
    make()
    found = [path for path in folder.glob("case */*") if path.is_file()]
    assert {can_be_written(path) for path in found} == {"packed" in make.__name__}


def test_pictures_of_an_image_strip_are_not_written_over(folder):
    paths = [images.picture(folder, name) for name in ("First.png", "Second.png")]
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if bpy.app.version >= (4, 4, 0) else editor.sequences
    strips.new_image("Strip", str(paths[0]), 1, 1).elements.append(paths[1].name)
    assert [can_be_written(path) for path in paths] == [False, False]


def test_files_beside_those_of_a_sequence_and_of_tiles_may_be_written(folder):
    for make in (images.image_sequence, image_of_tiles):
        make()
    for path in [path for path in folder.glob("case */*") if path.is_file()]:
        for name in (f"x{path.name}", f"{path.name}x", path.with_suffix(".jpg").name):
            beside = path.with_name(name)
            beside.touch()
            assert can_be_written(beside)


def test_tile_of_a_linked_image_is_not_written_over(folder):
    image = image_of_tiles()
    image.use_fake_user = True
    image.filepath = bpy.path.relpath(image.filepath)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    (folder / "elsewhere").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "elsewhere" / "file.blend"))
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (there, wanted):
        wanted.images = there.images
    assert {can_be_written(path) for path in folder.glob("case */*")} == {False}
