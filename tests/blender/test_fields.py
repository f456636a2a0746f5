"""Fields of sockets: what a script says they hold at first and allow, and what becomes of values when it changes."""

from __future__ import annotations

import math

import bpy
import pytest
from mathutils import Matrix

import background_nodes
from background_nodes.addon.command_line import assignments
from background_nodes.node_tree import field_properties, fields, node_text, reader, socket_rows, sources
from background_nodes.node_tree.lookup import InputError
from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.script.wording import title_of

from .graphs import add, editor, new_text, new_tree, quad, script, socket_of

#: Of each kind: the annotation, what the script writes as its default, what an artist may set, and another default.
KINDS = {
    "float": ("float", "0.1", 2.5, "0.7"),
    "float that 32 bits can't hold": ("float", "0.123456789", 2.5, "2 / 3"),
    "float with limits": ("Annotated[float, Range(0.001, 10.0)]", "0.05", 2.5, "0.7"),
    "length": ("Length", "0.1", 2.5, "0.7"),
    "int": ("Annotated[int, Range(2, 9)]", "3", 7, "4"),
    "bool": ("bool", "True", False, "False"),
    "text": ("str", "'añ 節'", "x", "'y'"),
    "path": ("Path", "Path('/a.png')", "/b", "Path('/c.png')"),
    "menu": ("Literal['near', 'far', 'beyond']", "'far'", "near", "'beyond'"),
    "menu of numbers": ("Literal[8, 16, 32]", "16", "8", "32"),
    "vector": ("Vector", "Vector((0.1, 2, 3))", (4.0, 5.0, 6.0), "Vector((0.7, 0, 1))"),
    "color": ("Color", "Color((0.1, 0.5, 0.7))", (1.0, 0.0, 0.0), "Color((0.2, 0.2, 0.2))"),
    "rotation": ("Euler", "Euler((0.1, 0, 0))", (1.0, 0.0, 0.0), "Euler((0, 0.7, 0))"),
    "quaternion": ("Quaternion", "Quaternion((0.8, 0.6, 0, 0))", (1.0, 0.0, 0.0), "Quaternion((0.6, 0, 0.8, 0))"),
    "matrix": (
        "Matrix",
        "Matrix.Identity(4)",
        Matrix.Translation((1, 2, 3)),
        "Matrix(((2,0,0,5), (0,1,0,6), (0,0,1,7), (0,0,0,1)))",
    ),
    "json": ("dict", "{'b': [1, True], 'a': None}", {"x": 1}, "{'a': None}"),
    "list": ("list[Annotated[float, Range(0, 1)]]", "[0.1, 0.7]", (0.5,), "[0.2]"),
    "list of lengths": ("list[Length]", "[0.1]", (0.5,), "[0.2]"),
    "list of menus": ("list[Literal['u', 'v']]", "['u']", ("v",), "['u', 'v']"),
    "list of rotations": ("list[Quaternion]", "[Quaternion((0.8, 0.6, 0, 0))]", ((1.0, 0.0, 0.0),), "[]"),
}
IMPORTS = (
    "from pathlib import Path\nfrom background_nodes.script import Angle, Factor, Length, Percentage, Pixels, Unit\n"
)


@pytest.fixture
def tree():
    return new_tree()


def take(tree, annotation: str, default: str = "", name: str = "Take"):
    """A node with one input."""
    return script(tree, name, source(annotation, default))


def source(annotation: str, default: str = "") -> str:
    return f"{IMPORTS}def main(value: {annotation}{' = ' if default else ''}{default}): ..."


def rewrite(node, annotation: str, default: str = "") -> None:
    text = new_text("draft", source(annotation, default))
    node.script.from_string(text.as_string())
    bpy.data.texts.remove(text)
    node.sync()


def socket(node):
    return socket_of(node.inputs, "value")


def held(node):
    """What the socket of a node holds, comparable."""
    found = socket(node)
    value = found.get_value()
    return None if value is None else fields.plain(value, found.socket_type)


