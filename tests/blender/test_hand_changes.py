"""What an artist changed of a result by hand is never lost, and what they only arranged stays where it is."""

from __future__ import annotations

import bpy
import pytest

import background_nodes

from .graphs import editor, link_to_scene, names, new_tree, output, quad, script, socket_of

MAKE = """
def main(size: float = 1.0) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("Made")
    mesh.from_pydata([(size, 0, 0), (0, size, 0), (0, 0, size)], [], [(0, 1, 2)])
    mesh.uv_layers.new(name="UV")
    material = bpy.data.materials.new("Paint")
    material.use_nodes = True
    material.roughness = size / 10
    image = bpy.data.images.new("Picture", 2, 2)
    image.pixels = [size / 10] * 16
    image.pack()
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    mesh.materials.append(material)
    made = bpy.data.objects.new("Made", mesh)
    made.modifiers.new("Bevel", "BEVEL").width = size
    made.location.x = size
    return made
"""


@pytest.fixture
def tree():
    """A tree that made an object of size 1, and would make one of size 2 now."""
    tree = new_tree()
    make = script(tree, "Make", MAKE)
    output(tree, "LINK", make, name="Output")
    run(tree)
    socket_of(make.inputs, "size").default_value = 2.0
    return tree


def run(tree):
    finished = background_nodes.run(tree)
    assert {name: task.error.message for name, task in finished.tasks.items() if task.error} == {}
    return finished


def made() -> bpy.types.Object:
    return bpy.data.node_groups["Tree"].nodes["Make"].outputs[0].result


def size_of(item) -> float:
    return item.data.vertices[0].co.x


def settle(tree, choice) -> None:
    with editor(tree):
        assert bpy.ops.background_nodes.changed_settle(node_name="Output", choice=choice) == {"FINISHED"}


def move_vertex() -> None:
    made().data.vertices[0].co.x = 7


def subdivide() -> None:
    made().modifiers.new("Subdivision", "SUBSURF")


def set_modifier() -> None:
    made().modifiers["Bevel"].width = 7


def paint() -> None:
    made().data.materials[0].roughness = 0.75


def choose_own_material() -> None:
    made().data.materials[0] = bpy.data.materials.new("Mine")


def add_custom_property() -> None:
    made()["mine"] = 7


def group_vertices() -> None:
    made().vertex_groups.new(name="Mine").add([0], 1.0, "REPLACE")


def name_group() -> None:
    made().vertex_groups.new(name="Mine")


