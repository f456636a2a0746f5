"""What is told of a run by group: the nodes in a group, in the use of it that an editor shows, and results outside."""

from __future__ import annotations

import contextlib
import json

import bpy
import pytest

from background_nodes.addon.command_line.forecast_report import ForecastReport
from background_nodes.addon.command_line.report import Listing, Report
from background_nodes.addon.editor import shown_path
from background_nodes.addon.editor.uses import use_of
from background_nodes.addon.session import current, problems
from background_nodes.addon.sidebar import log, report_text, task_rows, viewer
from background_nodes.node_tree import grouping, lookup

from .graphs import SCALE, add, editor, link, new_tree, output, quad, script, value

HALF = "def main(number: float) -> float: return 1.0 / number"
PRINTS = "    print('it is', number)\n    return 1.0 / number\n"
ADD = "def main(number: float) -> float: return number + 1.0"


def grouped(tree, source: bpy.types.Node, *nodes: bpy.types.Node, name: str) -> bpy.types.Node:
    """The group node of nodes, whose input is what `source` gave, and whose output is that of the last of them."""
    take = add(tree, "NodeReroute")
    link(nodes[-1], take.inputs[0])
    group = grouping.make(tree, nodes)
    tree.nodes.remove(source)
    tree.nodes.remove(take)
    group.name = name
    return group


@pytest.fixture
def tree():
    """A group of two nodes that is used twice: with a number that works, and with one that is a fault of its first."""
    tree = new_tree()
    number = value(tree, "FLOAT", 0.0)
    first = script(tree, "Divide", HALF, number=number)
    used = grouped(tree, number, first, script(tree, "Add", ADD, number=first), name="Works")
    again = add(tree, "BackgroundNodeGroup", "Fails")
    again.label = "Fails"
    again.node_tree = used.node_tree
    used.inputs[0].default_value = 4.0
    again.inputs[0].default_value = 0.0
    return tree


@contextlib.contextmanager
def inside(tree, name):
    """An editor that shows the group of a node."""
    with editor(tree):
        shown_path.enter(bpy.context.space_data, tree.nodes[name])
        yield
        shown_path.leave(bpy.context.space_data)


def path_id(tree, group, name) -> str:
    node = tree.nodes[group]
    return f"{node.uid}/{node.node_tree.nodes[name].uid}"


def test_node_in_a_group_shows_the_use_that_the_editor_shows(tree, session):
    session.start(tree).wait()
    states = {}
    for use in ("Works", "Fails"):
        with inside(tree, use):
            nodes = bpy.context.space_data.edit_tree.nodes
            states[use] = [str(use_of(nodes[name]).status.state) for name in ("Divide", "Add")]
            assert use_of(nodes["Divide"]).node_id == path_id(tree, use, "Divide")
    assert states == {"Works": ["succeeded", "succeeded"], "Fails": ["failed", "skipped"]}
    with editor(tree):
        assert [str(use_of(tree.nodes[name]).status.state) for name in ("Works", "Fails")] == ["succeeded", "failed"]
        assert use_of(tree.nodes["Fails"]).status.failed.name == "Fails / Divide"


def test_group_node_shows_what_comes_out_of_it_and_nodes_in_it_show_nothing(tree, session):
    run = session.start(tree)
    run.wait()
    assert tree.nodes["Works"].outputs[0].result == 1.25
    assert not tree.nodes["Fails"].outputs[0].shows_result
    inner = tree.nodes["Works"].node_tree.nodes["Add"].outputs[0]
    assert not inner.shows_result
    assert run.fetch("Works / Divide", "result") == 0.25
    assert run.fetch("Works", tree.nodes["Works"].outputs[0].identifier) == 1.25


class Labels(list):
    """A layout that notes what it is told to write."""

    def label(self, *, text, **_options):
        self.append(text)


def test_results_of_a_group_that_ran_alone_are_not_shown_in_its_uses(tree, session):
    group = tree.nodes["Works"].node_tree
    for node in [node for node in group.nodes if node.bl_idname == "NodeGroupInput"]:
        group.nodes.remove(node)
    divide = group.nodes["Divide"]
    divide.inputs[0].default_value = 8.0
    session.start(group, until="Divide").wait()
    told = Labels()
    with editor(group):
        divide.outputs[0].draw(bpy.context, told, divide, "Result")
    with inside(tree, "Works"):
        divide.outputs[0].draw(bpy.context, told, divide, "Result")
    assert told == ["Result: 0.125", "Result"]


def test_click_on_a_task_leads_into_the_use_of_its_group(tree, session):
    run = session.start(tree)
    run.wait()
    with editor(tree):
        space = bpy.context.space_data
        for use in ("Fails", "Works"):
            wanted = path_id(tree, use, "Divide")
            row = next(row for row in task_rows.rows_of(run) if row.node_id == wanted)
            bpy.context.window_manager.background_nodes_active_task_row = row.place
            assert shown_path.shown_path(space).names == (use,)
            assert [node.name for node in space.edit_tree.nodes if node.select] == ["Divide"]
            assert bpy.context.window_manager.background_nodes_active_task_row == row.place
        assert bpy.ops.background_nodes.node_select(node_id=tree.nodes["Fails"].uid) == {"FINISHED"}
        assert space.edit_tree == tree
        assert tree.nodes.active == tree.nodes["Fails"]


