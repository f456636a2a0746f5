"""What a .blend file uses goes along with it: each kind of file is used by a step after the originals are gone."""

import contextlib
import json
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import bpy
import pytest

from background_nodes.node_tree.lookup import InputError
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.store.store import Store
from background_nodes.runtime.text_form.files import write_file
from background_nodes.submit import collecting
from background_nodes.submit.job import JobError
from background_nodes.submit.working import JobWorker

from ..blender.graphs import new_tree, script
from .test_submit import Heard, submit

TRIANGLE = (
    "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\nendsolid\n"
)
COUNT = """
def main(source: bpy.types.Object) -> None:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    print(f"gives={len(source.evaluated_get(depsgraph).to_mesh().vertices)}")
"""
HEIGHT = """
def main(source: bpy.types.Object) -> None:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    vertices = source.evaluated_get(depsgraph).to_mesh().vertices
    print(f"gives={max((source.matrix_world @ each.co).z for each in vertices):.2f}")
"""
#: Of each pixel the red, at the corner of the image; of an image of several files by another image of each.
RED = """
import os
def main(image: bpy.types.Image, name: str) -> None:
    folder = os.path.dirname(bpy.path.abspath(image.filepath))
    print(f"gives={bpy.data.images.load(os.path.join(folder, name)).pixels[0]:.2f}")
"""


