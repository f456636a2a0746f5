"""Making groups and taking them apart: what runs is the same before and after."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import bpy
import pytest

from background_nodes.node_tree import grouping, reader
from background_nodes.node_tree.group_node import group_nodes
from background_nodes.node_tree.grouping import GroupingError
from background_nodes.runtime.planning.graph import Graph, NodeKind

from .graphs import link, new_tree, script, value

_SOURCES = (
    "def main(a: float = 0.5, b: int = 2) -> float: ...",
    "def main(a: list[float], b: float = 1.0) -> list[float]: ...",
    "import bpy\ndef main(a: bpy.types.Object | None, b: list[bpy.types.Object] = ()) -> bpy.types.Object: ...",
    "from mathutils import Vector\ndef main(a: Vector, b: str = 'x') -> str: ...",
    "from typing import Literal\ndef main(a: Literal['one', 'two'] = 'one', b: str = '') -> str: ...",
)
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


def random_tree(chance: random.Random) -> bpy.types.NodeTree:
    tree = new_tree("Random")
    outputs: list[bpy.types.NodeSocket] = []
    for index in range(chance.randint(3, 9)):
        if chance.random() < 0.2:
            kind, content = chance.choice((("FLOAT", 1.5), ("INT", 2), ("STRING", "text"), ("Object", None)))
            node = value(tree, kind, content, name=f"Input {index}")
        elif chance.random() < 0.2:
            node = tree.nodes.new("NodeReroute")
            node.name = f"Reroute {index}"
        else:
            node = script(tree, f"Node {index}", chance.choice(_SOURCES))
        node.location = (index * 150.0, chance.randint(-300, 300))
        for socket in node.inputs:
            wanted = chance.choice((0, 1, 1, 3 if socket.is_multi_input else 1))
            for source in chance.choices(outputs, k=wanted) if outputs else ():
                made = link(source, socket)
                made.is_muted = chance.random() < 0.1
        outputs.extend(node.outputs)
    for index in range(chance.randint(0, 2)):
        frame = tree.nodes.new("NodeFrame")
        frame.name = f"Frame {index}"
        for node in chance.sample(list(tree.nodes), 2):
            if node.bl_idname != "NodeFrame":
                node.parent = frame
    return tree


def group_some(tree: bpy.types.NodeTree, chance: random.Random) -> bpy.types.Node | None:
    nodes = list(tree.nodes)
    try:
        return grouping.make(tree, chance.sample(nodes, chance.randint(1, len(nodes))))
    except GroupingError:
        return None


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
        while groups := list(group_nodes(tree)):
            grouping.ungroup(groups[0])
        assert read(tree) == before, f"seed {seed}"
        left = sorted(node.name for node in tree.nodes if not node.name.startswith("Input"))
        assert left == [name for name in names if not name.startswith("Input")], f"seed {seed}"
        bpy.data.batch_remove([*bpy.data.node_groups, *bpy.data.texts])
    assert num_made > _NUM_SEEDS // 8
