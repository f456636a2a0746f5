"""What a window and a run do in the foreground costs no more than in proportion to nodes, links, items and results."""

import ast
import dataclasses
import gc
import itertools
import textwrap

import bpy
import pytest

import background_nodes
from background_nodes import engines
from background_nodes.addon.command_line.report import Report
from background_nodes.addon.editor import node_status
from background_nodes.addon.jobs import waiting
from background_nodes.addon.jobs.request import DATA_BLOCKS, PYTHON_DATA
from background_nodes.addon.preferences import preferences
from background_nodes.addon.session import problems
from background_nodes.addon.sidebar import log, report_text, task_list, task_rows
from background_nodes.node_tree import grouping, hand_changes, links, list_nodes, noted_results, turn
from background_nodes.node_tree.baselines import baselines
from background_nodes.node_tree.hand_changes import Comparisons
from background_nodes.node_tree.reader import read
from background_nodes.node_tree.succession import compared
from background_nodes.node_tree.text_form.building import build
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.scratch.partial_data import PartialDataFile
from background_nodes.runtime.script import script_files
from background_nodes.runtime.script.socket_types import StoredRef
from background_nodes.runtime.text_form.form import to_text
from background_nodes.runtime.text_form.reading import from_text
from tests.unit.fake_engine import FakeEngine
from tests.unit.growth import LINEAR, StepClock, growth

from .graphs import add, link, new_text, new_tree, output, script, value
from .test_job import tick_until

TAKE = "def main(number: int = 1) -> int: return number"
MAKE = """
    def main(count: int = 1, height: float = 1.0) -> list[bpy.types.Object]:
        made = []
        for number in range(count):
            mesh = bpy.data.meshes.new(f"Item {number}")
            mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, height)], [], [(0, 1, 2)])
            made.append(bpy.data.objects.new(f"Item {number}", mesh))
        return made
"""


def chain(number):
    """Nodes of one script in a row. They are named at once: Blender looks long for a name that is free."""
    tree, text, before = new_tree(), new_text("take.py", TAKE), None
    for index in range(number):
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.script = f"Node {index}", text
        if before is not None:
            tree.links.new(before.outputs[0], node.inputs[0])
        before = node
    return tree


def test_tree_is_read():
    def make(number):
        tree = chain(number)
        return lambda: read(tree, bpy.context.scene)

    assert growth(make, 30) < LINEAR


def test_problems_are_looked_for():
    def make(number):
        tree = chain(number)
        return lambda: problems.find(tree)

    assert growth(make, 30) < LINEAR


def test_tree_with_a_group_that_is_used_often_is_read_and_checked():
    def make(number):
        group, tree = chain(3), new_tree()
        for index in range(number):
            add(tree, "BackgroundNodeGroup", f"Group {index}").node_tree = group
        return lambda: problems.find(tree)

    assert growth(make, 20) < LINEAR


@pytest.mark.parametrize("shape", ["from one", "into one"])
def test_many_links_at_one_node_are_read_and_checked(shape):
    def make(number):
        tree = chain(number)
        tree.links.clear()
        one = script(tree, "One", "def main(numbers: list[int] = ()) -> int: return 1")
        for node in list(tree.nodes)[:-1]:
            link(*((one, node.inputs[0]) if shape == "from one" else (node, one.inputs[0])))
        return lambda: problems.find(tree)

    assert growth(make, 20) < LINEAR


def test_output_nodes_that_link_to_collections_are_read():
    def make(number):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        tree = new_tree()
        node = script(tree, "Make", "def main() -> bpy.types.Object: ...")
        for index in range(number):
            collection = bpy.data.collections.new(f"Collection {index}")
            bpy.context.scene.collection.children.link(collection)
            output(tree, "LINK", node, collection=collection)
        return lambda: read(tree, bpy.context.scene)

    assert growth(make, 30) < LINEAR


