"""Results come home: as local data-blocks, without doubles or leftovers, as one undo step; and what Output nodes do."""

from __future__ import annotations

import textwrap

import bpy
import pytest

import background_nodes
from background_nodes.node_tree.identity import background_trees
from background_nodes.runtime.blender import data_block_kinds

from . import data_block_cases, dependency_changes
from .graphs import advance, link_to_scene, names, new_material, new_tree, output, quad, script, socket_of, value

COPY = """
    def main(source: bpy.types.Object) -> bpy.types.Object:
        result = source.copy()
        result.data = source.data.copy()
        result.data.vertices[0].co.z = 9
        result.name = f"{source.name} Copy"
        return result
"""
IN_PLACE = """
    def main(source: bpy.types.Object) -> bpy.types.Object:
        source.data.vertices[0].co.z = 9
        return source
"""
MAKE = """
    def main(name: str = "Made") -> bpy.types.Object:
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([(0, 0, 0)], [], [])
        return bpy.data.objects.new(name, mesh)
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree, **options):
    finished = background_nodes.run(tree, **options)
    assert {name: task.error.message for name, task in finished.tasks.items() if task.error} == {}
    return finished


def result(node):
    return node.outputs[0].result


def unused() -> list[bpy.types.ID]:
    """Data-blocks without users, without a fake user, and of which no output tells."""
    kept = {"Brush", "Palette", "BackgroundNodeTree"}
    items = [item for _, item in data_block_kinds.all_data_blocks() if item.bl_rna.identifier not in kept]
    results = {item for tree in background_trees() for node in tree.nodes for item in data_blocks_of(node)}
    return [item for item in items if item.users == 0 and item not in results]


def data_blocks_of(node) -> list[bpy.types.ID]:
    return [item for socket in node.outputs for item in getattr(socket, "result_data_blocks", ())]


def assert_tidy() -> None:
    assert unused() == []
    assert not bpy.data.libraries


@pytest.fixture
def material():
    return new_material("Steel")


# What comes home


def test_result_is_a_local_object_with_its_own_mesh(tree):
    node = script(tree, "Make", MAKE)
    run(tree)
    made = result(node)
    assert (made.name, made.data.name, made.library, made.data.library) == ("Made", "Made", None, None)
    assert made.users == 0, "the node only notes it"
    assert made.name not in bpy.context.scene.collection.all_objects
    assert_tidy()


def test_result_of_a_list_is_a_tuple_in_order(tree):
    source = "def main(n: int) -> bpy.types.Mesh: return bpy.data.meshes.new(f'Mesh {n}')"
    node = script(tree, "Map", source, n=value(tree, "INT", [3, 1, 2], is_list=True))
    run(tree)
    assert [mesh.name for mesh in result(node)] == ["Mesh 3", "Mesh 1", "Mesh 2"]


def test_list_of_hundreds_of_data_blocks_comes_home_and_goes_on(tree):
    source = "def main() -> list[bpy.types.Material]: return [bpy.data.materials.new(f'M {n}') for n in range(600)]"
    node = script(tree, "Make", source)
    node.keep_result = True
    count = script(tree, "Count", "def main(given: list[bpy.types.Material]) -> int: return len(given)", given=node)
    run(tree)
    assert [len(result(node)), result(count)] == [600, 600]


def test_unchanged_material_is_the_artists_own_one(tree, material):
    cube = quad("Cube", material=material)
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    run(tree)
    assert list(result(node).data.materials) == [material]
    assert [item.name for item in bpy.data.materials] == ["Steel"]
    assert result(node).data != cube.data
    assert cube.data.vertices[0].co.z == 0
    assert_tidy()


def test_many_results_share_the_one_material(tree, material):
    cubes = [quad(f"Cube {index}", material=material) for index in range(3)]
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cubes, is_list=True))
    run(tree)
    assert {item.data.materials[0] for item in result(node)} == {material}
    assert [item.name for item in bpy.data.materials] == ["Steel"]
    assert_tidy()


def test_new_material_of_several_results_comes_home_once(tree):
    make = script(
        tree,
        "Make",
        """
        def main() -> list[bpy.types.Object]:
            material = bpy.data.materials.new("New")
            items = []
            for name in "ab":
                mesh = bpy.data.meshes.new(name)
                mesh.from_pydata([(0, 0, 0)], [], [])
                mesh.materials.append(material)
                items.append(bpy.data.objects.new(name, mesh))
            return items
        """,
    )
    node = script(tree, "Copy", COPY, source=make)
    make.keep_result = True
    run(tree)
    assert len({item.data.materials[0] for item in (*result(node), *result(make))}) == 1
    assert [item.name for item in bpy.data.materials] == ["New"]
    assert_tidy()


def test_changed_material_comes_home_as_a_new_one(tree, material):
    material.diffuse_color = (1, 1, 1, 1)
    cube = quad("Cube", material=material)
    source = COPY.replace("return result", "source.data.materials[0].diffuse_color = (1, 0, 0, 1); return result")
    node = script(tree, "Paint", source, source=value(tree, "Object", cube))
    run(tree)
    painted = result(node).data.materials[0]
    assert painted != material
    assert tuple(painted.diffuse_color) == (1, 0, 0, 1)
    assert tuple(material.diffuse_color) == (1, 1, 1, 1)
    assert cube.data.materials[0] == material
    assert_tidy()


def test_changed_node_of_a_material_makes_it_a_new_one(tree, material):
    source = COPY.replace("return result", "source.data.materials[0].node_tree.nodes[0].location.x += 1; return result")
    node = script(tree, "Paint", source, source=value(tree, "Object", quad("Cube", material=material)))
    run(tree)
    assert result(node).data.materials[0] != material


def test_what_a_result_points_to_is_not_doubled(tree, material):
    parent, cutter = quad("Parent"), quad("Cutter", material=material)
    cube = quad("Cube", material=material)
    cube.parent = parent
    cube.modifiers.new("Boolean", "BOOLEAN").object = cutter
    before = {kind: len(items) for kind, items in names().items()}
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    run(tree)
    assert (result(node).parent, result(node).modifiers[0].object) == (parent, cutter)
    after = {kind: len(items) for kind, items in names().items()}
    added = {kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]}
    assert added == {
        "objects": 1,
        "meshes": 1,
        "texts": 1,
    }
    assert_tidy()


def dense_cutter(cube):
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=90, y_subdivisions=90)
    cube.modifiers.new("Boolean", "BOOLEAN").object = bpy.context.object


def rig(cube):
    bpy.ops.object.armature_add()
    bpy.context.object.keyframe_insert("location", frame=1)
    cube.modifiers.new("Armature", "ARMATURE").object = bpy.context.object


def path(cube):
    bpy.ops.curve.primitive_bezier_circle_add()
    cube.modifiers.new("Curve", "CURVE").object = bpy.context.object


def lattice(cube):
    bpy.ops.object.add(type="LATTICE")
    cube.modifiers.new("Lattice", "LATTICE").object = bpy.context.object


def collection_of_cutters(cube):
    collection = bpy.data.collections.new("Cutters")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(bpy.data.objects.new("Cutter", quad("Cutter").data))
    modifier = cube.modifiers.new("Boolean", "BOOLEAN")
    modifier.operand_type, modifier.collection = "COLLECTION", collection


def geometry_nodes(cube):
    group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    group.nodes.new("GeometryNodeObjectInfo").inputs["Object"].default_value = quad("Instance")
    group.nodes.new("GeometryNodeSetMaterial").inputs["Material"].default_value = new_material("Painted")
    cube.modifiers.new("Nodes", "NODES").node_group = group


def action(cube):
    cube.keyframe_insert("location", frame=1)


@pytest.mark.parametrize(
    "depend",
    [dense_cutter, rig, path, lattice, collection_of_cutters, geometry_nodes, action],
    ids=lambda f: f.__name__,
)
def test_dependency_of_any_kind_is_not_doubled(tree, depend):
    cube = quad("Cube")
    depend(cube)
    bpy.context.scene.frame_set(7)
    script(tree, "Copy", COPY, source=value(tree, "Object", cube)).keep_result = True
    before = {(kind, item.name) for kind, item in data_block_kinds.all_data_blocks()}
    run(tree)
    after = {(kind, item.name) for kind, item in data_block_kinds.all_data_blocks()}
    assert after - before == {("Object", "Cube Copy"), ("Mesh", "Cube.001")}
    assert_tidy()


def test_new_objects_a_result_points_to_come_along(tree):
    source = """
        def main() -> bpy.types.Object:
            made = bpy.data.objects.new("Made", bpy.data.meshes.new("Made"))
            made.parent = bpy.data.objects.new("Parent", None)
            cutter = bpy.data.objects.new("Cutter", bpy.data.meshes.new("Cutter"))
            made.modifiers.new("Boolean", "BOOLEAN").object = cutter
            bpy.data.objects.new("Not Needed", None)
            return made
    """
    make = script(tree, "Make", source)
    output(tree, "LINK", make)
    run(tree)
    assert (result(make).parent.name, result(make).modifiers[0].object.name) == ("Parent", "Cutter")
    assert sorted(item.name for item in bpy.context.scene.collection.objects) == ["Cutter", "Made", "Parent"]
    assert_tidy()


@pytest.mark.parametrize(
    ("kind", "make", "use"),
    [
        ("Material", lambda: new_material("Mine"), "source.data.materials.append(other)"),
        ("Object", lambda: quad("Mine"), "source.modifiers.new('Wrap', 'SHRINKWRAP').target = other"),
    ],
)
def test_input_that_the_script_only_uses_is_not_doubled(tree, kind, make, use):
    mine = make()
    source = f"""
        def main(source: bpy.types.Object, other: bpy.types.{kind}) -> bpy.types.Object:
            {use}
            return source
    """
    node = script(tree, "Use", source, source=value(tree, "Object", quad("Cube")), other=value(tree, kind, mine))
    run(tree)
    made = result(node)
    assert mine in {slot.material for slot in made.material_slots} | {
        getattr(made.modifiers.get("Wrap"), "target", None)
    }
    assert [item.name for item in data_block_kinds.collection(kind) if item.name.startswith("Mine")] == ["Mine"]
    assert_tidy()


@pytest.mark.parametrize("name", dependency_changes.CHANGES)
def test_change_of_what_a_result_uses_comes_home(tree, name):
    """The next node sees the change, too, beside a data-block that was not changed."""
    change, item = dependency_changes.CHANGES[name], dependency_changes.make()
    before = change.seen(item)
    make = script(tree, "Make", changing_script("source: bpy.types.Object", "item = source", change), source=item)
    make.keep_result = True
    look = f"""
        def main(changed: bpy.types.Object, own: bpy.types.Object) -> str:
            return repr([{change.look} for item in (changed, own)])
    """
    node = script(tree, "Look", look, changed=make, own=item)
    run(tree)
    made = change.seen(result(make))
    assert made != before
    assert change.seen(item) == before
    assert result(node) == repr([made, before])


def test_property_that_a_script_overrode_comes_home(tree, tmp_path):
    data_block_cases.use_folder(tmp_path)
    material = data_block_cases.all_cases()["override_of_material"].make()
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            source.data.materials[0].roughness = 0.125
            return source
    """
    make = script(tree, "Make", source, source=quad("Cube", material=material))
    run(tree)
    changed = result(make).data.materials[0]
    assert (changed.roughness, material.roughness) == (0.125, 0.75)
    assert changed.override_library.reference == material.override_library.reference


