# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that is patched after an edit of values is the plan that the compiler makes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.graph import Graph, GraphNode, InputSocket, NodeKind
from background_nodes.runtime.planning.patching import patched
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.script.signature import Parameter
from background_nodes.runtime.script.socket_types import SocketType

from .graph_text import graph
from .random_groups import Maker, as_graph


def compiled(graph: Graph) -> Plan | None:
    try:
        return compile_graph(graph)
    except CompileError:
        return None


def edited(graph: Graph, node_id: str, change: Callable[[GraphNode], GraphNode]) -> Graph:
    return replace(graph, nodes=tuple(change(node) if node.id == node_id else node for node in graph.nodes))


def with_value(identifier: str, value: Any) -> Callable[[GraphNode], GraphNode]:
    def change(node: GraphNode) -> GraphNode:
        inputs = (replace(each, value=value) if each.identifier == identifier else each for each in node.inputs)
        return replace(node, inputs=tuple(inputs))

    return change


def text(identifier: str, kind: str = "STRING", **options: Any) -> InputSocket:
    return InputSocket(Parameter(identifier, identifier, SocketType(kind), **options), "x")


def a_tree(kind: str = "STRING", **options: Any) -> Graph:
    """Two nodes, a > b; a has an input of a kind with the value "x"."""
    made = graph("a: -> x:FLOAT ; b: v:FLOAT=0.5 -> y:FLOAT", "a.x > b.v")
    return edited(made, "a", lambda node: replace(node, inputs=(text("t", kind, **options),)))


@pytest.mark.parametrize("part", range(6))
def test_random_graphs_with_edited_values_are_patched_to_what_the_compiler_makes(part):
    """Values of any node, also of groups, list nodes and linked inputs; some fit nowhere."""
    num_patched = 0
    for seed in range(10 * part, 10 * part + 10):
        before, chance = as_graph(Maker(seed).tree()), random.Random(seed)
        plan = compiled(before)
        for _ in range(8 if plan is not None else 0):
            now = with_other_values(before, chance)
            patch, fresh = patched(plan, before, now), compiled(now)
            if patch is not None:
                assert repr(patch) == repr(fresh)
                num_patched += patch is not plan
            if fresh is not None:
                before, plan = now, fresh
    assert num_patched > 1


def with_other_values(graph: Graph, chance: random.Random) -> Graph:
    """Most of the values are of inputs that nothing is linked to, of script nodes."""
    linked = {(link.to_node, link.to_socket) for link in graph.links}
    places = [(node, each.identifier) for node in graph.nodes for each in node.inputs]
    free = [(node, each) for node, each in places if node.kind is NodeKind.SCRIPT and (node.id, each) not in linked]
    for _ in range(chance.choice((0, 1, 1, 2))):
        chosen = free if free and chance.random() < 0.7 else places
        if chosen:
            node, identifier = chance.choice(chosen)
            value = chance.choice(("", "other", "another", ("a",), None, 3))
            graph = edited(graph, node.id, with_value(identifier, value))
    return graph


def test_value_of_a_script_node_is_patched_and_all_else_stays_the_same_object():
    before = a_tree()
    plan = compile_graph(before)
    now = edited(before, "a", with_value("t", "y"))
    patch = patched(plan, before, now)
    assert repr(patch) == repr(compile_graph(now)) != repr(plan)
    assert [mine is theirs for mine, theirs in zip(patch.tasks, plan.tasks, strict=True)] == [False, True]
    assert patched(plan, before, replace(before, nodes=tuple(map(replace, before.nodes)))) is plan


@pytest.mark.parametrize(
    "change",
    [
        with_value("t", ("a", "list")),  # which does not fit
        with_value("t", None),  # which is missing
        lambda node: replace(node, is_muted=True),
        lambda node: replace(node, name="other"),
        lambda node: replace(node, kind=NodeKind.REROUTE),
        lambda node: replace(node, inputs=node.inputs[:-1]),
        lambda node: replace(node, inputs=(*node.inputs[:-1], text("t", "INT"))),
    ],
)
def test_other_edits_are_left_to_the_compiler(change):
    before = a_tree()
    assert patched(compile_graph(before), before, edited(before, "a", change)) is None


def test_value_that_names_a_file_is_left_to_the_compiler():
    before, now = (edited(a_tree("PATH"), "a", with_value("t", path)) for path in ("/here.png", "/there.png"))
    assert patched(compile_graph(before), before, now) is None


def test_links_scene_and_number_of_nodes_are_left_to_the_compiler():
    before = a_tree()
    plan = compile_graph(before)
    for now in (
        replace(before, links=()),
        replace(before, scene=replace(before.scene, frame_current=7)),
        replace(before, scene=replace(before.scene, fps_base=1)),
        replace(before, nodes=before.nodes[:1]),
        replace(before, name="other"),
    ):
        assert patched(plan, before, now) is None


@pytest.mark.parametrize(("value", "other"), [(1, 1.0), (True, 1), (0.0, -0.0)])
def test_values_that_are_equal_and_not_the_same_are_a_change(value, other):
    before = edited(a_tree("ANY"), "a", with_value("t", value))
    plan = compile_graph(before)
    now = edited(before, "a", with_value("t", other))
    assert repr(patched(plan, before, now)) == repr(compile_graph(now)) != repr(plan)