@pytest.mark.any_blender
@pytest.mark.parametrize("kind", ["values", "objects"])
def test_forecast_is_made(session, kind):
    def make(number):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        tree = chain(number)
        if kind == "objects":
            text = new_text("take_object.py", "def main(source: bpy.types.Object) -> int: return 1")
            for index, node in enumerate(tree.nodes):
                node.script = text
                node.inputs[0].default_value = bpy.data.objects.new(f"Object {index}", None)
        return lambda: session.forecast(tree)

    assert growth(make, 30) < LINEAR


def test_tree_is_written_as_text_and_made_of_it():
    def make(number):
        tree = chain(number)

        def work():
            text = to_text(dump(tree))
            assert len(build(from_text(text)).tree.nodes) == number

        return work

    assert growth(make, 20) < LINEAR


@pytest.mark.any_blender
def test_nodes_are_put_in_a_group_and_taken_out_again():
    def make(number):
        tree = chain(number)

        def work():
            grouping.ungroup(grouping.make(tree, list(tree.nodes)[1:-1]))
            assert len(tree.nodes) == number

        return work

    assert growth(make, 20) < LINEAR


@pytest.mark.any_blender
@pytest.mark.parametrize("is_reversed", [False, True])
def test_list_nodes_in_a_row_take_another_type_at_once(is_reversed):
    """Each after the one that it takes its type from, or before it."""

    def make(number):
        tree = new_tree()
        floats = value(tree, "FLOAT", (1.0,), is_list=True)
        nodes = []
        for index in range(number):
            nodes.append(tree.nodes.new("BackgroundNodeFlatten"))
            nodes[-1].name = f"Node {index}"
        for one, other in itertools.pairwise(reversed(nodes) if is_reversed else nodes):
            tree.links.new(one.outputs[0], other.inputs[0])
        first, last = nodes[:: number - 1][:: -1 if is_reversed else 1]
        link(floats, first.inputs[0])

        def work():
            list_nodes.follow_links(tree)
            assert last.outputs[0].socket_type.kind == "FLOAT"
            assert len(tree.links) == number

        return work

    assert growth(make, 20) < LINEAR


def test_links_are_asked_for_by_all_nodes_that_are_drawn():
    def make(number):
        tree = chain(number)
        links.forget_links(tree)
        return lambda: [links.refused_origins(node) for node in tree.nodes]

    assert growth(make, 30) < LINEAR


def test_results_of_a_list_are_noted_and_found():
    def make(number):
        node = chain(1).nodes[0]
        meshes = [bpy.data.meshes.new(f"Mesh {number} {index}") for index in range(number)]

        def work():
            noted = (noted_results.Noted(mesh, str(place)) for place, mesh in enumerate(meshes))
            noted_results.put(node, "result", noted)
            assert noted_results.found(node, "result") == meshes
            assert len(noted_results.contents(node, "result")) == number

        return work

    assert growth(make, 50) < LINEAR


@pytest.fixture
def clock(monkeypatch):
    """One that goes with the steps that are counted, for turns."""
    clock = StepClock()
    monkeypatch.setattr(turn, "time", clock)
    return clock