@pytest.fixture
def project(tmp_path):
    """The folder of the .blend file, in one with others; `tmp_path / "elsewhere"` is outside of it."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    for name in ("shows/project", "shows/shared", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "shows" / "project"


def picture(path: Path, red: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("picture", 4, 4)
    image.pixels.foreach_set([red, 0.0, 0.0, 1.0] * 16)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def image(path: str, source: str = "FILE") -> bpy.types.Image:
    found = bpy.data.images.new(Path(path).name, 4, 4)
    found.source = source
    found.filepath_raw = path
    found.use_fake_user = True
    return found


def mesh_object(name: str, modifier: str = "") -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    found = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(found)
    if modifier:
        found.modifiers.new(modifier, modifier)
    return found


def imports(path: str, *, by_modifier: bool) -> bpy.types.Object:
    """An object whose Geometry Nodes read a file that one of their nodes names, or an input of the modifier."""
    group = bpy.data.node_groups.new("Import", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    node, output = group.nodes.new("GeometryNodeImportSTL"), group.nodes.new("NodeGroupOutput")
    group.links.new(node.outputs[0], output.inputs[0])
    found = mesh_object("Imports", "NODES")
    if by_modifier:
        entry = group.interface.new_socket("File", in_out="INPUT", socket_type="NodeSocketString")
        entry.subtype = "FILE_PATH"
        group.links.new(group.nodes.new("NodeGroupInput").outputs["File"], node.inputs[0])
        found.modifiers[0].node_group = group
        if hasattr(found.modifiers[0], "properties"):
            getattr(found.modifiers[0].properties.inputs, entry.identifier).value = path
        else:
            found.modifiers[0][entry.identifier] = path
    else:
        node.inputs[0].default_value = path
        found.modifiers[0].node_group = group
    return found


def moved_and_run(project: Path, tmp_path: Path, *arguments: str, file: Path | None = None) -> dict[str, object]:
    """Submit, move the job, take away all that was there before, and run each step. What each node gives."""
    if file is None:
        file = project / "scene.blend"
        bpy.data.node_groups["Tree"].use_fake_user = True
        bpy.ops.wm.save_as_mainfile(filepath=str(file), relative_remap=False)
    submit(file, tmp_path / "job", *arguments)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    for name in ("shows", "elsewhere"):
        shutil.rmtree(tmp_path / name)
    (tmp_path / "machine").mkdir()
    job = (tmp_path / "job").rename(tmp_path / "machine" / "job of the farm")
    values = {}
    with contextlib.closing(JobWorker(job, 1)) as worker:
        for number, step in enumerate(worker.job.steps):
            heard = Heard()
            assert worker.run(number, None, heard), heard.faults
            (values[step.name],) = [json.loads(line.partition("=")[2]) for line in heard.lines if "gives=" in line]
    return values


def test_images_of_all_kinds_are_found_by_a_job_that_was_moved(project, tmp_path):
    tree = new_tree()
    shared, elsewhere = project.parent / "shared", tmp_path / "elsewhere"
    picture(project / "in project.png", 0.25)
    picture(shared / "above.png", 0.5)
    picture(elsewhere / "absolute.png", 0.75)
    for number, red in (("1001", 0.25), ("1002", 0.5)):
        picture(shared / f"tile.{number}.png", red)
    for number, red in (("0001", 0.25), ("0002", 0.5)):
        picture(elsewhere / f"frame_{number}_beauty.png", red)
    tiled = image("//../shared/tile.<UDIM>.png", "TILED")
    tiled.tiles.new(1002)
    uses = {
        "Project": (image("//in project.png"), "in project.png", 0.25),
        "Above": (image("//../shared/above.png"), "above.png", 0.5),
        "Absolute": (image(str(elsewhere / "absolute.png")), "absolute.png", 0.75),
        "Tiles": (tiled, "tile.1002.png", 0.5),
        "Frames": (image(str(elsewhere / "frame_0001_beauty.png"), "SEQUENCE"), "frame_0002_beauty.png", 0.5),
    }
    for name, (used, file, _red) in uses.items():
        script(tree, name, RED, image=used, name=file)
    found = moved_and_run(project, tmp_path)
    assert found == {name: pytest.approx(red, abs=0.01) for name, (_used, _file, red) in uses.items()}


def test_caches_and_imported_files_are_found_by_a_job_that_was_moved(project, tmp_path):
    """Each is an absolute path, outside of the project, of what Blender reads while it evaluates an object."""
    tree = new_tree()
    elsewhere = tmp_path / "elsewhere"
    expected = {}
    for name, export in (("Alembic", "alembic_export"), ("USD", "usd_export")):
        source = mesh_object(f"From {name}")
        source.data.vertices[2].co.z = 7.0
        bpy.ops.object.select_all(action="DESELECT")
        source.select_set(True)
        file = elsewhere / f"cache.{'abc' if name == 'Alembic' else 'usdc'}"
        selected = {"selected": True} if name == "Alembic" else {"selected_objects_only": True}
        getattr(bpy.ops.wm, export)(filepath=str(file), **selected)
        bpy.ops.cachefile.open(filepath=str(file))
        source.data.vertices[2].co.z = 0.0
        cache = source.modifiers.new("Cache", "MESH_SEQUENCE_CACHE")
        cache.cache_file = bpy.data.cache_files[file.name]
        root = "" if name == "Alembic" else "/root"
        cache.object_path = f"{root}/From_{name}/{source.data.name.replace(' ', '_')}"
        script(tree, name, HEIGHT, source=source)
        expected[name] = 7.0
    (elsewhere / "triangle.stl").write_text(TRIANGLE)
    for name, by_modifier in (("Node", False), ("Modifier", True)):
        script(tree, name, COUNT, source=imports(str(elsewhere / "triangle.stl"), by_modifier=by_modifier))
        expected[name] = 3
    assert moved_and_run(project, tmp_path) == expected


def test_sounds_fonts_and_strips_are_found_by_a_job_that_was_moved(project, tmp_path):
    tree = new_tree()
    elsewhere = tmp_path / "elsewhere"
    with wave.open(str(elsewhere / "tone.wav"), "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(8000)
        tone.writeframes(b"\0\0" * 800)
    sound = bpy.data.sounds.load(str(elsewhere / "tone.wav"))
    length = "import os\ndef main(sound: bpy.types.Sound) -> None:\n"
    length += "    print('gives=' + str(os.path.getsize(bpy.path.abspath(sound.filepath))))\n"
    script(tree, "Sound", length, sound=sound)
    fonts = Path(bpy.utils.system_resource("DATAFILES"), "fonts")
    shutil.copy2(next(fonts.glob("*.woff2")), elsewhere / "letters.woff2")
    font = bpy.data.fonts.load(str(elsewhere / "letters.woff2"))
    there = "import os\ndef main(font: bpy.types.VectorFont) -> None:\n"
    there += "    print('gives=' + str(int(os.path.isfile(bpy.path.abspath(font.filepath)))))\n"
    script(tree, "Font", there, font=font)
    picture(elsewhere / "strip 1.png", 0.5)
    picture(elsewhere / "strip 2.png", 0.5)
    strip = bpy.context.scene.sequence_editor_create().strips.new_image("Strip", str(elsewhere / "strip 1.png"), 1, 1)
    strip.elements.append("strip 2.png")
    paths = "import os\ndef main(scene: bpy.types.Scene) -> None:\n    strip = scene.sequence_editor.strips[0]\n"
    paths += "    folder = bpy.path.abspath(strip.directory)\n"
    paths += "    there = [os.path.isfile(os.path.join(folder, each.filename)) for each in strip.elements]\n"
    paths += "    print('gives=' + str(sum(there)))\n"
    script(tree, "Strip", paths, scene=bpy.context.scene)
    assert moved_and_run(project, tmp_path) == {"Sound": 1644, "Font": 1, "Strip": 2}


def test_libraries_of_libraries_and_their_files_are_found_by_a_job_that_was_moved(project, tmp_path):
    """scene.blend links material.blend by a relative path, which links texture.blend by an absolute one."""
    elsewhere, shared = tmp_path / "elsewhere", project.parent / "shared"
    picture(elsewhere / "deep" / "wood.png", 0.5)
    image("//deep/wood.png").name = "Wood"
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "texture.blend"), relative_remap=False)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    with bpy.data.libraries.load(str(elsewhere / "texture.blend"), link=True) as (_there, wanted):
        wanted.images = ["Wood"]
    material = bpy.data.materials.new("Wooden")
    material.use_fake_user = True
    if material.node_tree is None:
        material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = wanted.images[0]
    bpy.ops.wm.save_as_mainfile(filepath=str(shared / "material.blend"), relative_remap=False)
    assert not bpy.data.libraries[0].filepath.startswith("//")
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"))
    with bpy.data.libraries.load(str(shared / "material.blend"), link=True, relative=True) as (_there, wanted):
        wanted.materials = ["Wooden"]
    chair = mesh_object("Chair")
    chair.data.materials.append(wanted.materials[0])
    look = "def main(source: bpy.types.Object) -> None:\n"
    look += "    nodes = source.data.materials[0].node_tree.nodes\n"
    look += "    image = next(node.image for node in nodes if node.type == 'TEX_IMAGE')\n"
    look += "    print('gives=' + str(image.pixels[0]))\n"
    script(new_tree(), "Look", look, source=chair)
    assert moved_and_run(project, tmp_path) == {"Look": pytest.approx(0.5, abs=0.01)}


def test_files_of_another_blend_file_that_a_node_works_on_are_found_by_a_job_that_was_moved(project, tmp_path):
    picture(project.parent / "shared" / "wood.png", 0.5)
    image("//../../shared/wood.png").name = "Wood"
    (project / "kits").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "kits" / "kit.blend"), relative_remap=False)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    tree = new_tree()
    whole = "from background_nodes.script import BlendFile\ndef main(file: BlendFile) -> None:\n"
    whole += "    print('gives=' + str(bpy.data.images['Wood'].pixels[0]))\n"
    script(tree, "Whole", whole, file="//kits/kit.blend")
    append = "from pathlib import Path\ndef main(kit: Path) -> None:\n"
    append += "    with bpy.data.libraries.load(str(kit)) as (_there, wanted): wanted.images = ['Wood']\n"
    append += "    print('gives=' + str(wanted.images[0].pixels[0]))\n"
    script(tree, "Append", append, kit="//kits/kit.blend")
    found = moved_and_run(project, tmp_path)
    assert found == {"Whole": pytest.approx(0.5, abs=0.01), "Append": pytest.approx(0.5, abs=0.01)}


@pytest.mark.parametrize(
    ("kind", "lost"),
    [("tile", "wood.1002.png"), ("frames", "frame_0001.png"), ("node", "gone.stl"), ("library", "kit.blend")],
)
def test_nothing_is_submitted_if_something_is_not_there_that_only_blender_would_miss(project, tmp_path, kind, lost):
    """Blender would show magenta, or nothing at all, and the run would succeed."""
    if kind == "tile":
        picture(project / "wood.1001.png", 0.5)
        image("//wood.<UDIM>.png", "TILED").tiles.new(1002)
    elif kind == "frames":
        image("//frame_0001.png", "SEQUENCE")
    elif kind == "node":
        imports("//gone.stl", by_modifier=False)
    else:
        image("//wood.png").name = "Wood"
        picture(project / "wood.png", 0.5)
        bpy.ops.wm.save_as_mainfile(filepath=str(project / "kit.blend"), relative_remap=False)
        bpy.ops.wm.read_homefile(use_factory_startup=True)
        with bpy.data.libraries.load(str(project / "kit.blend"), link=True) as (_there, wanted):
            wanted.images = ["Wood"]
        mesh_object("Uses").data.materials.append(bpy.data.materials.new("Plain"))
        nodes = bpy.data.materials["Plain"].node_tree.nodes
        nodes.new("ShaderNodeTexImage").image = wanted.images[0]
        (project / "kit.blend").unlink()
    tree = new_tree()
    tree.use_fake_user = True
    script(tree, "One", "def main() -> int:\n    return 1\n")
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"), relative_remap=False)
    with pytest.raises(JobError, match=rf"uses what is not there: [^,]*{lost}$"):
        submit(project / "scene.blend", tmp_path / "job")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "shows"]


def test_file_without_absolute_paths_is_packed_as_it_is(project, tmp_path):
    picture(project / "in project.png", 0.25)
    image("//in project.png")
    tree = new_tree()
    tree.use_fake_user = True
    script(tree, "One", "def main() -> int:\n    return 1\n")
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"), relative_remap=False)
    submit(project / "scene.blend", tmp_path / "job")
    packed = tmp_path / "job" / "files"
    assert sorted(path.name for path in packed.iterdir()) == ["in project.png", "scene.blend"]
    assert (packed / "scene.blend").read_bytes() == (project / "scene.blend").read_bytes()


# A tree as text


READ = """
from pathlib import Path
def main(source: bpy.types.Object, path: Path) -> None:
    text = path.read_text()
    print(f"gives={text}")
