# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert Model, by what other programs find in the new files."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

import background_nodes

from ..graphs import give, new_tree
from . import fbx_file
from .scenes import cube, files_in, grid, link, load, material, open_empty_file, picture, run, textured

try:
    import trimesh
except ImportError:  # a real Blender's Python has nothing beside; what the wheels read is the same
    trimesh = None

# Blender's exporter of FBX with numpy 2.5, which a Python module of Blender may have beside it.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array")
FORMATS = {"glTF Binary": ".glb", "FBX": ".fbx", "USDZ": ".usdz", "OBJ": ".obj", "STL": ".stl", "PLY": ".ply"}
FORMATS["Alembic"] = ".abc"
#: What a Blender must have been built with.
NEEDS = {"USDZ": "usd", ".usdc": "usd", ".usdz": "usd", "Alembic": "alembic", ".abc": "alembic"}
WRITTEN_BY = {
    ".obj": "obj",
    ".gltf": "gltf",
    ".glb": "gltf",
    ".fbx": "fbx",
    ".usdc": "usd",
    ".usdz": "usd",
    ".stl": "stl",
    ".ply": "ply",
    ".abc": "alembic",
}
BOUNDS = [(1.0, -1.0, 0.0), (3.0, 1.0, 1.0)]


def ramp() -> bpy.types.Object:
    """Two metres long, from X 1 to 3, and a metre higher there."""
    item = grid("Ramp", 2, lambda x, y: (x + 1.0) / 2.0)
    item.location.x = 2.0
    item.data.materials.append(textured(material("Paint"), picture("Rust", (1.0, 0.5, 0.0, 1.0))))
    bpy.context.view_layer.update()
    return item


def skip_without(what: str) -> None:
    if not getattr(bpy.app.build_options, NEEDS.get(what, ""), True):
        pytest.skip(f"this Blender was built without {NEEDS[what]}")


def written(ending: str, folder: Path) -> Path:
    skip_without(ending)
    return run(f"import_export/export_{WRITTEN_BY[ending]}", [ramp()], folder / f"ramp{ending}")


@pytest.mark.parametrize("ending", WRITTEN_BY)
def test_each_kind_of_file_becomes_gltf_in_its_size_and_place(ending, tmp_path):
    source = written(ending, tmp_path / "in")
    open_empty_file()
    path = run("import_export/convert_model", source, tmp_path / "out")
    assert path == tmp_path / "out" / "ramp.glb"
    assert files_in(tmp_path / "out") == ["ramp.glb"]
    if trimesh:
        scene = trimesh.load_scene(path)
        assert np.allclose(scene.bounds, [(1, 0, -1), (3, 1, 1)], atol=1e-4)
        (mesh,) = scene.geometry.values()
        assert len(mesh.faces) == 8
        if ending not in (".stl", ".ply", ".abc"):
            assert mesh.visual.material.name == "Paint"
            assert mesh.visual.material.baseColorTexture.convert("RGB").getpixel((0, 0)) == (255, 128, 0)


@pytest.mark.parametrize("file_format", FORMATS)
def test_gltf_becomes_each_format_in_its_size_and_place(file_format, tmp_path):
    skip_without(file_format)
    source = written(".glb", tmp_path / "in")
    open_empty_file()
    path = run("import_export/convert_model", source, tmp_path / "out", file_format)
    assert path == tmp_path / "out" / f"ramp{FORMATS[file_format]}"
    files = [path.name] if file_format != "OBJ" else ["ramp.mtl", "ramp.obj", "ramp_textures/Rust.png"]
    assert files_in(tmp_path / "out") == files
    with_y_up = [(1, 0, -1), (3, 1, 1)]
    if file_format == "FBX":
        found = fbx_file.read(path)
        model = found.models["Ramp"]
        assert np.allclose([model.points.min(axis=0), model.points.max(axis=0)], with_y_up, atol=1e-4)
        assert (model.materials, list(found.images)) == (["Paint"], ["Rust.png"])
    elif trimesh and file_format not in ("USDZ", "Alembic"):
        bounds = with_y_up if file_format in ("OBJ", "glTF Binary") else BOUNDS
        assert np.allclose(trimesh.load_scene(path).bounds, bounds, atol=1e-4)
    open_empty_file()
    back = run(f"import_export/import_{WRITTEN_BY[path.suffix]}", path)
    (item,) = back if isinstance(back, list) else [back]
    bpy.context.view_layer.update()
    corners = np.array([item.matrix_world @ vertex.co for vertex in item.data.vertices])
    assert np.allclose([corners.min(axis=0), corners.max(axis=0)], BOUNDS, atol=1e-4)
    if file_format not in ("STL", "PLY", "Alembic"):
        assert [slot.material.name for slot in item.material_slots] == ["Paint"]
        (image,) = bpy.data.images
        assert tuple(image.pixels[:4]) == pytest.approx((1.0, 0.5, 0.0, 1.0), abs=0.01)


