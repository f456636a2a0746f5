"""`JobManager`, used as the README of its ancestor says: scripts without main, polled or waited for."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import bpy
import pytest
from mathutils import Euler, Matrix, Vector

from tests.blender import dependency_changes
from tests.blender.graphs import names, new_material, quad
from tests.blender.jobs import PATIENCE, add, process, run
from tests.store_files import files_in


def ends(manager, job="job") -> set[str]:
    """What the manager says of a job's end."""
    return {end for end in ("complete", "dropped", "killed", "timed_out") if getattr(manager, f"job_{end}")(job)}


# The three roads in, the two roads back


def test_script_without_data_runs_in_an_empty_file_of_another_blender(manager, write):
    script = write("import bpy, os\npython_data = {'objects': len(bpy.data.objects), 'pid': os.getpid()}")
    data = run(manager, script).python_data
    assert data["objects"] == 0
    assert data["pid"] != os.getpid()


def test_passed_data_are_variables(manager, write):
    passed = {
        "text": 'it\'s "quoted"\n',
        "numbers": [1, 2.5, None, True],
        "pair": (1, (2, 3)),
        "raw": bytes(range(256)),
        "table": {1: "one", "zwei": {"drei": 3}},
        "place": Vector((1, 2, 3)),
        "turn": Euler((1, 0, 0), "ZXY"),
        "matrix": Matrix.Identity(4),
        "größe": 1e300,
    }
    script = write(f"python_data = {{name: globals()[name] for name in {list(passed)!r}}}")
    assert run(manager, script, passed_data=passed).python_data == passed


def test_large_passed_data_are_in_a_file_while_the_job_needs_them(manager, write, session):
    script = write("python_data = {'length': len(numbers), 'sum': sum(numbers), 'name': name}")
    add(manager, "job", script, passed_data={"numbers": [0.5] * 20_000, "name": "short"})
    scratch = session._runner.scratch
    assert len(files_in(scratch, "*.value")) == 1
    assert manager.get_job("job").wait(PATIENCE) == "COMPLETED"
    assert manager.get_retrieved_python_data("job") == {"length": 20_000, "sum": 10_000.0, "name": "short"}
    assert files_in(scratch, "*.value") == []


def test_passed_data_blocks_are_local_under_their_names_with_what_they_use(manager, write):
    material = new_material("Rust")
    scene_object = quad("Ob ject.001", material=material)
    scene_object.data.name = "Other name"
    bpy.data.objects.new("Not passed", None)
    script = write(
        """
        obj = bpy.data.objects["Ob ject.001"]
        assert obj in passed_data_blocks and obj.library is None
        python_data = {
            "objects": bpy.data.objects.keys(),
            "passed": sorted((type(item).__name__, item.name) for item in passed_data_blocks),
            "mesh": obj.data.name,
        }
        """
    )
    assert run(manager, script, passed_data_blocks={scene_object}).python_data == {
        "objects": ["Ob ject.001"],
        "passed": [("Material", "Rust"), ("Mesh", "Other name"), ("Object", "Ob ject.001")],
        "mesh": "Other name",
    }


def test_data_blocks_are_copied_into_the_open_file(manager, write):
    script = write(
        """
        import bpy, bmesh
        mesh = bpy.data.meshes.new("Made")
        bm = bmesh.new()
        bmesh.ops.create_cube(bm, size=2.0)
        bm.to_mesh(mesh)
        mesh.materials.append(bpy.data.materials.new("Paint"))
        data_blocks = [bpy.data.objects.new("Second", None), bpy.data.objects.new("First", mesh)]
        """
    )
    job = run(manager, script)
    retrieved = manager.get_retrieved_data_blocks("job")
    assert retrieved.objects == [bpy.data.objects["Second"], bpy.data.objects["First"]]
    assert retrieved.meshes == [bpy.data.meshes["Made"]]
    assert retrieved.materials == [bpy.data.materials["Paint"]]
    assert retrieved.images == []
    assert len(bpy.data.objects["First"].data.vertices) == 8
    assert job.python_data == {}
    assert not bpy.data.libraries


def test_retrieved_data_blocks_have_an_attribute_for_each_collection(manager, write):
    retrieved = run(manager, write("data_blocks = [bpy.data.lights.new('L', 'SUN'), bpy.data.collections.new('C')]"))
    retrieved = retrieved.data_blocks
    collections = [item.identifier for item in bpy.data.bl_rna.properties if item.type == "COLLECTION"]
    for name in {*collections} - {"all_ids"}:
        assert isinstance(getattr(retrieved, name), list), name
        assert name in dir(retrieved)
    assert retrieved.lamps == retrieved.lights == [bpy.data.lights["L"]]
    assert retrieved.groups == retrieved.collections == [bpy.data.collections["C"]]
    assert (retrieved.grease_pencil, retrieved.ipos) == ([], [])
    assert "lights" in repr(retrieved)
    with pytest.raises(AttributeError, match=r"bpy\.data has no collection 'lanterns'"):
        retrieved.lanterns  # noqa: B018