def changing_script(parameter, first, change):
    lines = textwrap.indent(f"{first}\n{change.script}\nreturn item", "    ")
    return f"def main({parameter}) -> bpy.types.Object:\n{lines}\n"


def test_image_of_an_unchanged_material_is_not_doubled(tree, material, tmp_path):
    image = bpy.data.images.new("Image", 2, 2)
    image.filepath_raw, image.file_format = str(tmp_path / "image.png"), "PNG"
    image.save()
    unsaved = bpy.data.images.new("Unsaved", 2, 2)
    unsaved.pixels[0] = 0.5
    for each in (image, unsaved):
        material.node_tree.nodes.new("ShaderNodeTexImage").image = each
    node = script(tree, "Copy", COPY, source=value(tree, "Object", quad("Cube", material=material)))
    run(tree)
    assert result(node).data.materials[0] == material
    assert sorted(item.name for item in bpy.data.images) == ["Image", "Unsaved"]


def test_result_that_is_an_image_keeps_its_pixels(tree):
    source = """
        def main() -> bpy.types.Image:
            image = bpy.data.images.new("Made", 2, 1, alpha=True, float_buffer=True)
            image.pixels = [2.0, 0.5, 0.25, 0.5] * 2
            return image
    """
    node = script(tree, "Make", source)
    run(tree)
    assert list(result(node).pixels) == [2.0, 0.5, 0.25, 0.5] * 2