def given(tree, name: str = "Take"):
    """What a run gives to the script of a node."""
    plan = compile_graph(reader.read(tree, bpy.context.scene))
    return next(task for task in plan.tasks if task.name == name).arguments[0].sources[0].value


def written(tree, annotation: str, default: str):
    """What a run gives to a script whose input was never touched: its default, to the last digit."""
    take(tree, annotation, default, "Written")
    found = reader.read(tree, bpy.context.scene).nodes[-1].inputs[0].parameter.default
    tree.nodes.remove(tree.nodes["Written"])
    return found


def copied(value):
    """Vectors and matrices show what their socket holds at the moment."""
    return value.copy() if hasattr(value, "copy") else value


def field_of(found):
    """The property that is drawn as the field of a socket."""
    name = field_properties.make(type(found), found.field_json)
    return name, found.bl_rna.properties[name]


def drawn(found) -> str:
    """The name of the property that a node draws now."""
    return field_properties.name_for(found, found.field_json)


def reset(found) -> None:
    """What *Reset to Default Value* does to a field. Blender has that for the button under the mouse only."""
    name, prop = field_of(found)
    if prop.type == "ENUM":
        setattr(found, name, prop.default)
    elif getattr(prop, "is_array", False):
        numbers = tuple(prop.default_array)
        setattr(found, name, Matrix([numbers[row::4] for row in range(4)]) if len(numbers) == 16 else numbers)
    else:
        setattr(found, name, prop.default)


# The field


def field_width(text: str, width: float, field_json: str = "") -> float:
    return (width - socket_rows._EDGES) * (1.0 - socket_rows.label_share(text, width, field_json))


def test_field_beside_a_label_grows_with_its_node():
    usual = socket_rows._room("File Path") + socket_rows._FIELD + socket_rows._EDGES
    assert field_width("File Path", usual) >= socket_rows._FIELD
    assert field_width("File Path", 2.0 * usual) > 1.5 * field_width("File Path", usual)
    long = "A Label That Is Long"
    assert field_width(long, 2.0 * usual) <= 2.0 * usual - socket_rows._room(long), "it leaves the label its room"


def shipped() -> list[str]:
    return [name for _, names in sources.library_categories() for name in names]


@pytest.mark.parametrize("name", shipped())
def test_labels_and_choices_of_shipped_nodes_can_be_read_at_their_first_width(tree, name):
    node = tree.nodes.new("BackgroundNodeScript")
    node.library_script = name
    row = node.width - socket_rows._EDGES
    for found in node.inputs:
        if found.has_label_inside:
            continue
        field = field_width(found.name, node.width, found.field_json)
        longest = max((len(title_of(str(choice))) for choice in fields.read(found.field_json).choices), default=0)
        assert field >= longest * node_text.LETTER + socket_rows._ARROW - 0.5, found.name
        assert row - field >= socket_rows._room(found.name) - 0.5, found.name


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "list" not in kind])
def test_field_shows_the_default_and_goes_back_to_it(tree, kind):
    annotation, default, other, _ = KINDS[kind]
    node = take(tree, annotation, default)
    before, name = held(node), field_of(socket(node))[0]
    shown = copied(getattr(socket(node), name))
    assert given(tree) == written(tree, annotation, default)
    socket(node).default_value = other
    assert held(node) != before
    assert getattr(socket(node), name) != shown
    reset(socket(node))
    assert held(node) == before
    assert fields.is_untouched(socket(node))
    assert given(tree) == written(tree, annotation, default)


@pytest.mark.parametrize("annotation", ["int", "float", "str", "Vector", "Color", "Euler", "Literal['a', 'b']", "Path"])
@pytest.mark.parametrize("default", ["", "None"])
def test_field_without_a_default_goes_back_to_nothing(tree, annotation, default):
    others = {"int": 0, "float": 0.0, "str": "", "Literal['a', 'b']": "a", "Path": "/a"}
    node = take(tree, annotation, default)
    other = others.get(annotation, (0.0, 0.0, 0.0))
    name, _ = field_of(socket(node))
    assert held(node) is None
    if annotation.startswith("Literal"):
        setattr(socket(node), name, "choice_0")
    else:
        setattr(socket(node), name, other)
    assert held(node) == (list(other) if isinstance(other, tuple) else other)
    reset(socket(node))
    assert (held(node) or None) is None


