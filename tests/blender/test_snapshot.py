"""The snapshot: a run reads the file as it was when the run started; taking it changes nothing in the artist's file."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .graphs import link_to_scene, names, new_material, new_tree, quad, script, value

COUNT = "def main(source: bpy.types.Object) -> int: return len(source.data.vertices)"
PIXELS = "def main(image: bpy.types.Image) -> list[float]: return list(image.pixels)"


@pytest.fixture
def tree():
    return new_tree()


def result_of(session, tree, source: str, data_type: str, data_block: bpy.types.ID):
    """The result of a script that takes a data-block."""
    node = script(tree, "Node", source)
    tree.links.new(value(tree, data_type, data_block).outputs[0], node.inputs[0])
    run = session.start(tree)
    run.wait()
    assert run.tasks["Node"].error is None
    return node.outputs[0].result


def edit_mode(scene_object: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = scene_object
    bpy.ops.object.mode_set(mode="EDIT")


def image_of(pixels, **options) -> bpy.types.Image:
    image = bpy.data.images.new("Image", 2, 2, alpha=True, **options)
    image.pixels.foreach_set(np.array(pixels, np.float32))
    image.update()
    return image


# Later edits


def test_later_edits_of_the_file_do_not_touch_the_run(tree, session):
    cube, gone, renamed = quad("Cube"), quad("Gone"), quad("Renamed")
    source = "def main(source: bpy.types.Object) -> str: return f'{source.name} {len(source.data.vertices)}'"
    nodes = [script(tree, block.name, source, source=value(tree, "Object", block)) for block in (cube, gone, renamed)]
    run = session.start(tree)
    cube.data.clear_geometry()
    bpy.data.objects.remove(gone)
    renamed.name = "Other"
    run.wait()
    assert [node.outputs[0].result for node in nodes] == ["Cube 4", "Gone 4", "Renamed 4"]


def test_later_edits_of_tree_and_script_do_not_touch_the_run(tree, session):
    node = script(tree, "Node", "def main(number: int = 1) -> int: return number")
    run = session.start(tree)
    node.inputs["Number"].default_value = 2
    node.script.from_string("def main(number: int = 1) -> int: return 3")
    run.wait()
    assert node.outputs[0].result == 1


# What is taken along


def test_edit_mode_changes_are_taken_along(tree, session):
    import bmesh

    cube = quad()
    edit_mode(cube)
    mesh = bmesh.from_edit_mesh(cube.data)
    mesh.verts.new((5, 5, 5))
    bmesh.update_edit_mesh(cube.data)
    assert result_of(session, tree, COUNT, "Object", cube) == 5
    assert cube.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")


@pytest.mark.parametrize("options", [{}, {"float_buffer": True}], ids=["byte", "float"])
def test_unsaved_pixels_arrive_as_they_are(tree, session, options):
    image = image_of([number / 15 for number in range(16)], **options)
    before = tuple(image.pixels)
    assert image.is_dirty
    assert result_of(session, tree, PIXELS, "Image", image) == before
    assert image.is_dirty
    assert image.packed_file is None


def test_changed_pixels_of_a_saved_image_arrive_as_they_are(tree, session, tmp_path):
    image = image_of([0.0] * 16)
    image.filepath_raw, image.file_format = str(tmp_path / "image.png"), "PNG"
    image.save()
    image.pixels[0] = 1.0
    image.update()
    assert result_of(session, tree, PIXELS, "Image", image)[0] == 1.0


def test_unsaved_pixels_of_an_image_that_a_material_uses_arrive(tree, session):
    material = new_material("Material")
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image_of([0.25, 0.5, 0.75, 1.0] * 4, float_buffer=True)
    source = """
        def main(source: bpy.types.Object) -> list[float]:
            nodes = source.data.materials[0].node_tree.nodes
            return list(next(node.image for node in nodes if node.type == 'TEX_IMAGE').pixels)
    """
    assert result_of(session, tree, source, "Object", quad(material=material)) == (0.25, 0.5, 0.75, 1.0) * 4


def test_relative_image_file_is_found_by_the_worker(tree, session, awkward_path):
    image_of([1.0, 0.0, 0.0, 1.0] * 4).save(filepath=str(awkward_path / "picture.png"))
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "file.blend"))
    image = bpy.data.images.load("//picture.png")
    source = "def main(image: bpy.types.Image) -> list[float]: return [*image.size, *image.pixels[:4]]"
    assert result_of(session, tree, source, "Image", image) == (2, 2, 1, 0, 0, 1)
    assert image.filepath == "//picture.png"


def test_linked_data_block_is_read_from_its_library(tree, session, awkward_path):
    library = str(awkward_path / "library.blend")
    bpy.data.libraries.write(library, {quad("Linked")})
    bpy.data.objects.remove(bpy.data.objects["Linked"])
    bpy.data.meshes.remove(bpy.data.meshes["Linked"])
    with bpy.data.libraries.load(library, link=True) as (_available, wanted):
        wanted.objects = ["Linked"]
    linked = link_to_scene(wanted.objects[0])
    source = "def main(source: bpy.types.Object) -> str: return f'{source.name} {source.library.name}'"
    assert result_of(session, tree, source, "Object", linked) == "Linked library.blend"
    assert linked.library is not None
    assert len(bpy.data.libraries) == 1


def test_what_a_data_block_uses_comes_along(tree, session):
    cube, cutter = quad("Cube"), quad("Cutter")
    modifier = cube.modifiers.new("Boolean", "BOOLEAN")
    modifier.object = cutter
    cube.parent = link_to_scene(bpy.data.objects.new("Parent", None))
    source = """
        def main(source: bpy.types.Object) -> str:
            return f"{source.modifiers[0].object.name} {source.parent.name} {len(bpy.data.objects)}"
    """
    assert result_of(session, tree, source, "Object", cube) == "Cutter Parent 3"


def test_names_are_exact_in_the_worker_whatever_they_are(tree, session):
    first, second = quad("Zwölf 'x' \"y\""), quad("Same")
    second.data.name = first.name
    source = "def main(many: list[bpy.types.Object]) -> str: return ' | '.join(f'{o.name}={o.data.name}' for o in many)"
    node = script(tree, "Node", source)
    node.inputs[0].default_value = [first, second]
    session.start(tree).wait()
    assert node.outputs[0].result == f"{first.name}={first.data.name} | {second.name}={second.data.name}"


def test_same_data_block_given_twice_is_one_in_the_worker(tree, session):
    cube = quad()
    source = """
        def main(a: bpy.types.Object, b: bpy.types.Object, mesh: bpy.types.Mesh) -> bool:
            return a == b and a.data == mesh
    """
    inputs = {
        "a": value(tree, "Object", cube),
        "b": value(tree, "Object", cube),
        "mesh": value(tree, "Mesh", cube.data),
    }
    node = script(tree, "Node", source, **inputs)
    session.start(tree).wait()
    assert node.outputs[0].result is True


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("num_nodes", [0, 1, 2])
def test_what_also_comes_along_with_others_is_the_same_one_with_its_own_name(tree, session, count, num_nodes):
    """The parent and the material of objects are given, too; the objects directly, or passed on by nodes before."""
    parent, material = quad("Parent"), new_material("Paint")
    objects = [quad(f"Object {number}", material=material) for number in range(count)]
    for item in objects:
        item.parent = parent
    given = value(tree, "Object", objects, is_list=True)
    for number in range(num_nodes):
        node = script(
            tree, f"pass {number}", "def main(all: list[bpy.types.Object]) -> list[bpy.types.Object]: return all"
        )
        tree.links.new(given.outputs[0], node.inputs[0])
        given = node
    node = script(
        tree,
        "look",
        "def main(parent: bpy.types.Object, all: list[bpy.types.Object], paint: bpy.types.Material) -> str:\n"
        "    same = {item.parent == parent and item.data.materials[0] == paint for item in all}\n"
        "    return f'{same} {parent.name} {paint.name} {len(bpy.data.objects)} {len(bpy.data.materials)}'",
    )
    for index, source in enumerate((value(tree, "Object", parent), given, value(tree, "Material", material))):
        tree.links.new(source.outputs[0], node.inputs[index])
    session.start(tree).wait()
    assert node.outputs[0].result == f"{{True}} Parent Paint {count + 1} 1"


def test_what_is_asked_for_has_its_name_though_one_that_a_node_has_changed_comes_along(tree, session):
    parent, child = quad("Parent"), quad("Child")
    child.parent = parent
    move = (
        "import bpy\ndef main(child: bpy.types.Object) -> bpy.types.Object: child.parent.location.z = 5; return child"
    )
    look = """
        def main(child: bpy.types.Object, parent: bpy.types.Object) -> str:
            return f"{child.parent.location.z} {parent.location.z} {parent.name} {child.name}"
    """
    moved = script(tree, "Move", move, child=value(tree, "Object", child))
    node = script(tree, "Look", look, child=moved, parent=value(tree, "Object", parent))
    session.start(tree).wait()
    assert node.outputs[0].result == "5.0 0.0 Parent Child"


def test_hundreds_of_objects_with_one_material_arrive_each_once(tree, session):
    material = bpy.data.materials.new("Shared")
    objects = [quad(f"Quad {index}", material=material) for index in range(150)]
    source = """
        def main(many: list[bpy.types.Object]) -> list[int]:
            return [len(many), len(bpy.data.objects), len(bpy.data.materials)]
    """
    node = script(tree, "Node", source)
    node.inputs[0].default_value = objects
    session.start(tree).wait()
    assert node.outputs[0].result == (150, 150, 1)


# The artist's file


def test_run_that_gives_nothing_leaves_the_file_as_it_was(tree, session, tmp_path):
    material = bpy.data.materials.new("Material")
    cube = quad(material=material)
    cube.parent = quad("Parent")
    cube.asset_mark()
    image = image_of([0.5] * 16)
    saved = image_of([0.25] * 16)
    saved.filepath_raw, saved.file_format = str(tmp_path / "image.png"), "PNG"
    saved.save()
    collection = bpy.data.collections.new("Collection")
    collection.objects.link(cube)
    script(
        tree,
        "Node",
        "def main(data: list[bpy.types.ID]): bpy.data.batch_remove(bpy.data.objects[:])",
        data=[
            value(tree, kind, block)
            for kind, block in [("Object", cube), ("Image", image), ("Image", saved), ("Collection", collection)]
        ],
    )
    before = names()
    dirty = [each.is_dirty for each in bpy.data.images]
    active = bpy.context.view_layer.objects.active
    assert session.start(tree).wait() == "succeeded"
    assert names() == before
    assert [each.is_dirty for each in bpy.data.images] == dirty
    assert not any(each.packed_file for each in bpy.data.images)
    assert bpy.context.view_layer.objects.active == active
    assert cube.asset_data is not None


def test_run_of_values_pushes_its_results_as_one_undo_step(tree, session):
    node = script(tree, "Node", "def main() -> int: return 4")
    bpy.ops.ed.undo_push(message="before")
    session.start(tree).wait()
    assert node.outputs[0].result == 4
    bpy.ops.ed.undo()
    assert bpy.data.node_groups["Tree"].nodes["Node"].outputs[0].result is None
    bpy.ops.ed.redo()
    assert bpy.data.node_groups["Tree"].nodes["Node"].outputs[0].result == 4


def test_data_block_removed_between_reading_and_starting_is_told(tree, session):
    from background_nodes.runtime.blender import snapshot
    from background_nodes.runtime.errors import RunError
    from background_nodes.runtime.script.socket_types import LiveRef

    with pytest.raises(RunError, match='Object "Gone" is gone'):
        snapshot.take([[LiveRef("Object", "Gone", 999_999)]], scratch=None)


@pytest.mark.parametrize(("order", "num_blobs"), [(["list"], 1), (["items"], 2), (["items", "list"], 1)])
def test_list_that_a_task_takes_is_in_one_blob_and_what_items_take_in_small_ones(tree, session, order, num_blobs):
    objects = [quad(f"Object {number}") for number in range(100)]
    for name in order:
        given = value(tree, "Object", objects, is_list=True)
        kind = "list[bpy.types.Object]" if name == "list" else "bpy.types.Object"
        node = script(tree, name, f"def main(source: {kind}) -> str: return str(source)")
        tree.links.new(given.outputs[0], node.inputs[0])
    run = session.start(tree)
    places = run._snapshot.stored
    run.cancel()
    assert len(places) == 100
    assert len({place.blob for place in places.values()}) == num_blobs
