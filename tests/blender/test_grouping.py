"""Making groups and taking them apart: what runs is the same before and after."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import bpy
import pytest

from background_nodes.node_tree import grouping, reader
from background_nodes.node_tree.group_node import group_nodes
from background_nodes.runtime.planning.graph import Graph, NodeKind

from .graphs import link, new_tree, output, script
from .random_trees import group_some, random_tree

#: How many random graphs are tried; more by hand.
_NUM_SEEDS = int(os.environ.get("BACKGROUND_NODES_GROUPINGS", "100"))


def wiring(graph: Graph) -> dict[str, list]:
    """For each node that does something, by its own name: what each input gets, through groups and reroutes."""
    nodes = {node.id: node for node in graph.nodes}
    into: dict[tuple[str, str], list] = {}
    for each in graph.links:
        into.setdefault((each.to_node, each.to_socket), []).append(each)

    def sources(node_id: str, socket: str, held: object) -> Iterator:
        links = into.get((node_id, socket), [])
        if not links:
            yield held
        for each in links:
            source = nodes[each.from_node]
            if source.kind is NodeKind.REROUTE:
                (entry,) = source.inputs
                yield from sources(source.id, entry.identifier, "nothing")
            elif source.kind is NodeKind.GROUP:
                ends = {item.identifier: item.value for item in (*source.inputs, *source.outputs)}
                yield from sources(source.id, each.from_socket, ends[each.from_socket])
            elif source.kind is NodeKind.INPUT:
                yield source.outputs[0].value
            else:
                yield source.name.rpartition(" / ")[2], each.from_socket

    return {
        node.name.rpartition(" / ")[2]: [
            (socket.identifier, list(sources(node.id, socket.identifier, socket.value))) for socket in node.inputs
        ]
        for node in graph.nodes
        if node.kind in (NodeKind.SCRIPT, NodeKind.OUTPUT)
    }


def read(tree: bpy.types.NodeTree) -> dict[str, list]:
    graph = reader.read(tree, bpy.context.scene)
    assert not [problem for node in graph.nodes for problem in node.problems]
    return wiring(graph)


def set_value(tree: bpy.types.NodeTree, chance: random.Random) -> bool:
    """Take the links of an input of a group node away, and give it a value."""
    sockets = [socket for node in group_nodes(tree) for socket in node.inputs if socket.is_linked]
    if not sockets:
        return False
    socket = chance.choice(sockets)
    for each in list(socket.links):
        tree.links.remove(each)
    values = {"FLOAT": (2.5, 7.0), "INT": (3, 4), "STRING": ("text", ""), "BOOLEAN": (True,)}
    if socket.kind in values:
        content = chance.choice(values[socket.kind])
        socket.default_value = (content, content) if socket.socket_type.is_list else content
    return True


@pytest.mark.parametrize("part", range(4))
def test_random_groupings_and_ungroupings_change_nothing_that_runs(part):
    num_made = 0
    for seed in range(part, _NUM_SEEDS, 4):
        chance = random.Random(seed)
        tree = random_tree(chance)
        before, names = read(tree), sorted(node.name for node in tree.nodes)
        for _step in range(chance.randint(1, 5)):
            where = chance.choice([tree, *(node.node_tree for node in group_nodes(tree))])
            groups = list(group_nodes(where))
            if groups and chance.random() < 0.4:
                grouping.ungroup(chance.choice(groups))
            else:
                num_made += group_some(where, chance) is not None
            assert read(tree) == before, f"seed {seed}"
            if chance.random() < 0.3 and set_value(where, chance):
                before = read(tree)
        while groups := list(group_nodes(tree)):
            grouping.ungroup(groups[0])
        assert read(tree) == before, f"seed {seed}"
        assert set(names) <= {node.name for node in tree.nodes}, f"seed {seed}"
        bpy.data.batch_remove([*bpy.data.node_groups, *bpy.data.texts])
    assert num_made > _NUM_SEEDS // 8


def test_values_of_a_group_are_given_by_input_nodes_where_no_socket_can_hold_them():
    tree, group = new_tree(), new_tree("Group")
    for name, kind in (("Menu", "Menu"), ("Anything", "IDList"), ("Count", "Int")):
        group.interface.new_socket(name, in_out="INPUT", socket_type=f"BackgroundNodeSocket{kind}")
    group.interface.items_tree["Menu"].choices_text = "one, two"
    entry = group.nodes.new("NodeGroupInput")
    taking = script(
        group, "Taking", "def main(text: str, found: list[bpy.types.Object], size: float, other: int) -> int: ..."
    )
    for source, target in ((0, 0), (1, 1), (2, 2), (2, 3)):
        link(entry.outputs[source], taking.inputs[target])
    node = tree.nodes.new("BackgroundNodeGroup")
    node.node_tree = group
    objects = bpy.data.objects.new("A", None), bpy.data.objects.new("B", None)
    node.inputs["Menu"].default_value = "two"
    node.inputs["Anything"].default_value = objects
    node.inputs["Count"].default_value = 3
    before = read(tree)
    grouping.ungroup(node)
    found = read(tree)["Taking"]
    assert [values for _, values in found[:1] + found[2:]] == [["two"], [3], [3]]
    assert [item.name for item in found[1][1]] == ["A", "B"]
    assert before["Taking"][2:] == found[2:]


def test_properties_of_nodes_come_along(tmp_path):
    tree = new_tree()
    script_file = tmp_path / "a.py"
    script_file.write_text("def main(a: int = 1) -> int: return a\n")
    by_file = tree.nodes.new("BackgroundNodeScript")
    by_file.filepath = str(script_file)
    by_file.name, by_file.label, by_file.width = "By File", "My label", 321.0
    by_file.timeout, by_file.retries, by_file.cache = 7.0, 3, "NEVER"
    by_file.use_custom_color, by_file.color = True, (0.1, 0.2, 0.3)
    by_file.inputs["a"].default_value, by_file.inputs["a"].hide = 5, True
    seed = tree.nodes.new("BackgroundNodeScript")
    seed.name = "Seed"
    seed.script = bpy.data.texts.new("seed.py")
    seed.script.from_string("python_data = {'sum': value + 1}\n")
    seed.sync()
    gone = tree.nodes.new("BackgroundNodeScript")
    gone.name, gone.filepath = "Gone", str(tmp_path / "b.py")
    declared = [(each.identifier, each.name, each.data_type) for each in seed.declared_inputs]
    sockets = [socket.identifier for socket in seed.inputs]
    node = grouping.make(tree, list(tree.nodes))
    inner = node.node_tree.nodes
    moved = inner["By File"]
    assert (moved.filepath, moved.label, moved.width) == (str(script_file), "My label", 321.0)
    assert (moved.timeout, moved.retries, moved.cache) == (7.0, 3, "NEVER")
    assert tuple(moved.color) == pytest.approx((0.1, 0.2, 0.3))
    assert moved.inputs["a"].default_value == 5
    assert moved.inputs["a"].hide
    assert [(each.identifier, each.name, each.data_type) for each in inner["Seed"].declared_inputs] == declared
    assert [socket.identifier for socket in inner["Seed"].inputs] == sockets
    assert inner["Gone"].filepath == str(tmp_path / "b.py")


def test_output_nodes_stay_outside():
    tree = new_tree()
    node = script(tree, "Make", "def main() -> bpy.types.Object: ...")
    home = output(tree, "LINK", node, name="Home")
    made = grouping.make(tree, [node, home])
    assert sorted(each.name for each in tree.nodes) == ["Group", "Home"]
    assert [(each.from_node.name, each.to_node.name) for each in tree.links] == [(made.name, "Home")]