def test_groups_in_a_group_are_told_of_and_led_into_at_any_depth(tree, session):
    both = grouping.make(tree, [tree.nodes["Works"], tree.nodes["Fails"]])
    both.name = "Both"
    run = session.start(tree)
    run.wait()
    states = {name: str(group.state) for name, group in run.groups.items()}
    assert states == {"Both": "failed", "Both / Works": "succeeded", "Both / Fails": "failed"}
    failed = run.groups["Both"].failed
    assert failed.name == "Both / Fails / Divide"
    with editor(tree):
        space = bpy.context.space_data
        assert bpy.ops.background_nodes.node_select(node_id=failed.node_id) == {"FINISHED"}
        assert shown_path.shown_path(space).names == ("Both", "Fails")
        assert use_of(space.edit_tree.nodes["Divide"]).status is failed
        assert bpy.ops.background_nodes.node_select(node_id=run.groups["Both / Works"].node_id) == {"FINISHED"}
        assert shown_path.shown_path(space).names == ("Both",)
        assert use_of(space.edit_tree.nodes["Works"]).status is run.groups["Both / Works"]
        assert lookup.path_label(tree, failed.node_id, within=both.uid) == "Fails / Divide"


def test_log_of_a_group_is_that_of_all_in_it_and_of_a_node_in_it_that_of_the_use(tree, session):
    tree.nodes["Works"].node_tree.nodes["Divide"].script.from_string(f"def main(number: float) -> float:\n{PRINTS}")
    session.start(tree).wait()
    with editor(tree):
        assert bpy.ops.background_nodes.log_show(node_name="Works") == {"FINISHED"}
        shown = bpy.data.texts[log.NAME].as_string()
        assert shown.startswith("Works · Tree\nSucceeded")
        assert shown.index("Works / Divide · Tree") < shown.index("it is 4.0") < shown.index("Works / Add · Tree")
        assert bpy.ops.background_nodes.log_show(node_name="Fails") == {"FINISHED"}
        assert "division by zero" in bpy.data.texts[log.NAME].as_string()
        told = report_text.report(tree, session.run_of(tree))
        assert 'Node "Fails / Divide": failed' in told
    with inside(tree, "Works"):
        nodes = bpy.context.space_data.edit_tree.nodes
        nodes.active = nodes["Divide"]
        assert bpy.ops.background_nodes.log_show() == {"FINISHED"}
        shown = bpy.data.texts[log.NAME].as_string()
        assert shown.startswith("Works / Divide · Tree")
        assert "it is 4.0" in shown


def test_node_of_a_group_is_cancelled_in_the_use_that_the_editor_shows(tree, session):
    run = session.start(tree)
    with inside(tree, "Works"):
        nodes = bpy.context.space_data.edit_tree.nodes
        nodes.active = nodes["Divide"]
        assert bpy.ops.background_nodes.cancel_node() == {"FINISHED"}
    run.wait()
    states = {name: str(task.state) for name, task in run.tasks.items()}
    assert states["Works / Divide"] == "cancelled"
    assert states["Fails / Divide"] == "failed"


def test_problem_in_a_group_is_one_of_the_node_in_each_use_and_in_the_group_node(tree):
    inner = tree.nodes["Works"].node_tree
    script(inner, "Missing", "def main(source: bpy.types.Object) -> int: return 1")
    found = problems.find(tree)
    assert [problem.node for problem in found] == ["Works / Missing", "Fails / Missing"]
    for use in ("Works", "Fails"):
        uid = tree.nodes[use].uid
        assert problems.of_node(tree, path_id(tree, use, "Missing")).socket == "Source"
        assert problems.of_node(tree, uid) is None
        assert problems.in_group(tree, uid).node == f"{use} / Missing"
    with inside(tree, "Fails"):
        problem = problems.of_node(*use_of(inner.nodes["Missing"]))
        assert problem.node == "Fails / Missing"


def test_problem_is_looked_for_anew_when_the_group_was_changed(tree):
    problems.find(tree)
    assert problems._findings[tree.session_uid].is_fresh
    tree.nodes["Works"].node_tree.nodes["Add"].mute = True
    tree.nodes["Works"].node_tree.update()
    assert not problems._findings[tree.session_uid].is_fresh


