# SPDX-License-Identifier: GPL-3.0-or-later
"""List nodes: their sockets follow what is linked, and their trees run in real background Blenders."""

from __future__ import annotations

import random

import bpy
import pytest

import background_nodes
from background_nodes.addon.adding import node_choices, node_search, node_swap
from background_nodes.addon.command_line.assignments import assign
from background_nodes.node_tree import kept_links, list_nodes, lookup, reader
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.scheduling.states import TaskState
from background_nodes.runtime.script.socket_types import SocketType

from .graphs import add, link, new_tree, output, quad, script, value

IDNAMES = [cls.bl_idname for cls in list_nodes.classes]
SCALE = """
def main(source: bpy.types.Object, size: float) -> bpy.types.Object:
    source.scale.x = size
    source.name = f"{source.name} {size:g}"
    return source
"""
MAKE = """
def main() -> list[bpy.types.Object]:
    return [bpy.data.objects.new(f"Made {number}", None) for number in range(3)]
"""
NAME = "def main(source: bpy.types.Object) -> str: return source.name"
NAMES = "def main(sources: list[bpy.types.Object]) -> str: return ' '.join(each.name for each in sources)"
KEY = "def main(source: bpy.types.Object) -> int: return {'A': 2, 'B': 10, 'C': 1}[source.name]"


def types(sockets) -> dict[str, str]:
    return {socket.identifier: str(socket.socket_type) for socket in sockets if socket.enabled}


def objects(*names: str) -> list[bpy.types.Object]:
    return [quad(name) for name in names]


# Sockets


@pytest.mark.parametrize("idname", IDNAMES)
def test_a_list_node_takes_the_type_of_what_is_linked_and_keeps_its_links(idname: str):
    tree = new_tree()
    node = add(tree, idname)
    numbers = value(tree, "INT", [1, 2], is_list=True)
    socket = next(each for each in node.inputs if node.is_of_any_type(each))
    link(numbers, socket)
    identifier, taken = socket.identifier, script(tree, "Take", "def main(values: list[int]) -> int: return 0")
    link(node.outputs[0], taken.inputs[0])
    list_nodes.follow_links(tree)
    socket = next(each for each in node.inputs if each.identifier == identifier)
    assert socket.socket_type.kind == "INT"
    assert node.outputs[0].socket_type.kind == "INT"
    assert socket.is_linked
    assert taken.inputs[0].is_linked
    assert [each.is_multi_input for each in node.inputs if each.socket_type.is_list] != [False]


def test_a_row_of_list_nodes_takes_the_type_through_reroutes_and_each_other():
    tree = new_tree()
    names = ["Sort", "Filter", "Flatten"]
    nodes = [add(tree, f"BackgroundNode{name}", name) for name in names]  # the last one is linked first
    link(nodes[1].outputs["Kept"], nodes[0].inputs["List"])
    reroute = add(tree, "NodeReroute")
    link(nodes[2].outputs[0], reroute.inputs[0])
    link(reroute.outputs[0], nodes[1].inputs["List"])
    link(value(tree, "STRING", ["a"], is_list=True), nodes[2].inputs[0])
    list_nodes.follow_links(tree)
    assert [node.outputs[0].socket_type for node in nodes] == [SocketType("STRING", is_list=True)] * 3


@pytest.mark.any_blender
@pytest.mark.parametrize("seed", range(6))
def test_random_list_nodes_take_the_types_that_they_take_one_by_one_and_keep_their_links(seed: int):
    chance, tree = random.Random(seed), new_tree()
    found = [value(tree, kind, None, is_list=True).outputs[0] for kind in ("INT", "STRING", "Object")]
    nodes = [add(tree, chance.choice(IDNAMES), f"List {number}") for number in range(9)]
    for node in chance.sample(nodes, len(nodes)):
        for socket in (each for each in node.inputs if node.is_of_any_type(each)):
            for source in chance.sample(found, min(2, len(found))):
                made = link(source, socket)
                if chance.random() < 0.2:
                    made.is_muted = True
        found += node.outputs
        if chance.random() < 0.4:
            reroute = add(tree, "NodeReroute")
            link(node.outputs[0], reroute.inputs[0])
            found.append(reroute.outputs[0])

    def state():
        ends = [kept_links.Ends.of(each) for each in kept_links.ordered_links(tree)]
        return [types([*node.inputs, *node.outputs]) for node in nodes], sorted(ends, key=lambda each: each[2:4])

    new_types, before = state()
    list_nodes.follow_links(tree)
    now_types, now = state()
    assert now == before
    assert now_types != new_types
    for node in nodes * len(nodes):
        node.follow()
    assert state() == (now_types, before)


