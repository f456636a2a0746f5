"""Groups as careless and hostile people make them: what comes out is right, or the problem says where and why."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.addon.command_line.assignments import assign
from background_nodes.node_tree.grouping import ungroup
from background_nodes.node_tree.lookup import InputError
from background_nodes.runtime.errors import CompileError, RunError

from .graphs import add, link, new_tree, output, quad, script, value
from .test_group_runs import larger_and_aside, new_group, outer, use

READ = "from pathlib import Path\n\ndef main(file: Path) -> str: return file.read_text()"


def labels(sockets) -> list[str]:
    return [socket.name for socket in sockets]


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_reroute_in_a_group_takes_no_socket_from_its_nodes(is_linked):
    group = new_group("G", {"X": "Int"}, {"Y": "Int"})
    reroute = add(group, "NodeReroute")
    if is_linked:
        link(group.nodes["In"].outputs["X"], reroute.inputs[0])
    node = use(new_tree(), group, "Use")
    assert (labels(node.inputs), labels(node.outputs)) == (["X"], ["Y"])
    group.interface.new_socket("Z", in_out="INPUT", socket_type="BackgroundNodeSocketInt")
    assert labels(node.inputs) == ["X", "Z"]


def test_a_path_set_on_the_group_output_of_a_file_that_is_not_saved_is_a_problem():
    group = new_group("G", {}, {"File": "Path"})
    group.nodes["Out"].inputs["File"].default_value = "//x.txt"
    tree = new_tree()
    script(tree, "Read", READ, file=use(tree, group, "Use"))
    with pytest.raises(CompileError, match=r'node "Use / Out", socket "File": //x\.txt is relative to'):
        background_nodes.run(tree)


def test_a_default_path_of_a_group_that_is_run_by_itself_begins_in_the_folder_of_the_file(tmp_path):
    (tmp_path / "x.txt").write_text("content", encoding="utf-8")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    group = new_group("G", {"File": "Path"}, {})
    next(iter(group.interface.items_tree)).default_value = "//x.txt"
    node = script(group, "Read", READ, file=group.nodes["In"].outputs["File"])
    background_nodes.run(group)
    assert node.outputs[0].result == "content"


def test_paths_in_a_linked_group_begin_in_the_folder_of_the_library(tmp_path):
    folders = {name: tmp_path / name for name in ("library", "main")}
    for name, folder in folders.items():
        folder.mkdir()
        (folder / "x.txt").write_text(f"text of {name}", encoding="utf-8")
        (folder / "script.py").write_text(f"def main() -> str: return 'script of {name}'", encoding="utf-8")
    library = folders["library"] / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    group = new_group("G", {}, {"Text": "String", "Script": "String", "File": "Path"})
    end = group.nodes["Out"]
    read = script(group, "Read", READ, file="//x.txt")
    link(read, end.inputs["Text"])
    named = add(group, "BackgroundNodeScript", "Named")
    named.filepath = "//script.py"
    link(named, end.inputs["Script"])
    end.inputs["File"].default_value = "//x.txt"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folders["main"] / "main.blend"))
    with bpy.data.libraries.load(str(library), link=True) as (_there, wanted):
        wanted.node_groups = ["G"]
    tree = new_tree()
    node = use(tree, wanted.node_groups[0], "Use")
    here = script(tree, "Here", READ, file=node.outputs["File"])
    background_nodes.run(tree)
    assert node.outputs["Text"].result == "text of library"
    assert node.outputs["Script"].result == "script of library"
    assert here.outputs[0].result == "text of library"


@pytest.mark.parametrize("kind", ["Float", "Object"])
def test_a_list_output_of_a_loop_where_nothing_is_set_is_empty(kind):
    group = new_group("G", {"X": "Int"}, {"Y": f"{kind}List"})
    tree = new_tree()
    node = use(tree, group, "Use")
    link(value(tree, "INT", [1, 2], is_list=True), node.inputs["X"])
    given = "float" if kind == "Float" else "bpy.types.Object"
    count = script(tree, "Count", f"def main(all: list[{given}] = []) -> int: return len(all)", all=node)
    assert background_nodes.run(tree).state.name == "SUCCEEDED"
    assert count.outputs[0].result == 0


def test_a_list_input_where_nothing_is_set_is_empty_whatever_it_becomes():
    group = new_group("G", {"X": "IntList"}, {"Y": "FloatList"})
    link(group.nodes["In"].outputs["X"], group.nodes["Out"].inputs["Y"])
    tree = new_tree()
    node = use(tree, group, "Use")
    count = script(tree, "Count", "def main(all: list[float] = [9.0]) -> int: return len(all)", all=node)
    assert background_nodes.run(tree).state.name == "SUCCEEDED"
    assert count.outputs[0].result == 0


def passing() -> tuple[bpy.types.NodeTree, bpy.types.Node, bpy.types.NodeTree]:
    """A group that passes objects on as they are, used as a loop over two."""
    group = new_group("G", {"Object": "Object"}, {"Same": "Object", "All": "ObjectList"})
    link(group.nodes["In"].outputs["Object"], group.nodes["Out"].inputs["Same"])
    tree = new_tree()
    node = use(tree, group, "Use")
    link(value(tree, "Object", [quad("A"), quad("B")], is_list=True), node.inputs["Object"])
    return tree, node, group


@pytest.mark.parametrize("mode", ["LINK", "REPLACE"])
def test_objects_that_a_loop_passes_on_are_those_of_the_file(mode):
    tree, node, _group = passing()
    collection = bpy.data.collections.new("Results")
    bpy.context.scene.collection.children.link(collection)
    output(tree, mode, node.outputs["Same"], collection=collection)
    assert background_nodes.run(tree).state.name == "SUCCEEDED"
    assert sorted(collection.objects.keys()) == ["A", "B"]
    assert sorted(bpy.data.objects.keys()) == ["A", "B"]


def test_results_together_with_objects_of_the_file_are_a_problem_where_they_come_home():
    tree, node, group = passing()
    keep = script(
        group,
        "Keep",
        "def main(source: bpy.types.Object) -> bpy.types.Object: return source",
        source=group.nodes["In"].outputs["Object"],
    )
    for each in (keep.outputs[0], group.nodes["In"].outputs["Object"]):
        link(each, group.nodes["Out"].inputs["All"])
    assert background_nodes.run(tree).state.name == "SUCCEEDED", "nobody wants them"
    output(tree, "LINK", node.outputs["All"])
    with pytest.raises(CompileError, match='node "Use", socket "All": what comes out are results and data-blocks'):
        background_nodes.run(tree)


def test_two_nodes_whose_paths_read_the_same_are_a_problem():
    tree, _node = outer([quad()], larger_and_aside())
    script(tree, "Use / Scale", "def main() -> int: return 1")
    with pytest.raises(CompileError, match='node "Use / Scale": a node in a group is called the same'):
        background_nodes.run(tree)


def test_an_item_is_fetched_of_a_node_in_a_group_and_not_of_the_group():
    tree, _node = outer([quad("A"), quad("B")], larger_and_aside())
    run = background_nodes.run(tree)
    assert run.fetch("Use / Count", "count", item=1) == 1
    with pytest.raises(RunError, match='the group "Use" has no items: give the node in it, such as "Use / Scale"'):
        run.fetch("Use", "Count", item=1)


def test_a_socket_of_a_type_of_blender_s_own_is_a_problem_or_passed_by():
    group = new_group("G", {"X": "Int"}, {"Y": "Int"})
    link(group.nodes["In"].outputs["X"], group.nodes["Out"].inputs["Y"])
    for in_out in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Foreign", in_out=in_out, socket_type="NodeSocketColor")
    tree = new_tree()
    node = use(tree, group, "Use")
    beside = script(tree, "Beside", "def main() -> int: return 1")
    with pytest.raises(CompileError, match='node "Use", socket "Foreign": Color is no type of Background Nodes'):
        background_nodes.run(tree)
    node.mute = True
    assert background_nodes.run(tree).state.name == "SUCCEEDED"
    assert beside.outputs[0].result == 1


def test_a_linked_value_in_a_group_is_set_at_the_group():
    tree, _node = outer([quad()], larger_and_aside())
    with pytest.raises(InputError, match='Set "Size" of the node that stands for the group'):
        assign(tree, "Use/Scale.size=3")


def test_a_group_with_a_socket_of_blender_s_own_type_can_be_taken_apart():
    group = new_group("G", {"X": "Int"}, {"Y": "Int"})
    group.interface.new_socket("Foreign", in_out="INPUT", socket_type="NodeSocketColor")
    make = script(group, "Make", "def main(x: int, color: Color) -> int: return x", x=group.nodes["In"].outputs["X"])
    link(group.nodes["In"].outputs["Foreign"], make.inputs[1])
    tree = new_tree()
    node = use(tree, group, "Use")
    node.inputs["X"].default_value = 3
    ungroup(node)
    assert "Make" in tree.nodes
    assert tree.nodes["Make"].inputs[0].default_value == 3