def test_asset_mark_stays_with_the_original(tree):
    cube = quad("Cube")
    cube.asset_mark()
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    run(tree)
    assert result(node).asset_data is None
    assert cube.asset_data is not None


def test_result_with_animation_and_shape_keys_comes_home_whole(tree):
    cube = quad("Cube")
    cube.shape_key_add(name="Basis")
    cube.shape_key_add(name="Up").value = 0.5
    cube.location.x = 1
    cube.keyframe_insert("location", frame=1)
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    run(tree)
    assert [key.name for key in result(node).data.shape_keys.key_blocks] == ["Basis", "Up"]
    assert result(node).animation_data.action is not None
    assert_tidy()


def test_optional_result_that_is_none_is_none(tree):
    node = script(tree, "None", "def main() -> bpy.types.Object | None: return None")
    empty = script(tree, "Empty", "def main() -> list[bpy.types.Object]: return []")
    run(tree)
    assert (result(node), result(empty)) == (None, ())


def test_collection_comes_home_with_its_objects(tree):
    source = """
        def main() -> bpy.types.Collection:
            collection = bpy.data.collections.new("Group")
            for name in "ab":
                collection.objects.link(bpy.data.objects.new(name, None))
            return collection
    """
    node = script(tree, "Make", source)
    run(tree)
    assert [item.name for item in result(node).objects] == ["a", "b"]
    assert_tidy()


def test_linked_data_block_that_is_returned_is_the_linked_one(tree, awkward_path):
    library = str(awkward_path / "library.blend")
    bpy.data.libraries.write(library, {quad("Linked")})
    bpy.data.batch_remove([bpy.data.objects["Linked"], bpy.data.meshes["Linked"]])
    with bpy.data.libraries.load(library, link=True) as (_available, wanted):
        wanted.objects = ["Linked"]
    linked = link_to_scene(wanted.objects[0])
    source = "def main(source: bpy.types.Object) -> bpy.types.Object: return source"
    node = script(tree, "Pass", source, source=value(tree, "Object", linked))
    run(tree)
    assert result(node) == linked
    assert len(bpy.data.objects) == len(bpy.data.libraries) == 1


def test_second_run_leaves_nothing_behind_either(tree, material):
    cube = quad("Cube", material=material)
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    tree.use_fake_user = True
    for _ in range(3):
        run(tree)
        assert result(node).data.materials[0] == material
        bpy.data.orphans_purge(do_recursive=True)
    assert [item.name for item in bpy.data.materials] == ["Steel"]
    assert not bpy.data.libraries


# What comes home at all


def test_result_that_is_consumed_stays_away_until_it_is_fetched(tree):
    make = script(tree, "Make", MAKE)
    node = script(
        tree, "Count", "def main(source: bpy.types.Object) -> int: return len(source.data.vertices)", source=make
    )
    finished = run(tree)
    assert (result(make), result(node)) == (None, 1)
    assert not bpy.data.objects
    made = finished.fetch("Make", "result")
    assert made == bpy.data.objects["Made"] == result(make)
    assert finished.fetch("Count", "Result") == 1
    with pytest.raises(background_nodes.RunError, match='no output "nothing"'):
        finished.fetch("Make", "nothing")
    with pytest.raises(background_nodes.RunError, match='"Nobody" has no results'):
        finished.fetch("Nobody", "result")


def test_kept_result_comes_home_although_it_is_consumed(tree):
    make = script(tree, "Make", MAKE)
    script(tree, "Count", "def main(source: bpy.types.Object) -> int: return 1", source=make)
    make.keep_result = True
    run(tree)
    assert result(make) == bpy.data.objects["Made"]


def test_only_the_outputs_nobody_consumes_come_home(tree):
    source = """
        class Output(NamedTuple):
            used: bpy.types.Mesh
            free: bpy.types.Mesh
            number: int

        def main() -> Output: return Output(bpy.data.meshes.new("Used"), bpy.data.meshes.new("Free"), 3)
    """
    node = script(tree, "Make", source)
    script(tree, "Use", "def main(mesh: bpy.types.Mesh): ...", mesh=node.outputs["Used"])
    run(tree)
    assert [socket.result for socket in node.outputs] == [None, bpy.data.meshes["Free"], 3]
    assert [mesh.name for mesh in bpy.data.meshes] == ["Free"]


def test_results_of_other_branches_come_home_when_one_fails(tree):
    made = script(tree, "Make", MAKE)
    script(tree, "Fail", "def main(): raise RuntimeError")
    finished = background_nodes.run(tree)
    assert finished.state == "failed"
    assert result(made) == bpy.data.objects["Made"]


# Undo