def test_a_node_without_links_keeps_its_type():
    tree = new_tree()
    node = add(tree, "BackgroundNodeFlatten")
    numbers = value(tree, "FLOAT", 1.0)
    link(numbers, node.inputs[0])
    list_nodes.follow_links(tree)
    tree.links.clear()
    list_nodes.follow_links(tree)
    assert types(node.inputs) == {"list": "list of float"}


def test_a_cross_product_has_as_many_lists_as_are_asked_for():
    node = add(new_tree(), "BackgroundNodeCrossProduct")
    node.num_lists = 3
    assert [socket.name for socket in node.inputs] == [socket.name for socket in node.outputs] == ["A", "B", "C"]
    node.num_lists = 2
    assert [socket.name for socket in node.outputs] == ["A", "B"]


def test_a_switch_has_the_inputs_of_its_mode():
    node = add(new_tree(), "BackgroundNodeSwitch")
    node.data_type = "FLOAT"
    assert types(node.inputs) == {"switch": "boolean", "input_0": "float", "input_1": "float"}
    assert [socket.name for socket in node.inputs] == ["Switch", "False", "True"]
    node.mode, node.num_inputs = "INDEX", 3
    assert [socket.name for socket in node.inputs] == ["Index", "0", "1", "2"]
    node.mode, node.names = "MENU", "Low, Mid , High,"
    assert [socket.name for socket in node.inputs] == ["Menu", "Low", "Mid", "High"]
    node.inputs["Menu"].default_value = "Mid"
    assert node.operation().choices == ("Low", "Mid", "High")


