"""What is edited, sculpted, painted or posed is not replaced before that mode ends, whichever it is and wherever."""

from __future__ import annotations

import contextlib

import bpy
import pytest

from background_nodes.runtime.blender import modes
from background_nodes.runtime.blender.homecoming import Targets

from .graphs import link_to_scene, new_material, new_tree, output, quad, script, value

HAS_GREASE_PENCIL_3 = bpy.app.version >= (4, 3, 0)
CHANGE = """
    def main(source: bpy.types.Object) -> bpy.types.Object:
        source.data.vertices[0].co.z = 9
        return source
"""


def awaited(*data_blocks: bpy.types.ID) -> str:
    """What must happen before data-blocks may be replaced."""
    return modes.awaited_end(Targets(frozenset(item.session_uid for item in data_blocks)))


def enter(item: bpy.types.Object, mode: str) -> bpy.types.Object:
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode=mode)
    assert item.mode == mode
    return item


def mesh() -> bpy.types.Object:
    return quad("Item")


def added(operator: str, **options: object) -> bpy.types.Object:
    getattr(bpy.ops.object, operator)(**options)
    bpy.context.object.name = "Item"
    return bpy.context.object


def armature() -> bpy.types.Object:
    return added("armature_add")


def hairy() -> bpy.types.Object:
    item = mesh()
    item.modifiers.new("Hair", "PARTICLE_SYSTEM").particle_system.settings.type = "HAIR"
    return item


def curves() -> bpy.types.Object:
    return link_to_scene(bpy.data.objects.new("Item", bpy.data.hair_curves.new("Item")))


def pencil() -> bpy.types.Object:
    return added("grease_pencil_add" if HAS_GREASE_PENCIL_3 else "gpencil_add", type="STROKE")


#: What can be in each mode, and how the artist knows the mode.
ENTERED = {
    "EDIT": (mesh, "Edit Mode"),
    "POSE": (armature, "Pose Mode"),
    "SCULPT": (mesh, "Sculpt Mode"),
    "VERTEX_PAINT": (mesh, "Vertex Paint Mode"),
    "WEIGHT_PAINT": (mesh, "Weight Paint Mode"),
    "TEXTURE_PAINT": (mesh, "Texture Paint Mode"),
    "PARTICLE_EDIT": (hairy, "Particle Edit Mode"),
    "SCULPT_CURVES": (curves, "Sculpt Mode"),
    "EDIT_GPENCIL": (pencil, "Edit Mode"),
    "SCULPT_GPENCIL": (pencil, "Sculpt Mode"),
    "PAINT_GPENCIL": (pencil, "Draw Mode"),
    "WEIGHT_GPENCIL": (pencil, "Weight Paint Mode"),
    "VERTEX_GPENCIL": (pencil, "Vertex Paint Mode"),
    "SCULPT_GREASE_PENCIL": (pencil, "Sculpt Mode"),
    "PAINT_GREASE_PENCIL": (pencil, "Draw Mode"),
    "WEIGHT_GREASE_PENCIL": (pencil, "Weight Paint Mode"),
    "VERTEX_GREASE_PENCIL": (pencil, "Vertex Paint Mode"),
}
MODES = [item.identifier for item in bpy.types.Object.bl_rna.properties["mode"].enum_items]
if HAS_GREASE_PENCIL_3:
    MODES.remove("EDIT_GPENCIL")  # a name that nothing is in any more


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "OBJECT"])
def test_object_and_its_data_are_held_in_every_mode_of_this_blender(mode):
    make, name = ENTERED[mode]
    item, other = make(), quad("Other")
    assert awaited(item, item.data) == ""
    enter(item, mode)
    assert awaited(item) == awaited(item.data) == f'"Item" leaves {name}'
    assert awaited(other, other.data) == ""
    enter(item, "OBJECT")
    assert awaited(item, item.data) == ""


def test_object_that_is_no_longer_the_active_one_is_held_until_it_leaves_its_mode():
    item, other = enter(mesh(), "SCULPT"), quad("Other")
    bpy.context.view_layer.objects.active = other
    assert item.mode == "SCULPT"
    assert awaited(item) == '"Item" leaves Sculpt Mode'


def test_object_of_a_scene_that_no_window_shows_is_held():
    item = enter(mesh(), "SCULPT")
    second = bpy.data.scenes.new("Second")
    bpy.context.window_manager.windows[0].scene = second
    assert bpy.context.scene == second
    assert awaited(item.data) == '"Item" leaves Sculpt Mode'


def test_mesh_is_held_by_whichever_of_its_users_is_in_a_mode():
    item = mesh()
    twin = link_to_scene(bpy.data.objects.new("Twin", item.data))
    enter(twin, "VERTEX_PAINT")
    assert awaited(item.data) == '"Twin" leaves Vertex Paint Mode'
    assert awaited(item) == "", "it can get other data, and leave that to its twin"


