"""Jobs that belong together, jobs that come after others, and those that are asked to end."""

import threading
import time

import bpy
import pytest

import background_nodes
from background_nodes.addon.jobs import batch as batches
from background_nodes.addon.jobs import work
from tests.blender.graphs import link_to_scene, names, quad
from tests.blender.jobs import PATIENCE, add, process, run
from tests.blender.test_job import tick_until

GATED = "import os, time\nwhile not os.path.exists(gate): time.sleep(0.01)\n"


@pytest.fixture
def steps(monkeypatch):
    """The undo steps that are made."""
    found = []
    monkeypatch.setattr(batches, "push_undo_step", found.append)
    monkeypatch.setattr(work, "push_undo", found.append)
    return found


# Batches


def test_map_gives_results_in_the_order_of_the_items(manager, session):
    told, ended = [], []
    found = manager.map(
        "python_data = item ** power\n",
        range(7),
        name="powers",
        passed_data={"power": 2},
        on_complete=ended.append,
        on_progress=lambda batch: told.append(batch.progress),
    )
    assert [job.name for job in found] == [f"powers {number}" for number in range(1, 8)]
    tick_until(session, lambda: ended)
    assert ended == [found]
    assert found.python_data == [0, 1, 4, 9, 16, 25, 36]
    assert (found.is_over, found.num_over, found.progress, len(found)) == (True, 7, 1.0, 7)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_items_may_be_dicts_of_variables_or_data_blocks(manager):
    script = "python_data = [a, b]\n"
    assert _waited(manager.map(script, [{"a": 1}, {"a": 2, "b": 3}], passed_data={"b": 0})).python_data == [
        [1, 0],
        [2, 3],
    ]
    objects = [quad("A"), quad("B")]
    named = manager.map("python_data = [item.name, len(item.data.vertices), len(bpy.data.objects)]\n", objects)
    assert _waited(named).python_data == [["A", 4, 1], ["B", 4, 1]]


def _waited(batch):
    assert batch.wait(PATIENCE)
    assert [job.issue for job in batch] == [""] * len(batch)
    return batch


def test_empty_batch_is_over_at_once(manager):
    ended = []
    batch = manager.map("x = 1\n", [], on_complete=ended.append)
    assert (ended, batch.is_over, batch.progress) == ([batch], True, 1.0)


def test_results_of_a_batch_are_one_undo_step(manager, session, steps):
    """Blender keeps 32 steps: one for each job would push out the artist's own."""
    ended = []
    before = names()

    def link(batch):
        for job in batch:
            for obj in job.data_blocks.objects:
                link_to_scene(obj)
        ended.append(list(steps))

    script = "data_blocks = [bpy.data.objects.new(f'Made {item}', None)]\n"
    batch = manager.map(script, range(5), name="five", on_complete=link)
    while not ended:
        session.tick()
        is_done = all(job.is_over or job._work.is_arriving for job in batch)
        assert is_done or names() == before, "some came home while others ran"
        time.sleep(0.005)
    assert ended == [[]], "the callback's own changes are in the step"
    assert steps == ["Jobs: five"]
    assert sorted(bpy.data.objects.keys()) == [f"Made {number}" for number in range(5)]


def test_data_blocks_of_a_batch_come_when_none_of_it_runs(manager, session, tmp_path):
    script = f"if item: {GATED.splitlines()[0]}\n" + "while item and not os.path.exists(gate): time.sleep(0.01)\n"
    script += "data_blocks = [bpy.data.meshes.new('Made')]\n"
    batch = manager.map(script, [0, 1], passed_data={"gate": str(tmp_path / "gate")})
    tick_until(session, lambda: batch.jobs[0]._work.is_arriving)
    for _ in range(10):
        session.tick()
    assert (len(bpy.data.meshes), batch.jobs[0].state) == (0, "ACTIVE")
    (tmp_path / "gate").touch()
    assert batch.wait(PATIENCE)
    assert len(bpy.data.meshes) == 2


def test_batch_is_refused_as_a_whole(manager, write):
    add(manager, "there", write("x = 1"))
    with pytest.raises(background_nodes.JobRefusedError, match=r"the job 'b' can't be added: passed_data: 'class'"):
        manager.add_jobs([
            {"job": "a", "script": "x = 1\n"},
            {"job": "b", "script": "x = 1\n", "passed_data": {"class": 1}},
        ])  # fmt: skip
    with pytest.raises(background_nodes.JobRefusedError, match="'a' can't be added: it is there twice"):
        manager.add_jobs([{"job": "a", "script": "x = 1\n"}] * 2)
    with pytest.raises(background_nodes.JobRefusedError, match="add_job takes no 'colour'"):
        manager.map("x = 1\n", [1], colour="red")
    assert manager.get_job_names() == ["there"]


