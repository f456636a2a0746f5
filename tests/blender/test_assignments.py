"""NODE.SOCKET=VALUE: which socket is meant, and what becomes of the text."""

import json
import math
from pathlib import Path

import bpy
import pytest

KINDS = """\
from pathlib import Path
from typing import Any, Literal
import bpy
from mathutils import Color, Euler, Matrix, Quaternion, Vector

def main(
    flag: bool = False,
    count: int = 0,
    size: float = 0.0,
    text: str = "",
    offset: Vector = (0.0, 0.0, 0.0),
    tint: Color = (0.0, 0.0, 0.0),
    turn: Euler = (0.0, 0.0, 0.0),
    where: Matrix = None,
    file: Path = "",
    mode: Literal["Fast", "Exact"] = "Fast",
    level: Literal[1, 2] = 1,
    anything: Any = None,
    thing: bpy.types.Object = None,
    block: bpy.types.ID = None,
    counts: list[int] = [],
    files: list[Path] = [],
    things: list[bpy.types.Object] = [],
) -> int:
    return 0
"""


@pytest.fixture
def tree():
    return bpy.data.node_groups.new("Tree", "BackgroundNodeTree")


@pytest.fixture
def node(tree):
    return script(tree, "Node")


def script(tree, name: str, source: str = KINDS):
    node = tree.nodes.new("BackgroundNodeScript")
    node.name = name
    text = bpy.data.texts.new(name)
    text.from_string(source)
    node.script = text
    assert not node.source_error
    return node


def assign(tree, text: str) -> None:
    from background_nodes.addon.command_line.assignments import assign

    assign(tree, text)


def problem(tree, text: str) -> tuple[str, str]:
    from background_nodes.node_tree.lookup import InputError

    with pytest.raises(InputError) as raised:
        assign(tree, text)
    (found,) = raised.value.problems
    assert found.where == f"--set {text}"
    return found.message, found.fix


def value(node, identifier: str):
    found = next(socket for socket in node.inputs if socket.identifier == identifier).default_value
    return found if isinstance(found, bool | int | float | str | dict | bpy.types.ID) else [*found]


@pytest.mark.parametrize(
    ("identifier", "text", "expected"),
    [
        ("flag", "on", True),
        ("flag", "True", True),
        ("flag", "0", False),
        ("count", "-3", -3),
        ("size", "2", 2.0),
        ("size", "-1e3", -1000.0),
        ("text", "a = 'b' [\"ü\"]", "a = 'b' [\"ü\"]"),
        ("text", "", ""),
        ("offset", "[1, 2, 3]", [1.0, 2.0, 3.0]),
        ("offset", "1, 2.5, -3", [1.0, 2.5, -3.0]),
        ("tint", "1,0,0", [1.0, 0.0, 0.0]),
        ("file", "//beside the file.txt", "//beside the file.txt"),
        ("mode", "Exact", "Exact"),
        ("mode", "exact", "Exact"),
        ("level", "2", "2"),
        ("anything", '{"a": [1, null]}', {"a": [1, None]}),
        ("counts", "[1, 2]", [1, 2]),
        ("counts", "[]", []),
    ],
)
def test_text_becomes_a_value_of_the_socket_s_kind(tree, node, identifier, text, expected):
    assign(tree, f"Node.{identifier}={text}")
    assert value(node, identifier) == expected