def test_viewer_shows_the_result_of_a_node_in_the_use_that_the_editor_shows(tree, session):
    for node, number in (("Works", 4.0), ("Fails", 2.0)):
        tree.nodes[node].inputs[0].default_value = number
    session.start(tree).wait()
    shown = {}
    for use in ("Works", "Fails"):
        with inside(tree, use):
            socket = bpy.context.space_data.edit_tree.nodes["Divide"].outputs[0]
            shown[use] = viewer._viewer.show(bpy.context, viewer.Target.of(socket), socket)[1].rpartition(" ")[2]
    assert shown == {"Works": "0.25", "Fails": "0.5"}


def test_offered_object_of_a_node_in_a_group_comes_home_on_the_group_node_and_takes_its_place_again(session):
    tree = new_tree()
    source = value(tree, "Object", quad("Rock"))
    group = grouped(tree, source, script(tree, "Grow", SCALE, source=source), name="Group")
    group.inputs[0].default_value = bpy.data.objects["Rock"]
    for size in (2.0, 3.0):
        group.node_tree.nodes["Grow"].inputs["Size"].default_value = size
        session.start(tree).wait()
        (socket,) = group.outputs
        assert socket.offered_by
        assert socket.result.data.vertices[1].co.x == size
        assert [item.name for item in bpy.data.objects if item.name != "Rock"] == [socket.result.name]
    bpy.data.objects.remove(socket.result)
    assert current.bring_back(socket) is None
    assert socket.result.data.vertices[1].co.x == 3.0


def test_what_comes_out_of_a_group_into_another_node_is_there_to_be_fetched_and_viewed(tree, session):
    works = tree.nodes["Works"]
    script(tree, "Take", ADD, number=works)
    run = session.start(tree)
    run.wait()
    identifier = works.outputs[0].identifier
    assert run.has_result(works.uid, identifier)
    assert not run.has_result(tree.nodes["Fails"].uid, identifier)
    assert run.value(works.uid, identifier) == 1.25
    assert tree.nodes["Take"].outputs[0].result == 2.25
    assert not works.outputs[0].shows_result
    assert run.fetch("Works", identifier) == works.outputs[0].result == 1.25


def test_run_until_a_node_in_a_group_carries_out_that_use_of_it_only(tree, session):
    run = session.start(tree, until="Works / Divide")
    run.wait()
    assert list(run.tasks) == ["Works / Divide"]
    run = session.start(tree, until="Fails")
    run.wait()
    assert list(run.tasks) == ["Fails / Divide", "Fails / Add"]


def test_results_of_a_group_that_an_output_node_takes_take_the_place_of_the_earlier_ones(session):
    tree = new_tree()
    source = value(tree, "Object", quad("Rock"))
    group = grouped(tree, source, script(tree, "Grow", SCALE, source=source), name="Group")
    group.inputs[0].default_value = bpy.data.objects["Rock"]
    output(tree, "LINK", group)
    for size in (2.0, 3.0):
        group.node_tree.nodes["Grow"].inputs["Size"].default_value = size
        session.start(tree).wait()
        (result,) = [item for item in bpy.context.scene.objects if item.name != "Rock"]
        assert result.data.vertices[1].co.x == size
        assert group.outputs[0].result == result
    assert len(bpy.data.objects) == 2


def test_reports_of_the_command_line_name_nodes_in_groups_by_their_paths(tree, session):
    forecast = ForecastReport("file", "Tree", session.forecast(tree))
    assert "  Works / Divide  runs" in forecast.as_text()
    assert "Works / Divide" in json.loads(forecast.as_json())["tasks"]
    run = session.start(tree)
    run.wait()
    report = Report()
    report.take(tree, run)
    told = json.loads(report.as_json())
    assert sorted(told["tasks"]) == ["Fails / Add", "Fails / Divide", "Works / Add", "Works / Divide"]
    assert {name: group["state"] for name, group in told["groups"].items()} == {"Works": "succeeded", "Fails": "failed"}
    assert told["groups"]["Fails"]["failed"] == "Fails / Divide"
    assert "division by zero" in told["groups"]["Fails"]["error"]["message"]
    assert {name: [each["value"] for each in outputs.values()] for name, outputs in told["results"].items()} == {
        "Works": [1.25]
    }
    assert next(report.complaints()).startswith('node "Fails / Divide" failed: ZeroDivisionError')
    assert "  Works / Add     succeeded" in report.as_text()
    listed = Listing([tree]).as_text()
    for name in ("Works", "Works / Divide", "Fails / Add"):
        assert f"\n  {name}" in listed


def test_mapped_group_tells_its_items_and_lists_its_results(session):
    tree = new_tree()
    number = value(tree, "FLOAT", 0.0)
    first = script(tree, "Divide", HALF, number=number)
    group = grouped(tree, number, first, script(tree, "Add", ADD, number=first), name="Each")
    numbers = value(tree, "FLOAT", (1.0, 2.0, 4.0), is_list=True)
    link(numbers, group.inputs[0])
    run = session.start(tree)
    run.wait()
    told = run.groups["Each"]
    assert (told.is_mapped, told.num_done, told.num_items) == (True, 3, 3)
    assert tuple(group.outputs[0].result) == (2.0, 1.5, 1.25)