def test_menu_field_sets_what_its_script_wrote(tree):
    node = take(tree, "Literal[8, 16, 32]", "16")
    name, prop = field_of(socket(node))
    assert [item.name for item in prop.enum_items] == ["8", "16", "32"]
    setattr(socket(node), name, "choice_2")
    assert given(tree) == 32


def test_matrix_field_shows_rows_and_columns_as_they_are(tree):
    node = take(tree, "Matrix", KINDS["matrix"][3])
    name, prop = field_of(socket(node))
    assert getattr(socket(node), name) == socket(node).default_value
    assert held(node)[3] == 5.0
    socket(node).default_value = Matrix.Translation((1, 2, 3))
    assert getattr(socket(node), name) == Matrix.Translation((1, 2, 3))
    assert tuple(prop.default_array)[12:15] == (5.0, 6.0, 7.0)  # Blender keeps columns


@pytest.mark.parametrize(
    ("annotation", "default", "soft", "hard"),
    [
        ("Annotated[float, Range(0.001, 10.0)]", "1", (0.001, 10.0), (0.001, 10.0)),
        ("Annotated[float, Range(2 / 3)]", "1", (2 / 3, 10000.0), (2 / 3, 3.4e38)),
        ("Annotated[float, Range(-1e300, 1e300)]", "1", (-3.4e38, 3.4e38), (-3.4e38, 3.4e38)),
        ("Percentage", "50", (0.0, 100.0), (0.0, 100.0)),
        ("Annotated[Percentage, Range(0.0)]", "50", (0.0, 100.0), (0.0, 3.4e38)),
        ("Annotated[Percentage, Range(200.0, 300.0)]", "250", (200.0, 300.0), (200.0, 300.0)),
        ("Annotated[Pixels, Range(16, 8192)]", "64", (16, 8192), (16, 8192)),
        ("Annotated[int, Range(0.5, 3.5)]", "2", (1, 3), (1, 3)),
        ("Annotated[int, Range(-10 ** 12, 10 ** 12)]", "2", (-(2**31), 2**31 - 1), (-(2**31), 2**31 - 1)),
        ("Annotated[int, Range(0.2, 0.8)] | None", "None", (-(2**31), 2**31 - 1), (-(2**31), 2**31 - 1)),
    ],
)
def test_field_has_the_limits_of_the_script(tree, annotation, default, soft, hard):
    node = take(tree, annotation, default)
    _, prop = field_of(socket(node))
    assert (prop.hard_min, prop.hard_max) == pytest.approx(hard, rel=1e-2 if hard[1] > 1e30 else 1e-6)
    if "1e300" not in annotation and "Range(2 / 3)" not in annotation:
        assert (prop.soft_min, prop.soft_max) == pytest.approx(soft)


def test_field_has_the_unit_of_the_script(tree):
    for annotation, subtype in (("Length", "DISTANCE"), ("Angle", "ANGLE"), ("Factor", "FACTOR"), ("Pixels", "PIXEL")):
        node = take(tree, annotation, "1", annotation)
        assert field_of(socket(node))[1].subtype == subtype
        node = take(tree, f"list[{annotation}]", "[1]", f"{annotation} list")
        item = socket(node).items_of_list[0]
        name = field_properties.make(type(item), fields.of_items(socket(node).field_json))
        assert item.bl_rna.properties[name].subtype == subtype


# Limits


