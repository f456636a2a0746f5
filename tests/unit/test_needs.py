"""What a node needs of its machine: how it is read, who has it, and what is a problem before the run."""

import dataclasses

import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.graph import NodeSettings
from background_nodes.runtime.planning.needs import Needs, Offer, check, parsed

from .plan_text import parse_plan

GB = 1024**3


def test_text_is_read_whatever_the_case_of_what_everybody_has():
    assert parsed("GPU=1, MEMORY = 16 GB,os=linux , Blender=5.2") == Needs("Linux", 16e9, "5.2", {"GPU": 1.0})
    assert parsed(" ") == Needs()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("GPU", "not of the form"),
        ("GPU=many", "is no amount"),
        ("GPU=-1", "is no amount"),
        ("GPU=nan", "is no amount"),
        ("GPU=1, GPU=2", "twice"),
        ("os=Beos", "is no OS"),
        ("blender=new", "no version"),
        ("=1", "not of the form"),
    ],
)
def test_text_that_makes_no_sense_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parsed(text)


@pytest.mark.parametrize(
    ("needs", "lacking"),
    [
        ("", ""),
        ("GPU=2, memory=64, os=Linux, Blender=5.2", ""),
        ("GPU=3", "GPU=3"),
        ("gpu=1", "gpu=1"),
        ("memory=70", "memory=70"),
        ("os=macOS", "OS=macOS"),
        ("Blender=5", ""),
        ("Blender=5.2.3", ""),
        ("Blender=5.20", "Blender=5.20"),
        ("Blender=5.2.30", "Blender=5.2.30"),
    ],
)
def test_machine_has_it_or_says_what_it_lacks(needs, lacking):
    assert Offer("Linux", 64.0 * GB, "5.2.3", {"GPU": 2.0}).lacks(parsed(needs)) == lacking


def test_memory_that_a_system_does_not_tell_is_enough():
    assert Offer("Windows").lacks(parsed("memory=16")) == ""


def test_machine_that_is_sold_with_so_much_memory_has_it():
    """The system keeps a part for itself: these are 15.5 GiB."""
    assert Offer("Linux", 15.5 * GB).lacks(parsed("memory=16")) == ""


@pytest.mark.parametrize(
    ("addons", "lacking"),
    [
        (None, ""),
        ({"scatter": "1.2.0", "bl_ext.studio.nails": "2.0.0"}, ""),
        ({"scatter": "1.2.0"}, 'the add-on "bl_ext.studio.nails"'),
        (
            {"scatter": "1.2.0", "bl_ext.attic.nails": "2.0.0"},
            'the add-on "bl_ext.studio.nails", but "bl_ext.attic.nails"',
        ),
        ({"scatter": "1.3.0", "bl_ext.studio.nails": ""}, 'version 1.2.0 of the add-on "scatter", but 1.3.0'),
        ({"scatter": "", "bl_ext.studio.nails": ""}, 'version 1.2.0 of the add-on "scatter", but one without'),
    ],
)
def test_machine_has_the_addons_in_their_versions_or_says_what_it_lacks(addons, lacking):
    """Of one of them no version is known at home."""
    needs = Needs(addons={"scatter": "1.2.0", "bl_ext.studio.nails": ""})
    assert Offer("Linux", addons=addons).lacks(needs) == lacking


def test_addons_of_a_node_are_asked_for_with_its_needs_and_what_mends_them_is_told():
    asked = []

    def why_not(needs: str, addons: tuple[str, ...]) -> str:
        asked.append((needs, addons))
        return 'render1 has not the add-on "scatter"'

    (task,) = parse_plan("a").tasks
    task = dataclasses.replace(task, settings=NodeSettings(addons=("scatter",)))
    with pytest.raises(CompileError) as caught:
        check([task], why_not)
    assert asked == [("", ("scatter",))]
    (problem,) = caught.value.problems
    assert problem.node == "A"
    assert problem.message == 'what it needs can\'t be had: render1 has not the add-on "scatter"'
    assert problem.fix.startswith("Install them where it is to run")


def test_problems_of_all_nodes_are_told_at_once_and_nobody_is_asked_for_nothing():
    asked = []

    def why_not(needs: str, _addons: tuple[str, ...]) -> str:
        asked.append(needs)
        return "nobody has a GPU" if "GPU" in needs else ""

    plan = parse_plan("a; b; c; d")
    told = dict(zip("abcd", ("", "memory=1", "GPU=1", "GPU"), strict=True))
    tasks = tuple(dataclasses.replace(task, settings=NodeSettings(needs=told[task.id])) for task in plan.tasks)
    with pytest.raises(CompileError) as caught:
        check(tasks, why_not)
    assert asked == ["memory=1", "GPU=1"]
    assert [(problem.node, problem.node_id) for problem in caught.value.problems] == [("C", "c"), ("D", "d")]
    assert "nobody has a GPU" in str(caught.value)
    assert '"GPU" is not of the form NAME=AMOUNT' in str(caught.value)
