"""Drivers that read a part of a data-block, its node tree or its shape keys, on the way to a worker and back."""

import operator

import bpy
import pytest

import background_nodes
from background_nodes.runtime.blender import blobs

from .graphs import new_material, new_tree, output, quad, script, value

PARTS = {"KEY": "data.shape_keys", "NODETREE": "active_material.node_tree"}
SHOW = """
def main(source: bpy.types.Object) -> str:
    part = source.animation_data.drivers[0].driver.variables[0].targets[0].id
    owner = part.user if isinstance(part, bpy.types.Key) else bpy.data.materials["Steel"]
    is_part = part in (getattr(owner, "shape_keys", None), getattr(owner, "node_tree", None))
    return f"{owner.name} {is_part} {len(bpy.data.node_groups)} {round(owner.get('size', 0))}"
"""
CHANGE = "def main(source: bpy.types.Object) -> bpy.types.Object:\n    source.scale.x += 1\n    return source"


@pytest.fixture
def cube():
    cube = quad("Cube", material=new_material("Steel"))
    cube.shape_key_add(name="Basis")
    return cube


@pytest.fixture
def tree(store):
    return new_tree()


def target_of(item, number=0):
    return item.animation_data.drivers[number].driver.variables[0].targets[0]


def let_read(item, part, path="location", data_path=""):
    """Add a driver to something that reads a part of a data-block."""
    target = item.driver_add(path, *([0] if path == "location" else [])).driver.variables.new().targets[0]
    target.id_type, target.id, target.data_path = part.id_type, part, data_path


def part_of(item, kind):
    return operator.attrgetter(PARTS[kind])(item)


@pytest.mark.parametrize("kind", PARTS)
def test_script_sees_what_a_driver_reads_as_often_as_that_changes(tree, cube, kind):
    reader = quad("Reader")
    let_read(reader, part_of(cube, kind))
    owner = cube.active_material if kind == "NODETREE" else cube.data
    show = script(tree, "Show", SHOW, source=value(tree, "Object", reader))
    for size in (1, 2):
        owner["size"] = size
        background_nodes.run(tree)
        assert show.outputs[0].result == f"{owner.name} True 0 {size}"
    assert background_nodes.run(tree).tasks["Show"].cached


@pytest.mark.parametrize("kind", PARTS)
def test_script_that_works_on_the_whole_file_sees_what_a_driver_reads(tree, cube, kind):
    let_read(quad("Reader"), part_of(cube, kind))
    main = """from background_nodes.script import BlendFile

def main(file: BlendFile) -> str:
    source = bpy.data.objects["Reader"]"""
    show = script(tree, "Show", SHOW.replace("def main(source: bpy.types.Object) -> str:", main))
    background_nodes.run(tree)
    assert show.outputs[0].result.endswith(" True 1 0")  # the one node group is the tree itself


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("num_tasks", [1, 2])
@pytest.mark.parametrize("reader_name", ["Cube", "Reader", "Child"])
def test_driver_of_a_result_reads_the_part_that_it_read(tree, cube, kind, num_tasks, reader_name):
    reader = cube if reader_name == "Cube" else quad(reader_name)
    reader.parent = cube if reader_name == "Child" else None
    let_read(reader, part_of(cube, kind))
    node = value(tree, "Object", reader)
    for _ in range(num_tasks):
        node = script(tree, "Change", CHANGE, source=node)
    output(tree, "LINK", node)
    before = {*bpy.data.meshes, *bpy.data.materials}
    background_nodes.run(tree)
    made = node.outputs[0].result
    expected = part_of(made if reader is cube and kind == "KEY" else cube, kind)
    assert (target_of(made).id, target_of(reader).id) == (expected, part_of(cube, kind))
    assert {*bpy.data.meshes, *bpy.data.materials} - before == {made.data}
    assert not [item for item in bpy.data.node_groups if item != tree]


@pytest.mark.parametrize("kind", PARTS)
def test_driver_of_a_result_reads_the_part_of_what_the_script_changed(tree, cube, kind):
    reader = quad("Reader")
    let_read(reader, part_of(cube, kind))
    source = """
def main(source: bpy.types.Object) -> bpy.types.Object:
    part = source.animation_data.drivers[0].driver.variables[0].targets[0].id
    owner = part.user if isinstance(part, bpy.types.Key) else bpy.data.materials["Steel"]
    owner["size"] = 3
    return source
"""
    node = script(tree, "Change", source, source=value(tree, "Object", reader))
    background_nodes.run(tree)
    part = target_of(node.outputs[0].result).id
    owners = [item for item in (*bpy.data.materials, *bpy.data.meshes) if item.get("size") == 3]
    assert [part] == [getattr(item, "node_tree", None) or item.shape_keys for item in owners]


def test_parent_of_a_result_comes_along_if_the_script_changed_what_its_driver_reads_a_part_of(tree, cube):
    child = quad("Child")
    child.parent = quad("Reader")
    let_read(child.parent, cube.active_material.node_tree)
    source = """
def main(source: bpy.types.Object) -> bpy.types.Object:
    bpy.data.materials["Steel"].roughness = 0.25
    return source
"""
    node = script(tree, "Change", source, source=value(tree, "Object", child))
    background_nodes.run(tree)
    made = node.outputs[0].result
    roughness = {item.node_tree: item.roughness for item in bpy.data.materials}
    read = [roughness[target_of(item.parent).id] for item in (made, child)]
    assert read == [0.25, pytest.approx(0.4)]


def test_driver_in_a_node_tree_reads_that_tree_of_a_result(tree, cube):
    let_read(cube.active_material.node_tree.nodes[0], cube.active_material.node_tree)
    source = """
def main(source: bpy.types.Object) -> bpy.types.Object:
    source.active_material.roughness = 0.25
    return source
"""
    node = script(tree, "Change", source, source=value(tree, "Object", cube))
    output(tree, "LINK", node)
    background_nodes.run(tree)
    made = node.outputs[0].result.active_material
    assert made != cube.active_material
    assert target_of(made.node_tree).id == made.node_tree
    assert target_of(cube.active_material.node_tree).id == cube.active_material.node_tree


@pytest.mark.parametrize("kind", PARTS)
def test_shape_keys_that_replace_others_read_the_part_that_these_read(tree, cube, kind):
    reader = quad("Reader")
    reader.shape_key_add(name="Basis")
    let_read(reader.data.shape_keys, part_of(cube, kind), "eval_time")
    source = """
def main(source: bpy.types.Object) -> bpy.types.Object:
    source.data.shape_keys.key_blocks[0].data[0].co.z += 1
    return source
"""
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", reader)))
    for number in (1, 2):
        background_nodes.run(tree)
        keys = reader.data.shape_keys
        assert (keys.key_blocks[0].data[0].co.z, target_of(keys).id) == (number, part_of(cube, kind))


def test_writing_tells_nobody_of_a_change_and_leaves_drivers_as_they_are(tree, cube, tmp_path):
    let_read(quad("Reader"), cube.active_material.node_tree, data_path="nodes[0].width")
    bpy.context.view_layer.update()
    told = []
    bpy.app.handlers.depsgraph_update_post.append(lambda _scene, depsgraph: told.extend(depsgraph.updates))
    blobs.write(tmp_path / "blob.blend", [bpy.data.objects["Reader"]])
    bpy.context.view_layer.update()
    del bpy.app.handlers.depsgraph_update_post[-1]
    target = target_of(bpy.data.objects["Reader"])
    assert (told, target.id, target.data_path) == ([], cube.active_material.node_tree, "nodes[0].width")