@pytest.mark.parametrize("limits", [(0.1, 0.7), (0.123456789, 2 / 3), (-1e300, 1e300)])
def test_value_out_of_its_range_becomes_the_limit_which_is_no_problem(tree, limits):
    node = take(tree, f"Annotated[float, Range({limits[0]!r}, {limits[1]!r})]", "0.5")
    name, _ = field_of(socket(node))
    for put in (
        lambda number: setattr(socket(node), name, number),
        lambda number: setattr(socket(node), "default_value", number),
    ):
        for number, limit in ((-3e38, limits[0]), (3e38, limits[1])):
            put(number)
            assert given(tree) == (limit if abs(limit) < 1e38 else pytest.approx(number))


def test_items_out_of_their_range_become_the_limits(tree):
    node = take(tree, "list[Annotated[int, Range(2, 4)]]", "[3]")
    socket(node).default_value = [1, 3, 9]
    assert given(tree) == (2, 3, 4)
    socket(node).add_item()
    assert given(tree) == (2, 3, 4, 2)


def test_new_item_of_a_list_of_menus_is_its_first_choice(tree):
    node = take(tree, "list[Literal['u', 'v']]", "[]")
    socket(node).add_item()
    assert given(tree) == ("u",)


def test_narrower_range_leaves_the_artist_s_value_which_is_a_problem(tree):
    node = take(tree, "Annotated[float, Range(0.0, 10.0)]", "1.0")
    socket(node).default_value = 7.0
    rewrite(node, "Annotated[float, Range(0.0, 5.0)]", "1.0")
    with pytest.raises(CompileError) as caught:
        given(tree)
    assert [(problem.socket, problem.message) for problem in caught.value.problems] == [
        ("Value", "7.0 is above the maximum 5")
    ]
    assert held(node) == 7.0
    rewrite(node, "Annotated[float, Range(0.0, 8.0)]", "1.0")
    assert given(tree) == 7.0


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [("Annotated[float, Range(0, 1)]", "0.5", "2"), ("list[Annotated[int, Range(0, 1)]]", "[0]", "[1, 2]")],
)
def test_value_out_of_its_range_is_refused_on_the_command_line(tree, annotation, default, text):
    node = take(tree, annotation, default)
    before = held(node)
    with pytest.raises(InputError, match=r"2(\.0)? is above the maximum 1") as caught:
        assignments.assign(tree, f"Take.value={text}")
    assert "from 0 to 1" in caught.value.problems[0].fix
    assert held(node) == before


# Changed scripts


@pytest.mark.parametrize("kind", KINDS)
def test_value_that_nobody_touched_follows_a_new_default(tree, kind):
    annotation, default, _, new = KINDS[kind]
    node = take(tree, annotation, default)
    rewrite(node, annotation, new)
    assert given(tree) == written(tree, annotation, new)
    rewrite(node, annotation)
    assert held(node) is None
    rewrite(node, annotation, default)
    assert given(tree) == written(tree, annotation, default)


@pytest.mark.parametrize("kind", KINDS)
def test_value_of_the_artist_stays(tree, kind):
    annotation, default, other, new = KINDS[kind]
    node = take(tree, annotation, default)
    socket(node).default_value = other
    before = held(node)
    for changed in (new, default, ""):
        rewrite(node, annotation, changed)
        assert held(node) == before


def test_value_of_the_artist_stays_though_the_default_was_the_same_for_a_while(tree):
    """1. The artist sets 3. 2. The script's default becomes 3. 3. It becomes 4."""
    node = take(tree, "int", "1")
    socket(node).default_value = 3
    rewrite(node, "int", "3")
    rewrite(node, "int", "4")
    assert held(node) == 3
    reset(socket(node))
    rewrite(node, "int", "5")
    assert held(node) == 5


def test_value_that_nobody_touched_is_the_default_of_another_type(tree):
    node = take(tree, "float", "0.5")
    rewrite(node, "Length", "0.25")
    assert held(node) == 0.25
    rewrite(node, "int", "7")
    assert held(node) == 7
    rewrite(node, "list[int]", "[1, 2]")
    assert held(node) == [1, 2]