def test_failed_job_of_a_batch_harms_no_other(manager, session):
    batch = manager.map("python_data = 1 / item\n", [1, 0, 2])
    assert batch.wait(PATIENCE)
    assert batch.python_data == [1.0, None, 0.5]
    assert [job.state for job in batch] == ["COMPLETED", "DROPPED", "COMPLETED"]
    assert "ZeroDivisionError" in batch.jobs[1].issue


def test_cancelled_batch_keeps_what_was_done(manager, session, tmp_path):
    manager.max_workers = 1
    script = "import os, time\nwhile item and not os.path.exists(gate): time.sleep(0.01)\n"
    script += "data_blocks = [bpy.data.meshes.new('Made')]\n"
    ended = []
    batch = manager.map(script, [0, 1, 1], passed_data={"gate": str(tmp_path / "gate")}, on_complete=ended.append)
    tick_until(session, lambda: batch.jobs[1].state == "ACTIVE" and batch.jobs[1].log is not None)
    batch.cancel(grace=0.0)
    tick_until(session, lambda: ended)
    assert [job.state for job in batch] == ["COMPLETED", "DROPPED", "DROPPED"]
    assert len(bpy.data.meshes) == 1


# Waiting


def test_wait_and_as_completed_are_as_those_of_concurrent_futures(manager, write, tmp_path):
    other = background_nodes.JobManager()
    try:
        gates = {name: str(tmp_path / name) for name in "ab"}
        script = write(f"{GATED}python_data = {{'name': name}}")
        for each, name in ((manager, "a"), (other, "b")):
            add(each, name, script, passed_data={"gate": gates[name], "name": name})
        jobs = [manager.get_job("a"), other.get_job("b")]
        assert background_nodes.wait(jobs, timeout=0.05) == (set(), set(jobs))
        with pytest.raises(TimeoutError, match="2 jobs are not over"):
            next(background_nodes.as_completed(jobs, timeout=0.05))
        (tmp_path / "b").touch()
        assert background_nodes.wait(jobs, PATIENCE, "FIRST_COMPLETED") == ({jobs[1]}, {jobs[0]})
        found = background_nodes.as_completed(jobs, timeout=PATIENCE)
        assert next(found) is jobs[1]
        threading.Timer(0.1, (tmp_path / "a").touch).start()
        assert next(found) is jobs[0]
        assert next(found, None) is None
        assert background_nodes.wait(jobs).not_done == set()
        with pytest.raises(ValueError, match="return_when is 'SOON'"):
            background_nodes.wait(jobs, return_when="SOON")
    finally:
        other.kill_all()


# What starts when


def test_jobs_of_a_higher_priority_start_first(manager, session):
    manager.max_workers = 1
    order = []
    for name, priority in (("first", 0), ("low", -1), ("usual", 0), ("high", 2)):
        add(manager, name, "x = 1\n", priority=priority, on_complete=lambda job: order.append(job.name))
    tick_until(session, lambda: len(order) == 4)
    assert order == ["first", "high", "usual", "low"]


def test_job_comes_after_others_and_not_if_one_was_dropped(manager, write, session):
    ended = []

    def tell(job):
        ended.append((job.name, job.state))

    manager.max_workers = 4
    add(manager, "a", write("import time; time.sleep(0.2)"), on_complete=tell)
    add(manager, "b", "x = 1\n", after=["a"], on_complete=tell)
    add(manager, "c", "x = 1\n", after=[manager.get_job("b"), "a"], on_complete=tell)
    add(manager, "bad", "1 / 0\n", on_complete=tell)
    add(manager, "d", "x = 1\n", after=["bad"], on_complete=tell)
    add(manager, "e", "x = 1\n", after=["d", "a"])
    tick_until(session, lambda: len(ended) == 5)
    process(manager)
    assert [name for name, state in ended if state == "COMPLETED"] == ["a", "b", "c"]
    assert "the job 'bad', after which it comes, was dropped" in manager.get_issue_string("d")
    assert "the job 'd', after which it comes, was dropped" in manager.get_issue_string("e")
    assert manager.get_job("e").num_attempts == 0
    assert manager.add_job("f", "x = 1\n", after=["nobody"]) == (
        False,
        "the job 'f' can't be added: there is no job 'nobody': add it with add_job",
    )