def test_grease_pencil_of_old_leads_to_its_successor(manager, write):
    name = "grease_pencils_v3" if hasattr(bpy.data, "grease_pencils_v3") else "grease_pencils"
    retrieved = run(manager, write(f"data_blocks = [bpy.data.{name}.new('G')]")).data_blocks
    assert retrieved.grease_pencil == [getattr(bpy.data, name)["G"]]


def test_retrieved_data_blocks_survive_undo_and_removal(manager, write):
    retrieved = run(manager, write("data_blocks = [bpy.data.meshes.new(name) for name in 'ab']")).data_blocks
    bpy.data.meshes.remove(bpy.data.meshes["a"])
    assert [mesh.name for mesh in retrieved.meshes] == ["b"]
    bpy.ops.ed.undo_push(message="Removed")
    bpy.ops.ed.undo()
    assert [mesh.name for mesh in retrieved.meshes] == ["a", "b"]


def test_what_came_back_as_it_went_out_is_the_files_own(manager, write):
    """The mesh of a passed object that new ones use; what was passed and only assigned; all that these use."""
    obj, material = quad("Plate"), new_material("Rust")
    image = bpy.data.images.new("Picture", 4, 4)
    image.pack()
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    group = bpy.data.node_groups.new("Group", "ShaderNodeTree")
    script = write(
        """
        for name in "ab":
            new = bpy.data.objects.new(name, bpy.data.objects["Plate"].data)
            new.material_slots[0].link = "OBJECT"
            new.material_slots[0].material = bpy.data.materials["Rust"]
            data_blocks.append(new)
        bpy.data.materials["Moss"].node_tree.nodes.new("ShaderNodeGroup").node_tree = bpy.data.node_groups["Group"]
        data_blocks.append(bpy.data.materials["Moss"])
        """
    )
    obj.data.materials.append(None)
    job = run(manager, script, passed_data_blocks={obj, material, group, new_material("Moss")})
    assert {new.data for new in job.data_blocks.objects} == {obj.data}
    assert {new.material_slots[0].material for new in job.data_blocks.objects} == {material}
    (moss,) = job.data_blocks.materials[:1]
    assert moss.name == "Moss.001"
    assert [node.node_tree for node in moss.node_tree.nodes if node.bl_idname == "ShaderNodeGroup"] == [group]
    assert bpy.data.meshes.keys() == ["Plate"]
    assert sorted(bpy.data.materials.keys()) == ["Moss", "Moss.001", "Rust"]
    assert [*bpy.data.images.keys(), *bpy.data.node_groups.keys()] == ["Picture", "Group"]


@pytest.mark.parametrize("has_keys", [False, True])
def test_large_mesh_that_came_back_as_it_went_out_is_the_files_own(manager, write, has_keys):
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=105, y_subdivisions=105)
    ground = bpy.context.object
    ground.vertex_groups.new(name="Group").add([3, 11_000], 0.5, "REPLACE")
    if has_keys:
        for name in ("Basis", "Key"):
            ground.shape_key_add(name=name)
    mesh = ground.data
    assert len(mesh.vertices) > 11_000
    script = write(
        """
        obj = bpy.data.objects["Grid"]
        highest = max(vertex.co.z for vertex in obj.data.vertices)  # it is looked at
        if moves:
            points = obj.data.shape_keys.key_blocks[1].data if obj.data.shape_keys else obj.data.vertices
            points[-1].co.z += 1e-4
        obj.location.z = highest + 1
        data_blocks = [obj]
        """
    )
    job = run(manager, script, passed_data={"moves": False}, passed_data_blocks={ground})
    (result,) = job.data_blocks.objects
    assert (result.data, result.location.z) == (mesh, 1)
    assert job.data_blocks.meshes == [mesh]
    assert bpy.data.meshes.keys() == ["Grid"]
    (result,) = run(manager, script, passed_data={"moves": True}, passed_data_blocks={ground}).data_blocks.objects
    assert result.data != mesh
    assert bpy.data.meshes.keys() == ["Grid", "Grid.001"]


def test_unchanged_material_is_the_files_own_again(manager, write):
    material = new_material("Rust")
    scene_object = quad("Plate", material=material)
    script = write("obj = bpy.data.objects['Plate']\nobj.location.x = 3\ndata_blocks = [obj]")
    retrieved = run(manager, script, passed_data_blocks=[scene_object]).data_blocks
    assert bpy.data.materials[:] == [material]
    assert retrieved.materials == [material]
    assert retrieved.objects[0].location.x == 3
    assert retrieved.objects[0] != scene_object