def test_collections_and_scenes_that_an_object_would_leave_in_its_mode_are_held():
    outer, inner, other = (bpy.data.collections.new(name) for name in ("Outer", "Inner", "Other"))
    bpy.context.scene.collection.children.link(outer)
    outer.children.link(inner)
    item = mesh()
    inner.objects.link(item)
    enter(item, "SCULPT")
    assert {bool(awaited(each)) for each in (outer, inner, bpy.context.scene)} == {True}
    assert awaited(other, bpy.data.scenes.new("Other")) == ""


def test_texture_paint_holds_the_materials_of_the_object_and_their_images():
    material, canvas = new_material("Paint"), bpy.data.images.new("Canvas", 4, 4)
    texture = material.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.new("Painted", 4, 4)
    material.node_tree.nodes.active = texture
    item, other = quad("Item", material=material), bpy.data.images.new("Other", 4, 4)
    item.data.uv_layers.new()
    bpy.context.scene.tool_settings.image_paint.canvas = canvas
    enter(item, "TEXTURE_PAINT")
    assert {bool(awaited(each)) for each in (material, texture.image, canvas)} == {True}
    assert awaited(other) == ""
    enter(item, "OBJECT")
    assert awaited(material, texture.image, canvas) == ""


def test_particle_edit_holds_the_settings_of_the_particles():
    item = enter(hairy(), "PARTICLE_EDIT")
    assert awaited(item.particle_systems[0].settings) == '"Item" leaves Particle Edit Mode'


@contextlib.contextmanager
def painted_in_an_image_editor(image: bpy.types.Image):
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.type = "IMAGE_EDITOR"
    area.spaces.active.image = image
    area.spaces.active.mode = "PAINT"
    yield
    area.spaces.active.mode = "VIEW"


def test_image_that_an_image_editor_shows_in_paint_mode_is_held():
    image, other = (bpy.data.images.new(name, 4, 4) for name in ("Painted", "Other"))
    with painted_in_an_image_editor(image):
        assert awaited(image) == 'the Image Editor that shows "Painted" leaves Paint Mode'
        assert awaited(other) == ""
    assert awaited(image) == ""


# Output nodes. Jobs: test_overwriting.py


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "DYNTOPO", "VERTEX_PAINT", "WEIGHT_PAINT", "TEXTURE_PAINT"])
def test_result_waits_until_its_original_leaves_the_mode_and_says_which(session, mode):
    tree, cube = new_tree(), quad("Cube")
    change = script(tree, "Change", CHANGE, source=value(tree, "Object", cube))
    output(tree, "REPLACE", change, when_changed="RESULT")  # some modes change the mesh
    going = session.start(tree)
    enter(cube, "SCULPT" if mode == "DYNTOPO" else mode)
    if mode == "DYNTOPO":
        bpy.ops.sculpt.dynamic_topology_toggle()
    assert going.wait() == "succeeded"
    session.settle(going)
    assert not going.is_home
    name = {"DYNTOPO": "Sculpt Mode"}.get(mode) or ENTERED[mode][1]
    assert going.notes == (f'The results wait until "Cube" leaves {name}',)
    assert cube.data.vertices[0].co.z == 0
    enter(cube, "OBJECT")
    session.settle(going)
    assert going.is_home
    assert cube.data.vertices[0].co.z == 9


def test_artist_who_changes_the_mode_is_told_of_the_next_one(session):
    tree, cube = new_tree(), quad("Cube")
    output(tree, "REPLACE", script(tree, "Change", CHANGE, source=value(tree, "Object", cube)))
    going = session.start(tree)
    for mode in ("SCULPT", "WEIGHT_PAINT"):
        enter(cube, mode)
        going.wait()
    assert [note.partition("leaves ")[2] for note in going.notes] == ["Sculpt Mode", "Weight Paint Mode"]
    enter(cube, "OBJECT")


def test_result_that_waits_is_looked_up_by_what_was_read_once(session, monkeypatch):
    tree, cube = new_tree(), quad("Cube")
    change = script(tree, "Change", CHANGE, source=value(tree, "Object", cube))
    output(tree, "REPLACE", change, when_changed="RESULT")
    going = session.start(tree)
    enter(cube, "SCULPT")
    going.wait()
    monkeypatch.setattr("background_nodes.runtime.scratch.contents.json.loads", None)
    for _ in range(3):
        session.settle(going)
    assert not going.is_home
    enter(cube, "OBJECT")
    session.settle(going)
    assert cube.data.vertices[0].co.z == 9
