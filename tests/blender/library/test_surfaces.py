# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that work on meshes: with all else that has a surface, what is linked or mirrored, and what hangs on a mesh."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from .scenes import cube, grid, link, material, mesh_object, run, scattered


def collection_of(*objects: bpy.types.Object, name: str = "Props") -> bpy.types.Collection:
    """A collection that no scene has, with these objects."""
    collection = bpy.data.collections.new(name)
    for item in objects:
        for other in item.users_collection:
            other.objects.unlink(item)
        collection.objects.link(item)
    return collection


def instance(collection: bpy.types.Collection) -> bpy.types.Object:
    item = link("Source", None)
    item.instance_type, item.instance_collection = "COLLECTION", collection
    return item


def curve(kind: str) -> bpy.types.Object:
    data = bpy.data.curves.new("Source", "CURVE" if kind == "Curve" else "FONT")
    data.extrude = 0.3
    if kind == "Text":
        data.body = "I"
        return link("Source", data)
    data.dimensions, data.bevel_depth, data.use_fill_caps = "3D", 0.5, True
    data.splines.new("POLY").points.add(1)
    data.splines[0].points[1].co = (0.0, 0.0, 2.0, 1.0)
    return link("Source", data)


def metaball() -> bpy.types.Object:
    ball = bpy.data.metaballs.new("Source")
    ball.elements.new()
    return link("Source", ball)


def screwed() -> bpy.types.Object:
    """A tube that only a modifier makes."""
    item = mesh_object("Source", [(1, 0, 0), (1, 0, 1)], [])
    item.data.edges.add(1)
    item.data.edges[0].vertices = (0, 1)
    item.modifiers.new("Screw", "SCREW").steps = 8
    return item


SURFACES = {
    "Scatter": lambda: scattered(mesh_object("Source", [(0, 0, 0), (5, 0, 0)], [])),
    "Instance": lambda: instance(collection_of(cube("A"), cube("B", centre=(5, 0, 0)))),
    "Text": lambda: curve("Text"),
    "Curve": lambda: curve("Curve"),
    "Metaball": metaball,
    "Screw": screwed,
}
NODES = {
    "mesh/apply_modifiers": {},
    "mesh/decimate": {"ratio": 0.9},
    "mesh/triangulate": {},
    "mesh/voxel_remesh": {"voxel_size": 0.1},
    "mesh/boolean": {"operands": []},
    "mesh/join": {},
    "uv/smart_uv_project": {},
}
#: The same with one that wants a UV map.
ALL_NODES = {**NODES, "uv/pack_islands": {}}


def result_of(script: str, source: bpy.types.Object, **options) -> bpy.types.Object:
    result = run(script, [source] if script == "mesh/join" else source, **{**ALL_NODES[script], **options})
    return result if isinstance(result, bpy.types.Object) else result[0]


@pytest.mark.parametrize("script", NODES)
@pytest.mark.parametrize("kind", SURFACES)
def test_whatever_has_a_surface_is_evaluated_in_its_place(script, kind):
    source = SURFACES[kind]()
    source.location = (10.0, 0.0, 0.0)
    bpy.context.view_layer.update()
    expected = run("mesh/measure", source)
    assert expected.faces
    result = result_of(script, source)
    measured = run("mesh/measure", result)
    assert result.type == "MESH"
    assert result.data.polygons
    assert tuple(measured.minimum) == pytest.approx(tuple(expected.minimum), abs=0.15)
    assert tuple(measured.maximum) == pytest.approx(tuple(expected.maximum), abs=0.15)


def points_only() -> bpy.types.Object:
    """A cube of which Geometry Nodes leave points that are no mesh."""
    item = scattered(cube("Points"))
    tree = item.modifiers[0].node_group
    given, _shape, _on_points, result = tree.nodes
    points = tree.nodes.new("GeometryNodeMeshToPoints")
    tree.links.new(given.outputs[0], points.inputs["Mesh"])
    tree.links.new(points.outputs[0], result.inputs[0])
    return item


def test_object_that_makes_no_mesh_is_a_clear_error_or_told(capsys):
    with pytest.raises(ValueError, match="Nothing of Points is a mesh; link another"):
        run("mesh/apply_modifiers", points_only())
    with pytest.raises(ValueError, match=r"Points\S* has no faces; link an operand"):
        run("mesh/boolean", cube(), [points_only()])
    run("mesh/join", [cube(), points_only()])
    assert "adds nothing" in capsys.readouterr().out


@pytest.mark.parametrize("kind", SURFACES)
def test_operand_of_any_kind_is_cut_out_and_stays_what_it_was(kind):
    operand = SURFACES[kind]()
    before = (operand.type, len(operand.modifiers), operand.name)
    run("mesh/boolean", source := cube(size=20.0), [operand])
    assert len(source.data.polygons) > 6
    assert (operand.type, len(operand.modifiers), operand.name) == before


def test_what_is_instanced_is_measured_with_offset_children_and_what_is_mirrored_but_without_what_is_hidden():
    mirrored, hidden = cube("Mirrored", centre=(3, 0, 0)), cube("Hidden")
    mirrored.scale.x = -1.0
    hidden.hide_viewport = True
    inner = collection_of(mirrored, cube("Inside"), hidden)
    nested = instance(inner)
    nested.scale = (1.0, 1.0, -2.0)
    outer = collection_of(nested)
    outer.instance_offset = (0.0, 0.0, 5.0)
    source = instance(outer)
    measured = run("mesh/measure", source)
    assert measured.faces == 12
    assert measured.volume == pytest.approx(32.0, rel=1e-4)
    assert tuple(measured.minimum) == pytest.approx((-4.0, -1.0, -7.0), rel=1e-4)