@pytest.mark.parametrize("name", dependency_changes.CHANGES)
@pytest.mark.parametrize("options", [{}, {"use_blend_file": True}], ids=["given", "file"])
def test_change_of_what_a_result_uses_comes_home(manager, write, name, options):
    change, item = dependency_changes.CHANGES[name], dependency_changes.make()
    before = change.seen(item)
    script = write(f"import bpy\nitem = bpy.data.objects['Item']\n{change.script}\ndata_blocks = [item]\n")
    given = {} if options else {"passed_data_blocks": [item]}
    retrieved = run(manager, script, **given, **options).data_blocks
    assert change.seen(retrieved.objects[0]) != before
    assert change.seen(item) == before


def test_fake_users_and_asset_marks_stay_as_they_were(manager, write):
    script = write(
        """
        kept, plain, asset = (bpy.data.meshes.new(name) for name in ("kept", "plain", "asset"))
        kept.use_fake_user = True
        data_blocks = [kept, plain, asset]
        """
    )
    run(manager, script)
    assert {mesh.name: mesh.use_fake_user for mesh in bpy.data.meshes} == {"kept": True, "plain": False, "asset": False}
    assert not any(mesh.asset_data for mesh in bpy.data.meshes)


def test_file_need_not_be_saved_and_is_told_where_it_is(manager, write, tmp_path):
    script = write("python_data = {'file': source_blend_file}")
    assert run(manager, script).python_data == {"file": ""}
    path = str(tmp_path / "größe file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert run(manager, script).python_data == {"file": path}


# use_blend_file


WHOLE = """
import bpy
obj = bpy.data.objects["Plate"]
python_data = {
    "objects": sorted(bpy.data.objects.keys()),
    "scene": bpy.context.scene.name,
    "collections": sorted(bpy.data.collections.keys()),
    "x": obj.location.x,
    "passed": [item.name for item in passed_data_blocks],
    "source": source_blend_file,
}
obj.location.x = 5
data_blocks = [obj]
"""


def whole(x: float, **changes):
    expected = {
        "objects": ["Other", "Plate"],
        "scene": "Scene",
        "collections": ["Group"],
        "x": x,
        "passed": [],
        "source": "",
    }
    return {**expected, **changes}


@pytest.fixture
def artists_file():
    """A file that was never saved."""
    bpy.context.scene.name = "Scene"
    plate = quad("Plate", material=new_material("Rust"))
    bpy.data.objects.new("Other", None)
    bpy.context.scene.collection.children.link(bpy.data.collections.new("Group"))
    return plate


def test_script_may_work_on_a_copy_of_the_open_file(manager, write, artists_file):
    job = run(manager, write(WHOLE), use_blend_file=True)
    assert job.python_data == whole(0.0)
    (result,) = job.data_blocks.objects
    assert (result.location.x, artists_file.location.x) == (5, 0)
    assert result.active_material == artists_file.active_material
    assert bpy.data.materials.keys() == ["Rust"]
    assert bpy.data.filepath == ""


def test_copy_of_the_open_file_holds_what_is_not_saved_and_its_paths(manager, write, artists_file, tmp_path):
    path = tmp_path / "ö file.blend"
    bpy.data.images.new("Tex", 2, 2).save(filepath=str(tmp_path / "tex.png"))
    image = bpy.data.images.load(str(tmp_path / "tex.png"))
    image.name = "Relative"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    image.filepath = "//tex.png"
    artists_file.location.x = 2
    before = path.read_bytes(), path.stat().st_mtime_ns
    script = write(WHOLE + "python_data['size'] = tuple(bpy.data.images['Relative'].size)")
    job = run(manager, script, use_blend_file=True)
    assert job.python_data == whole(2.0, source=str(path), size=(2, 2))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert bpy.data.filepath == str(path)


def test_passed_data_block_is_the_one_in_the_copy_of_the_file(manager, write, artists_file):
    job = run(manager, write(WHOLE), use_blend_file=True, passed_data_blocks={artists_file}, overwrite_data=True)
    assert job.python_data == whole(0.0, passed=["Rust", "Plate", "Plate"])
    assert sorted(bpy.data.objects.keys()) == ["Other", "Plate"]
    assert bpy.data.objects["Plate"].location.x == 5


def blend_files(session) -> list[str]:
    """Those of jobs, without that of the artist's preferences, which stays until they change."""
    _digest, kept = session._equipment._preferences or ("", "")
    return [name for name in files_in(session._runner.scratch, "*.blend") if name != kept]


def test_copies_of_the_file_are_made_anew_or_shared(manager, write, artists_file, session):
    manager.max_workers = 0
    script = write(WHOLE)
    add(manager, "first", script, use_blend_file=True)
    artists_file.location.x = 1
    add(manager, "shared", script, use_blend_file=True, overwrite_blend=False)
    add(manager, "anew", script, use_blend_file=True)
    assert len(blend_files(session)) == 2
    manager.max_workers = 2
    for name, x in (("first", 0.0), ("shared", 0.0), ("anew", 1.0)):
        assert manager.get_job(name).wait(PATIENCE) == "COMPLETED", manager.get_issue_string(name)
        assert manager.get_retrieved_python_data(name) == whole(x)
    assert blend_files(session) == []


def test_shared_copy_takes_data_blocks_that_are_passed_beside_it(manager, write, artists_file):
    manager.max_workers = 0
    add(manager, "first", write(WHOLE), use_blend_file=True)
    extra = bpy.data.meshes.new("Later")
    script = write(WHOLE.replace("data_blocks = [obj]", "data_blocks = passed_data_blocks"), "second.py")
    add(manager, "second", script, use_blend_file=True, overwrite_blend=False, passed_data_blocks=[extra])
    manager.max_workers = 2
    process(manager)
    assert manager.get_retrieved_python_data("second") == whole(0.0, passed=["Later"])
    assert [item.name for item in manager.get_retrieved_data_blocks("second").meshes] == ["Later.001"]


# Progress and states


def test_job_goes_through_its_states(manager, write, tmp_path):
    gate = tmp_path / "gate"
    script = write("import os, time\nupdate_job_progress(0.25)\nwhile not os.path.exists(gate): time.sleep(0.01)")
    add(manager, "job", script, passed_data={"gate": str(gate)})
    assert manager.get_job_state("job") == "QUEUED"
    assert not manager.job_started("job")
    assert manager.get_queued_job_names() == manager.get_job_names() == ["job"]
    assert (manager.num_pending_jobs(), manager.num_running_jobs(), manager.num_available_workers()) == (1, 0, 2)
    assert manager.get_job_progress("job") == 0.0

    process(manager, lambda: manager.get_job_progress("job") > 0)
    assert manager.get_job_progress("job") == 0.25
    assert manager.get_job_state("job") == "ACTIVE"
    assert manager.job_started("job")
    assert manager.get_active_job_names() == ["job"]
    assert (manager.num_pending_jobs(), manager.num_running_jobs(), manager.num_available_workers()) == (0, 1, 1)
    assert manager.get_retrieved_python_data("job") is None
    assert manager.get_retrieved_data_blocks("job") is None
    assert not manager.jobs_complete()

    gate.touch()
    process(manager)
    assert manager.get_job_state("job") == "COMPLETED"
    assert manager.jobs_complete()
    assert ends(manager) == {"complete"}
    assert manager.get_completed_job_names() == ["job"]
    assert (manager.num_completed_jobs(), manager.num_dropped_jobs(), manager.num_available_workers()) == (1, 0, 2)
    assert manager.get_issue_string("job") == ""
    assert manager.get_retrieved_python_data("job") == {}


def test_no_more_jobs_run_than_there_are_workers(manager, write, tmp_path):
    manager.max_workers = 1
    gate = tmp_path / "gate"
    script = write("import os, time\nwhile not os.path.exists(gate): time.sleep(0.01)")
    for name in "abc":
        add(manager, name, script, passed_data={"gate": str(gate)})
    for _ in range(20):
        manager.process_jobs()
    assert manager.get_active_job_names() == ["a"]
    assert manager.get_queued_job_names() == ["b", "c"]
    gate.touch()
    process(manager)
    assert manager.get_completed_job_names() == ["a", "b", "c"]


def test_started_by_hand_a_job_needs_no_room(manager, write):
    manager.max_workers = 0
    add(manager, "job", write("python_data = {'x': 1}"))
    manager.process_job("job")
    assert manager.get_job_state("job") == "QUEUED"
    manager.start_job("job")
    assert manager.get_job_state("job") == "ACTIVE"
    process(manager)
    assert manager.get_retrieved_python_data("job") == {"x": 1}


# Failure


def test_failure_tells_its_reason_with_line_and_output(manager, write):
    script = write("print('the last words, größe')\n\nraise ValueError('no ☃')")
    add(manager, "job", script)
    process(manager)
    assert manager.get_job_state("job") == "DROPPED"
    assert ends(manager) == {"dropped"}
    assert manager.get_dropped_job_names() == ["job"]
    issue = manager.get_issue_string("job")
    assert "The job 'job' was dropped: ValueError: no ☃" in issue
    assert f'File "{script}", line 3' in issue
    assert "the last words, größe" in issue
    assert manager.get_retrieved_python_data("job") is None
    assert manager.get_job("job").error.line == 3


def test_crash_of_its_blender_drops_a_job_and_no_other(manager, write):
    add(manager, "crash", write("import ctypes; ctypes.string_at(0)", "a.py"))
    add(manager, "fine", write("python_data = {'x': 1}", "b.py"))
    process(manager)
    assert manager.get_job_state("crash") == "DROPPED"
    assert "SIGSEGV" in manager.get_issue_string("crash")
    assert manager.get_retrieved_python_data("fine") == {"x": 1}


def test_timeout_ends_a_job(manager, write):
    add(manager, "job", write("while True: pass"), 0.3)
    process(manager)
    assert ends(manager) == {"dropped", "killed", "timed_out"}
    assert "0.3 s" in manager.get_issue_string("job")


def test_kill_ends_a_job_and_its_blender(manager, write, tmp_path, session):
    pid = tmp_path / "pid"
    script = write(
        "import os\nopen(path + '.new', 'w').write(str(os.getpid()))\nos.rename(path + '.new', path)\nwhile True: pass"
    )
    add(manager, "job", script, passed_data={"path": str(pid)})
    process(manager, pid.exists)
    assert int(pid.read_text()) in session.worker_process_ids
    manager.kill_job("job")
    assert manager.get_job_state("job") == "DROPPED"
    assert ends(manager) == {"dropped", "killed"}
    assert int(pid.read_text()) not in session.worker_process_ids
    assert "it was killed" in manager.get_issue_string("job")
    assert manager.num_running_jobs() == 0


def test_kill_takes_a_job_out_of_the_queue(manager, write):
    manager.max_workers = 0
    add(manager, "job", write("x = 1"))
    manager.kill_job("job")
    process(manager)
    assert manager.get_job_state("job") == "DROPPED"
    assert not manager.job_started("job")
    assert manager.num_pending_jobs() == 0


def test_kill_all_forgets_all_jobs(manager, write):
    for name in "abcd":
        add(manager, name, write("while True: pass"))
    process(manager, lambda: manager.num_running_jobs() == 2)
    manager.kill_all()
    assert manager.get_job_names() == []
    assert manager.num_running_jobs() == 0


@pytest.mark.any_blender
@pytest.mark.parametrize("fault", ["1 / 0", "import os; os._exit(3)", "while True: pass"])
def test_failed_job_is_tried_again(manager, write, tmp_path, fault):
    script = write(
        f"""
        import os
        attempt = len(os.listdir(folder))
        open(os.path.join(folder, str(attempt)), "w").close()
        if attempt < 2:
            {fault}
        python_data = {{"attempt": attempt}}
        """
    )
    folder = tmp_path / "attempts"
    folder.mkdir()
    manager.max_attempts = 3
    add(manager, "job", script, 1.0 if "while" in fault else 0, {"folder": str(folder)})
    process(manager)
    assert manager.get_retrieved_python_data("job") == {"attempt": 2}
    assert manager.get_job("job").num_attempts == 3
    assert ends(manager) == {"complete"}


def test_job_is_dropped_after_its_last_attempt(manager, write, tmp_path):
    script = write("open(path, 'a').write('x')\nraise ValueError")
    add(manager, "job", script, passed_data={"path": str(tmp_path / "log")})
    manager.max_attempts = 2
    process(manager)
    assert (tmp_path / "log").read_text() == "xx"
    assert manager.job_dropped("job")


def test_killed_job_is_not_tried_again(manager, write):
    manager.max_attempts = 3
    add(manager, "job", write("while True: pass"))
    process(manager, lambda: manager.num_running_jobs() == 1)
    manager.kill_job("job")
    manager.process_jobs()
    assert manager.job_dropped("job")
    assert manager.get_job("job").num_attempts == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("python_data = {'a': {'b': print}}", "\"python_data\"['a']['b'] is of type builtin_function_or_method"),
        ("data_blocks = [None]", "data_blocks[0] is None"),
        ("python_data = [3, print]", '"python_data"[1] is of type builtin_function_or_method'),
        ("update_job_progress('x')", "update_job_progress takes a number"),
    ],
)
def test_result_that_cant_come_back_is_named(manager, write, body, message):
    add(manager, "job", write(body))
    process(manager)
    assert message in manager.get_issue_string("job")


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"script": "/not/there.py"}, "the file can't be read"),
        ({"script": 3}, "script is 3: give the path of a Python file"),
        ({"other_file": "take"}, "other_file is 'take': give one of 'drop', 'wait'"),
        ({"passed_data": [1]}, "passed_data is of type list: give a dict"),
        ({"passed_data": {"a b": 1}}, "passed_data: 'a b' is no name of a variable"),
        ({"passed_data": {"class": 1}}, "passed_data: 'class' is a word of Python's own"),
        ({"passed_data": {"python_data": 1}}, "passed_data: 'python_data' is a name that each script has already"),
        ({"passed_data": {"a": {"b": print}}}, "passed_data['a']['b'] is of type builtin_function_or_method"),
        ({"passed_data_blocks": [3]}, "passed_data_blocks: 3 is no data-block"),
        ({"passed_data_blocks": "Cube"}, "passed_data_blocks is of type str: give a set of data-blocks"),
        ({"timeout": -1}, "timeout is -1: give seconds, or 0 for no limit"),
        ({"timeout": "5"}, "timeout is '5'"),
        ({"on_complete": 3}, "on_complete is 3: give a function that takes the job"),
    ],
)
def test_job_that_cant_be_is_refused_with_the_reason(manager, write, options, message):
    options = {"script": write("x = 1"), **options}
    added, reason = manager.add_job("job", **options)
    assert not added
    assert "the job 'job' can't be added: " in reason
    assert message in reason
    assert manager.get_job_names() == []


