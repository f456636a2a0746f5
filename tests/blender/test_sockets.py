"""Sockets: each kind of value and data-block this Blender has, single and list, what they hold and what they show."""

from __future__ import annotations

import bpy
import pytest
from mathutils import Color, Euler, Matrix, Vector

from background_nodes.addon.command_line import assignments
from background_nodes.node_tree import changes, plain_sockets, sockets
from background_nodes.runtime.blender import data_block_kinds
from background_nodes.runtime.script.socket_types import CONVERSIONS, LIST_CONVERSIONS
from background_nodes.runtime.script.value_kinds import VALUE_KINDS, Form
from background_nodes.runtime.worker import arguments

from .graphs import add, new_tree, script, socket_of, value

#: What `bpy.data.<collection>.new` wants beside a name.
_MORE = {
    "Object": [None],
    "Curve": ["CURVE"],
    "Light": ["POINT"],
    "LightProbe": ["SPHERE"],
    "Image": [1, 1],
    "Texture": ["NONE"],
    "NodeTree": ["GeometryNodeTree"],
}
#: Session state, parts of others and the view on all the rest.
_NOT_CARRIED = {"libraries", "screens", "shape_keys", "window_managers", "workspaces", "all_ids"}


def new_data_block(kind: str, tmp_path) -> bpy.types.ID:
    collection = data_block_kinds.collection(kind)
    if kind == "VectorFont":
        return collection.load("<builtin>")
    if kind in {"Sound", "MovieClip"}:
        frame = str(tmp_path / "frame.png")
        bpy.data.images.new("Frame", 1, 1).save(filepath=frame)
        return collection.load(frame)
    if kind == "CacheFile":
        (tmp_path / "cache.usda").write_text("#usda 1.0\n")
        bpy.ops.cachefile.open(filepath=str(tmp_path / "cache.usda"))
        return collection[0]
    if kind == "PaintCurve":  # made by a brush only
        return None
    return collection.new(f"New {kind}", *_MORE.get(kind, []))


@pytest.fixture
def data_blocks(tmp_path) -> dict[str, bpy.types.ID]:
    made = {kind: new_data_block(kind, tmp_path) for kind in data_block_kinds.collections()}
    for data_block in filter(None, made.values()):
        data_block.use_fake_user = True
    return {kind: data_block for kind, data_block in made.items() if data_block is not None}


VALUES = {
    "BOOLEAN": (True, [True, False]),
    "INT": (-7, [1, 2]),
    "FLOAT": (0.25, [0.5, -1.5]),
    "STRING": ("añ 節", ["", 'q"']),
    "VECTOR": (Vector((1, 2, 3)), [Vector((1, 2, 3)), Vector((4, 5, 6))]),
    "COLOR": (Color((0.25, 0.5, 1)), [Color((0, 0.5, 1))]),
    "ROTATION": (Euler((0.5, 0, 1)), [Euler((0.5, 0, 1)), Euler((1, 2, 3))]),
    "MATRIX": (Matrix.Translation((1, 2, 3)), [Matrix.Identity(4), Matrix.Scale(2, 4)]),
    "PATH": ("/a b/ü", ["/a", "//b"]),
    "BLEND_FILE": ("//a b/ü.blend", ["", "/b.blend"]),
    "ANY": ({"a": [1, None, "x"]}, [{"a": 1}, None, [1, 2]]),
}


def plain(content):
    """Comparable: Blender gives arrays of its own for vectors and matrices."""
    return plain_list(content) if hasattr(content, "__len__") and not isinstance(content, str | dict) else content


def plain_list(content):
    return [plain(item) for item in content]


def fill(tree, data_blocks) -> None:
    """One Input node for each kind, single and list, named by it."""
    for kind, (single, several) in VALUES.items():
        value(tree, kind, single, name=kind)
        value(tree, kind, several, is_list=True, name=f"{kind} list")
    for kind, data_block in data_blocks.items():
        value(tree, kind, data_block, name=kind)
        value(tree, kind, [data_block, data_block], is_list=True, name=f"{kind} list")


def assert_filled(tree, data_blocks) -> None:
    for kind, (single, several) in VALUES.items():
        assert plain(tree.nodes[kind].outputs[0].default_value) == plain(single), kind
        assert plain(tree.nodes[f"{kind} list"].outputs[0].default_value) == plain(several), kind
    for kind, data_block in data_blocks.items():
        assert tree.nodes[kind].outputs[0].default_value == data_block
        assert tree.nodes[f"{kind} list"].outputs[0].default_value == (data_block, data_block)


def test_every_collection_of_bpy_data_has_single_and_list_sockets():
    carried = {
        prop.fixed_type.identifier
        for prop in bpy.data.bl_rna.properties
        if prop.type == "COLLECTION" and prop.identifier not in _NOT_CARRIED
    }
    made = {(cls.socket_type.kind, cls.socket_type.is_list) for cls in sockets.classes() if hasattr(cls, "socket_type")}
    assert {(kind, is_list) for kind in carried for is_list in (False, True)} <= made