def test_undo_takes_all_results_back_at_once_and_redo_brings_them(tree, material):
    cube = quad("Cube", material=material)
    script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    output(tree, "LINK", script(tree, "Make", MAKE))
    bpy.ops.ed.undo_push(message="before")
    before = names()
    run(tree)
    after = names()
    bpy.ops.ed.undo()
    assert names() == before
    bpy.ops.ed.redo()
    assert names() == after
    tree = bpy.data.node_groups["Tree"]
    assert result(tree.nodes["Copy"]).name == "Cube Copy"


IN_BACKGROUND = """
import bpy
import background_nodes
background_nodes.register()
from background_nodes.addon.session import undo
for name in ("first", "second"):
    bpy.data.meshes.new(name)
    bpy.ops.ed.undo_push(message=name)
undo.push_undo("results")
bpy.ops.ed.undo()
print("left:", *(name for name in ("first", "second") if name in bpy.data.meshes))
background_nodes.unregister()
"""


@pytest.mark.wheel_only
def test_results_make_no_undo_step_in_background_mode(run_program):
    """Ten steps of a million vertices each would hold a gigabyte, and nobody goes back to them."""
    found = run_program(IN_BACKGROUND)
    assert "left: first\n" in found.stdout, found.stderr


def test_run_after_an_undo_works(tree):
    script(tree, "Make", MAKE)
    bpy.ops.ed.undo_push(message="before")
    run(tree)
    bpy.ops.ed.undo()
    tree = bpy.data.node_groups["Tree"]
    run(tree)
    assert result(tree.nodes["Make"]).name == "Made"


def test_undo_while_it_runs_does_not_break_the_run(tree, session):
    quad("Cube")
    script(tree, "Copy", COPY, source=value(tree, "Object", bpy.data.objects["Cube"]))
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects["Cube"].location.x = 3
    bpy.ops.ed.undo_push(message="moved")
    going = session.start(tree)
    bpy.ops.ed.undo()
    assert going.wait() == "succeeded"
    assert result(bpy.data.node_groups["Tree"].nodes["Copy"]).location.x == 3


def test_what_lies_beside_the_blobs_is_read_bit_by_bit_and_once(tree, session, monkeypatch):
    for name in "abc":
        script(tree, name, MAKE, name=name).keep_result = True
    going = session.start(tree)
    while not going.state.is_final:
        session.update_jobs(0.05)
    num_steps = 1
    while not going.prepare(-1.0):
        num_steps += 1
    assert num_steps > 2
    monkeypatch.setattr("background_nodes.runtime.scratch.contents.json.loads", None)
    assert going.wait() == "succeeded"
    assert going.notes == ()
    assert sorted(bpy.data.objects.keys()) == ["a", "b", "c"]


# What was changed meanwhile


def test_tree_removed_in_mid_run_drops_the_results_with_a_note(tree, session):
    script(tree, "Make", MAKE)
    output(tree, "LINK", tree.nodes["Make"])
    going = session.start(tree)
    bpy.data.node_groups.remove(tree)
    before = names()
    assert going.wait() == "succeeded"
    assert names() == before
    assert going.is_home
    assert going.notes == ("The node tree is gone, so its results were dropped",)


def test_node_removed_in_mid_run_drops_its_result_with_a_note(tree, session):
    make, other = script(tree, "Make", MAKE), script(tree, "Other", "def main() -> int: return 1")
    going = session.start(tree)
    tree.nodes.remove(make)
    going.wait()
    assert result(other) == 1
    assert 'The node "Make" is gone, so its result was dropped' in going.notes
    assert not bpy.data.objects
    assert unused() == []


def test_output_that_gets_another_type_in_mid_run_drops_its_result_with_a_note(tree, session):
    make, other = script(tree, "Make", MAKE), script(tree, "Other", "def main() -> int: return 1")
    going = session.start(tree)
    make.script.from_string("def main() -> int: return 1")
    make.sync()
    other.script.from_string("import bpy\ndef main() -> bpy.types.Object: pass")
    other.sync()
    assert going.wait() == "succeeded"
    assert (result(make), result(other)) == (None, None)
    assert set(going.notes) == {
        f'The script of "{name}" has another output now, so its result was dropped' for name in ("Make", "Other")
    }
    assert unused() == []


def test_node_renamed_in_mid_run_gets_its_result(tree, session):
    node = script(tree, "Make", "def main() -> int: return 1")
    going = session.start(tree)
    node.name = "Other"
    going.wait()
    assert result(node) == 1
    assert going.at(node.uid).name == "Make"


def test_results_wait_until_the_target_leaves_edit_mode(tree, session):
    cube = quad("Cube")
    output(tree, "REPLACE", script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube)))
    told = []
    going = session.start(tree, on_event=lambda event: told.append(event.name))
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode="EDIT")
    assert going.wait() == "succeeded"
    assert not going.is_home
    assert [note for note in going.notes if '"Cube" leaves Edit Mode' in note] == list(going.notes)
    with pytest.raises(background_nodes.RunError, match="running already"):
        session.start(tree)
    bpy.ops.object.mode_set(mode="OBJECT")
    session.settle(going)
    assert going.is_home
    assert cube.data.vertices[0].co.z == 9
    assert told[-1] == "finished"


def test_edit_mode_of_another_object_holds_nothing_up(tree, session):
    cube, other = quad("Cube"), quad("Other")
    output(tree, "REPLACE", script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube)))
    script(tree, "Look", "def main(source: bpy.types.Object): ...", source=value(tree, "Object", other))
    bpy.context.view_layer.objects.active = other
    bpy.ops.object.mode_set(mode="EDIT")
    going = session.start(tree)
    going.wait()
    assert going.is_home
    bpy.ops.object.mode_set(mode="OBJECT")


# Output nodes