def test_script_with_a_syntax_error_is_refused(manager, write):
    added, reason = manager.add_job("job", write("x = 1\ny = = 2\n"))
    assert not added
    assert "line 2" in reason


def test_jobs_that_end_together_are_told_one_after_the_other_where_that_takes_long(manager, write, session):
    ended = []
    for name in "ab":
        add(manager, name, write(f"python_data = {{'x': '{name}'}}"), on_complete=ended.append)
    while manager.num_running_jobs():
        session.update_jobs(0.05)
    deadline = 0.0
    for number, is_behind in enumerate((True, True, False)):
        manager.update(deadline)
        assert len(ended) == min(number + 1, 2)
        assert manager.is_behind == is_behind


def test_data_blocks_that_cant_be_passed_are_refused(manager, write):
    mesh = bpy.data.meshes.new("M")
    bpy.data.meshes.remove(mesh)
    evaluated = quad().evaluated_get(bpy.context.evaluated_depsgraph_get())
    for given, message in [
        (mesh, "a data-block that was removed"),
        (evaluated, '"Quad" is an evaluated copy: pass its `original`'),
        (bpy.context.window_manager, "a WindowManager can't be passed on"),
    ]:
        added, reason = manager.add_job("job", write("x = 1"), passed_data_blocks=[given])
        assert not added
        assert message in reason


