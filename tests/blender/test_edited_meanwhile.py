"""What the artist edits of an original while a run goes on that will replace it is never lost in silence."""

import bpy
import pytest

import background_nodes

from .graphs import editor, link_to_scene, names, new_material, new_tree, output, quad, script, value

CHANGE = (
    "def main(source: bpy.types.Object) -> bpy.types.Object:\n    source.data.vertices[0].co.z = 9\n    return source"
)
NOTE = '"Cube" was changed while the run went on, so it stays'


@pytest.fixture
def tree():
    return new_tree()


@pytest.fixture
def cube():
    cube = quad("Cube", material=new_material("Mat"))
    cube.vertex_groups.new(name="Group").add([0, 1], 0.5, "REPLACE")
    cube.data.uv_layers.new(name="UV")
    cube.shape_key_add(name="Basis")
    return cube


def started(session, tree, cube, policy="ASK", source=CHANGE):
    """A run that will replace the object."""
    output(tree, "REPLACE", script(tree, "Change", source, source=value(tree, "Object", cube)), name="Output")
    tree.nodes["Output"].when_changed = policy
    return session.start(tree)


def all_names() -> dict[str, list[str]]:
    return {kind: sorted(name for name, _num_users in items) for kind, items in names().items()}


def is_new(item) -> bool:
    return item.data.vertices[0].co.z == 9


def move_vertex(cube):
    cube.data.vertices[1].co.y = 7


def name_group(cube):
    cube.vertex_groups.new(name="Mine")


def weigh(cube):
    cube.vertex_groups["Group"].add([2], 0.25, "REPLACE")


def move_vertex_in_edit_mode(cube):
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.translate(value=(0, 0, 1))
    bpy.ops.object.mode_set(mode="OBJECT")


def hide_vertices(cube):
    cube.data.vertices[0].hide = True


def paint(cube):
    cube.data.materials[0] = new_material("Mine")


def paint_object(cube):
    cube.material_slots[0].link = "OBJECT"
    cube.material_slots[0].material = new_material("Mine")


def assign_other_mesh(cube):
    cube.data = cube.data.copy()


def move_key(cube):
    cube.data.shape_keys.key_blocks[0].data[0].co.z = 3


