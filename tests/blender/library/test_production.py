# SPDX-License-Identifier: GPL-3.0-or-later
"""Every shipped node on each kind of thing that it may be given, in workers: right, or refused with a clear message.

Which of them it is, a table in docs/nodes.md says: these tests expect just that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import background_nodes

from ..graphs import give, new_tree, script, value
from . import fbx_file, production_scene
from .production_scene import COLLECTIONS, IMAGES, OBJECTS
from .scenes import cube, mesh_object, run

try:
    import PIL.Image
    import trimesh
except ImportError:  # a real Blender's Python has nothing beside; what the wheels read is the same
    PIL = trimesh = None

PAGE = Path(__file__).parents[3] / "docs" / "nodes.md"
#: How far a result may reach beyond its source, or stay behind it.
SLACK = 0.35
#: What is of use to each script that looks at results.
LOOK_AT_OBJECT = """
import numpy as np


def main(item: bpy.types.Object) -> dict:
    mesh = item.data
    points, layer = np.empty(len(mesh.vertices) * 3, np.float32), mesh.uv_layers.active
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3) @ np.array(item.matrix_world.to_3x3()).T + np.array(item.matrix_world.translation)
    uv = np.empty(len(layer.uv) * 2 if layer else 0, np.float32)
    if layer:
        layer.uv.foreach_get("vector", uv)
    return {
        "faces": len(mesh.polygons),
        "bounds": [points.min(axis=0).tolist(), points.max(axis=0).tolist()] if len(points) else [],
        "uv": [float(uv.min()), float(uv.max())] if len(uv) else [],
        "custom property": sorted({*item.keys(), *mesh.keys()} - {"cycles"}),
        "vertex group": item.vertex_groups.keys(),
        "shape key": mesh.shape_keys.key_blocks.keys() if mesh.shape_keys else [],
        "UV map": mesh.uv_layers.keys(),
        "material": [slot.material.name.split()[0] for slot in item.material_slots if slot.material],
        "attribute": [each.name for each in mesh.attributes if each.name in ("wear", "Tint")],
        "modifier": [each.type for each in item.modifiers if each.type in ("PARTICLE_SYSTEM", "COLLISION")],
    }
"""
LOOK_AT_IMAGE = """
import numpy as np


def main(image: bpy.types.Image) -> dict:
    pixels = np.array(image.pixels[:]).reshape(-1, 4)
    is_finite = bool(np.isfinite(pixels).all())
    is_magenta = (pixels[:, :3] == (1.0, 0.0, 1.0)).all(axis=1)  # where Blender has no texture
    return {
        "baked": float(1.0 - is_magenta.mean()),
        "alpha": float(pixels[:, 3].mean()),
        "finite": is_finite,
        "size": list(image.size),
    }
"""
LOOK_AT_PLACE = """
def main(item: bpy.types.Object) -> dict:
    bpy.context.view_layer.update()
    return {"place": [round(number, 3) + 0.0 for number in item.matrix_world.translation]}
"""
LOOK_AT_MATERIALS = """
def main(item: bpy.types.Object) -> dict:
    mesh = item.data
    return {
        "custom property": sorted({*item.keys(), *mesh.keys()} - {"cycles"}),
        "vertex group": item.vertex_groups.keys(),
        "shape key": mesh.shape_keys.key_blocks.keys() if getattr(mesh, "shape_keys", None) else [],
        "UV map": mesh.uv_layers.keys() if item.type == "MESH" else [],
        "material": [slot.material.name for slot in item.material_slots],
        "attribute": [each.name for each in getattr(mesh, "attributes", ()) if each.name in ("wear", "Tint")],
        "modifier": [each.type for each in item.modifiers if each.type in ("PARTICLE_SYSTEM", "COLLISION")],
    }
