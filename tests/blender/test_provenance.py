"""Origins in a worker: two data-blocks of one origin become one only if they are equal."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.runtime.blender.data_block_kinds import name_of
from background_nodes.runtime.scratch.contents import Contents, DataBlockName, Origin
from background_nodes.runtime.script.socket_types import StoredRef
from background_nodes.runtime.worker.changes.provenance import Provenance

from .graphs import new_material

SNAPSHOT = "snapshot.blend"


def textured(name: str) -> tuple[bpy.types.Material, bpy.types.Image]:
    material, image = new_material(name), bpy.data.images.new(name, 2, 2)
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    return material, image


def first_origin(kind: str) -> Origin:
    return Origin(StoredRef(kind, "Original", "", SNAPSHOT), True)


@pytest.fixture
def provenance() -> Provenance:
    """The origins of a material and its image, which came from the open file."""
    found = Provenance()
    material, image = textured("Here")
    found.record(material, first_origin("Material"))
    found.record(image, first_origin("Image"))
    return found


def arrive(provenance: Provenance, *newcomers: bpy.types.ID) -> dict[int, bpy.types.ID]:
    """Load data-blocks that a task passed on, with the same origins as those that are there."""
    named = {name_of(item): item for item in newcomers}
    contents = Contents(origins={name: first_origin(name.kind) for name in named})
    return provenance.known_already(named, contents, "result.blend")


def test_newcomers_that_a_task_left_as_they_were_are_known_already(provenance):
    material, image = textured("There")
    assert arrive(provenance, material, image) == {
        material.session_uid: bpy.data.materials["Here"],
        image.session_uid: bpy.data.images["Here"],
    }


def test_newcomer_that_differs_is_new(provenance):
    material, image = textured("There")
    material.roughness = 0.125
    assert arrive(provenance, material, image) == {image.session_uid: bpy.data.images["Here"]}


def test_newcomer_that_uses_another_that_differs_is_new(provenance):
    material, image = textured("There")
    image.alpha_mode = "NONE"
    assert arrive(provenance, material, image) == {}


def test_newcomer_that_can_not_be_compared_is_new(provenance):
    here, there = (bpy.data.brushes.new(name) for name in ("Here", "There"))
    provenance.record(here, first_origin("Brush"))
    assert arrive(provenance, there) == {}


def test_what_comes_from_the_open_file_twice_is_the_same(provenance):
    here, there = (bpy.data.brushes.new(name) for name in ("Here", "There"))
    provenance.record(here, first_origin("Brush"))
    name = DataBlockName("Brush", "There", "")
    contents = Contents(birthplace=SNAPSHOT)
    provenance.record(here, contents.origin(name, "chunk 1.blend"))
    assert provenance.known_already({name: there}, contents, "chunk 2.blend") == {there.session_uid: here}


def move_vertex(mesh: bpy.types.Mesh) -> None:
    import bmesh  # after bpy, which brings it along

    edited = bmesh.from_edit_mesh(mesh)
    edited.verts.ensure_lookup_table()
    edited.verts[0].co.x = 5


def move_bone(armature: bpy.types.Armature) -> None:
    armature.edit_bones[0].tail.x = 5


def write_letters(_text: bpy.types.TextCurve) -> None:
    bpy.ops.font.text_insert(text="more")


@pytest.mark.parametrize(
    ("kind", "add", "edit"),
    [
        ("Mesh", "mesh.primitive_cube_add", move_vertex),
        ("Armature", "object.armature_add", move_bone),
        ("Curve", "object.text_add", write_letters),
    ],
)
def test_what_a_script_changed_in_edit_mode_is_changed(kind, add, edit):
    provenance = Provenance()
    category, _, operator = add.partition(".")
    getattr(getattr(bpy.ops, category), operator)()
    data, user = bpy.context.object.data, bpy.data.objects.new("User", None)
    bpy.ops.object.mode_set(mode="EDIT")
    provenance.record(data, first_origin(kind))
    provenance.remember_state([user])
    user["used"] = data
    edit(data)
    contents = provenance.changes([user], "result.blend").contents
    assert not contents.origins[name_of(data)].is_unchanged


def test_what_a_script_left_as_it_was_is_unchanged():
    provenance = Provenance()
    bpy.ops.mesh.primitive_cube_add()
    cube, user = bpy.context.object, bpy.data.objects.new("User", None)
    provenance.record(cube.data, first_origin("Mesh"))
    provenance.remember_state([user])
    user["used"] = cube.data
    contents = provenance.changes([user], "result.blend").contents
    assert contents.origins[DataBlockName("Mesh", "Cube", "")].is_unchanged
