"""New results take the place of earlier ones: nothing piles up, and what the artist did with those stays."""

from __future__ import annotations

import operator

import bpy
import pytest

import background_nodes

from .graphs import add, link_to_scene, names, new_tree, output, quad, script, socket_of, value

MAKE = """
def main(count: int = 3, size: float = 1.0) -> list[bpy.types.Object]:
    made = []
    for number in range(count):
        image = bpy.data.images.new(f"Image {number}", 2, 2)
        image.pack()
        material = bpy.data.materials.new(f"Material {number}")
        material.use_nodes = True
        material.node_tree.nodes.new("ShaderNodeTexImage").image = image
        mesh = bpy.data.meshes.new("Mesh")
        mesh.from_pydata([(size, 0, 0), (0, size, 0), (0, 0, size)], [], [(0, 1, 2)])
        mesh.materials.append(material)
        item = bpy.data.objects.new("Item", mesh)
        cutter = bpy.data.objects.new("Cutter", bpy.data.meshes.new("Cutter"))
        item.modifiers.new("Boolean", "BOOLEAN").object = cutter
        made.append(item)
    return made
"""
ONE = """
def main(size: float = 1.0, name: str = "Made") -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(size, 0, 0)], [], [])
    return bpy.data.objects.new(name, mesh)
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree):
    finished = background_nodes.run(tree)
    assert {name: task.error.message for name, task in finished.tasks.items() if task.error} == {}
    return finished


def set_value(node, identifier, content) -> None:
    socket_of(node.inputs, identifier).default_value = content


def size_of(item) -> float:
    return item.data.vertices[0].co.x


def test_ten_runs_leave_what_one_left(tree):
    make = script(tree, "Make", MAKE)
    output(tree, "LINK", make)
    run(tree)
    before = names()
    for number in range(9):
        set_value(make, "size", 2.0 + number)
        run(tree)
        assert names() == before
    assert [size_of(item) for item in make.outputs[0].result] == [10, 10, 10]
    assert not bpy.data.libraries


@pytest.mark.parametrize("mode", ["LINK", "REPLACE", "KEEP"])
def test_ten_runs_on_the_artists_own_object_leave_what_one_left(tree, mode):
    material = bpy.data.materials.new("Mine")
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            paint = bpy.data.materials.new("Paint")
            source.data.materials.append(paint)
            source.data.materials.pop(index=0)
            source.data.materials[0].roughness += 0.1
            return source
    """
    cube = quad("Cube", material=material)
    cube.data.materials.append(bpy.data.materials.new("Second"))
    output(tree, mode, script(tree, "Paint", source, source=value(tree, "Object", cube)))
    run(tree)
    before = {kind: len(items) for kind, items in names().items()}
    for _ in range(3):
        run(tree)
        assert {kind: len(items) for kind, items in names().items()} == before


def test_what_the_artist_did_with_a_result_stays(tree):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make)
    run(tree)
    made, cube, child = make.outputs[0].result, quad("Cube"), quad("Child")
    made.name, made.data.name = "Mine", "My Mesh"
    cube.modifiers.new("Boolean", "BOOLEAN").object = made
    child.parent = made
    twin = link_to_scene(bpy.data.objects.new("Twin", made.data))
    place, other = bpy.data.collections.new("Place"), bpy.data.scenes.new("Other")
    bpy.context.scene.collection.children.link(place)
    bpy.context.scene.collection.objects.unlink(made)
    place.objects.link(made)
    other.collection.objects.link(made)
    made.select_set(True)
    bpy.context.view_layer.objects.active = made
    made.hide_set(True)
    made.asset_mark()
    made.asset_data.author = "Me"
    before = names()
    set_value(make, "size", 2.0)
    run(tree)
    made = make.outputs[0].result
    assert names() == before
    assert (made.name, made.data.name, size_of(made)) == ("Mine", "My Mesh", 2.0)
    assert cube.modifiers[0].object == child.parent == made
    assert twin.data == made.data
    assert set(made.users_collection) == {place, other.collection}
    assert (made.select_get(), made.hide_get(), bpy.context.view_layer.objects.active) == (False, True, made)
    assert made.asset_data.author == "Me"


def test_selected_result_stays_selected_and_active(tree):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make)
    run(tree)
    make.outputs[0].result.select_set(True)
    bpy.context.view_layer.objects.active = make.outputs[0].result
    run(tree)
    assert bpy.context.selected_objects == [bpy.context.object] == [make.outputs[0].result]