"""
#: What looks at objects that are no meshes.
LOOKS = {"object/set_material": LOOK_AT_MATERIALS, "object/move_to_origin": LOOK_AT_PLACE}
LOOK_AT_LIST = (
    "def main(items: list[bpy.types.Object] | None = None) -> list[str]: return [each.name for each in items or ()]"
)
#: What hangs on an object: names of what LOOK_AT_OBJECT gives.
HANGS = ("custom property", "vertex group", "shape key", "UV map", "material", "attribute", "modifier")


@dataclass(frozen=True)
class Result:
    """What came of a node, and of what."""

    item: bpy.types.ID
    measured: Any  # of an object, as Measure has it
    before: dict[str, Any]  # what LOOK_AT_OBJECT gives of it; empty if it is no mesh
    after: dict[str, Any]
    values: dict[str, Any]
    log: str

    def bounds(self, *others: bpy.types.Object) -> np.ndarray:
        """Of the item and others: the lowest and the highest corner."""
        all_measured = (self.measured, *(run("mesh/measure", other) for other in others))
        corners = [(tuple(each.minimum), tuple(each.maximum)) for each in all_measured if each.vertices]
        return np.array([np.min([low for low, _ in corners], axis=0), np.max([high for _, high in corners], axis=0)])


@dataclass(frozen=True)
class Use:
    """One way of giving a thing to a node, and how it shows that the result is right."""

    script: str
    inputs: Callable[[bpy.types.ID, Path], dict[str, Any]]
    check: Callable[[Result], None]


def base() -> bpy.types.Object:
    return bpy.data.objects["Base"]


def gold() -> bpy.types.Material:
    return bpy.data.materials.get("Gold") or bpy.data.materials.new("Gold")


def as_it_is() -> bpy.types.NodeTree:
    """Geometry Nodes that give what they get."""
    tree = bpy.data.node_groups.get("As It Is")
    if tree is None:
        tree = bpy.data.node_groups.new("As It Is", "GeometryNodeTree")
        for in_out in ("INPUT", "OUTPUT"):
            tree.interface.new_socket("Geometry", in_out=in_out, socket_type="NodeSocketGeometry")
        given, result = map(tree.nodes.new, ("NodeGroupInput", "NodeGroupOutput"))
        tree.links.new(given.outputs[0], result.inputs[0])
    return tree


def twin(item: bpy.types.Object) -> bpy.types.Object:
    """Another object with the same data in the same place."""
    copy = item.copy()
    bpy.context.scene.collection.objects.link(copy)
    return copy


def box(item: bpy.types.Object) -> bpy.types.Object:
    """A box around all of an object, with a UV map. Of what has no size, a small one."""
    try:
        measured = run("mesh/measure", item)
        low, high = np.array(measured.minimum) - 0.1, np.array(measured.maximum) + 0.1
    except ValueError:
        low, high = np.zeros(3), np.ones(3)
    corners = [np.where(choice, high, low) for choice in np.ndindex(2, 2, 2)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    result = mesh_object("Box", corners, faces)
    layer = result.data.uv_layers.new()
    for place in range(24):
        face, corner = divmod(place, 4)
        layer.uv[place].vector = ((face % 3 + corner // 2) / 3.0, (face // 3 + (corner in (1, 2))) / 2.0)
    return result


# What is right


def check_mesh(result: Result) -> None:
    """It is where its source was, and what hung on that hangs on it, or its loss is told."""
    assert result.after["faces"] or not result.measured.faces
    assert np.allclose(result.after["bounds"], result.bounds(), atol=SLACK)
    check_nothing_is_lost_silently(result)


def check_nothing_is_lost_silently(result: Result) -> None:
    for what in HANGS if result.before else ():
        lost = [name for name in result.before[what] if name not in result.after[what]]
        assert not lost or what in result.log, (what, lost)


def check_cleaned(result: Result) -> None:
    """The mesh itself is mended: what modifiers make of it is not there to be measured."""
    assert result.after["faces"]
    check_nothing_is_lost_silently(result)


def check_parts(result: Result) -> None:
    """All faces are in one of the parts, and what hung on the source hangs on each."""
    assert sum(part["faces"] for part in result.after) == result.measured.faces
    corners = np.array([part["bounds"] for part in result.after])
    assert np.allclose([corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)], result.bounds(), atol=SLACK)
    for part in result.after:
        check_nothing_is_lost_silently(replace(result, after={**part, "material": result.before.get("material", [])}))


def check_gold(result: Result) -> None:
    """It has the material that was to be set, and all else it had."""
    assert result.after["material"] == ["Gold"]
    before = {**result.before, "material": []} if result.before else {}
    check_nothing_is_lost_silently(replace(result, before=before))


def check_at_origin(result: Result) -> None:
    assert result.after == {"place": [0.0, 0.0, 0.0]}


def check_beside_base(result: Result) -> None:
    assert result.after["faces"]
    assert np.allclose(result.after["bounds"], result.bounds(base()), atol=SLACK)


def check_measures(result: Result) -> None:
    assert all(np.isfinite(number).all() for number in result.values.values())
    assert result.values["faces"] == result.measured.faces
    assert result.values["faces"] or "no faces" in result.log


def check_uv_map(result: Result) -> None:
    low, high = result.after["uv"]
    assert -1e-4 <= low < high <= 1.0001
    check_nothing_is_lost_silently(result)


def check_validated(result: Result) -> None:
    """A report for each, and it is told what is wrong."""
    assert result.values["passed"] is not bool(result.values["report"])
    assert all(row["object"] == result.item.name for row in result.values["report"])


def check_baked(result: Result) -> None:
    assert result.after["finite"]
    assert result.after["baked"] > 0.2


def check_rendered(result: Result) -> None:
    assert result.after["finite"]
    if result.item.type != "VOLUME" or not bpy.app.binary_path:  # Debian's Blender renders no volumes
        assert result.after["alpha"] > 0.002


def check_gltf(result: Result) -> None:
    path = Path(result.values["result"])
    content = path.read_bytes()
    content = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    assert result.item.name in {node["name"] for node in content["nodes"]}
    if trimesh and result.measured:
        shape = trimesh.load_scene(path, process=False).to_mesh()
        assert len(shape.faces) == result.measured.triangles
        if result.before.get("shape key") or "not posed" in result.log:  # these move it
            return
        low, high = result.bounds()
        assert np.allclose(shape.bounds, [(low[0], low[2], -high[1]), (high[0], high[2], -low[1])], atol=1e-3)


def check_obj(result: Result) -> None:
    path = Path(result.values["result"])
    assert path.stat().st_size
    if trimesh and result.measured.faces:
        shape = trimesh.load_scene(path, process=False).to_mesh()
        assert len(shape.faces) == result.measured.triangles
        low, high = result.bounds()
        assert np.allclose(shape.bounds, [(low[0], low[2], -high[1]), (high[0], high[2], -low[1])], atol=1e-3)


def check_printed(result: Result) -> None:
    """As many triangles in the same place, with Z up, in STL and PLY."""
    path = Path(result.values["result"])
    assert path.stat().st_size
    if trimesh and result.measured.faces:
        shape = trimesh.load(path, process=False)
        assert len(shape.faces) == result.measured.triangles
        assert np.allclose(shape.bounds, result.bounds(), atol=1e-3)


def check_fbx(result: Result) -> None:
    models = fbx_file.read(Path(result.values["result"])).models
    assert result.item.name in models
    if result.measured:
        assert sum(model.num_triangles for model in models.values()) == result.measured.triangles
        if result.before.get("shape key") or "without its armature" in result.log:  # these move it
            return
        points = np.concatenate([model.points for model in models.values()])
        low, high = result.bounds()
        found = [points.min(axis=0), points.max(axis=0)]
        assert np.allclose(found, [(low[0], low[2], -high[1]), (high[0], high[2], -low[1])], atol=1e-3)


def check_imported(result: Result) -> None:
    """What Blender itself reads out of a file: no other program here reads these formats."""
    path, before = Path(result.values["result"]), set(bpy.data.objects)
    operator = bpy.ops.wm.alembic_import if path.suffix == ".abc" else bpy.ops.wm.usd_import
    operator(filepath=str(path), set_frame_range=False)
    found = [item for item in bpy.data.objects if item not in before]
    bpy.context.view_layer.update()
    measured = [run("mesh/measure", item) for item in found if item.type == "MESH"]
    bpy.data.batch_remove(found)
    if result.measured:
        assert sum(each.triangles for each in measured) == result.measured.triangles
        corners = [(tuple(each.minimum), tuple(each.maximum)) for each in measured if each.vertices]
        if not result.measured.vertices or result.before.get("shape key") or "armature" in result.log:
            return
        low, high = np.min([low for low, _ in corners], axis=0), np.max([high for _, high in corners], axis=0)
        assert np.allclose([low, high], result.bounds(), atol=1e-3)


def check_saved(result: Result) -> None:
    with bpy.data.libraries.load(result.values["result"], link=True) as (there, wanted):
        wanted.scenes = there.scenes
    (scene,) = wanted.scenes
    assert result.item.name in {item.name for item in scene.objects}


def check_sheet(result: Result) -> None:
    assert result.after["finite"]
    assert result.after["size"] == [336, 256]  # a cell and the margin around it


def check_resized(result: Result) -> None:
    assert result.after["size"] == [4, 4 * result.item.size[1] // result.item.size[0]]


def check_same_size(result: Result) -> None:
    assert result.after["finite"]
    assert result.after["size"] == list(result.item.size)


def check_no_difference(result: Result) -> None:
    assert result.values["is_same"]
    assert result.values["maximum"] == 0.0
    check_same_size(result)


def check_picture(result: Result) -> None:
    """Each tile is in a file, and the first pixel is that of the image."""
    path = Path(result.values["result"])
    numbers = [str(tile.number) for tile in result.item.tiles] if result.item.source == "TILED" else [""]
    files = [path.with_name(path.name.replace("<UDIM>", number)) for number in numbers]
    assert all(file.stat().st_size for file in files)
    if PIL and not result.item.is_float:
        with PIL.Image.open(files[0]) as picture:
            assert picture.size == tuple(result.item.size)
            first = picture.convert("RGBA").getpixel((0, picture.size[1] - 1))
        assert np.allclose(np.array(first) / 255.0, result.item.pixels[:4], atol=0.01)


def check_split(result: Result) -> None:
    assert list(result.after) == sorted(item.name for item in result.item.all_objects)
    assert result.after or "holds no object" in result.log


def check_saved_collection(result: Result) -> None:
    with bpy.data.libraries.load(result.values["result"], link=True) as (there, wanted):
        wanted.scenes = there.scenes
    (scene,) = wanted.scenes
    (collection,) = scene.collection.children
    assert collection.name == result.item.name
    assert len(collection.all_objects) == len(result.item.all_objects)


#: The columns of the table of objects, and what goes into them.
COLUMNS = {
    "Apply Modifiers": [Use("mesh/apply_modifiers", lambda item, _: {"source": item}, check_mesh)],
    "Decimate": [Use("mesh/decimate", lambda item, _: {"source": item, "ratio": 0.9}, check_mesh)],
    "LODs": [Use("mesh/lods", lambda item, _: {"source": item, "levels": "90%"}, check_mesh)],
    "Triangulate": [Use("mesh/triangulate", lambda item, _: {"source": item}, check_mesh)],
    "Clean Up": [Use("mesh/clean_up", lambda item, _: {"source": item}, check_cleaned)],
    "Separate": [Use("mesh/separate", lambda item, _: {"source": item}, check_parts)],
    "Voxel Remesh": [Use("mesh/voxel_remesh", lambda item, _: {"source": item, "voxel_size": 0.1}, check_mesh)],
    "Boolean": [
        Use("mesh/boolean", lambda item, _: {"source": item, "operands": base()}, check_mesh),
        Use(
            "mesh/boolean",
            lambda item, _: {"source": base(), "operands": item, "operation": "Union"},
            check_beside_base,
        ),
    ],
    "Join": [
        Use("mesh/join", lambda item, _: {"objects": [item, base()]}, check_beside_base),
        Use("mesh/join", lambda item, _: {"objects": [base(), item]}, check_beside_base),
    ],
    "Geometry Nodes": [
        Use(
            "mesh/geometry_nodes",
            lambda item, _: {"source": item, "node_group": as_it_is(), "apply": True},
            check_mesh,
        )
    ],
    "Set Material": [
        Use("object/set_material", lambda item, _: {"source": item, "material": gold()}, check_gold),
    ],
    "Move to Origin": [Use("object/move_to_origin", lambda item, _: {"source": item}, check_at_origin)],
    "Measure": [Use("mesh/measure", lambda item, _: {"source": item}, check_measures)],
    "Smart UV Project": [
        Use("uv/smart_uv_project", lambda item, _: {"source": item}, check_uv_map),
        Use("uv/unwrap", lambda item, _: {"source": item}, check_uv_map),
        Use("uv/lightmap_pack", lambda item, _: {"source": item}, check_uv_map),
    ],
    "Validate": [Use("check/validate", lambda item, _: {"source": item}, check_validated)],
    "Pack Islands": [Use("uv/pack_islands", lambda item, _: {"source": item}, check_uv_map)],
    "Bake, to it": [
        Use(
            "bake/bake_normal",
            lambda item, _: {"low": item, "high": twin(item), "resolution": 16, "samples": 1},
            check_baked,
        ),
        Use(
            "bake/bake_ambient_occlusion",
            lambda item, _: {"source": item, "resolution": 16, "samples": 1},
            check_baked,
        ),
        Use("bake/bake_material", lambda item, _: {"source": item, "resolution": 16, "samples": 1}, check_baked),
    ],
    "Bake, from it": [
        Use(
            "bake/bake_normal",
            lambda item, _: {"low": box(item), "high": item, "resolution": 32, "samples": 1, "cage_extrusion": 0.5},
            check_baked,
        ),
        Use(
            "bake/bake_ambient_occlusion",
            lambda item, _: {"source": box(item), "high": item, "resolution": 32, "samples": 1, "cage_extrusion": 0.5},
            check_baked,
        ),
        Use(
            "bake/bake_material",
            lambda item, _: {"source": box(item), "high": item, "resolution": 32, "samples": 1, "cage_extrusion": 0.5},
            check_baked,
        ),
    ],
    "Render Still": [
        Use(
            "render/render_still",
            lambda item, _: {
                "objects": item,
                "width": 24,
                "height": 16,
                "samples": 1,
                "denoise": False,
                "transparent": True,
            },
            check_rendered,
        ),
    ],
    "Render Each": [
        Use(
            "render/render_each",
            lambda item, _: {"source": item, "width": 24, "height": 16, "samples": 1, "denoise": False},
            check_rendered,
        )
    ],
    "Export glTF": [
        Use(
            "import_export/export_gltf",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.glb"), "animation": False},
            check_gltf,
        ),
        Use("import_export/export_each_gltf", lambda item, folder: {"source": item, "folder": str(folder)}, check_gltf),
    ],
    "Export OBJ": [
        Use(
            "import_export/export_obj",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.obj")},
            check_obj,
        ),
        Use("import_export/export_each_obj", lambda item, folder: {"source": item, "folder": str(folder)}, check_obj),
    ],
    "Export FBX": [
        Use(
            "import_export/export_fbx",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.fbx"), "animation": False},
            check_fbx,
        ),
        Use(
            "import_export/export_each_fbx",
            lambda item, folder: {"source": item, "folder": str(folder), "animation": False, "armature": False},
            check_fbx,
        ),
    ],
    "Export STL": [
        Use(
            "import_export/export_stl",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.stl")},
            check_printed,
        ),
        Use(
            "import_export/export_each_stl",
            lambda item, folder: {"source": item, "folder": str(folder)},
            check_printed,
        ),
    ],
    "Export PLY": [
        Use(
            "import_export/export_ply",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.ply"), "triangulate": True},
            check_printed,
        ),
        Use(
            "import_export/export_each_ply",
            lambda item, folder: {"source": item, "folder": str(folder), "triangulate": True},
            check_printed,
        ),
    ],
    "Export USD": [
        Use(
            "import_export/export_usd",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.usdc")},
            check_imported,
        ),
        Use(
            "import_export/export_each_usd",
            lambda item, folder: {"source": item, "folder": str(folder), "armature": False},
            check_imported,
        ),
    ],
    "Export Alembic": [
        Use(
            "import_export/export_alembic",
            lambda item, folder: {"objects": item, "filepath": str(folder / "one.abc"), "animation": False},
            check_imported,
        ),
        Use(
            "import_export/export_each_alembic",
            lambda item, folder: {"source": item, "folder": str(folder), "animation": False},
            check_imported,
        ),
    ],
    "Save Blend File": [
        Use(
            "import_export/save_blend_file",
            lambda item, folder: {"data": item, "filepath": str(folder / "one.blend")},
            check_saved,
        )
    ],
}


#: What Blender must have been built with for a column.
NEEDS = {"Export USD": "usd", "Export Alembic": "alembic"}
IMAGE_COLUMNS = {
    "Channel Pack": [
        Use("image/channel_pack", lambda image, _: {"red": image}, check_same_size),
        Use("image/convert_image", lambda image, _: {"image": image, "invert": True}, check_same_size),
        Use("image/compare_images", lambda image, _: {"first": image, "second": image}, check_no_difference),
    ],
    "Contact Sheet": [Use("image/contact_sheet", lambda image, _: {"images": image}, check_sheet)],
    "Resize Image": [Use("image/resize_image", lambda image, _: {"image": image, "width": 4}, check_resized)],
    "Save Image": [
        Use(
            "image/save_image",
            lambda image, folder: {"image": image, "filepath": str(folder / "one.png")},
            check_picture,
        )
    ],
}
COLLECTION_COLUMNS = {
    "Split Collection": [Use("collection/split_collection", lambda item, _: {"collection": item}, check_split)],
    "Save Blend File": [
        Use(
            "import_export/save_blend_file",
            lambda item, folder: {"data": item, "filepath": str(folder / "one.blend")},
            check_saved_collection,
        )
    ],
}
TABLES = {
    "Objects": (OBJECTS, COLUMNS, "objects"),
    "Images": (IMAGES, IMAGE_COLUMNS, "images"),
    "Collections": (COLLECTIONS, COLLECTION_COLUMNS, "collections"),
}


@pytest.fixture(scope="module")
def production(tmp_path_factory) -> Path:
    return production_scene.make(tmp_path_factory.mktemp("production"))


def marks(column: str) -> Iterable[pytest.MarkDecorator]:
    """Only beside Blender's Python module are there other programs that read what was exported."""
    return () if column.startswith("Export") else (pytest.mark.any_blender,)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        pytest.param(table, column, marks=marks(column))
        for table, (_, columns, _) in TABLES.items()
        for column in columns
    ],
)
def test_node_is_right_or_says_why_not_for_each_kind_of_thing(production, tmp_path, table, column):
    names, columns, place = TABLES[table]
    if not getattr(bpy.app.build_options, NEEDS.get(column, ""), True):
        pytest.skip(f"this Blender was built without {NEEDS[column]}")
    bpy.ops.wm.open_mainfile(filepath=str(production))
    cube("Base", centre=(0.0, 0.0, 100.0))
    tree = new_tree()
    uses = list(enumerate(columns[column]))
    items = {kind: named(getattr(bpy.data, place), name) for kind, name in names.items()}
    measured = {kind: measure(item) for kind, item in items.items()}
    for kind, item in items.items():
        for number, use in uses:
            add(tree, f"{kind} {number}", use, use.inputs(item, tmp_path / kind / str(number)))
    finished = background_nodes.run(tree, workers=2)
    outcomes, faults = {}, []
    for kind, item in items.items():
        for number, use in uses:
            name = f"{kind} {number}"
            try:
                outcome = outcome_of(finished, tree, name, use, item, measured[kind])
            except AssertionError as error:
                faults.append(f"{name}: {error}")
            else:
                outcomes.setdefault(kind, set()).add(outcome)
    assert not faults, "\n".join(faults)
    assert {kind: " and ".join(sorted(each)) for kind, each in outcomes.items()} == expected(table, column)