EDITS = [
    move_vertex,
    move_vertex_in_edit_mode,
    hide_vertices,
    name_group,
    weigh,
    paint,
    paint_object,
    assign_other_mesh,
    move_key,
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("policy", ["ASK", "MINE"])
def test_edited_original_stays_with_a_note_and_nothing_else_is_left(session, tree, cube, edit, policy):
    going = started(session, tree, cube, policy)
    edit(cube)
    before, data = all_names(), cube.data
    going.wait()
    assert (cube.data, is_new(cube)) == (data, False)
    assert going.notes == (NOTE,)
    assert all_names() == before
    assert tree.nodes["Output"].num_kept == (1 if policy == "ASK" else 0)


@pytest.mark.parametrize(("choice", "are_new"), [("RESULT", [True]), ("BOTH", [False, True])])
def test_artist_who_is_asked_can_take_the_result_after_all_or_have_both(session, tree, cube, choice, are_new):
    going = started(session, tree, cube)
    move_vertex(cube)
    going.wait()
    with editor(tree):
        assert bpy.ops.background_nodes.changed_settle(node_name="Output", choice=choice) == {"FINISHED"}
    assert [is_new(item) for item in bpy.context.scene.objects] == are_new
    assert tree.nodes["Output"].num_kept == 0


def test_result_takes_the_place_of_an_edited_original_where_the_artist_wants_that(session, tree, cube):
    going = started(session, tree, cube, "RESULT")
    move_vertex(cube)
    going.wait()
    assert is_new(cube)
    assert going.notes == ()


def test_result_is_beside_an_edited_original_where_the_artist_wants_that(session, tree, cube):
    going = started(session, tree, cube, "BOTH")
    move_vertex(cube)
    going.wait()
    assert [is_new(item) for item in bpy.context.scene.objects] == [False, True]
    assert going.notes == (NOTE,)


def test_next_run_replaces_what_the_artist_made_of_it(session, tree, cube):
    going = started(session, tree, cube)
    move_vertex(cube)
    going.wait()
    assert background_nodes.run(tree).notes == ()
    assert is_new(cube)
    assert cube.data.vertices[1].co.y == 7


def select(cube):
    cube.select_set(True)
    bpy.context.view_layer.objects.active = cube


def arrange(cube):
    cube.location.x = 3
    cube.parent = link_to_scene(bpy.data.objects.new("Parent", None))
    cube.hide_render = True
    cube.hide_set(True)


def rename(cube):
    cube.data.name = "Mesh"
    cube.data.materials[0].name = "Other"


def add_modifier(cube):
    cube.modifiers.new("Mine", "BEVEL")


def visit_edit_mode(cube):
    select(cube)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.object.mode_set(mode="OBJECT")


def visit_other_modes(cube):
    select(cube)
    for mode in ("SCULPT", "WEIGHT_PAINT", "TEXTURE_PAINT", "OBJECT"):
        bpy.ops.object.mode_set(mode=mode)


def undo(cube):
    before = cube.data.vertices[1].co.y
    move_vertex(cube)
    cube.data.vertices[1].co.y = before


TOUCHES = [select, arrange, rename, add_modifier, visit_edit_mode, visit_other_modes, undo]


@pytest.mark.parametrize("touch", [lambda cube: None, *TOUCHES])
def test_original_of_which_nothing_would_be_lost_is_replaced(session, tree, cube, touch):
    going = started(session, tree, cube)
    touch(cube)
    before, libraries = all_names(), {*bpy.data.libraries}  # some modes make brushes or link them
    going.wait()
    assert is_new(cube)
    assert going.notes == ()
    assert all_names() == before
    assert {*bpy.data.libraries} == libraries


def test_edit_of_a_modifier_that_the_script_applies_is_not_lost(session, tree, cube):
    cube.shape_key_clear()
    cube.modifiers.new("Bevel", "BEVEL")
    going = started(
        session, tree, cube, source=CHANGE.replace("    return", "    source.modifiers.clear()\n    return")
    )
    cube.modifiers["Bevel"].width = 7
    going.wait()
    assert cube.modifiers["Bevel"].width == 7
    assert going.notes == (NOTE,)


@pytest.mark.parametrize("is_edited", [False, True])
def test_original_that_can_not_be_read_whole_is_compared_as_it_would_be_written(session, tree, monkeypatch, is_edited):
    cube = quad("Cube")
    cube.vertex_groups.new(name="Group").add([0], 0.5, "REPLACE")
    monkeypatch.setattr("background_nodes.runtime.worker.changes.fingerprint._MOST_WEIGHTS", 3)
    going = started(session, tree, cube)
    if is_edited:
        weigh(cube)
    going.wait()
    assert is_new(cube) is not is_edited
    assert going.notes == ((NOTE,) if is_edited else ())


@pytest.mark.parametrize("is_edited", [False, True])
def test_material_that_was_edited_meanwhile_stays(session, tree, cube, is_edited):
    material = cube.data.materials[0]
    source = "def main(data: bpy.types.Material) -> bpy.types.Material:\n    data.roughness = 0.25\n    return data"
    output(tree, "REPLACE", script(tree, "Change", source, data=value(tree, "Material", material)))
    going = session.start(tree)
    if is_edited:
        material.metallic = 0.75
    going.wait()
    found = cube.data.materials[0]
    assert (found.metallic, found.roughness) == pytest.approx((0.75, 0.4) if is_edited else (0.0, 0.25))
    assert len(bpy.data.materials) == 1


def test_of_many_originals_only_those_that_were_edited_stay(session, tree):
    cubes = [quad(f"Cube {number:02}") for number in range(20)]
    source = value(tree, "Object", cubes, is_list=True)
    output(tree, "REPLACE", script(tree, "Change", CHANGE, source=source))
    going = session.start(tree)
    for number in (3, 17):
        move_vertex(cubes[number])
    going.wait()
    assert [number for number, cube in enumerate(cubes) if not is_new(cube)] == [3, 17]
    assert len(going.notes) == 2
    assert len(bpy.data.meshes) == len(bpy.data.objects) == 20