def test_unknown_job_is_a_clear_error(manager, registered_extension):
    for ask in (manager.get_job_state, manager.kill_job, manager.cleanup_job, manager.process_job, manager.start_job):
        with pytest.raises(KeyError, match="there is no job 'x': add it with add_job"):
            ask("x")
    with pytest.raises(registered_extension.UnknownJobError):
        manager.get_job("x")


def test_job_that_is_refused_leaves_the_one_of_that_name(manager, write):
    run(manager, write("python_data = {'x': 1}"))
    assert manager.add_job("job", "/not/there.py")[0] is False
    assert manager.get_retrieved_python_data("job") == {"x": 1}


# Without polling


def test_job_with_a_callback_needs_no_polling(manager, write, session):
    ended = []
    add(
        manager,
        "job",
        write("python_data = {'x': 1}"),
        on_complete=lambda job: ended.append((job.state, job.python_data)),
    )
    assert manager.get_job_state("job") == "ACTIVE"
    deadline = time.monotonic() + PATIENCE
    while not ended and time.monotonic() < deadline:
        session.tick()  # as the timer does in a window
        time.sleep(0.005)
    assert ended == [("COMPLETED", {"x": 1})]


def test_callback_hears_of_failure_too_and_may_fail_itself(manager, write, capsys):
    ended = []

    def on_complete(job):
        ended.append(job.state)
        raise RuntimeError("a fault of its own")

    add(manager, "job", write("1 / 0"), on_complete=on_complete)
    assert manager.get_job("job").wait(PATIENCE) == "DROPPED"
    assert ended == ["DROPPED"]
    assert "a fault of its own" in capsys.readouterr().err