def with_results(number):
    """A node that has objects as its results, each with a mesh."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    node = chain(1).nodes[0]
    noted = []
    for index in range(number):
        mesh = bpy.data.meshes.new(f"Item {index}")
        item = bpy.data.objects.new(f"Item {index}", mesh)
        for role, part in (("", item), ("*", mesh)):
            noted.append(noted_results.Noted(part, str(index), role, True, baselines.ticket(part, {})))
    noted_results.put(node, "result", noted)
    return node


@pytest.mark.any_blender
def test_what_results_are_like_is_read_in_short_turns(clock):
    def make(number):
        with_results(number)

        def work():
            while not baselines.work(0.0):
                pass
            assert baselines.num_pending == 0

        return work

    assert growth(make, 60, clock) < 1.5 * LINEAR


@pytest.mark.any_blender
def test_results_are_compared_with_earlier_ones_in_short_turns(clock):
    def make(number):
        node = with_results(number)
        baselines.finish()

        def work():
            comparisons = Comparisons(compared(noted_results.noted(node, "result")), awaits_artist=True)
            while not comparisons.work(0.0):
                pass
            with comparisons.known():
                assert len(hand_changes._known) == 2 * number

        return work

    assert growth(make, 60, clock) < 1.5 * LINEAR


@pytest.mark.any_blender
@pytest.mark.parametrize("earlier", ["none", "there", "renamed"])
def test_results_come_home(session, earlier):
    def make(number):
        tree = new_tree()
        node = script(tree, "Make", MAKE, count=number)
        output(tree, "LINK", node)
        if earlier != "none":
            assert session.start(tree).wait() == "succeeded"
            node.inputs["Height"].default_value = 2.0
        if earlier == "renamed":
            for index, item in enumerate(node.outputs[0].result):
                item.name = f"Renamed {index}"
        run = session.start(tree)
        while not run.state.is_final:
            session.update_jobs(1.0)

        def work():
            session.settle(run)
            session.finish_homecomings()
            assert len(node.outputs[0].result) == number
            assert run.is_home

        return work

    assert growth(make, 20) < LINEAR


def test_scripts_that_were_read_before_are_not_parsed_again(monkeypatch):
    tree = new_tree()
    for index in range(400):
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.script = f"Node {index}", new_text(f"{index}.py", f"{textwrap.dedent(TAKE)}  # {index}")
    read(tree, bpy.context.scene)
    parsed, parse = [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda *given, **options: parsed.append(given) or parse(*given, **options))
    read(tree, bpy.context.scene)
    assert parsed == []


def test_script_of_many_nodes_is_read_once(monkeypatch, tmp_path):
    tree, path = new_tree(), tmp_path / "take.py"
    path.write_text(TAKE, encoding="utf-8")
    for _ in range(3):
        tree.nodes.new("BackgroundNodeScript").filepath = str(path)
    num_read, read_file = [], script_files.read
    monkeypatch.setattr(script_files, "read", lambda path: num_read.append(path) or read_file(path))
    for _ in range(2):
        read(tree, bpy.context.scene)
    assert num_read == [path] * 2, "once each time: the file may have changed"


# What is drawn of a run, and told of it


def ended_run(session, tree):
    """A run of a tree that has ended before a worker did anything for it."""
    run = session.start(tree)
    run.cancel()
    session.settle(run)
    return run


def test_list_of_tasks_is_sorted(session):
    def make(number):
        tree = chain(number)
        run = ended_run(session, tree)

        def work():
            for key in task_list._KEYS.values():
                rows = task_rows.shown_rows(task_rows.rows_of(run), key)
                places = task_list._new_places([row.place for row in rows], number)
                assert sorted(places) == list(range(number))

        return work

    assert growth(make, 30) < LINEAR


def test_status_of_all_nodes_is_told(session):
    def make(number):
        tree = chain(number)
        run = ended_run(session, tree)
        return lambda: [
            (node_status.state_label(task.state), task.progress, task.seconds, task.error, task.reasons, task.cached)
            for task in (run.at(node.uid) for node in tree.nodes)
        ]

    assert growth(make, 30) < LINEAR


def test_report_is_written(session):
    def make(number):
        tree = chain(number)
        run = ended_run(session, tree)
        return lambda: report_text.report(tree, run)

    assert growth(make, 30) < LINEAR


def test_log_of_all_items_is_written(session):
    def make(number):
        tree = new_tree()
        numbers = value(tree, "INT", range(number), is_list=True)
        script(tree, "Take", TAKE, number=numbers)
        run = ended_run(session, tree)
        task = run.tasks["Take"]
        assert len(task.items) == number
        return lambda: (log.log_text(run, task), task.log, task.num_done, task.num_cached)

    assert growth(make, 50) < LINEAR


@pytest.mark.any_blender
def test_nodes_of_a_group_are_cancelled_and_their_logs_written(session):
    def make(number):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        tree = new_tree()
        add(tree, "BackgroundNodeGroup", "Group").node_tree = wide(number)
        run = session.start(tree)

        def work():
            run.cancel("Group")
            session.settle(run)
            assert run.state.is_final
            assert log.group_text(run, run.groups["Group"])

        return work

    assert growth(make, 30) < LINEAR


@pytest.mark.any_blender
def test_results_are_undone():
    """What listens to an undo looks at no more than is there."""

    def make(number):
        with_results(number)
        baselines.finish()
        bpy.ops.ed.undo_push(message="Before")
        for item in bpy.data.objects:
            item.location.x += 1
        bpy.ops.ed.undo_push(message="After")

        def work():
            bpy.ops.ed.undo()
            bpy.ops.ed.redo()

        return work

    assert growth(make, 30) < LINEAR


# Jobs


class PromptEngine(FakeEngine):
    """One without a process: each task and job is done as soon as it is asked for."""

    def submit(self, request):
        super().submit(request)
        self.succeed_with(request, **{PYTHON_DATA: None, DATA_BLOCKS: ()})


class OnceEngine(FakeEngine):
    """Only the first job is done, and gives a mesh; what comes after it goes on for ever."""

    def submit(self, request):
        super().submit(request)
        if len(self.submitted) == 1:
            meshes = (StoredRef("MESH", "Made", "", request.task.blob),)
            self.succeed_with(request, **{PYTHON_DATA: None, DATA_BLOCKS: meshes})


@pytest.fixture(params=[PromptEngine])
def fake_engine(session, store_folder, request):
    settings = {"engine": "prompt", "store_folder": str(store_folder)}
    engines.add("prompt", lambda _address, _scratch: request.param())
    session.use_settings(lambda: dataclasses.replace(preferences.settings(), **settings))
    yield
    session.use_settings(lambda: dataclasses.replace(preferences.settings(), uses_store=False))
    session.choose_engine()
    engines.remove("prompt")


def of(kind):
    """Let a test have an engine of another kind than `PromptEngine`."""
    return pytest.mark.parametrize("fake_engine", [kind], indirect=True, ids=[kind.__name__])


def wide(number):
    """Nodes of one script side by side."""
    tree, text = new_tree(), new_text("take.py", TAKE)
    for index in range(number):
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.script = f"Node {index}", text
        node.inputs[0].default_value = index
    return tree


def items(number):
    tree = new_tree()
    script(tree, "Take", TAKE, number=value(tree, "INT", range(number), is_list=True))
    return tree


def uses(number):
    """Group nodes of one group."""
    group, tree = wide(2), new_tree()
    for index in range(number):
        add(tree, "BackgroundNodeGroup", f"Group {index}").node_tree = group
    return tree


def passes(number):
    tree = uses(1)
    tree.nodes[0].repeat_mode, tree.nodes[0].iterations = "COUNT", number
    return tree


@pytest.mark.any_blender
@pytest.mark.parametrize("shape", [chain, wide, items, uses, passes])
def test_run_is_carried_out_kept_found_again_and_reported(fake_engine, session, shape):
    def make(number):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        tree = shape(number)

        def work():
            assert session.start(tree, force=True).wait() == "succeeded"
            again = session.start(tree)
            assert again.wait() == "succeeded"
            assert all(task.num_cached == task.num_done for task in again.tasks.values())
            report = Report()
            report.take(tree, again)
            assert report.as_text()
            assert report.as_json()

        return work

    assert growth(make, 20) < LINEAR


@pytest.mark.any_blender
def test_log_costs_the_same_however_many_lines_it_has(fake_engine, session):
    def make(number):
        run = session.start(chain(1), force=True)
        assert run.wait() == "succeeded"
        (task,) = run.tasks.values()
        run._active.log_file(task.node_id, 0).write_text("line\n" * number)

        def work():
            assert len(log.fill(log.log_text(run, task)).lines) > number

        return work

    assert growth(make, 100) < 1.5


@pytest.mark.any_blender
def test_runs_leave_nothing_in_memory_that_grows_with_their_number(fake_engine, session):
    tree, counts = wide(3), []
    for number in range(75):
        for node in tree.nodes:
            node.inputs[0].default_value = number
        assert session.start(tree).wait() == "succeeded"
        if number % 25 == 24:  # the last twenty runs are known
            for seen in (session._equipment.engine.submitted, session._equipment.engine._started):
                seen.clear()
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert counts[2] - counts[1] < 25, "less than one object for each run"


@pytest.mark.any_blender
def test_values_of_many_nodes_come_home(fake_engine, session):
    def make(number):
        run = session.start(wide(number), force=True)
        while not run.state.is_final:
            session.update_jobs(1.0)

        def work():
            session.settle(run)
            assert run.is_home

        return work

    assert growth(make, 60) < LINEAR


def after_two(number):
    """The names of the two jobs before one, which it comes after."""
    return [str(earlier) for earlier in range(max(0, number - 2), number)]


@pytest.mark.any_blender
@pytest.mark.parametrize("earlier", [lambda _number: [], after_two], ids=["alone", "after two others"])
def test_jobs_are_added_waited_for_and_forgotten(fake_engine, manager, write, earlier):
    script = write("python_data = 1")

    def make(count):
        jobs = [{"job": str(number), "script": script, "after": earlier(number)} for number in range(count)]

        def work():
            assert manager.add_jobs(jobs).wait()
            assert len(manager.get_completed_job_names()) == count
            manager.kill_all()

        return work

    assert growth(make, 30) < LINEAR


@pytest.mark.any_blender
def test_jobs_that_are_yielded_as_they_end_are_waited_for_once_each(fake_engine, manager, write, monkeypatch):
    script, calls, wait_for = write("python_data = 1"), [], waiting.wait_for
    monkeypatch.setattr(waiting, "wait_for", lambda *given: calls.append(given) or wait_for(*given))
    jobs = manager.add_jobs([{"job": str(number), "script": script} for number in range(30)])
    assert len(list(background_nodes.as_completed(jobs))) == 30
    assert 0 < len(calls) <= 30


@pytest.mark.any_blender
@of(OnceEngine)
def test_jobs_after_one_whose_batch_still_runs_are_in_line_once(fake_engine, manager, session):
    """It is done, and waits for the batch to come home; they wait for a worker, tick by tick."""
    manager.max_workers = 1
    jobs = [{"job": "first", "script": "x = 1\n"}, {"job": "endless", "script": "x = 1\n"}]
    later = [{"job": str(number), "script": "x = 1\n", "after": ["first"]} for number in range(10)]
    batch = manager.add_jobs([*jobs, *later])
    tick_until(session, lambda: batch.jobs[1].state == "ACTIVE")
    for _ in range(20):
        session.tick()
    assert len(manager._ready) == len(later)
    assert [job.state for job in batch] == ["ACTIVE"] * 2 + ["QUEUED"] * len(later)


@pytest.mark.any_blender
@of(FakeEngine)
def test_no_file_is_opened_for_what_a_job_hands_over_if_nobody_listens(fake_engine, manager, session, monkeypatch):
    looked, number = [], PartialDataFile.number
    monkeypatch.setattr(PartialDataFile, "number", lambda file: looked.append(file) or number(file))
    for name, listener in (("untold", None), ("told", lambda _job: None)):
        assert manager.add_job(name, "x = 1\n", on_complete=lambda _job: None, on_progress=listener)[0]
        job = manager.get_job(name)
        tick_until(session, lambda job=job: job.state != "QUEUED")
        for _ in range(5):
            session.tick()
        assert bool(looked) == (listener is not None), name
    assert [job.state for job in manager.jobs] == ["ACTIVE"] * 2


@pytest.mark.any_blender
def test_switch_between_many_names_follows_them():
    def make(number):
        tree = new_tree()
        floats = value(tree, "FLOAT", 1.0)
        node = tree.nodes.new("BackgroundNodeSwitch")
        node.mode = "MENU"

        def work():
            node.names = ", ".join(f"Choice {index}" for index in range(number))
            link(floats, node.inputs[number])
            list_nodes.follow_links(tree)
            assert node.outputs[0].socket_type.kind == "FLOAT"
            assert len(node.inputs) == number + 1

        return work

    assert growth(make, 20) < LINEAR
