# SPDX-License-Identifier: GPL-3.0-or-later
"""Repeated groups in real background Blenders: what a pass gives goes into the next one, until one was the last."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.addon.adding import node_choices
from background_nodes.node_tree import grouping, identity, lookup, reader
from background_nodes.node_tree.text_form import building, dumping
from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.scheduling.states import TaskState

from .graphs import add, link, new_tree, output, quad, script, value

WIDER = """
def main(source: bpy.types.Object, by: float = 2.0) -> bpy.types.Object:
    for vertex in source.data.vertices:
        vertex.co.x *= by
    return source
"""
IS_WIDE = """
def main(source: bpy.types.Object, least: float = 7.0) -> bool:
    return max(vertex.co.x for vertex in source.data.vertices) >= least
"""


def widening(**inputs: str) -> bpy.types.NodeTree:
    """A group that makes an object twice as wide, and says when it is wide."""
    group = new_tree("Widening")
    for label, kind in {"Object": "Object", **inputs}.items():
        group.interface.new_socket(label, in_out="INPUT", socket_type=f"BackgroundNodeSocket{kind}")
    for label, kind in {"Object": "Object", "Stop": "Boolean"}.items():
        group.interface.new_socket(label, in_out="OUTPUT", socket_type=f"BackgroundNodeSocket{kind}")
    entry, end = add(group, "NodeGroupInput", "In"), add(group, "NodeGroupOutput", "Out")
    wider = script(group, "Wider", WIDER, source=entry.outputs["Object"])
    is_wide = script(group, "Is Wide", IS_WIDE, source=wider)
    link(wider, end.inputs["Object"])
    link(is_wide, end.inputs["Stop"])
    return group


def repeated(mode: str, iterations: int, **inputs: str) -> tuple[bpy.types.NodeTree, bpy.types.Node]:
    tree = new_tree("Outer")
    node = add(tree, "BackgroundNodeGroup", "Use")
    node.node_tree = widening(**inputs)
    node.repeat_mode, node.iterations = mode, iterations
    link(value(tree, "Object", quad("Rock")), node.inputs["Object"])
    output(tree, "REPLACE", node.outputs["Object"])
    return tree, node


def width() -> float:
    return max(vertex.co.x for vertex in bpy.data.objects["Rock"].data.vertices)


def test_a_group_is_repeated_so_many_times():
    tree, node = repeated("COUNT", 3)
    run = background_nodes.run(tree)
    assert width() == 8.0
    assert [name for name in run.tasks if name.endswith("Wider")] == [f"Use / {number} / Wider" for number in (1, 2, 3)]
    inner = node.node_tree.nodes["Wider"]
    assert len(run.at(f"{node.uid}/{inner.uid}").tasks) == 3
    assert identity.find_node(tree, run.tasks["Use / 2 / Wider"].node_id) == inner
    assert lookup.path_label(tree, run.tasks["Use / 2 / Wider"].node_id) == "Widening / 2 / Wider"


def test_a_group_is_repeated_until_an_output_says_so(store):
    tree, _node = repeated("UNTIL", 6)
    run = background_nodes.run(tree)
    assert run.state is background_nodes.RunState.SUCCEEDED
    assert width() == 8.0
    states = {number: run.tasks[f"Use / {number} / Wider"] for number in range(1, 7)}
    assert [states[number].state for number in (3, 4, 6)] == [TaskState.SUCCEEDED, TaskState.SKIPPED, TaskState.SKIPPED]
    assert states[4].is_unneeded
    assert run.groups["Use"].state is TaskState.SUCCEEDED


def test_a_number_that_is_linked_says_how_often():
    tree, node = repeated("COUNT", 5, Iterations="Int")
    find = script(tree, "Find", "def main() -> int: return 2")
    link(find, node.inputs["Iterations"])
    run = background_nodes.run(tree)
    assert width() == 4.0
    assert run.tasks["Use / 3 / Wider"].is_unneeded


def test_an_output_that_is_gone_is_a_problem_with_a_mend():
    tree, node = repeated("UNTIL", 6)
    node.stop_output = "Enough"
    with pytest.raises(CompileError, match='node "Use": the group has no output "Enough" that is one boolean'):
        compile_graph(reader.read(tree, bpy.context.scene))


def test_repeat_can_be_added_and_saved(tmp_path):
    tree = new_tree()
    choice = next(each for each in node_choices.all_choices() if each.title == "Repeat")
    node = choice.add_to(tree)
    assert (node.bl_idname, node.repeat_mode, node.name) == ("BackgroundNodeGroup", "COUNT", "Repeat")
    node.iterations, node.stop_output = 7, "Done"
    tree.use_fake_user = True
    path = str(tmp_path / "repeat.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    node = bpy.data.node_groups["Tree"].nodes["Repeat"]
    assert (node.repeat_mode, node.iterations, node.stop_output) == ("COUNT", 7, "Done")


def test_a_repeated_group_is_not_taken_apart():
    tree, node = repeated("COUNT", 2)
    with pytest.raises(grouping.GroupingError, match="is repeated"):
        grouping.ungroup(node)
    assert tree.nodes["Use"] == node


def test_a_repeated_group_is_the_same_as_text():
    tree, _node = repeated("UNTIL", 6)
    made = building.build(dumping.dump(tree))
    (again,) = (node for node in made.tree.nodes if node.name == "Use")
    assert (again.repeat_mode, again.iterations, again.stop_output) == ("UNTIL", 6, "Stop")