def test_waiting_ends_with_its_time(manager, write):
    add(manager, "job", write("while True: pass"))
    assert manager.get_job("job").wait(0.05) == "ACTIVE"


def test_waiting_for_the_last_of_a_queue_carries_on_what_is_before(manager, write):
    manager.max_workers = 1
    for number in range(3):
        add(manager, str(number), write("x = 1"))
    assert manager.get_job("2").wait(PATIENCE) == "COMPLETED"


# Names, output, numbers


@pytest.mark.parametrize(
    "job",
    ["../x", "a\"b'c", "", " ", "a/b\\c:*?", "größe ☃ \U0001f600", "x" * 5000, "line\nbreak", "nul\0", "$(touch x)"],
)
def test_name_of_a_job_may_be_any_text(manager, write, job, tmp_path):
    before = sorted(tmp_path.iterdir())
    script = write("data_blocks = [bpy.data.meshes.new('Made')]\npython_data = {'ä': 'ö☃'}\nprint('ß')")
    assert run(manager, script, job).python_data == {"ä": "ö☃"}
    assert manager.get_retrieved_data_blocks(job).meshes
    assert manager.get_job_names() == [job]
    assert sorted(tmp_path.iterdir()) == sorted({*before, Path(script)})
    add(manager, job, write("raise ValueError('x')", "fails.py"))
    process(manager)
    assert "ValueError: x" in manager.get_issue_string(job)


