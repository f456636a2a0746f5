"""What happens around a job's end: callbacks that add, kill and forget jobs, undo steps, the timer's rhythm."""

import subprocess
import sys
import time
from pathlib import Path

import bpy
import pytest

from background_nodes.addon.jobs import arriving, work
from background_nodes.addon.jobs.work import Work
from background_nodes.addon.session import keeper, undo
from background_nodes.addon.session.settings import Settings
from background_nodes.node_tree import arrival
from background_nodes.runtime.blender import blobs, homecoming, remapping
from background_nodes.runtime.pool.launcher import BOOTSTRAP
from tests.blender.graphs import editor, new_tree, output, quad, script
from tests.blender.jobs import PATIENCE, add, process, run

NOTHING = "x = 1"
FOREVER = "while True: pass"


def tick_until(session, is_so) -> None:
    """As the timer does in a window."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        session.tick()
        time.sleep(0.005)


# Callbacks


def test_callback_may_add_the_next_job(manager, write, session):
    script = write("python_data = {'n': n + 1}")
    found = []

    def go_on(job):
        found.append(job.python_data["n"])
        if len(found) < 5:
            add(manager, f"job {len(found)}", script, passed_data={"n": found[-1]}, on_complete=go_on)

    add(manager, "job 0", script, passed_data={"n": 0}, on_complete=go_on)
    tick_until(session, lambda: len(found) == 5)
    assert found == [1, 2, 3, 4, 5]
    assert manager.num_running_jobs() == 0


def test_callback_may_add_its_own_job_anew(manager, write, session):
    script = write("raise ValueError")
    states = []

    def again(job):
        states.append(job.state)
        if len(states) < 3:
            add(manager, job.name, script, on_complete=again)

    add(manager, "job", script, on_complete=again)
    tick_until(session, lambda: len(states) == 3)
    assert states == ["DROPPED"] * 3
    assert manager.get_job_names() == ["job"]


def test_callback_may_forget_its_own_job_and_all_others(manager, write, session):
    ended = []

    def forget(job):
        ended.append(job.name)
        manager.kill_all()

    for name in "abc":
        add(manager, name, write(NOTHING if name == "a" else FOREVER), on_complete=forget)
    tick_until(session, lambda: ended)
    session.tick()
    assert ended == ["a"]
    assert manager.get_job_names() == []
    assert manager.num_running_jobs() == 0


def test_callback_may_kill_its_own_job_and_carry_on_the_others(manager, write, session):
    ended = []

    def meddle(job):
        job.kill()
        manager.kill_job(job.name)
        manager.process_jobs()
        manager.process_job(job.name)
        ended.append((job.name, job.state, job.was_killed))

    for name in "abc":
        add(manager, name, write(NOTHING), on_complete=meddle)
    tick_until(session, lambda: len(ended) == 3)
    assert sorted(ended) == [(name, "COMPLETED", False) for name in "abc"]


def test_fault_of_ours_in_one_job_drops_it_and_no_other(manager, write, session, monkeypatch):
    settle, ended = Work.settle, []

    def settle_one(work):
        if work.request.name == "bad" and work.num_attempts:
            raise RuntimeError("ours")
        settle(work)

    monkeypatch.setattr(Work, "settle", settle_one)
    for name in ("bad", "good"):
        add(manager, name, write(NOTHING), on_complete=lambda job: ended.append((job.name, job.state)))
    tick_until(session, lambda: len(ended) == 2)
    assert sorted(ended) == [("bad", "DROPPED"), ("good", "COMPLETED")]
    assert "RuntimeError: ours" in manager.get_issue_string("bad")
    assert manager.num_running_jobs() == 0


def test_callback_hears_of_a_kill_once(manager, write):
    ended = []
    add(manager, "job", write(FOREVER), on_complete=lambda job: ended.append(job.state))
    manager.kill_job("job")
    manager.kill_job("job")
    manager.process_jobs()
    assert ended == ["DROPPED"]


@pytest.mark.parametrize("way", ["cleanup_job", "kill_all", "add_job"])
def test_callback_does_not_hear_of_a_job_that_is_forgotten(manager, write, way):
    ended = []
    add(manager, "job", write(FOREVER), on_complete=ended.append)
    if way == "add_job":
        add(manager, "job", write(NOTHING))
    else:
        getattr(manager, way)(*(["job"] if way == "cleanup_job" else []))
    process(manager)
    assert ended == []


def test_polled_job_with_a_callback_ends_once(manager, write):
    ended = []
    add(manager, "job", write(NOTHING), on_complete=lambda job: ended.append(job.state))
    process(manager)
    manager.process_jobs()
    assert ended == ["COMPLETED"]


def test_forgotten_job_still_tells_what_it_was(manager, write):
    done = run(manager, write("python_data = {'x': 1}\nprint('said')"))
    manager.cleanup_job("job")
    assert (done.state, done.python_data, done.issue, done.log) == ("COMPLETED", {"x": 1}, "", "")
    add(manager, "job", write("1 / 0"))
    process(manager)
    failed = manager.get_job("job")
    manager.cleanup_job("job")
    assert "ZeroDivisionError" in failed.issue
    assert failed.wait(1.0) == "DROPPED"


# Undo


def test_what_a_callback_does_with_the_results_is_in_their_undo_step(manager, write):
    bpy.ops.ed.undo_push(message="Before")

    def link(job):
        for item in job.data_blocks.objects:
            bpy.context.scene.collection.objects.link(item)

    run(manager, write("data_blocks = [bpy.data.objects.new('Made', None)]"), on_complete=link)
    bpy.ops.ed.undo()
    assert not bpy.data.objects
    bpy.ops.ed.redo()
    assert [item.name for item in bpy.context.scene.collection.objects] == ["Made"]


def test_without_an_undo_step_of_its_own_a_job_is_in_the_callers(manager, write):
    bpy.ops.ed.undo_push(message="Before")
    run(manager, write("data_blocks = [bpy.data.objects.new('Made', None)]"), push_undo=False)
    bpy.context.scene.collection.objects.link(bpy.data.objects["Made"])
    bpy.ops.ed.undo_push(message="Operator")
    bpy.ops.ed.undo()
    assert not bpy.data.objects
    bpy.ops.ed.redo()
    assert [item.name for item in bpy.context.scene.collection.objects] == ["Made"]


def test_undo_while_a_job_runs_does_not_reach_it(manager, write, tmp_path):
    gate = tmp_path / "gate"
    scene_object = quad("Plate")
    bpy.ops.ed.undo_push(message="Before")
    scene_object.location.x = 1
    bpy.ops.ed.undo_push(message="Moved")
    wait = "import os, time\nwhile not os.path.exists(gate): time.sleep(0.01)\n"
    script = write(wait + "obj = bpy.data.objects['Plate']\nobj.location.y = 2\ndata_blocks = [obj]")
    passed = {"passed_data": {"gate": str(gate)}, "passed_data_blocks": {scene_object}}
    add(manager, "job", script, **passed, overwrite_data=True, when_changed="take")
    process(manager, lambda: manager.num_running_jobs() == 1)
    bpy.ops.ed.undo()
    gate.touch()
    process(manager)
    assert bpy.data.objects.keys() == ["Plate"]
    assert tuple(bpy.data.objects["Plate"].location) == (1, 2, 0)
    bpy.ops.ed.undo()
    assert tuple(bpy.data.objects["Plate"].location) == (0, 0, 0)


# The timer


def test_timer_goes_on_while_a_job_waits_for_edit_mode(manager, write, session):
    plate = quad("Plate")
    script = write("obj = bpy.data.objects['Plate']\nobj.data['changed'] = 1\ndata_blocks = [obj]")
    ended = []
    add(manager, "job", script, passed_data_blocks={plate}, overwrite_data=True, on_complete=ended.append)
    bpy.context.view_layer.objects.active = plate
    bpy.ops.object.mode_set(mode="EDIT")
    tick_until(session, lambda: manager.num_running_jobs() == 0)
    wait = session.tick()
    assert wait is not None
    assert wait < 1.0, "soon after the mode has ended"
    bpy.ops.object.mode_set(mode="OBJECT")
    tick_until(session, lambda: ended)
    assert bpy.data.objects["Plate"].data["changed"] == 1


def test_waiting_ends_where_only_the_artist_can_go_on(manager, write):
    plate = quad("Plate")
    script = write("obj = bpy.data.objects['Plate']\nobj.data['changed'] = 1\ndata_blocks = [obj]")
    add(manager, "job", script, passed_data_blocks={plate}, overwrite_data=True)
    bpy.context.view_layer.objects.active = plate
    bpy.ops.object.mode_set(mode="EDIT")
    assert manager.get_job("job").wait() == "ACTIVE"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert manager.get_job("job").wait() == "COMPLETED"


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT"])
def test_results_that_are_lost_drop_the_job(manager, write, session, mode):
    plate = quad("Plate")
    script = write("data_blocks = [bpy.data.objects['Plate']]")
    add(manager, "job", script, passed_data_blocks={plate}, overwrite_data=True)
    bpy.context.view_layer.objects.active = plate
    bpy.ops.object.mode_set(mode=mode)
    manager.start_job("job")
    while manager.num_running_jobs():
        session.update_jobs(0.05)
    for path in session._runner.scratch.path.rglob("*.json"):
        path.unlink()
    process(manager)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "its results can't be brought home: the contents of" in manager.get_issue_string("job")


# The extension


@pytest.mark.wheel_only
def test_jobs_are_dropped_when_the_extension_is_disabled_and_others_can_be_added_afterwards(
    manager, write, registered_extension
):
    ended = []

    def tell(job):
        added, reason = manager.add_job(f"{job.name} again", write(NOTHING))
        ended.append((job.name, job.state, added, "is not enabled" in reason))

    manager.max_workers = 1
    for name in "ab":
        add(manager, name, write(FOREVER), on_complete=tell)
    with editor(new_tree()):
        bpy.ops.node.clipboard_copy()  # of nothing: Blender 4.2 crashes later over copied nodes whose types are gone
    registered_extension.unregister()
    try:
        added, reason = manager.add_job("c", write(NOTHING))
        manager.process_jobs()
    finally:
        registered_extension.register()
    assert (added, reason) == (
        False,
        "the job 'c' can't be added: Background Nodes is not enabled. Enable it in the preferences",
    )
    assert ended == [("a", "DROPPED", False, True), ("b", "DROPPED", False, True)]
    assert manager.get_dropped_job_names() == ["a", "b"]
    assert "Background Nodes was disabled, or Blender was quit" in manager.get_issue_string("a")
    manager.cleanup_job("a")
    assert run(manager, write("python_data = {'x': 1}"), "b").python_data == {"x": 1}


#: Makes the extension be there in another process: on the wheels, and in a real Blender.
_REGISTER = """
import sys
sys.path.insert(0, {bootstrap!r})
import bootstrap
bootstrap.alias_package()
import background_nodes
background_nodes.register()
"""
_ENABLE = """
import addon_utils
background_nodes = addon_utils.enable({name!r}, default_set=True)
"""
_QUITS = """
import sys
import bpy
manager = background_nodes.JobManager.get_instance()
def tell(job):
    with open({told!r}, "a", encoding="utf-8") as file:
        print(job.name, job.state, len(bpy.data.objects), file=file)