def test_a_list_node_that_was_saved_and_copied_is_what_it_was(tmp_path):
    tree = new_tree()
    node = add(tree, "BackgroundNodeZip", "Zip")
    node.num_lists, node.lengths = 3, "CYCLE"
    link(value(tree, "STRING", ["a"], is_list=True), node.inputs["B"])
    list_nodes.follow_links(tree)
    tree.use_fake_user = True
    path = str(tmp_path / "lists.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    node = bpy.data.node_groups["Tree"].nodes["Zip"]
    assert types(node.inputs)["list_1"] == "list of string"
    assert node.inputs["B"].is_linked
    copied = bpy.data.node_groups["Tree"].copy().nodes["Zip"]
    assert (copied.lengths, len(copied.inputs), copied.uid != node.uid) == ("CYCLE", 3, True)


def test_settings_can_be_set_by_name():
    tree = new_tree()
    node = add(tree, "BackgroundNodeSlice", "Slice")
    (socket,) = lookup.sockets_called(node, "length")
    socket.default_value = 2
    assert compile_value(tree) == {"position": 0, "length": 2, "step": 1}


def compile_value(tree) -> dict[str, object]:
    (node,) = reader.read(tree, bpy.context.scene).nodes
    return {socket.identifier: socket.value for socket in node.inputs if socket.identifier != "list"}


def test_a_switch_gives_what_its_fields_show():
    tree = new_tree()
    node = add(tree, "BackgroundNodeSwitch")
    node.data_type = "FLOAT"
    node.inputs["True"].default_value = 2.0
    script(tree, "Take", "def main(value: float) -> float: return value", value=node)
    for switch, expected in ((False, 0.0), (True, 2.0)):
        node.inputs["Switch"].default_value = switch
        plan = compile_graph(reader.read(tree, bpy.context.scene))
        assert [source.value for source in plan.tasks[0].sources()] == [expected]


def test_what_is_set_on_a_list_is_given():
    tree = new_tree()
    node = add(tree, "BackgroundNodeFlatten")
    link(value(tree, "FLOAT", 1.0), node.inputs[0])
    list_nodes.follow_links(tree)
    tree.links.clear()
    node.inputs[0].default_value = [0.5, 0.25]
    script(tree, "Take", "def main(values: list[float]) -> int: return len(values)", values=node)
    plan = compile_graph(reader.read(tree, bpy.context.scene))
    assert [source.value for source in plan.tasks[0].sources()] == [(0.5, 0.25)]


# Adding


@pytest.mark.parametrize("idname", IDNAMES)
def test_searches_know_the_sockets_of_a_new_node(idname: str):
    node, choice = add(new_tree(), idname), node_choices.NodeChoice("node", idname)
    for are_outputs, sockets in ((False, node.inputs), (True, node.outputs)):
        told = sorted((each.identifier, each.label) for each in choice.sockets(are_outputs=are_outputs))
        assert told == sorted((each.identifier, each.name) for each in sockets)
    assert choice in node_choices.all_choices()
    assert choice.title == node.bl_label
    assert choice.description


@pytest.mark.parametrize("kind", ["Object", "FLOAT"])
def test_a_search_from_any_output_offers_list_nodes(kind: str):
    offered = node_search.offers(SocketType(kind, is_list=True), from_output=True)
    assert {"Cross Product", "Filter", "Switch"} <= {offer.title for offer in offered}


def test_a_list_node_takes_the_place_of_another_with_its_links():
    tree = new_tree()
    old = add(tree, "BackgroundNodeSlice", "Slice")
    link(value(tree, "STRING", ["a"], is_list=True), old.inputs["List"])
    taken = script(tree, "Take", "def main(values: list[str]) -> int: return len(values)", values=old)
    list_nodes.follow_links(tree)
    new = node_swap.swap(old, node_choices.NodeChoice("node", "BackgroundNodeSort"))
    assert new.inputs["List"].is_linked
    assert taken.inputs[0].links[0].from_node == new


# Runs


def test_each_object_with_each_ratio_comes_home(store):
    tree = new_tree()
    cross = add(tree, "BackgroundNodeCrossProduct", "Each with Each")
    link(value(tree, "Object", objects("A", "B"), is_list=True), cross.inputs["A"])
    make = script(tree, "Ratios", "def main() -> list[float]: return [0.5, 0.25]")
    link(make, cross.inputs["B"])
    scale = script(tree, "Scale", SCALE, source=cross.outputs["A"], size=cross.outputs["B"])
    output(tree, "LINK", scale)
    background_nodes.run(tree)
    assert background_nodes.run(tree).tasks["Scale"].cached
    assert sorted(each.name for each in bpy.data.objects if " 0." in each.name) == [
        "A 0.25",
        "A 0.5",
        "B 0.25",
        "B 0.5",
    ]


def test_a_computed_filter_gives_what_is_to_be_kept():
    tree = new_tree()
    many = value(tree, "Object", objects("A", "Big", "C"), is_list=True)
    test = script(tree, "Test", "def main(source: bpy.types.Object) -> bool: return source.name == 'Big'", source=many)
    node = add(tree, "BackgroundNodeFilter", "Filter")
    link(many, node.inputs["List"])
    link(test, node.inputs["Keep"])
    names = script(tree, "Names", NAME, source=node.outputs["Others"])
    number = add(tree, "BackgroundNodeCount", "Count")
    link(names, number.inputs[0])
    background_nodes.run(tree)
    assert number.outputs[0].result == 2


def test_a_list_is_sorted_by_what_tasks_found_out():
    tree = new_tree()
    many = value(tree, "Object", objects("A", "B", "C"), is_list=True)
    key = script(tree, "Key", KEY, source=many)
    node = add(tree, "BackgroundNodeSort", "Sort")
    link(many, node.inputs["List"])
    link(key, node.inputs["Keys"])
    names = script(tree, "Names", NAMES, sources=node)
    background_nodes.run(tree)
    assert names.outputs[0].result == "C A B"


@pytest.mark.parametrize("count", [1, 3])
def test_a_computed_switch_runs_what_it_takes_only(count: int, store):
    tree = new_tree()
    test = script(tree, "Test", "def main(count: int) -> bool: return count > 2", count=count)
    few = script(tree, "Few", "def main() -> str: return 'few'")
    many = script(tree, "Many", "def main() -> str: return 'many'")
    switch = add(tree, "BackgroundNodeSwitch", "Switch")
    for source, name in ((test, "Switch"), (few, "False"), (many, "True")):
        link(source, switch.inputs[name])
    last = script(tree, "Last", "def main(word: str) -> str: return word.upper()", word=switch)
    run = background_nodes.run(tree)
    taken, other = ("Many", "Few") if count > 2 else ("Few", "Many")
    assert last.outputs[0].result == taken.upper()
    assert run.tasks[taken].state is TaskState.SUCCEEDED
    assert (run.tasks[other].state, run.tasks[other].is_unneeded) == (TaskState.SKIPPED, True)
    forecast = background_nodes.forecast(tree)
    assert (forecast.tasks[taken].state, forecast.tasks[other].state) == ("cached", "not_needed")


def test_lists_that_do_not_fit_fail_the_run_with_the_name_of_the_node():
    tree = new_tree()
    node = add(tree, "BackgroundNodeZip", "Pairs")
    for name, count in (("A", 2), ("B", 3)):
        link(script(tree, f"Make {name}", f"def main() -> list[int]: return list(range({count}))"), node.inputs[name])
    run = background_nodes.run(tree)
    assert run.state is background_nodes.RunState.FAILED
    assert run.notes[0].startswith('"Pairs": the lists differ in length: "A" has 2, "B" has 3')
    assert run.count_of(node.uid).message.startswith("the lists differ in length")
    with pytest.raises(background_nodes.RunError, match="nothing in this run that can be tried again"):
        run.retry()


def test_a_list_node_tells_how_many_items_it_gives():
    tree = new_tree()
    node = add(tree, "BackgroundNodeCrossProduct", "Each with Each")
    for name, count in (("A", 2), ("B", 3)):
        link(script(tree, f"Make {name}", f"def main() -> list[int]: return list(range({count}))"), node.inputs[name])
    run = background_nodes.run(tree)
    assert run.count_of(node.uid) == 6
    assert [node.outputs["A"].result, node.outputs["B"].result] == [(0, 0, 0, 1, 1, 1), (0, 1, 2, 0, 1, 2)]


def test_results_of_a_list_node_are_offered_and_come_home_when_asked_for():
    tree = new_tree()
    make = script(tree, "Make", MAKE)
    node = add(tree, "BackgroundNodeSlice", "Slice")
    link(make, node.inputs["List"])
    node.inputs["Position"].default_value = 1
    background_nodes.run(tree)
    socket = node.outputs["List"]
    assert socket.offered_by
    assert [each.name for each in socket.result] == ["Made 1", "Made 2"]


def test_results_of_list_nodes_are_in_the_order_that_these_give():
    tree = new_tree()
    make = script(tree, "Make", MAKE)
    order = add(tree, "BackgroundNodeSort", "Order")
    link(make, order.inputs["List"])
    link(script(tree, "Keys", "def main() -> list[int]: return [2, 3, 1]"), order.inputs["Keys"])
    pairs = add(tree, "BackgroundNodeCrossProduct", "Pairs")
    link(script(tree, "Two", "def main() -> list[int]: return [2, 3]"), pairs.inputs["A"])
    link(make, pairs.inputs["B"])
    twice = add(tree, "BackgroundNodeCrossProduct", "Twice")
    link(pairs.outputs["B"], twice.inputs["A"])
    link(script(tree, "One", "def main() -> list[int]: return [1, 1]"), twice.inputs["B"])
    for node, name in ((order, "List"), (pairs, "B"), (twice, "A")):
        output(tree, "KEEP", node.outputs[name])
    for _run in range(2):
        background_nodes.run(tree)
        assert _names(order.outputs["List"]) == "201"
        assert _names(pairs.outputs["B"]) == "012012"
        assert _names(twice.outputs["A"]) == "001122001122"
    tree.nodes["Keys"].script.from_string("def main() -> list[int]: return [3, 2, 1]")
    background_nodes.run(tree)
    assert _names(order.outputs["List"]) == "210"


def _names(socket) -> str:
    return "".join(each.name.removeprefix("Made ") for each in socket.result)


def test_a_list_node_in_a_group_works_in_each_pass_and_is_asked_for_by_its_path():
    group = new_tree("Best")
    group.interface.new_socket("Count", in_out="INPUT", socket_type="BackgroundNodeSocketInt")
    group.interface.new_socket("Last", in_out="OUTPUT", socket_type="BackgroundNodeSocketIntList")
    entry, end = add(group, "NodeGroupInput", "In"), add(group, "NodeGroupOutput", "Out")
    numbers = script(group, "Numbers", "def main(count: int) -> list[int]: return list(range(count))")
    link(entry.outputs["Count"], numbers.inputs[0])
    part = add(group, "BackgroundNodeSlice", "Part")
    link(numbers, part.inputs["List"])
    part.inputs["Position"].default_value = -2
    link(part, end.inputs["Last"])
    tree = new_tree("Outer")
    use = add(tree, "BackgroundNodeGroup", "Use")
    use.node_tree = group
    link(value(tree, "INT", [1, 3, 5], is_list=True), use.inputs["Count"])
    run = background_nodes.run(tree)
    assert use.outputs["Last"].result == (0, 1, 2, 3, 4)
    assert run.count_of(f"{use.uid}/{part.uid}") is None  # it gives another list in each pass
    assign(tree, "Use/Part.length=1")
    background_nodes.run(tree)
    assert use.outputs["Last"].result == (0, 1, 3)


def test_until_a_list_node_runs_what_it_needs():
    tree = new_tree()
    make = script(tree, "Make", "def main() -> list[int]: return [1, 2]")
    node = add(tree, "BackgroundNodeCount", "Count")
    link(make, node.inputs[0])
    script(tree, "Use", "def main(number: int) -> int: return number", number=node)
    run = background_nodes.run(tree, until="Count")
    assert list(run.tasks) == ["Make"]
    assert node.outputs[0].result == 2
