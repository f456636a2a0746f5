"""`//` in a worker is the folder of the artist's file, to scripts and to Blender. The file is out of their reach."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

import background_nodes

from . import jobs
from .graphs import new_tree, quad, script, value

#: What a script may do with `//out`, that makes a file there. `i` is an image.
WRITERS = {
    "python": "open(bpy.path.abspath('//out.txt'), 'w').close()",
    "bytes": "open(bpy.path.abspath(b'//out.txt'), 'w').close()",
    "path": "open(os.path.join(os.path.dirname(bpy.data.filepath), 'out.txt'), 'w').close()",
    "operator": "bpy.ops.mesh.primitive_cube_add(); bpy.ops.wm.obj_export(filepath='//out.txt')",
    "operator of an add-on": "addon_utils.enable('io_scene_gltf2'); bpy.ops.export_scene.gltf(filepath='//out.glb')",
    "image": "i.filepath_raw = '//out.png'; i.save()",
    "library": "bpy.data.libraries.write('//out.blend', {i})",
    "render": "s.render.filepath = '//out.png'; bpy.ops.render.render(write_still=True)",
    "another file": "bpy.ops.wm.save_as_mainfile(filepath='//out.blend')",
}
#: The same, of those that are of use to a script which works on a whole file.
WHOLE_FILE_WRITERS = ("python", "bytes", "operator", "operator of an add-on", "render", "another file")
PROLOGUE = """\
    import os, addon_utils
    s = bpy.context.scene
    s.render.engine, s.cycles.samples, s.render.resolution_x, s.render.resolution_y = 'CYCLES', 1, 8, 8
    s.camera = bpy.data.objects.new('Camera', bpy.data.cameras.new('Camera'))
    s.collection.objects.link(s.camera)
    i = bpy.data.images.new('I', 4, 4)
    i.file_format = 'PNG'
"""


@pytest.fixture
def project(awkward_path, tmp_path, monkeypatch):
    """The folder of the open file, "scene.blend"; the current folder is another one."""
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "scene.blend"))
    return awkward_path


@pytest.fixture
def tree(project):
    return new_tree()


@pytest.fixture
def unsaved_tree():
    return new_tree()


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def run(tree, node) -> str:
    """The message of the node's error, "" if there is none."""
    error = background_nodes.run(tree).tasks[node.name].error
    return "" if error is None else error.message


def writing(tree, body: str, parameters: str = "", **inputs) -> bpy.types.Node:
    return script(tree, "Node", f"def main({parameters}) -> bool:\n{PROLOGUE}    {body}\n    return True\n", **inputs)


def is_written(project: Path) -> bool:
    """Whether something called "out" is in the project's folder beside the file, and nothing else is."""
    names = entries(project)
    return {Path(name).stem for name in names} == {"out", "scene"} and len(names) in (2, 3)  # an .mtl is beside an .obj


@pytest.mark.parametrize("writer", WRITERS)
def test_what_a_script_writes_to_a_relative_path_is_beside_the_artists_file(tree, project, writer):
    node = writing(tree, WRITERS[writer])
    assert run(tree, node) == ""
    assert is_written(project)
    assert entries(Path.cwd()) == []


def test_script_with_data_of_the_artist_writes_beside_his_file_too(tree, project):
    node = writing(tree, WRITERS["image"], "o: bpy.types.Object", o=value(tree, "Object", quad()))
    assert run(tree, node) == ""
    assert is_written(project)


@pytest.mark.parametrize("writer", WHOLE_FILE_WRITERS)
def test_what_a_script_writes_is_beside_the_whole_file_it_works_on(tree, project, tmp_path, writer):
    other = tmp_path / "other"
    other.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(other / "scene.blend"), copy=True)
    node = writing(tree, WRITERS[writer], "file: BlendFile", file=str(other / "scene.blend"))
    assert run(tree, node) == ""
    assert is_written(other)
    assert entries(project) == ["scene.blend"]


@pytest.mark.parametrize("writer", ["image", "library", "path"])
def test_file_left_beside_the_copy_of_a_whole_file_is_an_error_and_not_lost_in_silence(tree, project, writer):
    message = run(tree, writing(tree, WRITERS[writer], "file: BlendFile"))
    assert "out." in message
    assert "bpy.path.abspath" in message
    assert entries(project) == ["scene.blend"]


def test_whole_file_has_the_name_of_the_artists_and_may_be_saved(tree, project):
    body = (
        "bpy.ops.wm.save_mainfile(); s['name'] = os.path.basename(bpy.data.filepath); assert s['name'] == 'scene.blend'"
    )
    before = (project / "scene.blend").read_bytes()
    assert run(tree, writing(tree, body, "file: BlendFile")) == ""
    assert (project / "scene.blend").read_bytes() == before
    assert entries(project) == ["scene.blend"]