def test_value_of_the_artist_passes_to_another_type(tree):
    node = take(tree, "float", "0.5")
    socket(node).default_value = 3.0
    rewrite(node, "Length", "0.25")
    assert held(node) == 3.0
    rewrite(node, "list[Length]", "[0.25]")
    assert held(node) == [3.0]


def test_default_that_is_nothing_to_blender_is_told_from_a_value(tree):
    node = take(tree, "bool", "False")
    socket(node).default_value = True
    rewrite(node, "bool", "True")
    rewrite(node, "bool", "False")
    assert held(node) is True


# Files, undo, copies


def fill(tree) -> dict[str, list]:
    """Two nodes of each kind, one with a value of the artist; what they hold."""
    for kind, (annotation, default, other, _) in KINDS.items():
        take(tree, annotation, default, f"{kind}, untouched")
        socket(take(tree, annotation, default, f"{kind}, own")).default_value = other
    return {node.name: held(node) for node in tree.nodes}


def assert_filled(tree, before) -> None:
    assert {node.name: held(node) for node in tree.nodes} == before
    for name in before:
        node = tree.nodes[name]
        assert fields.is_untouched(socket(node)) is name.endswith("untouched"), name
        annotation, _, _, new = KINDS[name.rpartition(", ")[0]]
        rewrite(node, annotation, new)
    for name, value in before.items():
        assert (held(tree.nodes[name]) == value) is name.endswith("own"), name