"""


def test_tree_as_text_is_submitted_with_the_scene_that_it_works_on(project, tmp_path):
    tree = new_tree()
    script(tree, "Read", READ, source=bpy.data.objects["Cube"], path="//../project/notes.txt")
    (project.parent / "trees").mkdir()
    write_file(project.parent / "trees" / "read.json", dump(tree), scripts_beside=True)
    (project / "notes.txt").write_text("12")
    bpy.data.node_groups.remove(tree)
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"))
    text = project.parent / "trees" / "read.json"
    with pytest.raises(InputError, match=r"no \.blend file, and no tree"):
        submit(project / "notes.txt", tmp_path / "job")
    assert moved_and_run(project, tmp_path, "--open", str(project / "scene.blend"), file=text) == {"Read": 12}


def test_tree_as_text_alone_is_submitted_with_values_that_were_set(project, tmp_path):
    tree = new_tree()
    script(tree, "Sum", "def main(a: int, b: int) -> None:\n    print(f'gives={a + b}')\n", a=1, b=2)
    write_file(project / "sum.json", dump(tree))
    assert moved_and_run(project, tmp_path, "--set", "Sum.A=40", file=project / "sum.json") == {"Sum": 42}


# Machines that have the folder at another place


def test_openjd_maps_the_folder_of_a_job_and_its_results_come_home(project, tmp_path):
    """The machine of the farm has it elsewhere; there is nothing any more where it was submitted."""
    picture(tmp_path / "elsewhere" / "absolute.png", 0.75)
    tree = new_tree()
    tree.use_fake_user = True
    used = image(str(tmp_path / "elsewhere" / "absolute.png"))
    script(tree, "Look", "def main(image: bpy.types.Image) -> float:\n    return image.pixels[0]\n", image=used)
    write = "from background_nodes.script import OutputPath, claim\n"
    write += "def main(to: OutputPath) -> None:\n    claim(to).write_text('written')\n"
    script(tree, "Write", write, to="//out.txt")
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"), relative_remap=False)
    submit(project / "scene.blend", tmp_path / "job")
    there = tmp_path / "machine" / "job"
    there.parent.mkdir()
    (tmp_path / "job").rename(there)
    shutil.rmtree(tmp_path / "elsewhere")
    rules = {
        "version": "pathmapping-1.0",
        "path_mapping_rules": [
            {"source_path_format": "POSIX", "source_path": str(tmp_path / "job"), "destination_path": str(there)}
        ],
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    programs = Path(sys.executable).parent
    argv = [programs / "openjd", "run", there / "template.json", "-p", f"Command={programs / 'background-nodes'}"]
    argv += ["-p", f"JobFolder={tmp_path / 'job'}", "--path-mapping-rules", f"file://{tmp_path / 'rules.json'}"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=500, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (tmp_path / "job").exists()
    with contextlib.closing(Store(tmp_path / "home")) as home:
        collected = collecting.collect(there, home, tmp_path / "came")
    assert collected.files == [tmp_path / "came" / "out.txt"]
    assert (collected.num_results, collected.elsewhere, collected.missing) == (1, ["Write"], []), "that of Look"


@pytest.mark.parametrize("path", ["/renders/out.txt", "C:\\renders\\out.txt", "//../out.txt"])
def test_nothing_is_submitted_that_would_write_outside_of_the_job(project, tmp_path, path):
    tree = new_tree()
    tree.use_fake_user = True
    write = "from background_nodes.script import OutputPath\ndef main(to: OutputPath) -> None:\n    pass\n"
    script(tree, "Write", write, to=path)
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"))
    with pytest.raises(CompileError, match=r"lies outside of what the job takes along|is no whole path"):
        submit(project / "scene.blend", tmp_path / "job")