# Progress, and the end on demand


def test_job_has_what_others_gave_as_variables(manager):
    """In a batch, too, in which data-blocks come home when none of it runs any more."""
    points = """
        import numpy
        python_data = {"points": numpy.arange(6, dtype="f4").reshape(2, 3)}
        data_blocks = [bpy.data.objects.new("Point", None)]
        """
    summed = "python_data = (float(given['points'].sum()), type(given['points']).__name__, number)\n"
    batch = manager.add_jobs(
        [
            {"job": "points", "script": points},
            {"job": "sum", "script": summed, "passed_results": {"given": "points"}, "passed_data": {"number": 3}},
            {"job": "last", "script": "python_data = [one, two]\n", "passed_results": {"one": "sum", "two": "sum"}},
        ]
    )
    assert _waited(batch).python_data[1:] == [(15.0, "ndarray", 3), [(15.0, "ndarray", 3)] * 2]
    assert bpy.data.objects.keys() == ["Point"]
    later = run(manager, "python_data = given['points'].tolist()\n", "later", passed_results={"given": batch.jobs[0]})
    assert later.python_data == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_job_that_lacks_what_another_one_was_to_give_is_dropped_or_refused(manager):
    add(manager, "giver", "raise ValueError('nothing')\n")
    add(manager, "taker", "python_data = x\n", passed_results={"x": "giver"})
    process(manager)
    assert "the job 'giver', after which it comes, was dropped" in manager.get_issue_string("taker")
    for options, reason in (
        ({"passed_results": {"x": "nobody"}}, "there is no job 'nobody'"),
        ({"passed_results": {"x": "giver"}, "passed_data": {"x": 1}}, "the variable 'x' is in passed_data, too"),
        ({"passed_results": {"python_data": "giver"}}, "python_data"),
        ({"passed_results": ["giver"]}, "give a dict of variables and jobs"),
        ({"after": "giver"}, "give a list of jobs"),
    ):
        added, told = manager.add_job("new", "x = 1\n", **options)
        assert (added, reason in told) == (False, True), told


def test_progress_is_told_with_its_text(manager, session):
    told, ended = [], []
    script = "import time\nfor n in range(3):\n    update_job_progress(n / 4, f'Step {n}')\n    time.sleep(0.1)\n"
    add(manager, "job", script, on_progress=lambda job: told.append((job.progress, job.text)), on_complete=ended.append)
    tick_until(session, lambda: ended)
    assert told
    assert set(told) <= {(0.0, "Step 0"), (0.25, "Step 1"), (0.5, "Step 2")}
    assert told == sorted(told)


LISTEN = """
from background_nodes.script import is_cancelled
import time
update_job_progress(0.5)
rounds = 0
while not (cares and is_cancelled()):
    rounds += 1
    time.sleep(0.001)
python_data = {"rounds": rounds}
data_blocks = [bpy.data.meshes.new("Half")]
"""


def test_cancelled_script_gives_what_it_has(manager, session):
    add(manager, "job", LISTEN, passed_data={"cares": True})
    job = manager.get_job("job")
    process(manager, lambda: job.progress == 0.5)
    job.cancel(grace=PATIENCE)
    process(manager)
    assert (job.state, job.was_cancelled, job.was_killed) == ("COMPLETED", True, False)
    assert job.python_data["rounds"] > 0
    assert [mesh.name for mesh in job.data_blocks.meshes] == ["Half"]


def test_batch_replaces_the_earlier_one_of_its_name_with_all_of_its_jobs(manager):
    told = []
    endless = manager.map("while True: pass\n", range(3), name="all", on_complete=told.append)
    single = manager.map("x = 1\n", range(1), name="other")
    later = _waited(manager.map("python_data = item\n", range(2), name="all", on_complete=told.append))
    assert manager.get_job_names() == ["other 1", "all 1", "all 2"]
    assert [job.state for job in endless] == ["DROPPED"] * 3
    assert told == [later]
    assert single.wait(PATIENCE)


def test_batch_that_is_forgotten_tells_nobody(manager):
    """An add-on that is disabled forgets its jobs: what its callback uses is gone then."""
    told = []
    batch = manager.map("while item: pass\n", [0, 1], on_complete=told.append, on_progress=told.append)
    while not batch.jobs[0].is_over:
        batch.wait(0.05)
    told.clear()
    manager.kill_all()
    assert (batch.is_over, told) == (True, [])