CHANGES = {
    move_vertex: lambda item: size_of(item) == 7,
    subdivide: lambda item: "Subdivision" in item.modifiers,
    set_modifier: lambda item: item.modifiers["Bevel"].width == 7,
    paint: lambda item: item.data.materials[0].roughness == 0.75,
    choose_own_material: lambda item: item.data.materials[0].name == "Mine",
    add_custom_property: lambda item: item.get("mine") == 7,
    group_vertices: lambda item: "Mine" in item.vertex_groups,
    name_group: lambda item: "Mine" in item.vertex_groups,
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("policy", ["ASK", "MINE"])
def test_change_stays_and_the_rest_is_new(tree, change, policy):
    tree.nodes["Output"].when_changed = policy
    change()
    before = {kind: len(items) for kind, items in names().items()}
    for _ in range(2):
        finished = run(tree)
        assert CHANGES[change](made())
        assert finished.notes
        assert all(note.endswith("was changed by hand, so it stays") for note in finished.notes)
        assert tree.nodes["Output"].num_kept == (len(finished.notes) if policy == "ASK" else 0)
        assert all(len(items) <= before[kind] for kind, items in names().items()), "nothing piles up"
    if change is paint:
        assert size_of(made()) == 2.0


def test_vertex_group_of_a_lattice_stays():
    tree = new_tree()
    source = """
        def main(size: float = 1.0) -> bpy.types.Object:
            lattice = bpy.data.lattices.new("Made")
            lattice.points[0].co_deform.x = size
            return bpy.data.objects.new("Made", lattice)
    """
    make = script(tree, "Make", source)
    output(tree, "LINK", make)
    run(tree)
    made().vertex_groups.new(name="Mine")
    socket_of(make.inputs, "size").default_value = 2.0
    assert run(tree).notes
    assert "Mine" in made().vertex_groups


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("when", ["at once", "asked"])
def test_result_takes_the_place_of_a_change_if_the_artist_says_so(tree, change, when):
    tree.nodes["Output"].when_changed = "RESULT" if when == "at once" else "ASK"
    change()
    finished = run(tree)
    if when == "asked":
        settle(tree, "RESULT")
    else:
        assert finished.notes == ()
    assert not CHANGES[change](made())
    assert (size_of(made()), made().modifiers["Bevel"].width, len(bpy.data.objects)) == (2.0, 2.0, 1)
    assert tree.nodes["Output"].num_kept == 0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_new_result_is_beside_a_change_if_the_artist_says_so(tree, change):
    tree.nodes["Output"].when_changed = "BOTH"
    change()
    run(tree)
    mine = bpy.data.objects["Made"]
    assert CHANGES[change](mine)
    assert (made().name, size_of(made()), CHANGES[change](made())) == ("Made.001", 2.0, False)
    assert set(bpy.context.scene.collection.objects) == {mine, made()}
    run(tree)
    assert len(bpy.data.objects) == 2


def test_asked_results_can_be_put_side_by_side(tree):
    move_vertex()
    run(tree)
    settle(tree, "BOTH")
    assert [size_of(item) for item in bpy.context.scene.collection.objects] == [7, 2]
    assert size_of(made()) == 2


# What is no change


def test_arranged_result_stays_where_it_is_and_gets_the_new_content(tree):
    item, parent = made(), quad("Parent")
    item.location = 5, 6, 7
    item.scale.x = 2
    item.parent = parent
    item.hide_render = item.show_wire = True
    item.name = "Mine"
    item.data.materials[0].name = "My Paint"
    for size in (2.0, 3.0):
        socket_of(tree.nodes["Make"].inputs, "size").default_value = size
        finished = run(tree)
        item = made()
        assert finished.notes == ()
        assert (tuple(item.location), item.scale.x, item.parent) == ((5, 6, 7), 2, parent)
        assert (item.hide_render, item.show_wire, item.name) == (True, True, "Mine")
        assert (size_of(item), item.data.materials[0].name) == (size, "My Paint")


def test_arranged_result_is_where_the_script_puts_it_if_results_are_taken(tree):
    tree.nodes["Output"].when_changed = "RESULT"
    made().location = 5, 6, 7
    run(tree)
    assert tuple(made().location) == (2, 0, 0)


def test_result_that_was_not_moved_goes_where_the_script_puts_it(tree):
    made().scale.x = 3
    run(tree)
    assert (tuple(made().location), made().scale.x) == ((2, 0, 0), 3)


@pytest.mark.parametrize("look", ["save", "select", "undo", "expand", "asset", "frame"])
def test_what_is_looked_at_is_not_changed(tree, look, tmp_path):
    item = made()
    if look == "save":
        file = str(tmp_path / "file.blend")
        for _ in range(2):
            bpy.ops.wm.save_as_mainfile(filepath=file)
            bpy.ops.wm.open_mainfile(filepath=file)
    elif look == "select":
        item.select_set(True)
        item.data.materials[0].node_tree.nodes[0].select = True
    elif look == "undo":
        bpy.ops.ed.undo_push(message="before")
        move_vertex()
        bpy.ops.ed.undo_push(message="moved")
        bpy.ops.ed.undo()
    elif look == "expand":
        item.modifiers["Bevel"].show_expanded = False
    elif look == "asset":
        item.asset_mark()
    else:
        bpy.context.scene.frame_set(17)
    assert run(bpy.data.node_groups["Tree"]).notes == ()
    assert size_of(made()) == 2


def test_change_is_known_after_save_and_reload(tree, tmp_path):
    move_vertex()
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert len(run(bpy.data.node_groups["Tree"]).notes) == 1
    assert size_of(made()) == 7


def test_data_made_single_user_or_local_stays_the_artists(tree):
    other = link_to_scene(made().copy())
    other.data = made().data.copy()
    run(tree)
    assert (size_of(made()), size_of(other)) == (2, 1)


def test_changed_result_that_a_run_makes_no_more_stays_with_a_note(tree):
    make = "[bpy.data.objects.new('Item', None) for _ in range(count)]"
    source = f"def main(count: int = 2) -> list[bpy.types.Object]: return {make}"
    items = script(tree, "Items", source)
    output(tree, "LINK", items)
    run(tree)
    items.outputs[0].result[1]["mine"] = 7
    socket_of(items.inputs, "count").default_value = 1
    assert '"Item.001" was changed by hand, so it stays' in run(tree).notes
    assert "Item.001" in bpy.data.objects


def test_change_in_background_stays_by_default(tree):
    assert tree.nodes["Output"].when_changed == "ASK"
    assert bpy.app.background
    move_vertex()
    run(tree)
    assert size_of(made()) == 7