def test_everything_may_be_other_than_ascii(manager, write):
    material = new_material("Rost ☃")
    scene_object = quad("Öbjekt \U0001f600", material=material)
    script = write(
        "größe = bpy.data.objects['Öbjekt \U0001f600']\ngröße.name = 'é'\nprint('☃')\n"
        "python_data = {'ключ': übergabe}\ndata_blocks = [größe]",
        "Prüfung ☃/skript ö.py",
    )
    job = run(manager, script, "Aufgabe ☃", passed_data={"übergabe": "ü"}, passed_data_blocks={scene_object})
    assert job.python_data == {"ключ": "ü"}
    assert [item.name for item in job.data_blocks.objects] == ["é"]
    assert "☃" in job.log


def test_script_may_print_megabytes(manager, write):
    script = write(
        """
        import os, sys
        for number in range(40_000):
            print("a line of a hundred characters, ä, to fill a pipe that nobody reads" + 30 * "x", number)
        os.write(2, b"raw \\xff\\xfe\\n" * 1000)
        sys.stdout.flush()
        python_data = {"printed": True}
        """
    )
    job = run(manager, script)
    assert job.python_data == {"printed": True}
    assert len(job.log) < 8 * 1024**2
    assert "39999" in job.log


def test_debug_level_prints_what_the_script_prints(manager, write, capsys):
    add(manager, "job", write("print('said once')"))
    while not manager.job_complete("job"):
        manager.process_job("job", debug_level=3)
    manager.process_job("job", debug_level=3)
    assert capsys.readouterr().out.count("said once") == 1


@pytest.mark.any_blender
def test_500_jobs_may_be_queued_at_once(manager, write, session):
    mesh = bpy.data.meshes.new("Given")
    script = write("given = passed_data_blocks[0]\ngiven['n'] = n\npython_data = {'n': n}\ndata_blocks = [given]")
    for number in range(500):
        add(manager, f"job {number}", script, passed_data={"n": number}, passed_data_blocks={mesh})
    assert manager.num_pending_jobs() == 500
    process(manager)
    assert manager.num_completed_jobs() == 500
    assert len(session.worker_process_ids) <= 2
    for number in range(500):
        assert manager.get_retrieved_python_data(f"job {number}") == {"n": number}
        assert [item["n"] for item in manager.get_retrieved_data_blocks(f"job {number}").meshes] == [number]
    assert blend_files(session) == [], "what came home, and what was passed, is on disk no more"


def test_job_of_the_same_name_takes_the_place_of_the_first(manager, write):
    add(manager, "job", write("while True: pass"))
    process(manager, lambda: manager.num_running_jobs() == 1)
    add(manager, "job", write("python_data = {'second': passed}"), passed_data={"passed": 2})
    assert manager.num_running_jobs() == 0
    process(manager)
    assert manager.get_retrieved_python_data("job") == {"second": 2}


def test_later_changes_of_file_and_script_do_not_reach_a_job(manager, write):
    mesh = bpy.data.meshes.new("Given")
    mesh["n"] = 1
    add(
        manager, "job", write("python_data = {'n': passed_data_blocks[0]['n'], 'script': 1}"), passed_data_blocks={mesh}
    )
    mesh["n"] = 2
    write("python_data = {'script': 2}")
    process(manager)
    assert manager.get_retrieved_python_data("job") == {"n": 1, "script": 1}


def test_helper_beside_the_script_can_be_imported(manager, write):
    write("VALUE = 7", "beside.py")
    script = write("import beside, os\npython_data = {'value': beside.VALUE, 'file': os.path.basename(__file__)}")
    assert run(manager, script).python_data == {"value": 7, "file": "script.py"}


def test_script_alone_names_the_job(manager, write):
    script = write("python_data = {'x': 1}")
    add(manager, script, "")
    process(manager)
    assert manager.get_retrieved_python_data(script) == {"x": 1}


# Side by side


def test_instances_are_the_same_for_a_number_and_share_class_settings(registered_extension, write):
    manager = registered_extension.JobManager
    first, second = manager.get_instance(), manager.get_instance(-1)
    assert first is manager.get_instance(0)
    assert first is not second
    assert (manager.max_workers, manager.max_attempts) == (5, 1)
    second.max_workers = 3
    assert first.max_workers == 5
    assert second.num_available_workers() == 3


def test_instance_of_a_name_is_a_manager_of_ones_own(registered_extension):
    manager = registered_extension.JobManager
    mine, yours = manager.get_instance("bl_ext.user_default.mine"), manager.get_instance("yours")
    assert mine is manager.get_instance("bl_ext.user_default.mine")
    assert len({mine, yours, manager.get_instance()}) == 3
    for index in (None, "", 1.5, True):
        with pytest.raises(TypeError, match="a manager has a number or a name"):
            manager.get_instance(index)