def test_earlier_result_is_found_after_reload_and_after_undo(tree, tmp_path):
    output(tree, "LINK", script(tree, "Make", ONE))
    run(tree)
    bpy.data.objects["Made"].name = "Mine"
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    bpy.ops.ed.undo_push(message="before")
    run(bpy.data.node_groups["Tree"])
    assert bpy.data.objects.keys() == ["Mine"]
    bpy.ops.ed.undo()
    assert bpy.data.objects.keys() == ["Mine"]
    run(bpy.data.node_groups["Tree"])
    assert (bpy.data.objects.keys(), bpy.data.meshes.keys()) == (["Mine"], ["Made"])


def test_undo_brings_the_earlier_result_back_in_one_step(tree):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make)
    run(tree)
    before = names()
    set_value(make, "size", 2.0)
    bpy.ops.ed.undo_push(message="value")
    run(tree)
    bpy.ops.ed.undo()
    assert names() == before
    assert size_of(bpy.data.node_groups["Tree"].nodes["Make"].outputs[0].result) == 1.0
    bpy.ops.ed.redo()
    assert size_of(bpy.data.node_groups["Tree"].nodes["Make"].outputs[0].result) == 2.0


def test_deleted_result_comes_again(tree):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make)
    run(tree)
    bpy.data.objects.remove(make.outputs[0].result)
    run(tree)
    assert bpy.context.scene.collection.objects.keys() == ["Made"]
    assert bpy.data.meshes.keys() == ["Made"]


def test_what_came_along_with_a_deleted_result_keeps_its_place(tree):
    make = script(tree, "Make", MAKE, count=1)
    output(tree, "LINK", make)
    run(tree)
    cutter, cube = bpy.data.objects["Cutter"], quad("Cube")
    cutter.name = "Mine"
    cube.modifiers.new("Boolean", "BOOLEAN").object = cutter
    before = names()
    bpy.data.objects.remove(make.outputs[0].result[0])
    set_value(make, "size", 2.0)
    run(tree)
    assert names() == before
    assert cube.modifiers[0].object == make.outputs[0].result[0].modifiers[0].object == bpy.data.objects["Mine"]


def test_copies_of_a_result_stay_as_they_are(tree):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make)
    run(tree)
    copy = link_to_scene(make.outputs[0].result.copy())
    copy.data = copy.data.copy()
    set_value(make, "size", 2.0)
    run(tree)
    assert (size_of(make.outputs[0].result), size_of(copy)) == (2.0, 1.0)
    assert len(bpy.data.objects) == len(bpy.data.meshes) == 2


# What a rerun makes no more


def test_what_a_shorter_list_lacks_is_removed_with_all_that_came_along(tree):
    make = script(tree, "Make", MAKE, count=1)
    output(tree, "LINK", make)
    run(tree)
    before = names()
    set_value(make, "count", 3)
    run(tree)
    assert len(bpy.data.materials) == 3
    set_value(make, "count", 1)
    run(tree)
    assert names() == before


@pytest.mark.parametrize(("kind", "part_of"), [("KEY", "data.shape_keys"), ("NODETREE", "active_material.node_tree")])
def test_driver_that_reads_a_part_of_a_result_reads_that_of_the_next(tree, kind, part_of):
    source = """
        def main(size: float = 1.0) -> bpy.types.Object:
            mesh = bpy.data.meshes.new("Made")
            mesh.from_pydata([(size, 0, 0)], [], [])
            mesh.materials.append(bpy.data.materials.new("Paint"))
            mesh.materials[0].use_nodes = True
            mesh.materials[0].roughness = size / 10
            made = bpy.data.objects.new("Made", mesh)
            made.shape_key_add(name="Basis")
            return made
    """
    make = script(tree, "Make", source)
    output(tree, "LINK", make)
    run(tree)
    part = operator.attrgetter(part_of)
    target = quad("Cube").driver_add("location", 0).driver.variables.new().targets[0]
    target.id_type, target.id = kind, part(make.outputs[0].result)
    for size in (2.0, 3.0):
        set_value(make, "size", size)
        run(tree)
        assert size_of(make.outputs[0].result) == size
        assert target.id == part(make.outputs[0].result)


def test_driver_that_reads_the_node_tree_of_a_result_that_is_made_no_more_reads_nothing(tree):
    """Blender crashes over one that reads what was removed."""
    source = """
        def main(count: int = 2) -> list[bpy.types.Material]:
            made = [bpy.data.materials.new(f"Made {number}") for number in range(count)]
            for material in made:
                material.use_nodes = True
            return made
    """
    make = script(tree, "Make", source)
    output(tree, "KEEP", make)
    run(tree)
    target = quad("Cube").driver_add("location", 0).driver.variables.new().targets[0]
    target.id_type, target.id = "NODETREE", make.outputs[0].result[1].node_tree
    set_value(make, "count", 1)
    run(tree)
    assert [item.name for item in bpy.data.materials] == ["Made 0"]
    assert target.id is None