def named(data: bpy.types.bpy_prop_collection, name: str) -> bpy.types.ID:
    """What has that name, the file's own if there is one."""
    return data.get((name, None)) or data[name]


def measure(item: bpy.types.ID) -> Any:
    try:
        return run("mesh/measure", item) if isinstance(item, bpy.types.Object) else None
    except ValueError:
        return None


def add(tree: bpy.types.NodeTree, name: str, use: Use, inputs: dict[str, Any]) -> None:
    """A node, and one that looks at its result."""
    node = tree.nodes.new("BackgroundNodeScript")
    node.name, node.library_script = name, use.script
    for identifier, content in inputs.items():
        given = content if isinstance(content, list) else [content]
        if isinstance(given[0], bpy.types.ID):
            content = [value(tree, socket_kind(each), each) for each in given]  # noqa: PLW2901
        give(node, **{identifier: content})
    kinds = [socket.bl_idname for socket in node.outputs]
    if "BackgroundNodeSocketImage" in kinds:
        place = node.outputs[kinds.index("BackgroundNodeSocketImage")]
        script(tree, f"look {name}", LOOK_AT_IMAGE, image=place)
    elif node.library_script == "collection/split_collection":
        script(tree, f"look {name}", LOOK_AT_LIST, items=node)
    elif kinds[0].startswith("BackgroundNodeSocketObject"):
        script(tree, f"look {name}", LOOKS.get(use.script, LOOK_AT_OBJECT), item=node.outputs[0])


