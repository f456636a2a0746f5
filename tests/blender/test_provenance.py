"""Origins in a worker: two data-blocks of one origin become one only if they are equal."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.runtime.blender import blobs
from background_nodes.runtime.blender.data_block_kinds import name_of
from background_nodes.runtime.scratch.contents import Contents, DataBlockName, Origin
from background_nodes.runtime.scratch.scratch import ScratchFolder
from background_nodes.runtime.script.socket_types import StoredRef
from background_nodes.runtime.worker.changes import provenance as provenance_module
from background_nodes.runtime.worker.changes.provenance import Provenance
from background_nodes.runtime.worker.inputs import Inputs

from . import graphs
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


@pytest.fixture
def cutter(monkeypatch, tmp_path) -> Cutter:
    """A task that is given an object with a cutter, whose mesh counts as a very large one."""
    monkeypatch.setattr(provenance_module, "_MOST_READ", 10)
    return Cutter(ScratchFolder(tmp_path))


class Cutter:
    """The mesh of a cutter, as a task is given it, and what is told of it after the task."""

    def __init__(self, folder: ScratchFolder) -> None:
        self._folder = folder
        folder.file("000001.blend").parent.mkdir()
        bpy.ops.mesh.primitive_grid_add(x_subdivisions=5, y_subdivisions=5)
        made, user = bpy.context.object, bpy.data.objects.new("User", bpy.data.meshes.new("User"))
        made.name = made.data.name = "Cutter"
        made.vertex_groups.new(name="Group").add([3], 0.5, "REPLACE")
        made.data.attributes.new("weight", "FLOAT", "POINT")
        made.data.materials.append(bpy.data.materials.new("Material"))
        user.modifiers.new("Cut", "BOOLEAN").object = made
        blobs.write(folder.file("000001.blend"), [user])
        ref = StoredRef("Object", "User", "", "000001.blend")
        self._inputs = Inputs(folder, [ref])
        self._user = self._inputs[ref]

    @property
    def mesh(self) -> bpy.types.Mesh:
        return self._user.modifiers[0].object.data

    def is_unchanged(self) -> bool:
        """Whether the results' blob says that it is what the task was given."""
        changes = self._inputs.provenance.changes([self._user], "000002.blend")
        path, name = self._folder.file("000002.blend"), name_of(self.mesh)
        blobs.write(path, [self._user], changes.contents)
        changes.compare_blobs(self._folder, path)
        return changes.contents.origins[name].is_unchanged


def test_very_large_mesh_that_a_script_only_looked_at_is_unchanged(cutter):
    cutter.mesh.vertices[0].co[:], cutter.mesh.polygons[0].normal[:]
    bpy.context.view_layer.update()
    assert cutter.is_unchanged()


@pytest.mark.skipif(bpy.app.version < (5, 2, 0), reason="each attribute has an array")
def test_very_large_mesh_keeps_one_value_for_all_elements(cutter):
    before = [item.storage_type for item in cutter.mesh.attributes]
    assert cutter.is_unchanged()
    assert "SINGLE" in before
    assert [item.storage_type for item in cutter.mesh.attributes] == before


#: What a script does to the mesh.
CHANGES = {
    "vertex": lambda mesh: mesh.vertices[7].co.__setitem__(2, 0.001),
    "all vertices": lambda mesh: mesh.vertices.foreach_set("co", [0.5] * 3 * len(mesh.vertices)),
    "face": lambda mesh: mesh.polygons[3].flip(),
    "corners": lambda mesh: mesh.loops.foreach_set("vertex_index", [loop.vertex_index for loop in mesh.loops][::-1]),
    "UV": lambda mesh: setattr(mesh.uv_layers[0].data[9], "uv", (0.5, 0.1)),
    "seam": lambda mesh: setattr(mesh.edges[9], "use_seam", True),
    "attribute": lambda mesh: setattr(mesh.attributes["weight"].data[7], "value", 0.5),
    "new attribute": lambda mesh: mesh.attributes.new("more", "INT", "FACE"),
    "normals": lambda mesh: mesh.normals_split_custom_set_from_vertices([(1, 0, 0)] * len(mesh.vertices)),
    "weight": lambda mesh: bpy.data.objects["Cutter"].vertex_groups[0].add([3], 0.25, "REPLACE"),
    "material slot": lambda mesh: mesh.materials.append(None),
    "other material": lambda mesh: mesh.materials.__setitem__(0, bpy.data.materials.new("Other")),
    "value of its material": lambda mesh: setattr(mesh.materials[0], "roughness", 0.125),
    "custom property": lambda mesh: mesh.__setitem__("custom", 1),
    "name": lambda mesh: setattr(mesh, "name", "Other"),
    "shape key": lambda mesh: bpy.data.objects["Cutter"].shape_key_add(name="Key"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_very_large_mesh_that_a_script_changed_is_changed(cutter, change):
    CHANGES[change](cutter.mesh)
    assert not cutter.is_unchanged()


@pytest.mark.any_blender
@pytest.mark.parametrize(
    ("type_name", "has_material", "expected"),
    [("int", True, False), ("bpy.types.Object", False, False), ("bpy.types.Object", True, True)],
)
def test_what_a_task_is_given_is_read_before_its_script_only_if_its_results_may_use_it(
    type_name, has_material, expected
):
    tree, thing = graphs.new_tree(), graphs.quad()
    if has_material:
        thing.data.materials.append(new_material("Material"))
    result = "1" if type_name == "int" else "thing"
    source = f"""
    import sys

    def main(thing: bpy.types.Object) -> {type_name}:
        layouts = sys.modules["background_nodes.runtime.worker.changes.fingerprint"]._layout
        print("structs read:", layouts.cache_info().currsize > 0)
        return {result}
    """
    node = graphs.script(tree, "Look", source, thing=graphs.value(tree, "Object", thing))
    node.use_fresh_process = True
    run = background_nodes.run(tree)
    assert run.state == "succeeded"
    assert run.tasks["Look"].log == f"structs read: {expected}\n"


# What is compared when the blob is opened again


@pytest.fixture(params=["opened", "appended"])
def given(request, tmp_path) -> Given:
    """A task that is given two objects, all of a blob or some, and gives a new one that uses the mesh of the first."""
    return Given(ScratchFolder(tmp_path), has_more=request.param == "appended")


class Given:
    """What is told of the mesh after the task."""

    def __init__(self, folder: ScratchFolder, *, has_more: bool) -> None:
        self._folder = folder
        folder.file("000001.blend").parent.mkdir()
        names = ["Given", "Other", *(["More"] if has_more else [])]
        made = [bpy.data.objects.new(name, bpy.data.meshes.new(name)) for name in names]
        for item in made:
            item.data.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0)], [], [(0, 1, 2)])
        made[0].data.materials.append(new_material("Material"))
        blobs.write(folder.file("000001.blend"), made)
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        refs = [StoredRef("Object", name, "", "000001.blend") for name in names[:2]]
        self._inputs = Inputs(folder, refs)
        self.item, self.other = (self._inputs[ref] for ref in refs)

    def tell(self) -> list[str]:
        """The names of what is unchanged, of all that the new object uses, by those that the task was given."""
        result = bpy.data.objects.new("Result", None)
        result["used"] = self.item.data
        changes = self._inputs.provenance.changes([result], "000002.blend")
        used = {name_of(self.item.data), *map(name_of, self.item.data.materials)}
        blobs.write(self._folder.file("000002.blend"), [result], changes.contents)
        assert changes.candidates
        changes.compare(self._inputs.reopen)
        origins = {name: origin for name, origin in changes.contents.origins.items() if name in used}
        return sorted(origin.ref.name for origin in origins.values() if origin.is_unchanged)