def test_reopened_file_knows_what_nobody_touched(tree, awkward_path):
    before = fill(tree)
    file = str(awkward_path / "fields.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert_filled(bpy.data.node_groups["Tree"], before)


def test_appended_tree_knows_what_nobody_touched(tree, awkward_path):
    before = fill(tree)
    file = str(awkward_path / "fields.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(file) as (_, wanted):
        wanted.node_groups = ["Tree"]
    assert_filled(bpy.data.node_groups["Tree"], before)


def test_linked_tree_holds_what_its_file_does(tree, awkward_path):
    before = fill(tree)
    file = str(awkward_path / "fields.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(file, link=True) as (_, wanted):
        wanted.node_groups = ["Tree"]
    linked = bpy.data.node_groups["Tree"]
    assert {node.name: held(node) for node in linked.nodes} == before


def test_copied_tree_knows_what_nobody_touched(tree):
    before = fill(tree)
    copy = tree.copy()
    for node in copy.nodes:
        node.script = node.script.copy()
    assert_filled(copy, before)
    assert {node.name: held(node) for node in tree.nodes} == before


@pytest.mark.parametrize("way", ["duplicated", "pasted"])
def test_node_that_is_copied_knows_what_nobody_touched(tree, way):
    before = fill(tree)
    for node in tree.nodes:
        node.select = True
    with editor(tree):
        if way == "duplicated":
            bpy.ops.node.duplicate()
        else:
            bpy.ops.node.clipboard_copy()
            bpy.ops.node.clipboard_paste(offset=(0, 0))
    copies = {name: tree.nodes[f"{name}.001"] for name in before}
    assert {name: held(node) for name, node in copies.items()} == before
    for name, node in copies.items():
        assert fields.is_untouched(socket(node)) is name.endswith("untouched"), name


def test_undo_brings_back_what_was_there_and_that_nobody_touched_it(tree):
    node = take(tree, "Annotated[float, Range(0, 8)]", "0.5")
    bpy.ops.ed.undo_push(message="Untouched")
    socket(node).default_value = 3.0
    bpy.ops.ed.undo_push(message="Set")
    reset(socket(node))
    bpy.ops.ed.undo_push(message="Reset")
    seen = []
    for step in (bpy.ops.ed.undo, bpy.ops.ed.undo, bpy.ops.ed.redo, bpy.ops.ed.redo):
        step()
        node = bpy.data.node_groups["Tree"].nodes["Take"]
        seen.append((held(node), fields.is_untouched(socket(node))))
    assert seen == [(3.0, False), (0.5, True), (3.0, False), (0.5, True)]


def test_values_outlive_the_extension_being_disabled(tree):
    before = fill(tree)
    own = "float with limits, own"
    name, _ = field_of(socket(tree.nodes[own]))
    with editor(new_tree()):
        bpy.ops.node.clipboard_copy()  # of nothing: Blender 4.2 crashes later over copied nodes whose types are gone
    background_nodes.unregister()
    background_nodes.register()
    tree = bpy.data.node_groups["Tree"]
    assert {node.name: held(node) for node in tree.nodes} == before
    assert field_of(socket(tree.nodes[own]))[0] == name
    setattr(socket(tree.nodes[own]), name, 99.0)
    assert held(tree.nodes[own]) == 10.0


def forget_fields(tree) -> None:
    """Make a tree what versions before fields had defaults have saved."""
    for node in tree.nodes:
        socket(node).field_json, socket(node).is_own_value = "", False


def test_file_of_an_earlier_version_holds_what_it_did(tree):
    before = fill(tree)
    forget_fields(tree)
    for node in tree.nodes:
        node.sync()
    assert_filled(tree, before)


def test_value_of_an_earlier_version_that_is_out_of_its_range_stays_and_is_a_problem(tree):
    node = take(tree, "int", "1")
    socket(node).default_value = 99
    forget_fields(tree)
    rewrite(node, "Annotated[int, Range(0, 9)]", "1")
    assert held(node) == 99
    with pytest.raises(CompileError):
        given(tree)


def test_socket_of_a_data_block_has_no_field_of_its_own(tree):
    node = take(tree, "bpy.types.Object", "None")
    socket(node).default_value = quad()
    rewrite(node, "bpy.types.Object")
    assert (socket(node).field_json, socket(node).default_value.name) == ("", "Quad")
    assert drawn(socket(node)) == "default_value"


def test_field_that_is_not_made_yet_is_that_of_all_sockets(tree):
    """Blender draws, and makes no property meanwhile."""
    node = take(tree, "float", "0.987")
    assert drawn(socket(node)) == "default_value"
    field_properties._make_wanted()
    name = drawn(socket(node))
    assert name.startswith("field_")
    assert getattr(socket(node), name) == pytest.approx(0.987)


def test_socket_of_another_tree_uses_the_same_property(tree):
    first, second = take(tree, "float", "0.987", "A"), take(new_tree("Other"), "float", "0.987", "B")
    assert field_of(socket(first))[0] == field_of(socket(second))[0]
    add(tree, "BackgroundNodeInput")
    assert math.isclose(socket(second).default_value, 0.987, rel_tol=1e-6)


@pytest.mark.parametrize(
    ("annotation", "default", "is_usual"),
    [
        ("float", "0.0", True),
        ("float", "0.1", False),
        ("Length", "0.0", True),
        ("Annotated[float, Range(0, 1)]", "0.0", False),
        ("Factor", "0.0", False),
        ("float", "", False),
        ("bool", "False", True),
        ("bool", "", True),
        ("str", "''", True),
        ("str", "", False),
        ("Path", "", True),
        ("Vector", "Vector()", True),
        ("Matrix", "Matrix.Identity(4)", True),
        ("dict", "{}", False),
        ("Literal['a']", "'a'", False),
    ],
)
def test_field_that_differs_in_nothing_needs_no_property_of_its_own(tree, annotation, default, is_usual):
    node = take(tree, annotation, default)
    name, _ = field_of(socket(node))
    assert (name == socket(node).value_name) is is_usual
    before = held(node)
    reset(socket(node))
    assert (held(node) or None) == (before or None)


def test_value_that_was_the_artist_s_follows_again_once_it_is_reset(tree):
    node = take(tree, "bool", "True")
    socket(node).default_value = False
    rewrite(node, "bool", "False")
    reset(socket(node))
    rewrite(node, "bool", "True")
    assert held(node) is True
