"""What happens around a job's end: callbacks that add, kill and forget jobs, undo steps, the timer's rhythm."""

import time

import bpy
import pytest

from background_nodes.addon.jobs.job import Job
from background_nodes.addon.session import keeper
from background_nodes.node_tree import arrival
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
    settle, ended = Job.settle, []

    def settle_one(job):
        if job.name == "bad" and job.num_attempts:
            raise RuntimeError("ours")
        settle(job)

    monkeypatch.setattr(Job, "settle", settle_one)
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


@pytest.mark.skipif(bool(bpy.app.binary_path), reason="needs Blender as a Python module")
def test_jobs_are_dropped_when_the_extension_is_disabled_and_others_can_be_added_afterwards(
    manager, write, registered_extension
):
    ended = []
    manager.max_workers = 1
    for name in "ab":
        add(manager, name, write(FOREVER), on_complete=ended.append)
    with editor(new_tree()):
        bpy.ops.node.clipboard_copy()  # of nothing: Blender 4.2 crashes later over copied nodes whose types are gone
    registered_extension.unregister()
    registered_extension.register()
    assert manager.get_dropped_job_names() == ["a", "b"]
    assert "Background Nodes was disabled" in manager.get_issue_string("a")
    assert ended == []
    manager.cleanup_job("a")
    assert run(manager, write("python_data = {'x': 1}"), "b").python_data == {"x": 1}


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