@pytest.mark.parametrize("use", ["modifier", "parent", "data", "asset", "node"])
def test_what_the_artist_uses_of_it_stays(tree, use):
    make = script(tree, "Make", MAKE, count=2)
    output(tree, "LINK", make)
    run(tree)
    second, cube = make.outputs[0].result[1], quad("Cube")
    if use == "modifier":
        cube.modifiers.new("Shrinkwrap", "SHRINKWRAP").target = second
    elif use == "parent":
        cube.parent = second
    elif use == "data":
        cube.data = second.data
    elif use == "asset":
        second.asset_mark()
    else:
        value(tree, "Object", second)
    second_mesh, name = second.data, second.name
    set_value(make, "count", 1)
    run(tree)
    assert (name in bpy.data.objects) == (use != "data")
    assert second_mesh.name in bpy.data.meshes
    assert second_mesh.materials[0].name == "Material 1"
    assert ("Cutter.001" in bpy.data.objects) == (use != "data")


def test_result_of_an_output_that_is_gone_is_removed(tree):
    source = """
        class Output(NamedTuple):
            {names}: bpy.types.Object

        def main() -> Output: return Output(*(bpy.data.objects.new(name, None) for name in Output._fields))
    """
    both = source.format(names="first: bpy.types.Object\n            second")
    node = script(tree, "Make", both)
    output(tree, "LINK", node.outputs[:])
    run(tree)
    assert bpy.data.objects.keys() == ["first", "second"]
    text = node.script.as_string().replace("    second: bpy.types.Object\n", "")
    node.script.from_string(text)
    run(tree)
    assert bpy.data.objects.keys() == ["first"]


def test_result_that_is_none_now_is_removed(tree):
    source = """
        def main(empty: bool = False) -> bpy.types.Object | None:
            return None if empty else bpy.data.objects.new("Made", None)
    """
    node = script(tree, "Make", source)
    output(tree, "LINK", node)
    run(tree)
    set_value(node, "empty", True)
    run(tree)
    assert not bpy.data.objects


# Where results are linked


def test_result_follows_its_output_node_to_another_collection(tree):
    first, second = (bpy.data.collections.new(name) for name in ("First", "Second"))
    take = output(tree, "LINK", script(tree, "Make", ONE), collection=first)
    run(tree)
    take.collection = second
    run(tree)
    assert (first.objects.keys(), second.objects.keys()) == ([], ["Made"])
    take.collection = None
    run(tree)
    assert bpy.data.objects["Made"].users_collection == (bpy.context.scene.collection,)


def test_results_go_to_the_scene_in_which_the_run_began(tree, session):
    output(tree, "LINK", script(tree, "Make", ONE))
    began, other = bpy.context.scene, bpy.data.scenes.new("Other")
    going = session.start(tree)
    bpy.context.window.scene = other
    assert going.wait() == "succeeded"
    assert (began.collection.objects.keys(), other.collection.objects.keys()) == (["Made"], [])


def test_results_wait_while_the_earlier_one_is_in_edit_mode(tree, session):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make)
    run(tree)
    going = session.start(tree)
    bpy.context.view_layer.objects.active = make.outputs[0].result
    bpy.ops.object.mode_set(mode="EDIT")
    assert going.wait() == "succeeded"
    assert not going.is_home
    bpy.ops.object.mode_set(mode="OBJECT")
    session.settle(going)
    assert going.is_home


# Keep Earlier, and results of other nodes


def test_earlier_results_stay_beside_new_ones_if_they_are_to_be_kept(tree):
    make = script(tree, "Make", ONE)
    take = output(tree, "LINK", make, keep_earlier=True)
    run(tree)
    run(tree)
    assert bpy.context.scene.collection.objects.keys() == ["Made", "Made.001"]
    assert make.outputs[0].result.name == "Made.001"
    take.keep_earlier = False
    run(tree)
    assert bpy.context.scene.collection.objects.keys() == ["Made", "Made.001"]


def test_two_nodes_that_give_equal_names_keep_their_results_apart(tree):
    nodes = [script(tree, str(size), ONE, size=size) for size in (1.0, 2.0)]
    for node in nodes:
        output(tree, "LINK", node)
    run(tree)
    before = names()
    first, second = (node.outputs[0].result.name for node in nodes)
    run(tree)
    assert names() == before
    assert [node.outputs[0].result.name for node in nodes] == [first, second]
    assert [size_of(node.outputs[0].result) for node in nodes] == [1.0, 2.0]


