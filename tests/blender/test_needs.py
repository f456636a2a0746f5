"""What a node needs of its machine is a problem before the run, at the node, if nobody has it."""

import pytest

import background_nodes
from background_nodes import CompileError

from .graphs import new_tree, script

pytestmark = pytest.mark.any_blender
GIVES = "def main() -> int:\n    return 7\n"


def test_need_that_this_machine_has_not_is_a_problem_and_one_that_it_has_is_none():
    tree = new_tree()
    node = script(tree, "Render", GIVES)
    node.needs = "memory=0.001, OS=Linux"
    run = background_nodes.run(tree)
    run.wait()
    assert run.fetch("Render", "Result") == 7
    node.needs = "memory=1000000"
    with pytest.raises(CompileError) as caught:
        background_nodes.run(tree)
    (problem,) = caught.value.problems
    assert problem.node == "Render"
    assert problem.message == "what it needs can't be had: this machine has not memory=1000000"
    node.needs = "a GPU"
    with pytest.raises(CompileError, match='"a GPU" is not of the form NAME=AMOUNT'):
        background_nodes.run(tree)