def test_path_is_seen_from_the_current_folder(tree, node, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assign(tree, "Node.file=a folder/å.png")
    assert value(node, "file") == str(tmp_path / "a folder" / "å.png")
    assign(tree, f"Node.files={json.dumps(['one', '//two', str(tmp_path)])}")
    assert value(node, "files") == [str(tmp_path / "one"), "//two", str(tmp_path)]
    assert Path(value(node, "file")).is_absolute()


def test_blend_file_is_a_path_or_nothing_for_the_open_one(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "from background_nodes.script import BlendFile\ndef main(scene: BlendFile) -> None: ..."
    node = script(tree, "Look", source)
    assign(tree, "Look.scene=a.blend")
    assert value(node, "scene") == str(tmp_path / "a.blend")
    assign(tree, "Look.scene=//b.blend")
    assert value(node, "scene") == "//b.blend"
    assign(tree, "Look.scene=")
    assert value(node, "scene") == ""


def test_rotation_is_euler_angles_or_a_quaternion(tree, node):
    assign(tree, "Node.turn=0, 0, 1.5")
    assert value(node, "turn") == pytest.approx([0.0, 0.0, 1.5])
    assign(tree, "Node.turn=[0.7071067811865476, 0, 0, 0.7071067811865476]")
    assert value(node, "turn") == pytest.approx([0.0, 0.0, math.pi / 2])


@pytest.mark.parametrize("text", ["[[1,0,0,5],[0,1,0,6],[0,0,1,7],[0,0,0,1]]", "1,0,0,5,0,1,0,6,0,0,1,7,0,0,0,1"])
def test_matrix_is_rows_or_all_numbers(tree, node, text):
    assign(tree, f"Node.where={text}")
    assert [row[3] for row in value(node, "where")] == [5.0, 6.0, 7.0, 1.0]


def test_data_block_is_found_by_name(tree, node):
    objects = [bpy.data.objects.new(name, None) for name in ("Cube.001", "Cube é")]
    material = bpy.data.materials.new("Cube.001")
    assign(tree, "Node.thing=Cube.001")
    assert value(node, "thing") == objects[0]
    assign(tree, "Node.block=Material:Cube.001")
    assert value(node, "block") == material
    assign(tree, 'Node.things=["Cube é", "Cube.001"]')
    assert value(node, "things") == objects[::-1]


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("Node.flag=maybe", '"maybe" is neither on nor off', "Give on or off, true or false, 1 or 0"),
        ("Node.count=1.5", '"1.5" is no whole number', "Give a whole number, such as 3"),
        ("Node.count=3000000000", "the whole number has more than 32 bits", "Give a smaller number"),
        ("Node.size=nan", "nan is no finite number", "Give a finite number"),
        ("Node.offset=1,2", "[1, 2] is not 3 numbers", "Give 3 numbers"),
        ("Node.mode=Exac", '"Exac" is no choice of the menu', 'Did you mean "Exact"?'),
        ("Node.level=7", '"7" is no choice of the menu', 'There are "1", "2"'),
        ("Node.counts=3", "3 is no list", 'Give a list, such as ["a", "b"] or [1, 2]'),
        ('Node.counts=["a"]', "'a' is no whole number", "Give a whole number"),
        ("Node.things=[1]", "1 is no name", "Give a list of names in double quotes"),
        ("Node.thing=Cub", 'the file has no Object "Cub"', 'Did you mean "Cube"?'),
        (
            "Node.block=Cube",
            "a data-block of any kind is named by its kind, too",
            "Write it as Object:Cube, for example",
        ),
        ("Node.sise=1", '"Node" has no input "sise"', 'Did you mean "size"?'),
        ("Nod.size=1", 'there is no node "Nod"', 'Did you mean "Node"?'),
        ("Out.data=Cube", '"Out" has no input that can be set', "Set another node's"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(tree, node, text, message, fix):
    bpy.data.objects.new("Cube", None)
    tree.nodes.new("BackgroundNodeOutput").name = "Out"
    assert problem(tree, text) == (message, fix)


def test_json_that_is_none_is_told(tree, node):
    message, fix = problem(tree, "Node.anything={a}")
    assert message == "{a} is no JSON"
    assert fix.startswith("Give JSON")


def test_socket_of_a_script_node_must_be_named(tree, node):
    message, fix = problem(tree, "Node=3")
    assert message == 'which input of "Node" is not said'
    assert fix.startswith("Write Node.flag=VALUE; it has flag, count, size")


def test_input_node_needs_no_socket(tree):
    node = tree.nodes.new("BackgroundNodeInput")
    node.data_type = "INT"
    for text, expected in (("Input=3", 3), ("Input.value=4", 4), ("Input.Value=5", 5), ("Integer=6", 6)):
        assign(tree, text)
        assert node.outputs[0].default_value == expected


def test_longest_node_name_wins_where_names_have_dots(tree):
    source = "def main(value: int = 0, x: int = 0) -> int:\n    return value\n"
    nodes = {name: script(tree, name, source) for name in ("A", "A.x", "A.x.001")}
    assign(tree, "A.x.value=1")
    assign(tree, "A.x.001.value=2")
    assign(tree, "A.x=3")
    assert [value(nodes["A.x"], "value"), value(nodes["A.x.001"], "value"), value(nodes["A"], "x")] == [1, 2, 3]


def test_names_with_an_equals_sign_are_understood(tree, node):
    node.name = "a=b"
    assign(tree, "a=b.text=c=d")
    assert value(node, "text") == "c=d"


def test_label_will_do_where_one_node_has_it(tree):
    first, second = script(tree, "First"), script(tree, "Second")
    first.label = "Roof"
    assign(tree, "Roof.Count=3")
    assert value(first, "count") == 3
    second.label = "Roof"
    message, fix = problem(tree, "Roof.count=3")
    assert message == '2 nodes are labelled "Roof"'
    assert fix == 'Name one of them: "First", "Second"'


def test_linked_socket_is_no_place_for_a_value(tree, node):
    source = tree.nodes.new("BackgroundNodeInput")
    source.data_type = "INT"
    tree.links.new(source.outputs[0], next(socket for socket in node.inputs if socket.identifier == "count"))
    message, fix = problem(tree, "Node.count=3")
    assert message == "the socket is linked, so its own value is not used"
    assert fix.startswith('Set "Input"')


def test_input_that_the_script_has_only_now_can_be_set(tree, node):
    node.script.from_string("def main(fresh: int) -> int:\n    return fresh\n")
    assign(tree, "Node.fresh=3")
    assert value(node, "fresh") == 3