def test_result_stays_that_of_its_node_when_another_node_replaces_it(tree):
    make = script(tree, "Make", ONE)
    output(tree, "LINK", make, when_changed="RESULT")
    run(tree)
    other = new_tree("Other")
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            source.data.vertices[0].co.x = 9
            return source
    """
    change = script(other, "Change", source, source=value(other, "Object", make.outputs[0].result))
    output(other, "REPLACE", change)
    run(other)
    assert make.outputs[0].result == change.outputs[0].result == bpy.data.objects["Made"]
    run(other)
    run(tree)
    assert (bpy.data.objects.keys(), bpy.data.meshes.keys()) == (["Made"], ["Made"])
    assert size_of(make.outputs[0].result) == 1.0


def test_collection_takes_the_place_of_the_earlier_one_with_what_is_in_it(tree):
    source = """
        def main(size: float = 1.0) -> bpy.types.Collection:
            collection = bpy.data.collections.new("Group")
            for name in "ab":
                mesh = bpy.data.meshes.new(name)
                mesh.from_pydata([(size, 0, 0)], [], [])
                collection.objects.link(bpy.data.objects.new(name, mesh))
            return collection
    """
    make = script(tree, "Make", source)
    output(tree, "LINK", make)
    run(tree)
    instance = link_to_scene(bpy.data.objects.new("Instance", None))
    instance.instance_type, instance.instance_collection = "COLLECTION", bpy.data.collections["Group"]
    bpy.data.objects["a"].name = "Mine"
    before = names()
    set_value(make, "size", 2.0)
    run(tree)
    assert names() == before
    assert instance.instance_collection == make.outputs[0].result
    assert {size_of(item) for item in instance.instance_collection.objects} == {2.0}


def test_levels_of_detail_twice_are_there_once(tree):
    ball = quad("Ball")
    decimate = add(tree, "BackgroundNodeScript", "Decimate")
    decimate.library_script = "mesh/decimate"
    socket_of(decimate.inputs, "source").default_value = ball
    output(tree, "LINK", decimate)
    run(tree)
    before = names()
    run(tree)
    assert names() == before


# Items that fail


ITEM = """
    def main(n: int, fails: int = -1, size: float = 1.0) -> {kind}:
        if n == fails:
            raise ValueError(n)
        made = []
        for name in ("a", "b"):
            mesh = bpy.data.meshes.new(name)
            mesh.from_pydata([(size, n, 0)], [], [])
            made.append(bpy.data.objects.new(f"{{name}} {{n}}", mesh))
        return {value}
"""
SINGLE = ITEM.format(kind="bpy.types.Object", value="made[0]")
SEVERAL = ITEM.format(kind="list[bpy.types.Object]", value="made[: 1 + (size > 1)]")


def each(tree, source):
    return script(tree, "Each", source, n=value(tree, "INT", [0, 1, 2], is_list=True))


@pytest.mark.parametrize("source", [SINGLE, SEVERAL], ids=["single", "list"])
def test_items_that_succeeded_come_home_and_those_that_failed_leave_the_earlier_ones(tree, source):
    node = each(tree, source)
    output(tree, "LINK", node)
    set_value(node, "fails", 1)
    assert background_nodes.run(tree).state == "failed"
    assert bpy.context.scene.collection.objects.keys() == ["a 0", "a 2"]
    set_value(node, "fails", -1)
    run(tree)
    assert sorted(bpy.data.objects.keys()) == ["a 0", "a 1", "a 2"]
    assert [item.name for item in node.outputs[0].result] == ["a 0", "a 1", "a 2"]
    set_value(node, "fails", 1)
    set_value(node, "size", 2.0)
    assert background_nodes.run(tree).state == "failed"
    assert {item.name: size_of(item) for item in node.outputs[0].result if item.name.startswith("a")} == {
        "a 0": 2,
        "a 1": 1,
        "a 2": 2,
    }
    assert len(bpy.data.objects) == (3 if source is SINGLE else 5)


def test_retry_brings_home_what_had_failed(tree, session):
    node = each(tree, SINGLE)
    output(tree, "LINK", node)
    set_value(node, "fails", 1)
    failed = background_nodes.run(tree)
    set_value(node, "fails", -1)
    session.retry(failed)
    assert failed.wait() == "succeeded"
    assert sorted(bpy.context.scene.collection.objects.keys()) == ["a 0", "a 1", "a 2"]
    assert len(bpy.data.objects) == 3


def test_what_other_nodes_gave_comes_home_though_one_failed(tree):
    fail = script(tree, "Fail", "def main() -> bpy.types.Object: raise ValueError")
    output(tree, "LINK", [script(tree, "Make", ONE), fail])
    assert background_nodes.run(tree).state == "failed"
    assert bpy.context.scene.collection.objects.keys() == ["Made"]


def test_nothing_comes_home_if_an_item_failed_and_the_artist_wants_all_or_nothing(tree):
    node = each(tree, SINGLE)
    output(tree, "LINK", node, keep_succeeded=False)
    set_value(node, "fails", 1)
    background_nodes.run(tree)
    assert not bpy.data.objects