def test_relative_path_made_in_a_whole_file_leads_there(tree, project):
    (project / "there.txt").touch()
    body = "assert os.path.exists(bpy.path.abspath(bpy.path.relpath(bpy.path.abspath('//there.txt'))))"
    assert run(tree, writing(tree, body, "file: BlendFile")) == ""


@pytest.mark.parametrize(
    "misdeed",
    [
        "bpy.ops.wm.save_mainfile()",
        "bpy.ops.wm.save_as_mainfile()",
        "bpy.data.libraries.write(bpy.data.filepath, {s})",
        "os.remove(bpy.data.filepath)",
        "open(bpy.data.filepath, 'w')",
    ],
)
def test_script_that_saves_or_removes_the_open_file_fails_and_leaves_the_artists_alone(tree, project, misdeed):
    before = (project / "scene.blend").read_bytes()
    message = run(tree, writing(tree, misdeed, "o: bpy.types.Object", o=value(tree, "Object", quad())))
    assert "which a background Blender does not write" in message
    assert (project / "scene.blend").read_bytes() == before
    assert entries(project) == ["scene.blend"]


def test_name_of_the_artists_file_begins_that_of_the_open_one(tree, project):
    body = "assert os.path.splitext(bpy.data.filepath)[0] == bpy.path.abspath('//scene'), bpy.data.filepath"
    assert run(tree, writing(tree, body)) == ""


def test_file_that_a_script_opens_is_the_one_that_relative_paths_begin_at(tree, project, tmp_path):
    (tmp_path / "other").mkdir()
    other = str(tmp_path / "other" / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=other, copy=True)
    body = f"bpy.ops.wm.open_mainfile(filepath={other!r}); open(bpy.path.abspath('//out.txt'), 'w').close()"
    assert run(tree, writing(tree, body)) == ""
    assert entries(tmp_path / "other") == ["file.blend", "out.txt"]


def test_relative_path_that_a_script_gives_to_the_next_is_resolved(tree, project):
    give = script(tree, "Give", "def main() -> str: return '//some/file.txt'")
    take = script(tree, "Take", "from pathlib import Path\ndef main(path: Path) -> str: return str(path)", path=give)
    assert run(tree, take) == ""
    assert take.outputs[0].result == str(project / "some" / "file.txt")


def test_relative_path_of_an_image_that_comes_home_leads_to_its_file(tree, project):
    body = "i.filepath_raw = '//out.png'; i.save(); i.source = 'FILE'; return i"
    node = script(tree, "Node", f"def main() -> bpy.types.Image:\n{PROLOGUE}    {body}\n")
    assert run(tree, node) == ""
    assert Path(bpy.path.abspath(node.outputs[0].result.filepath)).samefile(project / "out.png")


@pytest.mark.parametrize("writer", ["python", "bytes", "operator"])
def test_relative_path_without_a_saved_file_is_an_error(unsaved_tree, tmp_path, monkeypatch, writer):
    monkeypatch.chdir(tmp_path)
    message = run(unsaved_tree, writing(unsaved_tree, WRITERS[writer]))
    assert "is relative to the open file, which was never saved" in message
    assert entries(tmp_path) == []


def test_job_writes_beside_the_artists_file(project, manager, write):
    job = jobs.run(manager, write("open(bpy.path.abspath('//out.txt'), 'w').close()"))
    assert job.state == "COMPLETED", job.error
    assert is_written(project)


@pytest.mark.any_blender
@pytest.mark.parametrize("hangs", [False, True])
def test_file_that_a_result_names_by_the_folder_is_missed_when_it_is_gone(tree, tmp_path, store, hangs):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    source = f"""
    from pathlib import Path

    class Output(NamedTuple):
        child: bpy.types.Object
        path: Path

    def main(thing: bpy.types.Object) -> Output:
        child = bpy.data.objects.new("Child", None)
        child.parent = thing if {hangs} else None
        Path(bpy.path.abspath("//out.txt")).write_text("out")
        return Output(child, Path("//out.txt"))
    """
    thing = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(thing)
    script(tree, "Write", source, thing=value(tree, "Object", thing))
    for cached in (False, True):
        run = background_nodes.run(tree)
        assert run.state == "succeeded"
        assert run.tasks["Write"].cached == cached
    (tmp_path / "out.txt").unlink()
    assert not background_nodes.run(tree).tasks["Write"].cached
    assert (tmp_path / "out.txt").exists()