for name in ("raises", "after it"):
    def end(job):
        tell(job)
        job.nonsense
    assert manager.add_job(name, "while True: pass\\n", on_complete=end) == (True, "")
assert manager.add_job("asks", "while True: pass\\n", on_progress=tell) == (True, "")
while manager.num_running_jobs() < 3:
    manager.process_jobs()
session = sys.modules[type(manager).__module__].session
print("pids", *session.worker_process_ids, flush=True)
"""


def test_background_blender_that_ends_while_jobs_run_tells_of_their_end_and_leaves_no_process(
    tmp_path, name_of_extension
):
    program, told = tmp_path / "program.py", tmp_path / "told"
    source = (_ENABLE if bpy.app.binary_path else _REGISTER) + _QUITS
    program.write_text(source.format(bootstrap=str(BOOTSTRAP.parent), name=name_of_extension, told=str(told)), "utf-8")
    blender = [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "3", "--python"]
    command = [*(blender if bpy.app.binary_path else [sys.executable]), str(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    num_objects = 3  # of the file that Blender starts with
    assert told.read_text(encoding="utf-8") == f"raises DROPPED {num_objects}\nafter it DROPPED {num_objects}\n"
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("pids"))
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{process}").exists() for process in line.split()[1:]):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_results_of_a_run_are_all_home_before_those_of_a_job(manager, write, session, monkeypatch):
    """Else the undo step of the job would hold half of them."""
    monkeypatch.setattr(arrival, "_PORTION", 1)
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    add(manager, "job", write(NOTHING))
    tree = new_tree()
    make = script(
        tree,
        "Make",
        "def main() -> list[bpy.types.Object]: return [bpy.data.objects.new(name, None) for name in 'ABCD']",
    )
    output(tree, "LINK", make)
    going = session.start(tree)
    while not going.is_coming_home:
        session.tick() if going.state.is_final else session.update_jobs(0.05)
    assert manager.get_job("job").wait(PATIENCE) == "COMPLETED"
    assert going.is_home


def test_job_without_data_blocks_touches_nothing_in_the_file(manager, write, session, monkeypatch):
    """Blender draws all windows anew after `batch_remove` and the like, even if nothing is given to them."""
    touched = []
    for place, name in ((homecoming, "Homecoming"), (remapping, "remove"), (blobs, "load"), (undo, "push_undo")):
        monkeypatch.setattr(place, name, lambda *_given, name=name, **_options: touched.append(name))
    monkeypatch.setattr(arriving, "Homecoming", lambda *_given: touched.append("Homecoming"))
    monkeypatch.setattr(work, "push_undo", lambda _message: touched.append("push_undo"))
    ended = []
    add(manager, "job", write("python_data = {'x': 1}"), on_complete=ended.append, overwrite_data=True)
    tick_until(session, lambda: ended)
    assert (ended[0].python_data, touched) == ({"x": 1}, [])


def test_job_shows_what_its_page_tells_and_no_internals(manager, write):
    job = run(manager, write(NOTHING))
    page = (Path(__file__).parents[2] / "docs" / "job_manager.md").read_text(encoding="utf-8")
    shown = [name for name in dir(job) if not name.startswith("__")]
    assert [name for name in shown if name.startswith("_")] == []
    assert [name for name in shown if f".{name}" not in page] == []


@pytest.mark.any_blender
def test_worker_that_dies_again_and_again_is_told_with_the_number_of_attempts(manager, write):
    manager.max_attempts = 3
    add(manager, "job", write("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
    assert manager.get_job("job").wait(PATIENCE) == "DROPPED"
    message = manager.get_job("job").error.message
    assert "in the last of 3 attempts" in message
    assert "tried once" not in message


@pytest.mark.any_blender
def test_jobs_of_all_managers_have_no_more_workers_than_the_preferences_allow(manager, write, session, tmp_path):
    session.use_settings(lambda: Settings(num_workers=2, uses_store=False))
    other = type(manager)()
    try:
        gate = tmp_path / "gate"
        script = write("import os, time\nwhile not os.path.exists(gate): time.sleep(0.01)\npython_data = {}")
        for each in (manager, other):
            each.max_workers = 3
            for number in range(3):
                add(each, str(number), script, passed_data={"gate": str(gate)})
        process(manager, lambda: other.process_jobs() or len(session.workers) >= 2)
        for _ in range(20):
            manager.process_jobs()
            other.process_jobs()
            session.update_jobs(0.02)
        assert len([worker for worker in session.workers if worker.state == "working"]) <= 2
        gate.touch()
        for each in (manager, other):
            process(each)
            assert len(each.get_completed_job_names()) == 3
    finally:
        other.kill_all()


# Another file


GATED = "import os, time\nwhile not os.path.exists(gate): time.sleep(0.01)\n"


def in_other_file(manager, write, gate, script, **options):
    """A job whose script ends after another file was opened."""
    add(manager, "job", write(GATED + script), passed_data={"gate": str(gate)}, **options)
    process(manager, lambda: manager.num_running_jobs() == 1)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    gate.touch()


def test_data_blocks_do_not_land_in_another_file_and_the_job_says_why(manager, write, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"))
    in_other_file(manager, write, tmp_path / "gate", "data_blocks = [bpy.data.meshes.new('New')]")
    process(manager)
    job = manager.get_job("job")
    assert (job.state, job.filepath) == ("DROPPED", str(tmp_path / "mine.blend"))
    assert "another file was opened: its data-blocks belong to" in job.error.message
    assert "mine.blend" in job.issue
    assert not bpy.data.meshes


def test_values_of_a_job_arrive_whatever_file_is_open(manager, write, tmp_path):
    in_other_file(manager, write, tmp_path / "gate", "python_data = {'x': 1}")
    process(manager)
    assert manager.get_job("job").python_data == {"x": 1}


def test_data_blocks_may_wait_for_their_file(manager, write, tmp_path):
    """They replace nothing there: what is in it now is not what the job was given."""
    mine = str(tmp_path / "mine.blend")
    mesh = bpy.data.meshes.new("Mine")
    mesh.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=mine)
    in_other_file(
        manager,
        write,
        tmp_path / "gate",
        "bpy.data.meshes['Mine']['n'] = 1\ndata_blocks = [bpy.data.meshes['Mine']]",
        passed_data_blocks={mesh},
        overwrite_data=True,
        other_file="wait",
    )
    process(manager, lambda: not manager.num_running_jobs())
    for _ in range(5):
        manager.process_jobs()
    assert (manager.get_job_state("job"), len(bpy.data.meshes)) == ("ACTIVE", 0)
    bpy.ops.wm.open_mainfile(filepath=mine)
    process(manager)
    assert [item.name for item in manager.get_job("job").data_blocks.meshes] == ["Mine.001"]
    assert "n" not in bpy.data.meshes["Mine"]


# Its folder


LEAVE = """
from background_nodes.script import output_folder
path = output_folder() / "left.txt"
python_data = {"path": str(path), "empty": not list(output_folder().iterdir())}
path.write_text(word)
"""


def test_files_in_the_folder_of_a_job_stay_as_long_as_the_job(manager, write, session):
    jobs = [run(manager, write(LEAVE), name, passed_data={"word": name}) for name in "ab"]
    run(manager, write(NOTHING), "another")
    for job in jobs:
        assert job.python_data == {"path": str(job.folder / "left.txt"), "empty": True}
        assert (job.folder / "left.txt").read_text() == job.name
    folders = [job.folder for job in jobs]
    manager.cleanup_job("a")
    session._runner.scratch.wait_for_removals()
    assert [folder.exists() for folder in folders] == [False, True]
    assert jobs[0].folder is None
    manager.kill_all()
    session._runner.scratch.wait_for_removals()
    assert not folders[1].exists()


def test_each_attempt_of_a_job_has_an_empty_folder_and_that_of_the_last_one_stays(manager, write, session):
    manager.max_attempts = 2
    add(manager, "job", write(f"{LEAVE}\nraise ValueError(path)"), passed_data={"word": "x"})
    job = manager.get_job("job")
    assert job.folder is None
    assert job.wait(PATIENCE) == "DROPPED"
    assert [file.name for file in job.folder.iterdir()] == ["left.txt"]
    session._runner.scratch.wait_for_removals()
    assert len([*job.folder.parent.glob("*.files")]) == 1


# What is handed over on the way

#: Hands over what it has found, then waits for a file to go on.
PARTIAL = """
import time
import numpy
from background_nodes.script import partial_data
found = {"attempt": 1 + os.path.exists(gate), "points": numpy.arange(3.0)}
partial_data(found)
found["points"] += 1.0  # too late for what was handed over
while not os.path.exists(gate):
    time.sleep(0.01)