@pytest.mark.parametrize("file_format", ["Alembic", "USDZ", "FBX"])
def test_movement_is_there_to_its_last_frame(file_format, tmp_path):
    skip_without(file_format)
    item = ramp()
    for frame, place in ((1, 0.0), (300, 29.9)):
        item.location.x = place
        item.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_end = 300  # later than in a new file
    source = run("import_export/export_gltf", [item], tmp_path / "moves.glb")
    open_empty_file()
    path = run("import_export/convert_model", source, tmp_path / "out", file_format)
    open_empty_file()
    (item,) = run(f"import_export/import_{ {'USDZ': 'usd'}.get(file_format, file_format.lower()) }", path)
    places = []
    for frame in (1, 151, 300):
        bpy.context.scene.frame_set(frame)
        places.append(item.matrix_world.translation.x)
    assert places == pytest.approx([0.0, 15.0, 29.9], abs=0.25)


@pytest.mark.parametrize(("written_as", "file_format", "missing"), [("gltf", "FBX", "Walk"), ("fbx", "FBX", "Jump")])
def test_animation_that_is_not_in_the_new_file_is_told(written_as, file_format, missing, tmp_path, capsys):
    item, actions = ramp(), []
    for name, end in (("Walk", 20), ("Jump", 10)):
        for frame, place in ((1, 0.0), (end, 5.0)):
            item.location.x = place
            item.keyframe_insert("location", frame=frame)
        actions.append(item.animation_data.action)
        actions[-1].name = name
        item.animation_data.action = None
    for action in actions:
        track = item.animation_data.nla_tracks.new()
        track.name = action.name
        track.strips.new(action.name, 1, action)
    ending = {"gltf": ".glb", "fbx": ".fbx"}[written_as]
    source = run(f"import_export/export_{written_as}", [item], tmp_path / f"moves{ending}")
    open_empty_file()
    capsys.readouterr()
    run("import_export/convert_model", source, tmp_path / "out", file_format)
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "lacks" in line]
    assert missing in told


@pytest.mark.parametrize("way", ["Convert Model", "Import and Export"])
def test_all_takes_of_an_fbx_file_are_in_a_gltf_file(way, tmp_path):
    """Of two rigs: the importer leaves all takes but the last for nobody to find, and exporters leave these out."""
    rigs = [rig_with_takes(name, {"Walk": 20, "Jump": 10}) for name in ("Rig", "Other")]
    bpy.context.scene.frame_end = 20
    source = run("import_export/export_fbx", rigs, tmp_path / "takes.fbx")
    open_empty_file()
    if way == "Convert Model":
        path = run("import_export/convert_model", source, tmp_path / "out")
    else:
        path = run("import_export/export_gltf", run("import_export/import_fbx", source), tmp_path / "takes.glb")
    content = path.read_bytes()
    content = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    names = [node["name"] for node in content["nodes"]]
    ends = {}  # of the last key, from the first frame on, by what moves and the name of the take
    for animation in content["animations"]:
        for channel in animation["channels"]:
            times = content["accessors"][animation["samplers"][channel["sampler"]]["input"]]
            key = names[channel["target"]["node"]], animation["name"].split("|")[-1]
            ends[key] = max(ends.get(key, 0.0), times["max"][0])
    fps = bpy.context.scene.render.fps
    bones = {(name, take): round(end * fps) for (name, take), end in ends.items() if name.endswith("Bone")}
    assert {take: bones[key] for key in bones for take in [key[1]]} == {"Walk": 19, "Jump": 9}
    assert len(bones) == 4