def test_mesh_of_an_input_that_another_result_uses_is_unchanged(given):
    given.item.location.x = 5
    assert given.tell() == ["Given", "Material"]


def swap_names(given: Given) -> None:
    one, other = given.item.data, given.other.data
    one.name = "aside"
    other.name, one.name = "Given", "Other"


#: What a script does to it.
CHANGES_OF_GIVEN = {
    "vertex": lambda given: given.item.data.vertices[0].co.__setitem__(2, 0.001),
    "custom property": lambda given: given.item.data.__setitem__("custom", 1),
    "name": lambda given: setattr(given.item.data, "name", "New"),
    "names of two": swap_names,
    "value of its material": lambda given: setattr(given.item.data.materials[0], "roughness", 0.125),
    "other material": lambda given: given.item.data.materials.__setitem__(0, new_material("Other")),
    "material of its name": lambda given: replace_material(given.item.data),
}


def replace_material(mesh: bpy.types.Mesh) -> None:
    mesh.materials[0].name = "aside"
    mesh.materials[0] = new_material("Material")


@pytest.mark.parametrize("change", CHANGES_OF_GIVEN)
def test_mesh_of_an_input_that_another_result_uses_and_the_script_changed_is_changed(given, change):
    CHANGES_OF_GIVEN[change](given)
    assert "Given" not in given.tell()


def with_modifier() -> bpy.types.ID:
    item = bpy.data.objects.new("Part", bpy.data.meshes.new("Part"))
    item.modifiers.new("Bevel", "BEVEL")
    return item


def with_constraint() -> bpy.types.ID:
    item = bpy.data.objects.new("Part", None)
    item.constraints.new("COPY_LOCATION")
    return item


def with_strip() -> bpy.types.ID:
    item = bpy.data.objects.new("Part", None)
    item.keyframe_insert("location", frame=1)
    track = item.animation_data.nla_tracks.new()
    track.strips.new("Strip", 1, item.animation_data.action)
    return item


def with_background() -> bpy.types.ID:
    camera = bpy.data.cameras.new("Part")
    camera.background_images.new()
    return camera


@pytest.mark.oldest_and_newest
@pytest.mark.parametrize("make", [with_modifier, with_constraint, with_strip, with_background])
def test_what_was_appended_is_the_same_in_the_blob_that_is_opened(make, tmp_path):
    folder, made, other = ScratchFolder(tmp_path), make(), bpy.data.objects.new("Other", None)
    folder.file("000001.blend").parent.mkdir()
    blobs.write(folder.file("000001.blend"), [made, other])
    ref = StoredRef(*name_of(made), "000001.blend")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    inputs = Inputs(folder, [ref])
    result = bpy.data.objects.new("Result", None)
    result["used"] = inputs[ref]
    changes = inputs.provenance.changes([result], "000002.blend")
    changes.compare(inputs.reopen)
    assert changes.contents.origins[DataBlockName(ref.kind, ref.name, "")].is_unchanged


@pytest.mark.any_blender
def test_what_an_earlier_task_changed_and_this_one_left_alone_comes_home_changed():
    tree = graphs.new_tree()
    source = """
    def main(thing: bpy.types.Object) -> bpy.types.Object:
        thing["mark"] = 1
        return thing
    """
    change = graphs.script(tree, "Change", source, thing=graphs.value(tree, "Object", graphs.quad("Thing")))
    source = """
    def main(thing: bpy.types.Object) -> bpy.types.Object:
        child = bpy.data.objects.new("Child", None)
        child.parent = thing
        return child
    """
    graphs.output(tree, "KEEP", graphs.script(tree, "Hang", source, thing=change))
    assert background_nodes.run(tree).state == "succeeded"
    assert bpy.data.objects["Child"].parent["mark"] == 1
    assert "mark" not in bpy.data.objects["Thing"]