def test_link_puts_objects_into_the_collection_and_collections_beside_them(tree):
    target = bpy.data.collections.new("Target")
    group = """
        def main() -> bpy.types.Collection:
            collection = bpy.data.collections.new("Group")
            collection.objects.link(bpy.data.objects.new("Member", None))
            return collection
    """
    output(tree, "LINK", [script(tree, "Make", MAKE), script(tree, "Group", group)], collection=target)
    run(tree)
    assert [item.name for item in target.objects] == ["Made"]
    assert [item.name for item in target.children] == ["Group"]
    assert_tidy()


def test_link_without_a_collection_uses_the_scenes(tree):
    output(tree, "LINK", script(tree, "Make", MAKE))
    run(tree)
    assert "Made" in bpy.context.scene.collection.objects


def test_link_leaves_the_selection_as_it_is(tree):
    cube = quad("Cube")
    cube.select_set(True)
    output(tree, "LINK", script(tree, "Copy", COPY, source=cube))
    run(tree)
    assert [item.name for item in bpy.context.view_layer.objects if item.select_get()] == ["Cube"]
    assert "Cube Copy" in bpy.context.view_layer.objects


def test_link_into_a_collection_that_is_gone_uses_the_scenes_with_a_note(tree, session):
    target = bpy.data.collections.new("Target")
    output(tree, "LINK", script(tree, "Make", MAKE), collection=target)
    going = session.start(tree)
    bpy.data.collections.remove(target)
    going.wait()
    assert "Made" in bpy.context.scene.collection.objects
    assert any('"Target" is gone' in note for note in going.notes)


def test_keep_brings_data_home_and_links_nothing(tree):
    make = script(tree, "Make", MAKE)
    output(tree, "KEEP", make)
    run(tree)
    assert result(make) == bpy.data.objects["Made"]
    assert not bpy.context.scene.collection.all_objects


def test_replace_gives_the_object_the_results_data(tree, material):
    cube = quad("Cube", material=material)
    cube.modifiers.new("Mirror", "MIRROR")
    child = quad("Child")
    child.parent = cube
    source = IN_PLACE.replace("return source", "source.modifiers.clear(); return source")
    change = script(tree, "Change", source, source=value(tree, "Object", cube))
    output(tree, "REPLACE", change)
    run(tree)
    assert [item.name for item in bpy.data.objects] == ["Child", "Cube"]
    assert (cube.data.name, cube.data.vertices[0].co.z, len(cube.modifiers)) == ("Cube", 9, 0)
    assert list(cube.data.materials) == [material]
    assert child.parent == cube
    assert result(change) == cube
    assert sorted(item.name for item in bpy.data.meshes) == ["Child", "Cube"]
    assert_tidy()


def test_modifier_that_was_added_while_the_run_went_on_stays(tree, session):
    cube = quad("Cube")
    cube.modifiers.new("Mirror", "MIRROR")
    source = IN_PLACE.replace("return source", "source.modifiers.clear(); return source")
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)))
    going = session.start(tree)
    cube.modifiers.new("Mine", "BEVEL")
    going.wait()
    assert (cube.data.vertices[0].co.z, cube.modifiers.keys()) == (9, ["Mine"])


def test_replace_leaves_other_users_of_the_mesh_theirs(tree):
    cube = quad("Cube")
    other = link_to_scene(bpy.data.objects.new("Other", cube.data))
    output(tree, "REPLACE", script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube)))
    run(tree)
    assert cube.data != other.data
    assert (cube.data.vertices[0].co.z, other.data.vertices[0].co.z) == (9, 0)
    assert other.data.name == "Cube"


def test_replace_works_again_and_again(tree):
    cube = quad("Cube")
    source = IN_PLACE.replace("= 9", "+= 1")
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)))
    for _ in range(3):
        run(tree)
    assert cube.data.vertices[0].co.z == 3
    assert (cube.name, cube.data.name) == ("Cube", "Cube")
    assert [len(bpy.data.objects), len(bpy.data.meshes)] == [1, 1]


def test_replace_goes_by_the_object_through_a_chain_of_nodes(tree):
    cubes = [quad("Cube"), quad("Other")]
    source = IN_PLACE.replace("= 9", "+= 1")
    first = script(tree, "First", source, source=value(tree, "Object", cubes, is_list=True))
    output(tree, "REPLACE", script(tree, "Second", source, source=first))
    run(tree)
    assert [cube.data.vertices[0].co.z for cube in cubes] == [2, 2]
    assert sorted(item.name for item in bpy.data.objects) == ["Cube", "Other"]


def test_replace_takes_materials_of_the_result_along(tree):
    cube = quad("Cube")
    source = IN_PLACE.replace(
        "return source", "source.data.materials.append(bpy.data.materials.new('New')); return source"
    )
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)))
    run(tree)
    assert [material.name for material in cube.data.materials] == ["New"]
    assert_tidy()


@pytest.mark.parametrize(
    ("kind", "change", "check"),
    [
        ("Mesh", "data.vertices[0].co.z = 9", lambda data: data.vertices[0].co.z == 9),
        ("Material", "data.diffuse_color[0] = 0", lambda data: data.diffuse_color[0] == 0),
        ("Image", "data.pixels[0] = 1", lambda data: data.pixels[0] == 1),
    ],
    ids=["mesh", "material", "image"],
)
def test_replace_puts_data_in_the_place_of_the_original(tree, kind, change, check):
    material = bpy.data.materials.new("Material")
    cube = quad("Cube", material=material)
    image = bpy.data.images.new("Image", 2, 2)
    image.use_fake_user = True
    data = {"Mesh": cube.data, "Material": material, "Image": image}[kind]
    name = data.name
    source = f"def main(data: bpy.types.{kind}) -> bpy.types.{kind}:\n    {change}\n    return data"
    output(tree, "REPLACE", script(tree, "Change", source, data=value(tree, kind, data)))
    run(tree)
    replaced = {"Mesh": cube.data, "Material": cube.data.materials[0], "Image": bpy.data.images[0]}[kind]
    assert check(replaced)
    assert replaced.name == name
    assert [len(bpy.data.meshes), len(bpy.data.materials), len(bpy.data.images)] == [1, 1, 1]
    assert bpy.data.images[0].use_fake_user