def rig_with_takes(name: str, takes: dict[str, int]) -> bpy.types.Object:
    """An armature of a bone that rises in each take until a frame, by NLA strips from frame 1 on."""
    rig = link(name, bpy.data.armatures.new(name))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new(f"{name} Bone").tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    for take, end in takes.items():
        for frame, place in ((1, 0.0), (end, 1.0)):
            rig.pose.bones[0].location.y = place
            rig.pose.bones[0].keyframe_insert("location", frame=frame)
        action = rig.animation_data.action
        action.name, rig.animation_data.action = take, None
        track = rig.animation_data.nla_tracks.new()
        track.name = take
        track.strips.new(take, 1, action)
    return rig


def test_frames_of_caches_and_of_actions_are_all_there(tmp_path):
    skip_without("Alembic")
    item = ramp()
    bpy.ops.cachefile.open(filepath=str(run("import_export/export_alembic", [item], tmp_path / "ramp.abc")))
    item.keyframe_insert("location", frame=3)
    item.keyframe_insert("location", frame=70)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 2, 50  # as the importer of the cache would
    assert load("import_export/convert_model").take_frames()
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (2, 70)


def test_bad_file_fails_only_itself(tmp_path):
    for name in ("a", "b", "c"):
        run("import_export/export_obj", [cube(name)], tmp_path / "in" / f"{name}.obj")
    (tmp_path / "in" / "bad.glb").write_bytes(b"glTF nonsense")
    tree = new_tree()
    listing, converting = (tree.nodes.new("BackgroundNodeScript") for _node in range(2))
    listing.name, listing.library_script = "List", "pipeline/list_files"
    converting.name, converting.library_script = "Convert", "import_export/convert_model"
    give(listing, folder=str(tmp_path / "in"), pattern="*.obj; *.glb")
    give(converting, filepath=listing, folder=str(tmp_path / "out"))
    finished = background_nodes.run(tree)
    task = finished.tasks["Convert"]
    assert "1 of 4 items failed" in task.error.message
    assert "bad.glb can't be imported" in task.error.message
    assert files_in(tmp_path / "out") == ["a.glb", "b.glb", "c.glb"]


def test_files_of_one_name_get_numbers_and_none_is_written_over(tmp_path, item_of):
    sources = [run(f"import_export/export_{kind}", [cube()], tmp_path / f"cube.{kind}") for kind in ("obj", "stl")]
    content = sources[0].read_bytes()
    for index, source in enumerate(sources):
        item_of([str(each) for each in sources], index, parameter="filepath")
        run("import_export/convert_model", source, tmp_path / "out", "FBX")
    assert files_in(tmp_path / "out") == ["cube.fbx", "cube_2.fbx"]
    item_of([str(sources[0])], 0, parameter="filepath")
    with pytest.raises(ValueError, match=r"cube\.obj would be written over; choose another folder or format"):
        run("import_export/convert_model", sources[0], tmp_path, "OBJ")
    assert sources[0].read_bytes() == content
    item_of([str(each) for each in (sources[1], sources[0])], 0, parameter="filepath")
    with pytest.raises(ValueError, match=r"cube\.obj would be written over; choose another folder or format"):
        run("import_export/convert_model", sources[1], tmp_path, "OBJ")
    assert sources[0].read_bytes() == content


def test_file_that_nothing_reads_is_a_clear_error(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ValueError, match=r"Nothing here reads notes\.txt; choose files that end in \.obj, \.gltf"):
        run("import_export/convert_model", path, tmp_path / "out")
    with pytest.raises(ValueError, match="There is no file"):
        run("import_export/convert_model", tmp_path / "gone.obj", tmp_path / "out")
    assert files_in(tmp_path) == ["notes.txt"]