def test_values_of_every_kind_come_back_as_they_were_set(data_blocks):
    tree = new_tree()
    fill(tree, data_blocks)
    assert_filled(tree, data_blocks)


def test_values_of_every_kind_survive_save_and_reload(data_blocks, awkward_path):
    fill(new_tree(), data_blocks)
    where = {kind: (block.name, block.library) for kind, block in data_blocks.items()}
    file = str(awkward_path / "values.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    reloaded = {kind: data_block_kinds.collection(kind)[name] for kind, (name, _library) in where.items()}
    assert_filled(bpy.data.node_groups["Tree"], reloaded)


def test_any_data_block_socket_holds_blocks_of_every_kind(data_blocks):
    tree = new_tree()
    node = script(tree, "Any", "def main(one: bpy.types.ID = None, many: list[bpy.types.ID] = []): pass")
    for data_block in data_blocks.values():
        node.inputs["One"].default_value = data_block
        assert node.inputs["One"].default_value == data_block
    node.inputs["Many"].default_value = data_blocks.values()
    assert node.inputs["Many"].default_value == tuple(data_blocks.values())


def test_data_block_of_another_kind_is_refused_as_value():
    node = value(new_tree(), "Object", None)
    with pytest.raises(TypeError):
        node.outputs[0].default_value = bpy.data.meshes.new("Mesh")


def test_data_block_that_is_removed_leaves_the_value_empty():
    mesh = bpy.data.meshes.new("Mesh")
    node = value(new_tree(), "Mesh", mesh)
    bpy.data.meshes.remove(mesh)
    assert node.outputs[0].default_value is None


def test_result_of_every_socket_is_none_at_first(data_blocks):
    tree = new_tree()
    fill(tree, data_blocks)
    assert {node.outputs[0].result for node in tree.nodes} == {None}


def test_result_of_any_kind_comes_back_as_it_was_given(data_blocks):
    tree = new_tree()
    fill(tree, data_blocks)
    for kind, data_block in data_blocks.items():
        for results in (data_block, (data_block, data_block), ()):
            tree.nodes[kind].outputs[0].set_result(results)
            assert tree.nodes[kind].outputs[0].result == results


@pytest.mark.parametrize(
    ("kind", "wire", "result"),
    [
        ("BOOLEAN", False, False),
        ("INT", 2**40, 2**40),
        ("FLOAT", 0.1, 0.1),
        ("FLOAT", [0.1, 0.2], (0.1, 0.2)),
        ("STRING", "", ""),
        ("STRING", [], ()),
        ("VECTOR", [1.0, 2.0, 3.0], Vector((1, 2, 3))),
        ("VECTOR", [[1.0, 2.0, 3.0]], (Vector((1, 2, 3)),)),
        ("VECTOR", [], ()),
        ("ROTATION", [0.5, 0.0, 1.0], Euler((0.5, 0, 1))),
        ("MATRIX", [float(number) for number in range(16)], Matrix([range(row, row + 4) for row in (0, 4, 8, 12)])),
        ("ANY", {"a": [1, 2]}, {"a": [1, 2]}),
        ("ANY", [1, 2], [1, 2]),
    ],
)
def test_result_of_a_value_socket_is_python_of_its_kind(kind, wire, result):
    socket = value(new_tree(), kind, None).outputs[0]
    socket.set_result(wire)
    assert socket.result == result
    socket.set_result(None)
    assert socket.result is None


def test_menu_takes_its_choices_and_nothing_else():
    node = script(
        new_tree(), "Menu", "def main(where: Literal['in the middle', 'on top'] = 'on top', n: Literal[8, 16] = 16): 0"
    )
    where, number = node.inputs
    assert (where.default_value, number.default_value) == ("on top", "16")
    assert number.get_value() == 16
    where.default_value = "in the middle"
    assert where.get_value() == "in the middle"
    with pytest.raises(TypeError):
        where.default_value = "below"


def test_menu_whose_choice_is_gone_goes_back_to_the_default():
    node = script(new_tree(), "Menu", "def main(where: Literal['a', 'b', 'c'] = 'b'): 0")
    node.inputs[0].default_value = "c"
    node.script.from_string("from typing import Literal\ndef main(where: Literal['a', 'b'] = 'b'): 0")
    node.sync()
    assert node.inputs[0].default_value == "b"
    assert node.inputs[0].get_value() == "b"


def test_list_of_menu_choices_takes_choices_of_any_type():
    node = script(
        new_tree(), "Menu", "def main(sizes: list[Literal[8, 16]] = [8], where: list[Literal['a b']] = []): 0"
    )
    assert node.inputs["Sizes"].get_value() == (8,)
    node.inputs["Sizes"].default_value = [16, 8]
    assert node.inputs["Sizes"].get_value() == (16, 8)
    node.inputs["Where"].default_value = ["a b"]
    assert node.inputs["Where"].get_value() == ("a b",)


@pytest.mark.parametrize(
    ("kind", "blenders_own"),  # std_node_socket_colors in node_draw.cc
    [
        ("FLOAT", (0.63, 0.63, 0.63)),
        ("VECTOR", (0.39, 0.39, 0.78)),
        ("ROTATION", (0.65, 0.39, 0.78)),
        ("Object", (0.93, 0.62, 0.36)),
        ("Mesh", (0.00, 0.84, 0.64)),
        ("Material", (0.92, 0.46, 0.51)),
    ],
)
def test_colour_of_a_socket_is_blenders_own(kind, blenders_own):
    tree = new_tree()
    for is_list in (False, True):
        socket = value(tree, kind, None, is_list=is_list).outputs[0]
        assert type(socket).draw_color_simple() == (*blenders_own, 1.0)


def test_list_socket_looks_different_from_a_single_one():
    node = script(new_tree(), "Shapes", "def main(one: int, many: list[int]) -> list[int]: 0")
    one, many = node.inputs
    assert one.display_shape != many.display_shape == node.outputs[0].display_shape
    assert many.is_multi_input
    assert not one.is_multi_input


@pytest.mark.parametrize(
    ("annotation", "subtype"),
    [
        ("Annotated[float, Unit.LENGTH]", "DISTANCE"),
        ("Annotated[float, Unit.ANGLE]", "ANGLE"),
        ("Annotated[float, Unit.PERCENTAGE]", "PERCENTAGE"),
        ("Annotated[float, Unit.FACTOR]", "FACTOR"),
        ("Annotated[int, Unit.PIXELS]", "PIXEL"),
    ],
)
def test_number_with_a_unit_is_shown_in_blenders_own_way(annotation, subtype):
    source = f"from background_nodes.script import Unit\ndef main(size: {annotation} = 1): 0"
    node = script(new_tree(), "Unit", source)
    assert node.inputs[0].bl_rna.properties["default_value"].subtype == subtype


def test_item_of_a_list_that_changes_tells_the_tree():
    tree = new_tree()
    node = script(tree, "Lists", "def main(numbers: list[int] = [1, 2]) -> int: return 1")
    told = []
    changes.listen(told.append)
    try:
        node.inputs["Numbers"].items_of_list[1].value = 3
    finally:
        changes.stop_listening(told.append)
    assert told == [tree]


def test_float_given_to_an_int_socket_is_refused():
    node = script(new_tree(), "Int", "def main(count: int = 1): 0")
    with pytest.raises(TypeError):
        node.inputs["Count"].default_value = 1.5


def test_output_node_takes_any_number_of_data_blocks():
    socket = socket_of(add(new_tree(), "BackgroundNodeOutput").inputs, "data")
    assert socket.is_multi_input
    assert socket.link_limit == 0 or socket.link_limit > 1000


def test_each_kind_of_plain_value_has_sockets_and_can_be_sent_and_set_on_the_command_line():
    assert list(plain_sockets.PLAIN_SOCKETS) == list(VALUE_KINDS)
    forms = {kind.form for kind in VALUE_KINDS.values()}
    assert set(arguments._TO_WIRE) == forms - {Form.NUMBERS, Form.JSON}  # these two have ways of their own
    assert set(assignments._READERS) == forms - {Form.CHOICE}  # its choices belong to a socket
    classes = {name for kind in VALUE_KINDS.values() for name in kind.annotations.values()}
    assert set(arguments._ANNOTATIONS) == classes - {"", "dict"}
    named = {*CONVERSIONS.values(), *LIST_CONVERSIONS.values()}
    assert set(arguments._CONVERSIONS) == named - {"", "check_blend_file"}


# Labels


@pytest.mark.parametrize(
    ("parameters", "is_wider"),
    [
        ("name: str", False),
        ("name_contains_all_of: str", True),
        ("emission: float", False),
        ("a_number_has_its_label_inside: float", True),
        ("is_on: bool", False),
        ("a_tick_box_has_its_label_inside: bool", True),
        ("kind: typing.Literal['Near', 'Far']", False),
        ("kind: typing.Literal['Near', 'Not Turned, at the Origin']", True),
        ("another_object_beside_it: bpy.types.Object", True),
    ],
)
def test_new_node_is_as_wide_as_its_labels_and_choices_need(parameters, is_wider):
    node = script(new_tree(), "Node", f"import typing\nimport bpy\ndef main({parameters}): pass")
    assert (node.width > node.bl_width_default) is is_wider
    assert node.width < 2 * node.bl_width_default


def test_node_stays_as_wide_as_the_artist_made_it():
    node = script(new_tree(), "Node", "def main(): pass")
    node.width = 333
    node.script = bpy.data.texts.new("Other")
    node.script.write("def main(name_contains_all_of_this: str): pass")
    node.script = node.script
    assert [socket.name for socket in node.inputs] == ["Name Contains All of This"]
    assert node.width == 333