def socket_kind(item: bpy.types.ID) -> str:
    return "NodeTree" if isinstance(item, bpy.types.NodeTree) else item.bl_rna.identifier


def outcome_of(finished, tree, name: str, use: Use, item: bpy.types.ID, measured: Any) -> str:
    """Whether the node took it: "yes" or "no". Raises AssertionError for all that is neither right nor clear."""
    task, look = finished.tasks[name], finished.tasks.get(f"look {name}")
    if task.error:
        _kind, _, message = task.error.message.partition("ValueError: ")
        assert item.name in message, task.error
        assert ";" in message, f"no mend in {message}"
        return "no"
    assert look is None or look.error is None, look.error
    before: dict[str, Any] = {}
    if isinstance(item, bpy.types.Object) and item.type == "MESH":
        space: dict[str, Any] = {"bpy": bpy}
        exec(LOOK_AT_OBJECT, space)
        before = space["main"](item)
    values = {socket.identifier: socket.result for socket in tree.nodes[name].outputs}
    after = tree.nodes[f"look {name}"].outputs[0].result if look else {}
    if look and use.script == "mesh/lods":
        (after,) = after
    use.check(Result(item, measured, before, after, values, task.log))
    return "yes"


def expected(table: str, column: str) -> dict[str, str]:
    """What a table of the page says of each kind."""
    rows = iter(rows_below(f"## {table}"))
    place = next(rows).index(column)
    return {row[0]: row[place] for row in rows}