def test_replace_without_an_original_links_the_result_with_a_note(tree):
    output(tree, "REPLACE", script(tree, "Make", MAKE))
    finished = run(tree)
    assert "Made" in bpy.context.scene.collection.objects
    assert any('"Made" has no original' in note for note in finished.notes)


def test_replace_of_an_object_removed_meanwhile_links_the_result_with_a_note(tree, session):
    cube = quad("Cube")
    output(tree, "REPLACE", script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube)))
    going = session.start(tree)
    bpy.data.objects.remove(cube)
    going.wait()
    assert "Cube" in bpy.context.scene.collection.objects
    assert any("no original" in note for note in going.notes)


def test_save_writes_a_file_with_the_objects_in_a_scene(tree, awkward_path):
    path = awkward_path / 'it\'s "saved" ü.blend'
    output(tree, "SAVE", [script(tree, "Make", MAKE), value(tree, "Object", quad("Cube"))], filepath=str(path))
    before = sorted(item.name for item in bpy.data.objects)
    assert run(tree).notes == ()
    assert sorted(item.name for item in bpy.data.objects) == before
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert sorted(item.name for item in bpy.context.scene.collection.all_objects) == ["Cube", "Made"]
    assert len(bpy.data.objects["Cube"].data.vertices) == 4


def test_save_beside_the_file_takes_a_relative_path(tree, awkward_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "tree.blend"))
    output(tree, "SAVE", script(tree, "Make", MAKE), filepath="//out/saved.blend")
    run(tree)
    assert (awkward_path / "out" / "saved.blend").exists()


def test_result_that_replaced_its_original_is_the_original_for_other_output_nodes(tree):
    cube = quad("Cube")
    change = script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube))
    target = bpy.data.collections.new("Target")
    output(tree, "REPLACE", change)
    output(tree, "REPLACE", change)
    output(tree, "LINK", change, collection=target)
    assert run(tree).notes == ()
    assert list(target.objects) == [cube] == list(bpy.data.objects)
    assert cube.data.vertices[0].co.z == 9


def test_two_versions_of_one_material_do_not_both_replace_it(tree):
    material = new_material("Material")
    cube = quad("Cube", material=material)
    source = """
        def main(data: bpy.types.Material, red: float) -> bpy.types.Material:
            data.diffuse_color[0] = red
            return data
    """
    for red in (0.25, 0.5):
        node = script(tree, str(red), source, data=value(tree, "Material", material), red=red)
        output(tree, "REPLACE", node)
    finished = run(tree)
    assert cube.data.materials[0].diffuse_color[0] == 0.25
    assert any("no original" in note for note in finished.notes)


def test_two_versions_of_one_object_do_not_both_replace_it(tree):
    cube = quad("Cube")
    source = """
        def main(source: bpy.types.Object, z: float) -> bpy.types.Object:
            source.data.vertices[0].co.z = z
            return source
    """
    for z in (0.25, 0.5):
        output(tree, "REPLACE", script(tree, str(z), source, source=value(tree, "Object", cube), z=z))
    finished = run(tree)
    assert cube.data.vertices[0].co.z == 0.25
    linked = next(item for item in bpy.context.scene.collection.objects if item != cube)
    assert linked.data.vertices[0].co.z == 0.5
    assert finished.notes == (f'"{linked.name}" has no original to replace, so it was linked instead',)


def test_object_and_its_mesh_are_both_replaced(tree):
    cube = quad("Cube")
    twin = link_to_scene(bpy.data.objects.new("Twin", cube.data))
    output(tree, "REPLACE", script(tree, "Object", IN_PLACE, source=value(tree, "Object", cube)))
    paint = "def main(data: bpy.types.Mesh) -> bpy.types.Mesh:\n    data['painted'] = 1\n    return data"
    node = script(tree, "Mesh", paint, data=value(tree, "Mesh", cube.data))
    output(tree, "REPLACE", node)
    run(tree)
    assert (cube.data.vertices[0].co.z, twin.data["painted"], twin.data.name) == (9, 1, "Cube")
    assert result(node) == twin.data
    assert len(bpy.data.meshes) == 2


def test_object_of_another_type_takes_the_place_of_its_original_as_a_whole(tree):
    bpy.ops.curve.primitive_bezier_circle_add()
    curve = bpy.context.object
    curve.name = "Circle"
    curve.select_set(True)
    place = bpy.data.collections.new("Place")
    bpy.context.scene.collection.children.link(place)
    place.objects.link(curve)
    child = quad("Child")
    child.parent = curve
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            bpy.context.view_layer.objects.active = source
            source.select_set(True)
            bpy.ops.object.convert(target="MESH")
            return source
    """
    node = script(tree, "Convert", source, source=value(tree, "Object", curve))
    output(tree, "REPLACE", node)
    assert run(tree).notes == ()
    circle = bpy.data.objects["Circle"]
    assert circle.type == "MESH"
    assert result(node) == circle == child.parent == bpy.context.view_layer.objects.active
    assert circle.select_get()
    assert set(circle.users_collection) == {place, bpy.context.scene.collection}
    assert sorted(bpy.data.objects.keys()) == ["Child", "Circle"]


def test_light_that_becomes_another_kind_of_light_stays_the_same_object(tree):
    lamp = link_to_scene(bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT")))
    source = "def main(source: bpy.types.Object) -> bpy.types.Object:\n    source.data.type = 'SPOT'\n    return source"
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", lamp)))
    run(tree)
    assert (lamp.data.type, lamp.data.name, len(bpy.data.lights)) == ("SPOT", "Lamp", 1)


def test_replace_takes_a_material_of_the_object_itself_along(tree):
    cube = quad("Cube", material=new_material("Of The Mesh"))
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            slot = source.material_slots[0]
            slot.link, slot.material = "OBJECT", bpy.data.materials.new("Of The Object")
            return source
    """
    output(tree, "REPLACE", script(tree, "Paint", source, source=value(tree, "Object", cube)))
    run(tree)
    assert cube.material_slots[0].material.name == "Of The Object"
    assert cube.data.materials[0].name == "Of The Mesh"
    assert_tidy()