def test_who_carries_a_job_on_carries_on_those_that_it_comes_after(manager, session, registered_extension):
    """Else it would wait for ever for a job that nobody polls, be that of another manager."""
    other = registered_extension.JobManager()
    add(other, "first", "python_data = 1\n")
    add(manager, "second", "python_data = 2\n", after=[other.get_job("first")])
    add(manager, "third", "python_data = 3\n", after=["second"])
    assert manager.get_job("third").wait(PATIENCE) == "COMPLETED"
    assert [job.state for job in (*other.jobs, *manager.jobs)] == ["COMPLETED"] * 3
    ended = []
    add(other, "first", "python_data = 1\n")
    add(manager, "second", "python_data = 2\n", after=[other.get_job("first")])
    add(manager, "third", "python_data = 3\n", after=["second"], on_complete=ended.append)
    tick_until(session, lambda: ended)
    assert manager.get_job("third").state == "COMPLETED"
    other.kill_all()


def test_what_no_job_can_be_given_is_named(manager):
    with pytest.raises(
        background_nodes.JobRefusedError, match="the job 'a' can't be added: add_job takes no 'time_out'"
    ):
        manager.add_jobs([{"job": "a", "time_out": 3}])
    with pytest.raises(background_nodes.JobRefusedError, match="'x = 1' is no job: give a dict"):
        manager.add_jobs(["x = 1"])
    assert manager.jobs == ()


def test_empty_list_comes_back_as_one(manager):
    assert run(manager, "python_data = []\n").python_data == []
    assert run(manager, "python_data = ()\n").python_data == ()
    assert run(manager, "pass\n# nothing\n").python_data == {}


def test_script_that_does_not_listen_is_killed_after_its_grace(manager, session):
    add(manager, "job", LISTEN, passed_data={"cares": False})
    job = manager.get_job("job")
    process(manager, lambda: job.progress == 0.5)
    job.cancel(grace=0.05)
    process(manager)
    assert (job.state, job.was_cancelled, job.was_killed) == ("DROPPED", True, True)


def test_cancelled_job_that_waits_is_dropped_and_the_next_one_is_not_asked(manager):
    manager.max_workers = 1
    for name in "ab":
        add(manager, name, LISTEN, passed_data={"cares": True})
    process(manager, lambda: manager.get_job("a").progress == 0.5)
    manager.get_job("b").cancel()
    assert (manager.get_job_state("b"), manager.get_job("b").num_attempts) == ("DROPPED", 0)
    manager.get_job("a").cancel()
    process(manager)
    asked = "from background_nodes.script import is_cancelled\npython_data = is_cancelled()\n"
    assert run(manager, asked, "c").python_data is False


# Kept results


COUNT = "import pathlib\npath = pathlib.Path(log)\npath.write_text(path.read_text() + 'x')\npython_data = {'n': n}\n"


def test_result_of_a_job_is_kept_if_asked_to(manager, store, tmp_path):
    log = tmp_path / "log"
    log.write_text("")
    given = quad("Given")
    script = COUNT + "data_blocks = [bpy.data.meshes.new('Kept'), passed_data_blocks[0].copy()]\n"

    def result(**options):
        data = {"log": str(log), "n": options.pop("n", 1)}
        job = run(manager, script, passed_data=data, passed_data_blocks={given.data}, **options)
        return job.python_data["n"], [mesh.name.partition(".")[0] for mesh in job.data_blocks.meshes], log.read_text()

    assert result() == (1, ["Kept", "Given"], "x")
    assert result() == (1, ["Kept", "Given"], "xx"), "not asked to"
    assert result(cache=True) == (1, ["Kept", "Given"], "xxx")
    assert result(cache=True) == (1, ["Kept", "Given"], "xxx")
    assert result(cache=True, n=2) == (2, ["Kept", "Given"], "xxxx")
    given.data.vertices[0].co.z = 1
    assert result(cache=True) == (1, ["Kept", "Given"], "xxxxx")


def test_add_ons_of_a_job_are_enabled_for_it_alone(manager):
    script = "import addon_utils\npython_data = addon_utils.check('node_wrangler')[1]\n"
    assert run(manager, script, addons=["node_wrangler"]).python_data is True
    assert run(manager, script).python_data is False