def rows_below(title: str) -> Iterator[list[str]]:
    """The first table below a title, without the line that divides it."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(title)
    lines: Iterable[str] = (line for line in rest.split("\n## ")[0].splitlines() if line.startswith("|"))
    for line in lines:
        if not line.startswith("|--"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_all_objects_go_into_one_file_and_what_is_left_out_is_told(production, tmp_path):
    bpy.ops.wm.open_mainfile(filepath=str(production))
    items = {kind: named(bpy.data.objects, name) for kind, name in OBJECTS.items()}
    measured = {kind: measure(item) for kind, item in items.items()}
    tree = new_tree()
    everything = [value(tree, "Object", item) for item in items.values()]
    for script_name, ending in (("export_gltf", "glb"), ("export_obj", "obj"), ("save_blend_file", "blend")):
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.library_script = ending, f"import_export/{script_name}"
        slot = "data" if ending == "blend" else "objects"
        give(node, **{slot: everything, "filepath": str(tmp_path / f"all.{ending}")})
    finished = background_nodes.run(tree, workers=2)
    assert {name: task.error for name, task in finished.tasks.items()} == dict.fromkeys(("glb", "obj", "blend"))
    for ending, column in (("glb", "Export glTF"), ("obj", "Export OBJ")):
        log, takes = finished.tasks[ending].log, expected("Objects", column)
        told = {line.partition(" is not in the file")[0] for line in log.splitlines() if "is not in the file" in line}
        left_out = [kind for kind in items if takes[kind] == "no" and not measured[kind]]
        if ending == "glb":  # a node of a file is the place of its children at least
            left_out = [kind for kind in left_out if not items[kind].children]
        assert told == {items[kind].name for kind in left_out}
        if trimesh:
            shape = trimesh.load_scene(tmp_path / f"all.{ending}", process=False).to_mesh()
            assert len(shape.faces) == sum(each.triangles for each in measured.values() if each)
    with bpy.data.libraries.load(str(tmp_path / "all.blend"), link=True) as (there, wanted):
        wanted.scenes = there.scenes
    assert {item.name for item in items.values()} <= {item.name for item in wanted.scenes[0].objects}