def changed_rig(cube):
    rig(cube)
    return "modifiers[0].object", "data.bones[0].name = 'Renamed'", lambda used: used.data.bones[0].name == "Renamed"


def changed_cutter(cube):
    cube.modifiers.new("Boolean", "BOOLEAN").object = quad("Cutter")
    return "modifiers[0].object", "data.vertices[0].co.z = 9", lambda used: used.data.vertices[0].co.z == 9


def changed_group(cube):
    group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
    group.nodes.new("GeometryNodeMeshCube")
    group.use_fake_user = True
    cube.modifiers.new("Nodes", "NODES").node_group = group
    return "modifiers[0].node_group", "nodes[0].name = 'Renamed'", lambda used: used.nodes[0].name == "Renamed"


def changed_target(cube):
    cube.constraints.new("COPY_LOCATION").target = quad("Target")
    return "constraints[0].target", "location.x = 3", lambda used: used.location.x == 3


def changed_parent(cube):
    cube.parent = quad("Parent")
    return "parent", "location.x = 3", lambda used: used.location.x == 3


def changed_input_of_a_group(cube):
    group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Target", in_out="INPUT", socket_type="NodeSocketObject")
    modifier = cube.modifiers.new("Nodes", "NODES")
    modifier.node_group = group
    identifier = group.interface.items_tree["Target"].identifier
    if bpy.app.version < (5, 2, 0):
        modifier[identifier] = quad("Target")
        where = f"modifiers[0][{identifier!r}]"
    else:
        getattr(modifier.properties.inputs, identifier).value = quad("Target")
        where = f"modifiers[0].properties.inputs.{identifier}.value"
    return where, "location.x = 3", lambda used: used.location.x == 3


@pytest.mark.parametrize(
    "depend",
    [changed_rig, changed_cutter, changed_group, changed_target, changed_parent, changed_input_of_a_group],
    ids=lambda f: f.__name__,
)
def test_replaced_object_uses_what_the_script_changed_of_what_it_uses(tree, depend):
    cube = quad("Cube")
    where, change, is_changed = depend(cube)
    before = eval(f"cube.{where}")  # noqa: S307 (the script's own words)
    source = f"""
        def main(source: bpy.types.Object) -> bpy.types.Object:
            source.{where}.{change}
            return source
    """
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)))
    run(tree)
    after = eval(f"cube.{where}")  # noqa: S307
    assert after != before
    assert is_changed(after)
    assert not is_changed(before)
    if isinstance(after, bpy.types.Object):
        assert after.name in bpy.context.scene.collection.all_objects
    assert_tidy()


def test_replaced_object_uses_what_the_artist_chose_meanwhile(tree, session):
    cube = quad("Cube")
    changed_cutter(cube)
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            source.modifiers[0].object.data.vertices[0].co.z = 9
            source.data.vertices[0].co.z = 9
            return source
    """
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)))
    going = session.start(tree)
    cube.modifiers[0].object = other = quad("Other")
    going.wait()
    assert cube.modifiers[0].object == other
    assert cube.data.vertices[0].co.z == 9
    assert_tidy()


def test_object_and_what_it_uses_are_both_replaced_and_stay_together(tree):
    cube = quad("Cube")
    changed_cutter(cube)
    cutter = bpy.data.objects["Cutter"]
    source = """
        def main(source: bpy.types.Object) -> list[bpy.types.Object]:
            cutter = source.modifiers[0].object
            for item in (source, cutter):
                item.data.vertices[0].co.z = 9
            return [source, cutter]
    """
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)))
    run(tree)
    assert cube.modifiers[0].object == cutter
    assert [item.data.vertices[0].co.z for item in (cube, cutter)] == [9, 9]
    assert sorted(bpy.data.objects.keys()) == ["Cube", "Cutter"]
    assert_tidy()


def test_mesh_in_the_place_of_an_original_keeps_its_name(tree):
    cube = quad("Cube")
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            source.data.name = "Other"
            source.data.vertices[0].co.z = 2.0
            return source
    """
    output(tree, "REPLACE", script(tree, "Rename", source, source=cube))
    run(tree)
    assert [(mesh.name, mesh.vertices[0].co.z) for mesh in bpy.data.meshes] == [("Cube", 2.0)]