def test_job_of_another_add_on_is_not_replaced(manager, write):
    script = write("python_data = {'x': 1}")
    give = "added = manager.add_job('job', script)"
    scatter, thumbnails = ({"__name__": name, "manager": manager, "script": script} for name in (
        "bl_ext.user_default.scatter.operators", "thumbnails.panel"))  # fmt: skip
    exec(give, scatter)
    exec(give, thumbnails)
    assert scatter["added"] == (True, "")
    added, reason = thumbnails["added"]
    assert not added
    assert reason == (
        "the job 'job' can't be added: 'bl_ext.user_default.scatter' has a job of that name here. "
        "Take a manager of your own: JobManager.get_instance(__package__)"
    )
    scatter["__name__"] = "bl_ext.user_default.scatter.ui"
    exec(give, scatter)
    assert scatter["added"] == (True, "")
    manager.cleanup_job("job")
    exec(give, thumbnails)
    assert thumbnails["added"] == (True, "")


def test_script_may_be_source_or_a_text(manager):
    source = """
        python_data = {"file": __file__, "n": n}
    """
    text = bpy.data.texts.new("Count")
    text.write("python_data = {'file': __file__, 'n': n}")
    assert run(manager, source, "job", passed_data={"n": 1}).python_data == {"file": "<job>", "n": 1}
    assert run(manager, text, "other", passed_data={"n": 2}).python_data == {"file": "Count", "n": 2}
    assert manager.add_job("bad", "x = 1\n+") == (
        False,
        "the job 'bad' can't be added: <bad> is no Python: line 2: syntax error: invalid syntax",
    )


def test_two_managers_do_not_see_each_others_jobs(registered_extension, manager, write):
    other = registered_extension.JobManager()
    try:
        script = write("python_data = {'who': who}\ndata_blocks = [bpy.data.meshes.new(who)]")
        for who, each in (("a", manager), ("b", other)):
            add(each, "job", script, passed_data={"who": who})
        for each in (manager, other):
            process(each)
        assert manager.get_retrieved_python_data("job") == {"who": "a"}
        assert other.get_retrieved_python_data("job") == {"who": "b"}
        assert [mesh.name for mesh in other.get_retrieved_data_blocks("job").meshes] == ["b"]
        manager.kill_all()
        assert other.get_job_names() == ["job"]
    finally:
        other.kill_all()


_OTHER_BLENDER = """
import sys
sys.path.insert(0, {bootstrap!r})
import bootstrap
bootstrap.alias_package()
import bpy, background_nodes
background_nodes.register()
manager = background_nodes.JobManager.get_instance()
mesh = bpy.data.meshes.new({who!r})
manager.add_job("job", {script!r}, passed_data={{"who": {who!r}}}, passed_data_blocks={{mesh}})
state = manager.get_job("job").wait()
retrieved = manager.get_retrieved_data_blocks("job").meshes
print(repr((state, manager.get_retrieved_python_data("job"), [mesh.name for mesh in retrieved])), flush=True)
background_nodes.unregister()
"""


@pytest.mark.wheel_only
def test_two_blenders_side_by_side_do_not_see_each_others_files(write, tmp_path):
    from background_nodes.runtime.pool.launcher import BOOTSTRAP

    script = write(
        """
        import time
        time.sleep(0.3)  # so that both are at it
        python_data = {"who": who, "given": [item.name for item in passed_data_blocks]}
        data_blocks = passed_data_blocks
        """
    )
    processes = []
    for who in "ab":
        program = tmp_path / f"{who}.py"
        program.write_text(_OTHER_BLENDER.format(bootstrap=str(BOOTSTRAP.parent), who=who, script=script))
        command = [sys.executable, str(program)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    outputs = [other.communicate(timeout=PATIENCE)[0] for other in processes]
    for who, printed in zip("ab", outputs, strict=True):
        line = next(line for line in printed.splitlines() if line.startswith("("))
        assert ast.literal_eval(line) == ("COMPLETED", {"who": who, "given": [who]}, [f"{who}.001"])


# The file


def test_artists_file_is_as_it_was_but_for_what_came(manager, write):
    quad("Plate", material=new_material("Rust"))
    before = names()
    run(manager, write("python_data = {'n': len(passed_data_blocks)}"), passed_data_blocks=set(bpy.data.objects))
    assert names() == before


def test_docs_name_each_method_of_the_manager(registered_extension):
    page = (Path(__file__).parents[2] / "docs" / "job_manager.md").read_text(encoding="utf-8")
    public = [name for name in vars(registered_extension.JobManager) if not name.startswith("_")]
    ours = {
        "abandon",
        "advance",
        "is_waiting",
        "lose_file",
        "note_end",
        "note_news",
        "note_start",
        "update",
    }  # for the session and jobs
    assert [name for name in public if name not in ours and not re.search(rf"\b{name}\b", page)] == []
    shown = [name for name in dir(registered_extension.JobManager().map("x = 1\n", [])) if not name.startswith("_")]
    assert [name for name in shown if f".{name}" not in page] == []