"""


def told_while_it_runs(manager, write, gate, end) -> tuple[list, object]:
    """Run `PARTIAL`, with more lines, until it has handed over something. Returns what was told, and the job."""
    told = []
    manager.max_workers = 0
    add(
        manager,
        "job",
        write(PARTIAL + end),
        passed_data={"gate": str(gate)},
        on_progress=lambda job: told.append(job.partial_data),
    )
    assert manager.get_job("job").partial_data is None
    manager.max_workers = 1
    process(manager, lambda: bool(told))
    return told, manager.get_job("job")


def test_running_script_hands_over_what_it_has_so_far(manager, write, tmp_path):
    gate = tmp_path / "gate"
    end = 'partial_data("the rest")\npython_data = {"all": True}\n'
    told, job = told_while_it_runs(manager, write, gate, end)
    assert job.state == "ACTIVE"
    assert told[0]["attempt"] == 1
    assert told[0]["points"].tolist() == [0.0, 1.0, 2.0]
    assert job.python_data is None
    gate.touch()
    assert job.wait(PATIENCE) == "COMPLETED"
    assert job.partial_data == "the rest"
    assert job.python_data == {"all": True}
    manager.cleanup_job("job")
    assert job.partial_data is None


def test_what_was_handed_over_stays_if_the_script_is_killed(manager, write, tmp_path):
    _told, job = told_while_it_runs(manager, write, tmp_path / "gate", "")
    job.kill()
    assert job.state == "DROPPED"
    assert job.partial_data["attempt"] == 1


def test_next_attempt_begins_with_nothing_handed_over(manager, write, tmp_path):
    gate = tmp_path / "gate"
    manager.max_attempts = 2
    end = "if found['attempt'] == 1:\n    raise RuntimeError\n"
    told, job = told_while_it_runs(manager, write, gate, end)
    gate.touch()
    assert job.wait(PATIENCE) == "COMPLETED"
    assert next(data["attempt"] for data in told if data is not None) == 1
    assert job.partial_data["attempt"] == 2


def test_data_block_cannot_be_handed_over_on_the_way(manager, write):
    body = "from background_nodes.script import partial_data\npartial_data({'a': bpy.data.meshes.new('Mesh')})\n"
    add(manager, "job", write(body))
    assert manager.get_job("job").wait(PATIENCE) == "DROPPED"
    assert (
        """partial_data['a'] is the data-block bpy.data.meshes['Mesh'], which can't""" in manager.get_job("job").issue
    )


def test_job_of_values_makes_no_undo_step_and_its_callback_may_make_one(manager, write, session, monkeypatch):
    made = []
    monkeypatch.setattr(work, "push_undo", made.append)
    bpy.data.objects.new("Before", None)
    bpy.ops.ed.undo_push(message="Before")

    def change(job):
        bpy.data.objects.new(job.python_data["name"], None)
        bpy.ops.ed.undo_push(message=job.name)

    add(manager, "job", write("python_data = {'name': 'After'}"), on_complete=change)
    tick_until(session, lambda: manager.get_job("job").is_over)
    assert made == []
    assert sorted(bpy.data.objects.keys()) == ["After", "Before"]
    bpy.ops.ed.undo()
    assert bpy.data.objects.keys() == ["Before"]
