"""What a window and a run do in the foreground costs no more than in proportion to nodes, links, items and results."""

import ast
import textwrap

import bpy
import pytest

from background_nodes.addon.editor import node_status
from background_nodes.addon.session import problems
from background_nodes.addon.sidebar import log, report_text, task_list, task_rows
from background_nodes.node_tree import links, noted_results
from background_nodes.node_tree.reader import read
from background_nodes.runtime.script import script_files
from tests.unit.growth import LINEAR, growth

from .graphs import new_text, new_tree, output, script, value

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


@pytest.mark.any_blender
@pytest.mark.parametrize("is_again", [False, True], ids=["new", "in the place of earlier ones"])
def test_results_come_home(session, is_again):
    def make(number):
        tree = new_tree()
        node = script(tree, "Make", MAKE, count=number)
        output(tree, "LINK", node)
        if is_again:
            assert session.start(tree).wait() == "succeeded"
            node.inputs["Height"].default_value = 2.0
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
