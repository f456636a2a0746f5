# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan tells of the outputs that show results."""

from __future__ import annotations

import dataclasses

import pytest

from background_nodes.runtime.errors import RunError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.graph import Graph, GraphNode, NodeKind, OutputAction, OutputMode
from background_nodes.runtime.planning.node_path import NodePath
from background_nodes.runtime.planning.plan import Delivery, PlannedGroup
from background_nodes.runtime.planning.sources import FromTask

from .plan_text import FLOAT, SCRIPT, parse_plan

TAKEN = Delivery("output", "input", (FromTask("g/b", "result", FLOAT),), OutputAction(OutputMode.LINK))
PLAN = dataclasses.replace(parse_plan("a; g/b: a; c: g/b"), deliveries=(TAKEN,))


def test_an_output_of_a_script_node_shows_what_the_script_gives() -> None:
    assert PLAN.source_at("c", "result") == FromTask("c", "result", FLOAT)
    assert PLAN.source_at("g/b", "result") == FromTask("g/b", "result", FLOAT)


def test_outputs_that_show_no_result_have_no_source_and_no_part() -> None:
    for node, output in (("g", "result"), ("a", "unknown"), ("output", "input")):
        assert PLAN.source_at(node, output) is None
        with pytest.raises(RunError, match="does not give this result any more"):
            PLAN.part_for(node, output)


def test_a_plan_names_the_groups_that_have_tasks_in_them() -> None:
    outer = NodePath().into("g", "LODs")
    inner = outer.into("h", "Half / Quarter")
    nodes = [
        *(GraphNode(path.id, path.name, NodeKind.GROUP) for path in (outer, inner, NodePath().into("e", "Empty"))),
        GraphNode(inner.into("a", "Decimate").id, "Decimate", NodeKind.SCRIPT, script=SCRIPT),
    ]

    plan = compile_graph(Graph("Tree", tuple(nodes)))

    assert plan.groups == (PlannedGroup("g", "LODs"), PlannedGroup("g/h", "LODs / Half / Quarter"))
