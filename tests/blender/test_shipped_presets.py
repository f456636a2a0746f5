"""The presets that ship with the extension are what their text says, and each does what it says of itself."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import background_nodes
from background_nodes.addon.presets import using
from background_nodes.addon.presets.libraries import SHIPPED, SHIPPED_NAME, libraries
from background_nodes.node_tree.text_form.building import build
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.errors import CompileError, Problem
from background_nodes.runtime.presets import dump_folder
from background_nodes.runtime.presets.library import PresetLibrary, picture_of
from background_nodes.runtime.presets.preset import Kind, Preset, to_json
from background_nodes.runtime.text_form.digest import digest

from .graphs import add, link, new_tree, value
from .library.scenes import cube, grid, material, mesh_object, pixels, saved_picture, textured, uv_area
from .library.scenes import link as put

SOURCES = sorted(file.parent for file in Path(__file__).parents[2].glob("examples/presets/**/preset.json"))
#: Those that are the ten jobs of docs/jobs.md; tests/blender/ten_jobs/ runs them.
JOBS = [folder for folder in SOURCES if folder.parent.name == "jobs"]
#: In graphs of them, the frame around what has to be set.
FRAME = "Set This First"
needs_films = pytest.mark.skipif(not bpy.app.build_options.codec_ffmpeg, reason="this Blender makes no films")


@pytest.fixture(scope="module")
def library() -> PresetLibrary:
    library = PresetLibrary(str(SHIPPED))
    library.read()
    return library


@pytest.fixture(params=SOURCES, ids=lambda folder: folder.name)
def source(request) -> tuple[Preset, dict[str, Any]]:
    """A preset as text: what is said of it, and its tree."""
    return dump_folder.read(request.param)[:2]


# What is in the files


def test_each_text_has_its_file_and_nothing_is_wrong_with_any(library):
    assert library.findings() == ()
    texts = {dump_folder.read(folder)[0].key for folder in SOURCES}
    assert {preset.key for preset in library.presets()} == texts
    assert len(texts) == len(SOURCES) == len(list(SHIPPED.glob("*.blend")))


def test_library_is_listed_and_nothing_is_saved_to_it():
    libraries.wait(60.0)
    found = next(library for library in libraries.all() if library.folder == SHIPPED)
    assert (found.name, len(found.presets())) == (SHIPPED_NAME, len(SOURCES))
    assert str(SHIPPED) not in [place.folder for place in libraries.places()]


def test_file_holds_what_its_text_says(source, library):
    text, tree = source
    preset = library.find(text.uuid)
    data = using.data_of(preset)
    assert data == dump(build(tree).tree)
    assert data["texts"] == {}, "nothing in it is foreign: nobody is asked"
    # A node of the library that has got another input makes another digest.
    wanted = {**to_json(text), **{name: to_json(preset)[name] for name in ("blender", "needs_blender", "catalog_id")}}
    assert to_json(preset) == wanted | {"graph_digest": digest(data)}, "run `make examples`, and commit what it writes"


def test_preset_says_what_an_artist_wants_to_know(source, library):
    preset = library.find(source[0].uuid)
    assert (preset.licence, preset.author, preset.needs_blender) == ("CC0-1.0", "Background Nodes", "4.2")
    assert preset.description.count(". ") >= 1
    assert preset.description.endswith(".")
    assert preset.tags
    assert preset.catalog
    assert min(preset.cost_seconds, preset.cost_memory, preset.cost_amount, preset.runs) > 0
    assert preset.cost_unit in ("faces", "pixels")
    assert picture_of(preset) is not None


def test_each_input_and_output_of_a_preset_is_described(source):
    items = source[1]["tree"].get("interface", [])
    flat = [item for found in items for item in found.get("items", [found])]
    assert [item["name"] for item in flat if not item.get("description")] == []


# What they do


@pytest.mark.parametrize("folder", JOBS, ids=lambda folder: folder.name)
def test_job_lacks_what_an_artist_has_to_set_and_nothing_else(library, folder, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    preset = library.find(dump_folder.read(folder)[0].uuid)
    if preset.kind is Kind.TREE:
        tree = using.use_tree(preset).tree
        wanted = {node.name for node in tree.nodes if node.parent is not None and node.parent.label == FRAME}
    else:
        tree = use(library, preset.name, {}).id_data
        wanted = {f"{preset.name} / {preset.name}"}  # the node in the group that what is to be linked goes to
    with pytest.raises(CompileError) as caught:
        background_nodes.forecast(tree)
    # A Blender that lacks what a node needs, such as Alembic, says so of the node, and of no socket.
    problems = [
        problem for problem in caught.value.problems if not problem.message.startswith("this Blender was built without")
    ]
    assert {to_be_set(tree, problem) for problem in problems} == wanted
    assert all(problem.socket and problem.fix for problem in problems)


def to_be_set(tree: bpy.types.NodeTree, problem: Problem) -> str:
    """The node to set something on: that of the problem, or the one that is linked to its socket."""
    socket = tree.nodes[problem.node].inputs[problem.socket] if problem.node in tree.nodes else None
    return socket.links[0].from_node.name if socket is not None and socket.is_linked else problem.node


def use(library: PresetLibrary, name: str, inputs: dict[str, Any]) -> bpy.types.Node:
    """The node of a preset in a tree, with these inputs by their labels: values, or data-blocks for an Input node."""
    preset = next(preset for preset in library.presets() if preset.name == name)
    tree = new_tree()
    node = using.use(preset, tree).node
    for label, content in inputs.items():
        socket = node.inputs[label]
        if hasattr(socket, "default_value") and not isinstance(content, bpy.types.ID | list):
            socket.default_value = content
        else:
            first = content[0] if isinstance(content, list) else content
            link(value(tree, type(first).__name__, content, is_list=isinstance(content, list)), socket)
    return node


def run(node: bpy.types.Node) -> background_nodes.Run:
    run = background_nodes.run(node.id_data)
    assert {name: task.error for name, task in run.tasks.items() if task.error} == {}
    assert run.state == "succeeded"
    return run


def fetch(run: background_nodes.Run, node: bpy.types.Node, output: str) -> Any:
    return run.fetch(node.name, output)


def triangles(item: bpy.types.Object) -> int:
    item.data.calc_loop_triangles()
    return len(item.data.loop_triangles)


def ball(name: str, subdivisions: int, bumps: float = 0.0) -> bpy.types.Object:
    """A ball of triangles, with bumps."""
    import bmesh  # the wheels have it once bpy is there

    mesh, form = bpy.data.meshes.new(name), bmesh.new()
    bmesh.ops.create_icosphere(form, subdivisions=subdivisions, radius=1.0)
    for vertex in form.verts:
        vertex.co *= 1.0 + bumps * np.sin(9.0 * vertex.co.x) * np.sin(9.0 * vertex.co.y)
    form.to_mesh(mesh)
    form.free()
    return put(name, mesh)


def test_lod_chain_gives_each_object_its_levels(library):
    rocks = [ball("Rock", subdivisions=4), ball("Stone", subdivisions=3)]
    node = use(library, "LOD Chain", {"Object": rocks, "Levels": "50%, 100"})
    done = run(node)
    levels = fetch(done, node, "LODs")
    assert [each.name for each in levels] == [
        f"{name}_LOD{number}" for name in ("Rock", "Stone") for number in range(3)
    ]
    counts = [triangles(each) for each in levels]
    assert counts == list(fetch(done, node, "Triangles"))
    for rock, (whole, half, hundred) in zip(rocks, (counts[:3], counts[3:]), strict=True):
        assert whole == triangles(rock)
        assert half == pytest.approx(whole / 2, rel=0.05)
        assert hundred == pytest.approx(100, rel=0.05)


def test_bake_set_gives_a_light_object_with_maps_of_the_detailed_one(library):
    rock = ball("Rock", subdivisions=4, bumps=0.1)
    rock.data.materials.append(material("Moss", (0.1, 0.6, 0.1, 1.0)))
    node = use(library, "Game Asset Bake Set", {"High-Poly": rock, "Resolution": 64, "Samples": 1})
    done = run(node)
    low = fetch(done, node, "Low-Poly")
    assert low.name == "Rock_Low"
    assert triangles(low) == pytest.approx(triangles(rock) / 10, rel=0.05)
    assert 0.3 < uv_area(low) <= 1.0
    maps = {each.label: each.image for each in low.data.materials[0].node_tree.nodes if each.type == "TEX_IMAGE"}
    assert len(maps) == 3
    color, normal, orm = (pixels(fetch(done, node, name))[..., :3] for name in ("Base Color", "Normal Map", "ORM"))
    assert color.shape == normal.shape == orm.shape == (64, 64, 3)
    assert color[..., 1].mean() > 2.0 * color[..., 0].mean(), "it is green"
    assert normal[..., 2].mean() > 0.85
    assert normal[..., 0].std() > 0.01, "the bumps are in it"
    occlusion, roughness, metallic = (orm[..., channel] for channel in range(3))
    assert occlusion.std() > 0.01
    assert np.median(roughness) == pytest.approx(0.5, abs=0.02)
    assert metallic.max() < 0.02


def test_batch_convert_writes_each_model_of_a_folder_as_gltf(library, tmp_path):
    for name, ending in (("Box", "obj"), ("Cube", "glb")):
        export(cube(name), tmp_path / "models" / f"{name}.{ending}")
    (tmp_path / "models" / "notes.txt").write_text("not a model", encoding="utf-8")
    save_as = str(tmp_path / "new" / "{name}_x.glb")
    node = use(
        library, "Batch Convert a Folder", {"Folder": str(tmp_path / "models"), "Save As": save_as, "OBJ Scale": 0.5}
    )
    files = fetch(run(node), node, "Files")
    assert [Path(file).name for file in files] == ["Box_x.glb", "Cube_x.glb"]
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    for file in files:
        bpy.ops.import_scene.gltf(filepath=str(file))
    sizes = {item.name: round(item.dimensions.x, 3) for item in bpy.data.objects if item.type == "MESH"}
    assert sizes == {"Cube": 2.0, "Box": 1.0}, "only the OBJ file is scaled"


def export(item: bpy.types.Object, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    for each in bpy.context.scene.objects:
        each.select_set(each == item)
    if path.suffix == ".obj":
        bpy.ops.wm.obj_export(filepath=str(path), export_selected_objects=True, export_materials=False)
    else:
        bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)


def test_contact_sheet_shows_all_pictures_of_a_folder(library, tmp_path):
    colors = {"red": (1, 0, 0, 1), "green": (0, 1, 0, 1), "blue": (0, 0, 1, 1)}
    for name, color in colors.items():
        saved_picture(tmp_path / f"{name}.png", color)
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    sheet_file = tmp_path / "sheets" / "all.png"
    sizes = {"Columns": 3, "Cell Width": 16, "Cell Height": 8, "Margin": 4}
    paths = {"Folder": str(tmp_path), "Save As": str(sheet_file)}
    node = use(library, "Folder Contact Sheet", paths | sizes)
    done = run(node)
    sheet = fetch(done, node, "Sheet")
    assert tuple(sheet.size) == (3 * 16 + 4 * 4, 8 + 2 * 4)
    middles = [pixels(sheet)[8, 4 + 8 + 20 * column, :3].round().tolist() for column in range(3)]
    assert middles == [[0, 0, 1], [0, 1, 0], [1, 0, 0]], "in the order of their names"
    assert Path(fetch(done, node, "File")) == sheet_file
    assert sheet_file.is_file()


@needs_films
def test_turntable_renders_each_frame_of_a_turn_a_film_and_a_sheet(library, tmp_path):
    folder, film, sheet = tmp_path / "turn", tmp_path / "turn.mp4", tmp_path / "sheet.png"
    sizes = {"Frames": 4, "Width": 24, "Height": 16, "Engine": "Workbench"}
    paths = {"Save To": f"{folder}/", "Save Film As": str(film), "Save Sheet As": str(sheet)}
    node = use(library, "Turntable", {"Objects": [cube("Box")], "Transparent": True} | paths | sizes)
    done = run(node)
    frames = fetch(done, node, "Frames")
    assert [tuple(frame.size) for frame in frames] == [(24, 16)] * 4
    covered = [(pixels(frame)[..., 3] > 0.5).mean() for frame in frames]
    assert min(covered) > 0.1
    assert max(covered) == pytest.approx(min(covered), abs=0.05), "a box looks alike after each quarter"
    assert [Path(file).parent for file in fetch(done, node, "Files")] == [folder] * 4
    assert len(list(folder.iterdir())) == 4
    assert tuple(fetch(done, node, "Sheet").size) == (2 * 160 + 3 * 4, 2 * 160 + 3 * 4)
    assert [Path(fetch(done, node, name)) for name in ("Film", "Sheet File")] == [film, sheet]
    clip = bpy.data.movieclips.load(str(film))
    assert (clip.frame_duration, *clip.size) == (4, 24, 16)
    assert sheet.is_file()


def test_thumbnails_show_what_is_in_the_files_of_a_folder(library, tmp_path):
    library_folder, folder = tmp_path / "library", tmp_path / "thumbnails"
    library_folder.mkdir()
    for name, size in (("Box", 2.0), ("Crate", 0.1)):
        bpy.data.libraries.write(str(library_folder / f"{name}.blend"), {cube(name, size)}, fake_user=True)
    render = {"Engine": "Workbench", "Size": 16, "Transparent": True}
    paths = {"Folder": str(library_folder), "Save To": f"{folder}/"}
    node = use(library, "Thumbnails for a Library", {"Kind": "Object"} | paths | render)
    done = run(node)
    pictures = fetch(done, node, "Thumbnails")
    assert [picture.name for picture in pictures] == ["Box", "Crate"]
    assert [tuple(picture.size) for picture in pictures] == [(16, 16)] * 2
    assert min((pixels(picture)[..., 3] > 0.5).mean() for picture in pictures) > 0.2, "small ones fill it, too"
    assert sorted(file.name for file in folder.iterdir()) == ["Box.png", "Crate.png"]
    assert fetch(done, node, "Sheet").size[0] > 160


@pytest.mark.parametrize("joins", [False, True])
def test_cad_clean_up_mends_the_parts_and_leaves_tiny_ones_out(library, joins):
    plate = mesh_object("Plate", *apart())
    put("Frame", None)
    parts = [plate, cube("Block"), cube("Screw", size=0.002), bpy.data.objects["Frame"]]
    node = use(library, "Clean Up Imported CAD", {"Objects": parts, "Join": joins})
    done = run(node)
    found = fetch(done, node, "Cleaned")
    cleaned = [found] if joins else found
    assert {item.name.split(".")[0] for item in fetch(done, node, "Left Out")} == {"Screw", "Frame"}
    assert len(cleaned) == (1 if joins else 2)
    assert sum(len(item.data.vertices) for item in cleaned) == 16
    assert sum(len(item.data.polygons) for item in cleaned) == 12
    assert list(fetch(done, node, "Merged")) == [16, 0]
    assert list(fetch(done, node, "Flipped")) == [1, 0]


def apart() -> tuple[list, list]:
    """A box as CAD programs write it: each face with corners of its own, and one looks inwards."""
    box = cube("Whole")
    corners = [[tuple(box.data.vertices[index].co) for index in face.vertices] for face in box.data.polygons]
    bpy.data.objects.remove(box)
    corners[0].reverse()
    return [corner for face in corners for corner in face], [tuple(range(4 * n, 4 * n + 4)) for n in range(6)]


def test_report_tells_texel_density_and_textures(library, tmp_path):
    near, far = grid("Near"), grid("Far")
    far.scale = (2.0, 2.0, 2.0)
    image = saved_picture(tmp_path / "wall.png", (1, 0, 0, 1))
    near.data.materials.append(textured(material("Wall"), image))
    files = {name: str(tmp_path / f"{name}.csv") for name in ("UV Report", "Texture Report")}
    node = use(library, "UV and Texture Report", {"Objects": [near, far], "Texture Size": 512} | files)
    done = run(node)
    assert list(fetch(done, node, "Densities")) == pytest.approx([256.0, 128.0])
    assert [Path(fetch(done, node, name)) for name in files] == list(map(Path, files.values()))
    texts = (Path(file).read_text(encoding="utf-8-sig").splitlines() for file in files.values())
    objects, textures = (list(csv.DictReader(lines)) for lines in texts)
    assert [(row["Object"], float(row["Texel Density"]), float(row["Coverage"])) for row in objects] == [
        ("Near", pytest.approx(256.0), pytest.approx(1.0)),
        ("Far", pytest.approx(128.0), pytest.approx(1.0)),
    ]
    assert [(row["name"], int(row["width"]), int(row["height"])) for row in textures] == [("wall.png", *image.size)]


# Values


def test_values_are_for_their_node_and_set_nothing_else(library):
    tree = new_tree()
    node = add(tree, "BackgroundNodeScript")
    node.library_script = "render/render_still"
    node.inputs["Name"].default_value = "Mine"
    found = {}
    for preset in library.presets():
        if preset.kind is Kind.VALUES:
            using.apply_values(preset, node)
            found[preset.name] = tuple(node.inputs[name].default_value for name in ("Width", "Height", "Samples"))
    assert found == {"Preview": (480, 270, 8), "Final": (1920, 1080, 64)}
