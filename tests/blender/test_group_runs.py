"""Trees with groups run in real background Blenders: in pieces, once for each element, kept, and home again."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.runtime.engine.forecast import Outlook

from .graphs import SCALE, add, link, new_tree, output, quad, script, socket_of, value

MOVE = """
def main(source: bpy.types.Object, by: float = 1.0) -> bpy.types.Object:
    if by < 0.0:
        raise ValueError(f"{source.name} does not go back")
    source.location.x += by
    return source
"""
#: Tells how many it was given together, which is one where each pass is for itself.
COUNT = """
class Output(NamedTuple):
    all: list[bpy.types.Object]
    count: int

def main(sources: list[bpy.types.Object]) -> Output:
    return Output(sources, len(sources))
"""


def new_group(name: str, inputs: dict[str, str], outputs: dict[str, str]) -> bpy.types.NodeTree:
    group = new_tree(name)
    for in_out, sockets in (("INPUT", inputs), ("OUTPUT", outputs)):
        for label, kind in sockets.items():
            group.interface.new_socket(label, in_out=in_out, socket_type=f"BackgroundNodeSocket{kind}")
    add(group, "NodeGroupInput", "In")
    add(group, "NodeGroupOutput", "Out")
    return group


def use(tree: bpy.types.NodeTree, group: bpy.types.NodeTree, name: str) -> bpy.types.Node:
    node = add(tree, "BackgroundNodeGroup", name)
    node.node_tree = group
    return node


def larger_and_aside(name: str = "Larger") -> bpy.types.NodeTree:
    """A group that scales an object, moves it, and tells how many objects it works on at once."""
    group = new_group(name, {"Object": "Object", "Size": "Float", "By": "Float"}, {"Result": "Object", "Count": "Int"})
    entry, end = group.nodes["In"], group.nodes["Out"]
    scale = script(group, "Scale", SCALE, source=entry.outputs["Object"], size=entry.outputs["Size"])
    move = script(group, "Move", MOVE, source=scale, by=entry.outputs["By"])
    count = script(group, "Count", COUNT, sources=[move])
    link(move, end.inputs["Result"])
    link(count.outputs["count"], end.inputs["Count"])
    return group


def outer(objects: list[bpy.types.Object], group: bpy.types.NodeTree) -> tuple[bpy.types.NodeTree, bpy.types.Node]:
    tree = new_tree("Outer")
    node = use(tree, group, "Use")
    link(value(tree, "Object", objects, is_list=True, name="Objects"), node.inputs["Object"])
    node.inputs["Size"].default_value, node.inputs["By"].default_value = 3.0, 2.0
    return tree, node


def widths(objects) -> list[float]:
    return [round(max(vertex.co.x for vertex in each.data.vertices), 4) for each in objects]


def names(node: bpy.types.Node) -> list[str]:
    return [each.name for each in node.outputs["Result"].result]


def test_group_over_a_list_runs_once_for_each_and_its_results_come_home_in_order():
    quads = [quad(f"Quad {number}", size=1.0 + number) for number in range(3)]
    tree, node = outer(quads, larger_and_aside())
    output(tree, "LINK", node.outputs["Result"])
    run = background_nodes.run(tree)
    assert run.state.name == "SUCCEEDED"
    assert list(run.tasks) == ["Use / Scale", "Use / Move", "Use / Count"]
    assert [run.tasks[name].num_items for name in run.tasks] == [3, 3, 3]
    results = node.outputs["Result"].result
    assert widths(results) == [3.0, 6.0, 9.0]
    assert [each.location.x for each in results] == [2.0] * 3
    assert node.outputs["Count"].result == (1, 1, 1), "each pass is for itself"
    assert all(each.name in bpy.context.scene.collection.all_objects for each in results)


def test_results_of_a_group_take_the_place_of_earlier_ones():
    quads = [quad(f"Quad {number}") for number in range(3)]
    tree, node = outer(quads, larger_and_aside())
    output(tree, "LINK", node.outputs["Result"])
    background_nodes.run(tree)
    before = names(node)
    node.inputs["Size"].default_value = 5.0
    background_nodes.run(tree)
    assert names(node) == before
    assert widths(node.outputs["Result"].result) == [5.0] * 3
    tree.nodes["Objects"].outputs[0].default_value = quads[:2]
    background_nodes.run(tree)
    assert names(node) == before[:2]
    assert len(bpy.data.objects) == 3 + 2


def test_results_of_a_group_that_no_node_takes_are_offered_at_the_group(session):
    tree, node = outer([quad("A"), quad("B")], larger_and_aside())
    run = background_nodes.run(tree)
    assert not node.outputs["Result"].has_result
    assert node.outputs["Result"].shows_result
    found = run.fetch("Use", "Result")
    assert widths(found) == [3.0, 3.0]
    assert list(node.outputs["Result"].result) == list(found)


def test_one_group_used_twice_gives_each_use_what_is_its_own():
    group = larger_and_aside()
    tree = new_tree()
    first, second = use(tree, group, "First"), use(tree, group, "Second")
    for node, size in ((first, 2.0), (second, 4.0)):
        node.inputs["Size"].default_value = size
    link(value(tree, "Object", quad()), first.inputs["Object"])
    link(first.outputs["Result"], second.inputs["Object"])
    output(tree, "KEEP", [first.outputs["Result"], second.outputs["Result"]])
    assert background_nodes.run(tree).state.name == "SUCCEEDED"
    assert widths([first.outputs["Result"].result, second.outputs["Result"].result]) == [2.0, 8.0]


def test_loops_in_loops():
    """Each number of each text, with as many numbers as the text has letters."""
    inner = new_group("Inner", {"Number": "Int", "Text": "String"}, {"Text": "String"})
    entry = inner.nodes["In"]
    write = script(
        inner,
        "Write",
        "def main(number: int, text: str) -> str: return f'{text}{number}'",
        number=entry.outputs["Number"],
        text=entry.outputs["Text"],
    )
    link(write, inner.nodes["Out"].inputs["Text"])
    outer_group = new_group("Outer Group", {"Text": "String"}, {"Texts": "StringList", "Joined": "String"})
    entry = outer_group.nodes["In"]
    count = script(
        outer_group,
        "Count",
        "def main(text: str) -> list[int]: return list(range(len(text)))",
        text=entry.outputs["Text"],
    )
    node = use(outer_group, inner, "Inner")
    link(count, node.inputs["Number"])
    link(entry.outputs["Text"], node.inputs["Text"])
    join = script(outer_group, "Join", "def main(texts: list[str]) -> str: return ' '.join(texts)", texts=node)
    link(node.outputs["Text"], outer_group.nodes["Out"].inputs["Texts"])
    link(join, outer_group.nodes["Out"].inputs["Joined"])
    tree = new_tree()
    top = use(tree, outer_group, "Top")
    link(value(tree, "STRING", ["ab", "", "xyz"], is_list=True), top.inputs["Text"])
    run = background_nodes.run(tree)
    assert run.state.name == "SUCCEEDED"
    assert top.outputs["Texts"].result == ("ab0", "ab1", "xyz0", "xyz1", "xyz2")
    assert top.outputs["Joined"].result == ("ab0 ab1", "", "xyz0 xyz1 xyz2")
    assert run.tasks["Top / Inner / Write"].num_items == 5


def test_failed_pass_names_the_node_by_its_path_and_the_others_come_home():
    quads = [quad(name) for name in "ABC"]
    tree, node = outer(quads, larger_and_aside())
    numbers = value(tree, "FLOAT", [1.0, -1.0, 3.0], is_list=True)
    link(numbers, node.inputs["By"])
    output(tree, "LINK", node.outputs["Result"], keep_succeeded=True)
    run = background_nodes.run(tree)
    assert run.state.name == "FAILED"
    error = run.tasks["Use / Move"].error
    assert "1 of 3 items failed" in error.message
    assert "B does not go back" in error.traceback
    assert [each.location.x for each in node.outputs["Result"].result] == [1.0, 3.0]
    before = names(node)
    numbers.outputs[0].default_value = [1.0, 2.0, 3.0]
    background_nodes.run(tree)
    assert [each.location.x for each in node.outputs["Result"].result] == [1.0, 2.0, 3.0]
    assert names(node)[0::2] == before


def test_results_are_kept_by_item_and_used_in_another_tree_with_the_group(store):
    quads = [quad(f"Quad {number}", size=1.0 + number) for number in range(3)]
    group = larger_and_aside()
    tree, node = outer(quads, group)
    background_nodes.run(tree)
    again = background_nodes.run(tree)
    assert all(task.cached for task in again.tasks.values())
    other, _node = outer(quads[1:], group)
    elsewhere = background_nodes.run(other)
    assert [task.num_cached for task in elsewhere.tasks.values()] == [2, 2, 2]
    quads[0].data.vertices[1].co.x = 7.0
    changed = background_nodes.run(tree)
    assert [task.num_cached for task in changed.tasks.values()] == [2, 2, 2]
    assert node.outputs["Count"].result == (1, 1, 1)


def test_forecast_of_a_group_is_what_a_run_does(store):
    tree, node = outer([quad("A"), quad("B")], larger_and_aside())
    assert background_nodes.forecast(tree).tasks["Use / Scale"].state is Outlook.RUNS
    background_nodes.run(tree)
    assert {task.state for task in background_nodes.forecast(tree).tasks.values()} == {Outlook.CACHED}
    node.inputs["By"].default_value = 5.0
    states = {name: task.state for name, task in background_nodes.forecast(tree).tasks.items()}
    assert states["Use / Scale"] is Outlook.CACHED
    assert states["Use / Move"] in (Outlook.RUNS, Outlook.WAITS)
    assert states["Use / Count"] is Outlook.WAITS


def test_sockets_of_a_group_convert_what_goes_in_and_comes_out():
    group = new_group("Mesh", {"Mesh": "Mesh", "Number": "Float"}, {"Count": "Float"})
    entry = group.nodes["In"]
    count = script(
        group,
        "Count",
        "def main(mesh: bpy.types.Mesh, text: str) -> int: return len(mesh.vertices) * len(text)",
        mesh=entry.outputs["Mesh"],
        text=entry.outputs["Number"],
    )
    link(count, group.nodes["Out"].inputs["Count"])
    tree = new_tree()
    node = use(tree, group, "Use")
    link(value(tree, "Object", quad()), node.inputs["Mesh"])
    link(value(tree, "INT", 12), node.inputs["Number"])
    half = script(tree, "Half", "def main(value: float) -> str: return str(value / 2)", value=node)
    assert background_nodes.run(tree).state.name == "SUCCEEDED"
    assert half.outputs[0].result == str(4 * len("12.0") / 2)


def test_two_passes_that_write_to_one_file_are_an_error_that_names_both(tmp_path):
    group = new_group("Export", {"Object": "Object"}, {"File": "Path"})
    export = add(group, "BackgroundNodeScript", "Export")
    export.library_script = "import_export/export_obj"
    link(group.nodes["In"].outputs["Object"], export.inputs[0])
    socket_of(export.inputs, "filepath").default_value = str(tmp_path / "one.obj")
    link(export, group.nodes["Out"].inputs["File"])
    tree = new_tree()
    node = use(tree, group, "Use")
    link(value(tree, "Object", [quad("A"), quad("B")], is_list=True), node.inputs["Object"])
    run = background_nodes.run(tree)
    assert run.state.name == "FAILED"
    assert "1 of 2 items failed" in run.tasks["Use / Export"].error.message
    assert "one.obj" in run.tasks["Use / Export"].error.message


@pytest.mark.parametrize("until", ["Use / Scale", "Use"])
def test_run_until_a_node_in_a_group_or_the_group(until):
    tree, _node = outer([quad()], larger_and_aside())
    run = background_nodes.run(tree, until=until)
    assert list(run.tasks) == (["Use / Scale"] if until != "Use" else ["Use / Scale", "Use / Move", "Use / Count"])


def test_failed_tasks_of_a_group_can_be_tried_again():
    tree, node = outer([quad("A"), quad("B")], larger_and_aside())
    node.inputs["By"].default_value = -1.0
    run = background_nodes.run(tree)
    assert run.tasks["Use / Move"].state.name == "FAILED"
    node.inputs["By"].default_value = 1.0
    run.retry()
    run.wait()
    assert run.state.name == "SUCCEEDED"
    assert run.tasks["Use / Scale"].items[0].state.name == "SUCCEEDED"
    assert node.outputs["Count"].result == (1, 1)