def test_many_instances_of_a_rock_have_its_materials_and_attributes():
    rock = cube("Rock")
    rock.data.materials.append(material("Stone"))
    rock.data.attributes.new("wet", "FLOAT", "POINT")
    result = run("mesh/apply_modifiers", instance(collection_of(rock))).applied
    assert [each.name for each in result.data.materials] == ["Stone"]
    assert "wet" in result.data.attributes


def linked_rock(tmp_path: Path, kind: str) -> bpy.types.Object:
    rock = grid("Rock", cells=4)
    rock.data.materials.append(material("Stone"))
    rock.modifiers.new("Subdivision", "SUBSURF")
    file = tmp_path / "library.blend"
    bpy.data.libraries.write(str(file), {rock})
    bpy.data.batch_remove({rock, rock.data, *bpy.data.materials})
    with bpy.data.libraries.load(str(file), link=True) as (_there, wanted):
        wanted.objects = ["Rock"]
    rock = wanted.objects[0]
    if kind == "override":
        rock = rock.override_create()
    elif kind == "linked mesh":
        rock = rock.copy()
    bpy.context.scene.collection.objects.link(rock)
    return rock


@pytest.mark.parametrize("script", ALL_NODES)
@pytest.mark.parametrize("kind", ["linked", "override", "linked mesh"])
def test_what_is_linked_or_overridden_gives_a_local_copy_and_stays_as_it_is(tmp_path, script, kind):
    rock = linked_rock(tmp_path, kind)
    original, before = rock.data, len(rock.data.polygons)
    result = result_of(script, rock)
    assert result.library is None
    assert result.override_library is None
    assert result.data.library is None
    assert result.data.override_library is None
    assert result.name.startswith("Rock")
    assert original.library
    assert len(original.polygons) == before
    assert "Rock" in bpy.data.objects


@pytest.mark.parametrize("script", ["mesh/apply_modifiers", "mesh/decimate", "mesh/voxel_remesh", "mesh/boolean"])
def test_what_hangs_on_an_object_and_its_mesh_stays(script):
    source = grid("Source")
    source.modifiers.new("Hair", "PARTICLE_SYSTEM")
    source.particle_systems[0].settings.type = "HAIR"
    source.modifiers.new("Collision", "COLLISION")
    source.modifiers.new("Subdivision", "SUBSURF")
    source["number"] = 7
    if hasattr(source.data, "cycles"):  # what an add-on keeps on a mesh is none of them
        source.data.cycles.name = "Settings"
    source.data["number"] = 42
    source.data["names"] = {"a": [1, 2]}
    result = result_of(script, source)
    assert [modifier.type for modifier in result.modifiers] == ["PARTICLE_SYSTEM", "COLLISION"]
    assert len(result.particle_systems) == 1
    assert result["number"] == 7
    assert result.data["number"] == 42
    assert sorted(result.data.keys()) == ["names", "number"]
    assert result.data["names"]["a"][1] == 2


@pytest.mark.parametrize("solver", ["Exact", "Fast", "Manifold"])
@pytest.mark.parametrize("mirrored", ["Source", "Other", "both"])
@pytest.mark.parametrize(("operation", "volume"), [("Difference", 4.0), ("Union", 31.0), ("Intersect", 4.0)])
def test_boolean_with_what_is_mirrored_has_the_volume_of_its_kind(solver, mirrored, operation, volume):
    source, other = cube("Source"), cube("Other", size=3.0)
    other.location.x = 1.5
    for item in (source, other):
        item.scale.x = -1.0 if mirrored in (item.name, "both") else 1.0
    run("mesh/boolean", source, [other], operation, solver)
    assert run("mesh/measure", source).volume == pytest.approx(volume, rel=1e-4)


@pytest.mark.parametrize("kind", ["Instance", "Metaball", "Text", "Screw"])
def test_loss_of_animation_and_constraints_is_told(kind, capsys):
    source = SURFACES[kind]()
    target = cube("Target")
    target.location.x = 3.0
    source.constraints.new("COPY_LOCATION").target = target
    source.keyframe_insert("rotation_euler", frame=1)
    bpy.context.view_layer.update()
    result = run("mesh/apply_modifiers", source).applied
    is_kept = kind in ("Text", "Screw")
    assert (bool(result.constraints), result.animation_data is not None) == (is_kept, is_kept)
    assert ("Source is a new object: it stays where" in capsys.readouterr().out) is not is_kept
    bpy.context.view_layer.update()
    assert result.matrix_world.translation.x == pytest.approx(3.0)


@pytest.mark.parametrize("solver", ["Exact", "Fast", "Manifold"])
@pytest.mark.parametrize(("operation", "top"), [("Difference", 1.2), ("Union", 9.5), ("Intersect", 1.0)])
def test_boolean_keeps_parts_that_overlap(solver, operation, top):
    """By itself, Exact loses all of such a mesh."""
    source = run("mesh/join", [cube(), cube(centre=(0.0, 0.0, 0.7), size=1.0)])  # is 0.2 higher than the cube
    other = run("mesh/join", [cube(centre=(1.0, 0.0, 0.0)), cube(centre=(0.0, 0.0, 9.0), size=1.0)])
    result = run("mesh/boolean", source, [other], operation, solver).result
    assert max(vertex.co.z for vertex in result.data.vertices) == pytest.approx(top)


@pytest.mark.parametrize("mirrored", ["First", "Second", "both"])
def test_mirrored_object_is_not_joined_inside_out(mirrored):
    first, second = cube("First"), cube("Second", centre=(5.0, 0.0, 0.0))
    for item in (first, second):
        item.scale.x = -1.0 if mirrored in (item.name, "both") else 1.0
    run("mesh/join", [first, second])
    # Faces that look inwards would count against the others.
    assert run("mesh/measure", first).volume == pytest.approx(16.0, rel=1e-4)