def test_replace_of_many_keeps_each_name_mesh_and_place_apart(tree):
    shared = quad("Shared")
    twin = link_to_scene(bpy.data.objects.new("Twin", shared.data))
    cubes = [quad(f"Cube {index}") for index in range(5)]
    names_before = {item.name: item.data.name for item in bpy.data.objects}
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Object:
            source.data["of"] = source.name
            return source
    """
    everything = [*cubes, shared, twin]
    output(tree, "REPLACE", script(tree, "Mark", source, source=value(tree, "Object", everything, is_list=True)))
    run(tree)
    assert [item.data["of"] for item in everything] == [item.name for item in everything]
    names_after = {item.name: item.data.name for item in bpy.data.objects}
    assert {name: names_after[name] for name in names_before if name != "Shared"} == {
        name: mesh for name, mesh in names_before.items() if name != "Shared"
    }
    assert shared.data != twin.data
    assert len(bpy.data.meshes) == len(everything)


def test_result_is_linked_beside_an_object_of_another_file_with_the_same_name(tree, tmp_path):
    library = str(tmp_path / "library.blend")
    bpy.data.libraries.write(library, {quad("Made")})
    bpy.data.batch_remove([bpy.data.objects["Made"], bpy.data.meshes["Made"]])
    with bpy.data.libraries.load(library, link=True) as (_available, wanted):
        wanted.objects = ["Made"]
    link_to_scene(wanted.objects[0])
    make = script(tree, "Make", MAKE)
    output(tree, "LINK", make)
    run(tree)
    assert result(make) != wanted.objects[0]
    assert set(bpy.context.scene.collection.objects) == {wanted.objects[0], result(make)}


def test_link_into_a_collection_of_another_file_only_keeps_with_a_note(tree, tmp_path):
    library = str(tmp_path / "library.blend")
    bpy.data.libraries.write(library, {bpy.data.collections.new("Theirs")})
    bpy.data.collections.remove(bpy.data.collections["Theirs"])
    with bpy.data.libraries.load(library, link=True) as (_available, wanted):
        wanted.collections = ["Theirs"]
    make = script(tree, "Make", MAKE)
    output(tree, "LINK", make, collection=wanted.collections[0])
    finished = run(tree)
    assert any('"Theirs"' in note for note in finished.notes)
    assert result(make) == bpy.data.objects["Made"]


def test_input_linked_straight_into_an_output_node_is_linked_as_it_is(tree):
    target = bpy.data.collections.new("Target")
    cube = quad("Cube")
    output(tree, "LINK", value(tree, "Object", cube), collection=target)
    finished = run(tree)
    assert (finished.state, finished.is_home) == ("succeeded", True)
    assert list(target.objects) == [cube]


def test_two_output_nodes_of_one_result_share_it(tree):
    make = script(tree, "Make", MAKE)
    target = bpy.data.collections.new("Target")
    output(tree, "LINK", make, collection=target)
    output(tree, "LINK", make)
    run(tree)
    assert [item.name for item in bpy.data.objects] == ["Made"]
    assert result(make) in list(target.objects)
    assert result(make) in list(bpy.context.scene.collection.objects)


def test_cancelled_run_writes_what_was_done_and_no_more(tree, session, tmp_path):
    output(tree, "LINK", script(tree, "Make", MAKE))
    waits = "import os\ndef main(flag: str) -> bpy.types.Object:\n    while not os.path.exists(flag): pass"
    output(tree, "LINK", script(tree, "Wait", waits, flag=str(tmp_path / "flag")))
    going = session.start(tree)
    advance(going, lambda: going.tasks["Make"].state == "succeeded")
    going.cancel()
    assert going.wait() == "cancelled"
    assert list(bpy.context.scene.collection.objects) == [bpy.data.objects["Made"]]


def test_a_node_that_fails_forgets_its_earlier_result():
    tree = new_tree()
    switch = script(tree, "Switch", "def main(fails: bool = False) -> int: return 1 // (not fails)")
    after = script(tree, "After", "def main(value: int) -> int: return value", value=switch)
    switch.keep_result = True
    background_nodes.run(tree)
    assert (switch.outputs[0].result, after.outputs[0].result) == (1, 1)
    socket_of(switch.inputs, "fails").default_value = True
    background_nodes.run(tree)
    assert (switch.outputs[0].result, after.outputs[0].result) == (None, None)


def test_text_made_by_a_script_uses_the_built_in_font_that_is_here(tree):
    here = bpy.data.curves.new("Here", "FONT").font
    source = "def main(name: str) -> bpy.types.Curve: return bpy.data.curves.new(name, 'FONT')"
    first, second = script(tree, "First", source, name="First"), script(tree, "Second", source, name="Second")
    run(tree)
    assert [result(node).font for node in (first, second)] == [here, here]
    assert bpy.data.fonts[:] == [here]


# Assets, and names that are there already


def described_asset(data_block: bpy.types.ID) -> bpy.types.ID:
    data_block.asset_mark()
    data = data_block.asset_data
    data.author, data.description = "Somebody", "What it is"
    data.catalog_id = "00000000-0000-0000-0000-00000000002a"
    data.tags.new("shiny")
    data["weight"] = 3
    preview = data_block.preview_ensure()
    preview.image_size = 2, 1
    preview.image_pixels = [1, 2]
    return data_block


def asset_of(data_block: bpy.types.ID) -> list:
    data, preview = data_block.asset_data, data_block.preview
    told = [data.author, data.description, data.catalog_id, [tag.name for tag in data.tags], data["weight"]]
    return [*told, preview.image_size[:], preview.image_pixels[:]]


def test_result_that_takes_the_place_of_an_asset_is_that_asset(tree, material):
    expected = asset_of(described_asset(material))
    source = """
        def main(source: bpy.types.Material) -> bpy.types.Material:
            source.roughness = 0.25
            return source
    """
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Material", material)))
    run(tree)
    replaced = bpy.data.materials["Steel"]
    assert replaced.roughness == 0.25
    assert asset_of(replaced) == expected


def test_copy_of_an_asset_is_no_asset_and_leaves_it_as_it_was(tree):
    cube = described_asset(quad("Cube"))
    expected = asset_of(cube)
    node = script(tree, "Copy", COPY, source=value(tree, "Object", cube))
    run(tree)
    assert result(node).asset_data is None
    assert asset_of(cube) == expected


def test_results_of_one_name_are_each_of_its_own_task(tree):
    make = """
        def main(roughness: float) -> bpy.types.Material:
            made = bpy.data.materials.new("Same")
            made.roughness = roughness
            return made
    """
    mine = bpy.data.materials.new("Same")
    mine.roughness = 0.75
    nodes = [script(tree, f"Node {roughness}", make, roughness=roughness) for roughness in (0.25, 0.5)]
    read = "def main(a: bpy.types.Material, b: bpy.types.Material) -> list[float]: return [a.roughness, b.roughness]"
    both = script(tree, "Both", read, a=nodes[0], b=nodes[1])
    for node in nodes:
        node.keep_result = True
    run(tree)
    assert both.outputs[0].result == (0.25, 0.5)
    assert [result(node).roughness for node in nodes] == [0.25, 0.5]
    assert (mine.name, mine.roughness) == ("Same", 0.75)
