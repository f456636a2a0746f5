"""Trees as text and back: nothing is lost, nothing is half made, and the same tree is always the same text."""

from __future__ import annotations

import copy
import json
import os
import random
from pathlib import Path

import bpy
import pytest

from background_nodes.node_tree import (
    data_nodes,
    declared_sockets,
    group_interface,
    grouping,
    list_nodes,
    node_contents,
    sockets,
    text_modules,
)
from background_nodes.node_tree.plain_sockets import PLAIN_SOCKETS
from background_nodes.node_tree.text_form.building import build, build_nodes
from background_nodes.node_tree.text_form.dumping import dump, dump_nodes
from background_nodes.runtime.errors import BuildError, DumpError
from background_nodes.runtime.script.socket_types import SocketType
from background_nodes.runtime.text_form.digest import digest
from background_nodes.runtime.text_form.form import to_text
from background_nodes.runtime.text_form.reading import from_text

from .graphs import add, link, names, new_text, new_tree, output, script, value
from .random_trees import adorned, group_some, random_tree
from .test_grouping import read

#: How many random trees are tried; more by hand.
_NUM_SEEDS = int(os.environ.get("BACKGROUND_NODES_TEXTS", "40"))

#: A tree with all that a text can hold, as Blender 4.2 has written it.
WRITTEN_BY_OLDEST = Path(__file__).parent / "written_by_4_2.json"


def forget_all() -> None:
    bpy.data.batch_remove([*bpy.data.node_groups, *bpy.data.texts])


def rebuilt(data: dict) -> dict:
    """What is written of a tree that was made of the text of data, in a file that has nothing of it."""
    forget_all()
    return dump(build(from_text(to_text(data))).tree)


@pytest.mark.parametrize("part", range(4))
def test_random_trees_come_back_as_they_were(part):
    for seed in range(part, _NUM_SEEDS, 4):
        chance = random.Random(seed)
        tree = random_tree(chance)
        for _step in range(chance.randint(0, 4)):
            group_some(
                chance.choice([tree, *(node.node_tree for node in tree.nodes if hasattr(node, "node_tree"))]), chance
            )
        adorned(tree, chance)
        data = dump(tree)
        text = to_text(data)
        assert from_text(text) == data, f"seed {seed}"
        assert to_text(from_text(text)) == text, f"seed {seed}"
        again = rebuilt(data)
        assert again == data, f"seed {seed}"
        assert digest(again) == digest(data), f"seed {seed}"
        forget_all()


@pytest.mark.any_blender
def test_random_trees_run_as_they_did():
    for seed in range(_NUM_SEEDS // 2):
        chance = random.Random(seed)
        tree = random_tree(chance)
        for _step in range(chance.randint(0, 3)):
            group_some(tree, chance)
        before, data = read(tree), dump(tree)
        forget_all()
        assert read(build(data).tree) == before, f"seed {seed}"
        forget_all()


def test_what_is_here_already_is_used_again():
    chance = random.Random(2)
    tree = random_tree(chance)
    while not any(hasattr(node, "node_tree") for node in tree.nodes):
        group_some(tree, chance)
    data, before = dump(tree), names()
    made = build(data)
    assert not made.groups
    assert not made.texts
    assert len(bpy.data.node_groups) == len(before["node_groups"]) + 1
    assert dump(made.tree) | {"tree": {**dump(made.tree)["tree"], "name": tree.name}} == data


@pytest.mark.parametrize("is_list", [False, True])
@pytest.mark.parametrize("kind", [*PLAIN_SOCKETS, "Object", "ID"])
def test_value_of_each_kind_comes_back_exactly(kind, is_list):
    """On an Input node, in an interface and on the group node, and where a script has a default for it."""
    socket_type = SocketType(kind, is_list)
    tree, group = new_tree(), new_tree("Group")
    item = group.interface.new_socket("In", in_out="INPUT", socket_type=sockets.socket_idname(socket_type))
    node = tree.nodes.new("BackgroundNodeGroup")
    node.node_tree = group
    cube = bpy.data.objects.new("Cube", None)
    held = {"BOOLEAN": True, "INT": -7, "FLOAT": 0.1, "ANY": {"z": [1, {"json": 2}], "a": None}, "MENU": "two"}
    held |= dict.fromkeys(("VECTOR", "COLOR", "ROTATION"), (0.1, 0.2, 1e-9)) | dict.fromkeys(("Object", "ID"), cube)
    held["MATRIX"] = tuple(tuple(row * 4.0 + column + 0.1 for column in range(4)) for row in range(4))
    one = held.get(kind, "some text")
    if kind == "MENU":
        item.choices_text = "one, two"
    content = [one, one] if is_list else one
    node.inputs[0].default_value = content
    if not socket_type.is_data_block:
        item.default_value = content
    if kind in {entry[0] for entry in data_nodes.data_types()}:
        value(tree, kind, content, is_list=is_list)
    data = dump(tree)
    assert rebuilt(data) == data
    made = bpy.data.node_groups["Tree"].nodes["Group"].inputs[0]
    assert '"value"' in to_text(data)
    assert made.get_value() is not None
    bpy.data.objects.remove(cube)


def test_value_that_was_unset_or_equals_the_default_by_choice_stays_so():
    tree = new_tree()
    source = "def main(a: int = 3, b: int = 3, c: int = 3, d: int = 3) -> int: ..."
    node = script(tree, "Node", source)
    node.inputs["b" if "b" in node.inputs else 1].unset_value()
    node.inputs[2].is_own_value = True
    node.inputs[3].default_value = 4
    data = dump(tree)
    found = {socket["identifier"]: socket for socket in data["tree"]["nodes"]["Node"]["inputs"]}
    assert "value" not in found["a"]
    assert found["b"]["value"] is None
    assert (found["c"]["value"], found["c"]["own"]) == (3, True)
    assert found["d"]["value"] == 4
    assert rebuilt(data) == data


def test_value_out_of_its_range_stays_what_it_was():
    tree = new_tree()
    node = script(tree, "Node", "def main(a: Annotated[float, Range(0.0, 9.0)] = 1.0) -> int: ...")
    node.inputs[0].default_value = 8.0
    node.script.from_string(node.script.as_string().replace("9.0", "5.0"))
    node.sync()
    data = dump(tree)
    assert data["tree"]["nodes"]["Node"]["inputs"][0]["value"] == 8.0
    assert rebuilt(data) == data


def test_links_into_one_input_keep_their_order():
    tree = new_tree()
    sources = [value(tree, "INT", number, name=f"N{number}") for number in range(6)]
    node = script(tree, "Node", "def main(a: list[int]) -> int: ...")
    order = [3, 0, 5, 1, 4, 2]
    for number in order:
        link(sources[number], node.inputs[0])
    tree.links[2].is_muted = True
    data = dump(tree)
    assert [each["from"][0] for each in data["tree"]["links"]] == [f"N{number}" for number in order]
    assert rebuilt(data) == data


def test_declared_sockets_with_links_and_put_aside_ones_come_back():
    tree = new_tree()
    seed = tree.nodes.new("BackgroundNodeScript")
    seed.name = "Seed"
    seed.script = bpy.data.texts.new("seed.py")
    seed.script.from_string("python_data = {'sum': value + other}\n")
    seed.sync()
    declared_sockets.declare(seed, "other", SocketType("FLOAT", is_list=True), is_output=False)
    entry = declared_sockets.declare(seed, "third", SocketType("INT"), is_output=False)
    entry.use_maximum, entry.maximum, entry.default_json = True, 9.0, "4"
    seed.sync()
    link(value(tree, "FLOAT", 0.5, name="In"), seed.inputs[-2])
    data = dump(tree)
    assert rebuilt(data) == data
    node = bpy.data.node_groups["Tree"].nodes["Seed"]
    node.script.from_string("def main(value: int) -> int: ...\n")
    node.sync()
    assert any(not socket.enabled for socket in node.inputs)
    data = dump(node.id_data)
    assert rebuilt(data) == data


def test_script_that_is_gone_leaves_sockets_links_and_values(tmp_path):
    tree = new_tree()
    file = tmp_path / "a.py"
    file.write_text(
        "from typing import Literal\n"
        "def main(a: list[int], b: float = 0.5, c: Literal['x', 'y'] = 'y', d: str = '') -> int: ...\n"
    )
    node = tree.nodes.new("BackgroundNodeScript")
    node.filepath = str(file)
    node.inputs[1].default_value = 0.25
    link(value(tree, "INT", 1, name="In"), node.inputs[0])
    file.unlink()
    data = dump(tree)
    assert rebuilt(data) == data
    again = bpy.data.node_groups["Tree"].nodes["Script"]
    assert again.source_error
    assert [socket.get_value() for socket in again.inputs] == [None, 0.25, "y", ""]
    assert again.inputs[0].is_linked


def test_input_that_a_script_has_no_more_is_told(tmp_path):
    tree = new_tree()
    file = tmp_path / "a.py"
    file.write_text("def main(a: int, b: str = '') -> int: ...\n")
    node = tree.nodes.new("BackgroundNodeScript")
    node.filepath = str(file)
    link(value(tree, "INT", 1, name="In"), node.inputs[0])
    data = dump(tree)
    file.write_text("def main(b: str = '') -> int: ...\n")
    forget_all()
    made = build(data)
    assert [(problem.node, problem.socket) for problem in made.gone] == [("Script", "A")]
    assert not made.tree.links


def test_input_that_a_script_calls_something_else_keeps_link_and_value(tmp_path):
    tree = new_tree()
    file = tmp_path / "a.py"
    file.write_text("def main(a: int, b: int = 1, c: int = 2) -> int: ...\n")
    node = tree.nodes.new("BackgroundNodeScript")
    node.filepath = str(file)
    link(value(tree, "INT", 1, name="In"), node.inputs["A"])
    node.inputs["C"].default_value = 7
    data = dump(tree)
    file.write_text("def main(first: int, b: int = 1, third: int = 2) -> int: ...\n")
    forget_all()
    made = build(data)
    assert not made.gone
    assert [link.to_socket.identifier for link in made.tree.links] == ["first"]
    assert made.tree.nodes["Script"].inputs["Third"].default_value == 7


def test_interface_comes_back_with_its_numbers_and_panels():
    tree, group = new_tree(), new_tree("Group")
    interface = group.interface
    for number in range(12):
        interface.new_socket(
            f"S{number}", in_out="INPUT" if number % 3 else "OUTPUT", socket_type="BackgroundNodeSocketInt"
        )
    panel = interface.new_panel("Panel", description="What", default_closed=True)
    for number in (2, 7, 8):
        interface.move_to_parent(interface.items_tree[f"S{number}"], panel, 99)
    for number in (0, 3, 4, 11):
        interface.remove(interface.items_tree[f"S{number}"])
    node = tree.nodes.new("BackgroundNodeGroup")
    node.node_tree = group
    before = [
        (item.item_type, item.name, item.parent.name, getattr(item, "identifier", ""))
        for item in interface.items_tree
        if item.item_type == "SOCKET"
    ]
    data = dump(tree)
    assert rebuilt(data) == data
    again = bpy.data.node_groups["Group"].interface.items_tree
    assert [
        (item.item_type, item.name, item.parent.name, item.identifier) for item in again if item.item_type == "SOCKET"
    ] == before


def test_panels_in_panels_stand_side_by_side_where_there_are_none():
    tree = new_tree()
    inner = {"panel": "Inner", "items": [{"identifier": "Socket_1", "name": "B", "in_out": "INPUT", "type": "Int"}]}
    outer = {
        "panel": "Outer",
        "items": [{"identifier": "Socket_0", "name": "A", "in_out": "INPUT", "type": "Int"}, inner],
    }
    data = dump(tree)
    data["tree"]["interface"] = [outer]
    made = build(data).tree
    found = dump(made)["tree"]["interface"]
    items = [{**each, "value": 0} for each in (outer["items"][0], inner["items"][0])]
    if bpy.app.version >= (4, 5, 0):
        assert found == [{"panel": "Outer", "items": [items[0], {"panel": "Inner", "items": [items[1]]}]}]
    else:
        assert found == [{"panel": "Outer", "items": [items[0]]}, {"panel": "Inner", "items": [items[1]]}]


def test_each_property_of_our_types_is_written():
    """A new property that the text does not know of would be lost without a word."""
    known = {"description_text", "field_json", "is_own_value", "choices_json", "items_of_list", "has_value"}
    known |= {
        "default_value",
        "json_value",
        "choice",
        "choices_text",
        "use_minimum",
        "minimum",
        "use_maximum",
        "maximum",
    }
    for cls in (*(cls for cls in sockets.classes() if hasattr(cls, "socket_type")), *group_interface.classes()):
        plain, collections = node_contents.own_properties(cls)
        assert {*plain, *collections} <= known, cls


def test_results_and_ids_and_selections_are_not_written():
    tree = new_tree()
    node = script(tree, "Node", "def main(a: int = 1) -> int: ...")
    before = to_text(dump(tree))
    node.outputs[0].set_result(12)
    node.select = False
    node.uid = "another"
    assert to_text(dump(tree)) == before


def test_nothing_is_selected_in_a_tree_that_was_made():
    tree = new_tree()
    script(tree, "Line", "def main(number: int = 1) -> int: return number")
    assert not any(node.select for node in build(dump(tree)).tree.nodes)


def test_places_and_looks_do_not_count_in_the_digest_and_what_runs_does():
    tree = new_tree()
    group = new_tree("Group")
    inner = script(group, "Inner", "def main(a: int = 1) -> int: ...")
    node = script(tree, "Node", "def main(a: int = 1, b: list[int] = ()) -> int: ...")
    holder = tree.nodes.new("BackgroundNodeGroup")
    holder.node_tree = group
    first, second = value(tree, "INT", 1, name="One"), value(tree, "INT", 2, name="Two")
    link(first, node.inputs[1])
    link(second, node.inputs[1])
    seen = digest(dump(tree))
    frame = tree.nodes.new("NodeFrame")
    node.parent, node.location, node.label, node.hide = frame, (9.0, 9.0), "Label", True
    node.use_custom_color, node.inputs[0].hide = True, True
    tree.name, group.name, inner.script.name = "Another", "Other", "other.py"
    group.nodes.new("NodeFrame")
    assert digest(dump(tree)) == seen

    def changes_it(change, undo) -> None:
        change()
        assert digest(dump(tree)) != seen
        undo()
        assert digest(dump(tree)) == seen

    changes_it(lambda: setattr(node.inputs[0], "default_value", 2), lambda: setattr(node.inputs[0], "default_value", 1))
    changes_it(lambda: setattr(node, "mute", True), lambda: setattr(node, "mute", False))
    changes_it(lambda: setattr(node, "timeout", 5.0), lambda: setattr(node, "timeout", 0.0))
    changes_it(lambda: setattr(tree, "auto_run", "SAVE"), lambda: setattr(tree, "auto_run", "MANUAL"))
    changes_it(
        lambda: setattr(inner.inputs[0], "default_value", 2), lambda: setattr(inner.inputs[0], "default_value", 1)
    )
    source = inner.script.as_string()
    changes_it(lambda: inner.script.from_string(f"{source}\n# x"), lambda: inner.script.from_string(source))
    changes_it(lambda: setattr(tree.links[0], "is_muted", True), lambda: setattr(tree.links[0], "is_muted", False))
    tree.links.remove(next(each for each in tree.links if each.from_node == first))
    link(first, node.inputs[1])
    assert digest(dump(tree)) != seen  # in another order


def test_nodes_are_pasted_with_their_links_frames_and_groups():
    tree, other = new_tree(), new_tree("Other")
    group = new_tree("Group")
    script(group, "Inner", "def main(a: int = 1) -> int: ...")
    frame = tree.nodes.new("NodeFrame")
    one, node = value(tree, "INT", 5, name="One"), script(tree, "Node", "def main(a: int = 1) -> int: ...")
    holder = tree.nodes.new("BackgroundNodeGroup")
    holder.node_tree = group
    link(one, node.inputs[0])
    node.parent = frame
    one.location = 100.0, 200.0
    value(other, "INT", 1, name="One")
    data = dump_nodes([one, node, holder, frame])
    made = build_nodes(from_text(to_text(data)), other)
    assert sorted(each.name for each in other.nodes) == ["Frame", "Group", "Node", "One", "One.001"]
    assert made.nodes["One"].name == "One.001"
    assert made.nodes["One"].uid != one.uid
    assert made.nodes["Node"].parent == made.nodes["Frame"]
    assert made.nodes["Group"].node_tree == group
    assert made.nodes["Node"].script == node.script
    assert [(each.from_node.name, each.to_node.name) for each in other.links] == [("One.001", "Node")]
    alone = dump_nodes([node])
    assert "frame" not in alone["part"]["nodes"]["Node"]
    assert not alone["part"]["links"]


def test_ends_of_a_group_are_pasted_without_links_that_the_tree_can_not_have():
    group, other = new_tree("Group"), new_tree("Other")
    for name in ("A", "B"):
        group.interface.new_socket(name, in_out="INPUT", socket_type="BackgroundNodeSocketInt")
    other.interface.new_socket("A", in_out="INPUT", socket_type="BackgroundNodeSocketInt")
    entry, node = (
        group.nodes.new("NodeGroupInput"),
        script(group, "Node", "def main(a: int = 1, b: int = 2) -> int: ..."),
    )
    for index in (0, 1):
        link(entry.outputs[index], node.inputs[index])
    entry.outputs[1].hide = True
    made = build_nodes(dump_nodes([entry, node]), other)
    assert [(each.from_socket.name, each.to_socket.identifier) for each in other.links] == [("A", "a")]
    assert [problem.node for problem in made.gone] == ["Group Input"]


def test_looks_of_trees_come_back_and_do_not_count():
    tree, group = new_tree(), new_tree("Group")
    tree.nodes.new("BackgroundNodeGroup").node_tree = group
    seen = digest(dump(tree))
    group.description, group.color_tag = "What it does", "INPUT"
    data = dump(tree)
    assert data["groups"]["Group"]["looks"] == {"description": "What it does", "color_tag": "INPUT"}
    assert rebuilt(data) == data
    assert digest(data) == seen


def test_group_is_never_pasted_into_itself():
    outer, group = new_tree("Outer"), new_tree("Group")
    holder = outer.nodes.new("BackgroundNodeGroup")
    holder.node_tree = group
    script(group, "Inner", "def main(a: int = 1) -> int: ...")
    data = dump_nodes([holder])
    made = build_nodes(data, group)
    assert made.nodes["Group"].node_tree != group
    assert not group.nodes["Group"].node_tree.nodes.get("Group")


def test_data_block_that_is_not_here_is_told():
    tree = new_tree()
    cube = bpy.data.objects.new("Cube", None)
    value(tree, "Object", cube, name="In")
    output(tree, "LINK", [], name="Home", collection=bpy.data.collections.new("Results"))
    data = dump(tree)
    bpy.data.batch_remove([cube, bpy.data.collections["Results"]])
    made = build(data)
    assert {(each.node, each.kind, each.name) for each in made.missing} == {
        ("In", "Object", "Cube"),
        ("Home", "Collection", "Results"),
    }


def test_linked_data_block_is_told_from_a_local_one_of_its_name(tmp_path):
    library = tmp_path / "library.blend"
    cube = bpy.data.objects.new("Cube", None)
    bpy.data.libraries.write(str(library), {cube}, fake_user=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Cube"]
    (linked,) = (item for item in bpy.data.objects if item.library is not None)
    tree = new_tree()
    value(tree, "Object", linked, name="Linked")
    value(tree, "Object", cube, name="Local")
    made = build(dump(tree)).tree
    assert made.nodes["Linked"].outputs[0].default_value == linked
    assert made.nodes["Local"].outputs[0].default_value == cube


def test_tree_that_no_text_can_hold_is_refused():
    tree = new_tree()
    node = script(tree, "Node", "def main(a: float = 1.0) -> int: ...")
    node.keyframe_insert("timeout")
    with pytest.raises(DumpError, match="animated"):
        dump(tree)


def test_node_of_an_unknown_type_is_refused():
    class Foreign(bpy.types.Node):
        bl_idname, bl_label = "ForeignNode", "Foreign"

    tree = new_tree()
    bpy.utils.register_class(Foreign)
    tree.nodes.new("ForeignNode").name = "Its Node"
    with pytest.raises(DumpError, match=r'"Its Node".*ForeignNode is unknown'):
        dump(tree)
    bpy.utils.unregister_class(Foreign)
    with pytest.raises(DumpError, match='"Its Node"'):
        dump(tree)


#: What is put into the text of a tree with a script node "Node", an Input node "In" and a group, and what is said.
_BROKEN = {
    "type": (lambda data: data["tree"]["nodes"]["Node"].update(type="ShaderNodeTexImage"), "unknown"),
    "type of no one": (lambda data: data["tree"]["nodes"]["Node"].update(type="../../x"), "unknown"),
    "setting": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(bl_idname="x"), "no setting bl_idname"),
    "own id": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(uid="x"), "no setting uid"),
    "enum": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(cache="SOMETIMES"), "SOMETIMES"),
    "number": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(retries=2**80), "can't have that"),
    "text for number": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(timeout="soon"), "no number"),
    "no text": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(addons=[1]), "can't have that"),
    "negative": (lambda data: data["tree"]["nodes"]["Node"]["settings"].update(retries=-5), "can't be -5"),
    "socket": (lambda data: data["tree"]["nodes"]["In"]["outputs"][0].update(type="Mesh"), "no such socket"),
    "value": (lambda data: data["tree"]["nodes"]["In"]["outputs"][0].update(value="four"), "no Int"),
    "huge": (lambda data: data["tree"]["nodes"]["In"]["outputs"][0].update(value=10**30), "can't have that"),
    "link": (lambda data: data["tree"]["links"][0].update(to=["Node", "b"]), "which is not there"),
    "two links": (lambda data: data["tree"]["links"].append(data["tree"]["links"][0]), "takes one"),
    "unheard-of type": (lambda data: data["groups"]["Group"]["interface"][0].update(type="Dream"), "no sockets"),
    "foreign type": (lambda data: data["groups"]["Group"]["interface"][0].update(type="NodeSocketFloat"), "no sockets"),
    "looks": (lambda data: data["tree"]["nodes"]["Node"].update(looks={"bl_icon": "x"}), "means nothing"),
    "label": (lambda data: data["tree"]["nodes"]["Node"].update(looks={"label": 3}), "can't be 3"),
    "data-block": (
        lambda data: data["tree"]["nodes"]["Node"]["settings"].update(script={"kind": "Object", "name": "Cube"}),
        "can't have that",
    ),
    "tree setting": (lambda data: data["tree"].update(settings={"auto_run": "ALWAYS"}), "ALWAYS"),
}


@pytest.mark.parametrize("fault", _BROKEN)
def test_text_that_this_blender_can_not_have_leaves_nothing(fault):
    tree, group = new_tree(), new_tree("Group")
    bpy.data.objects.new("Cube", None)
    group.interface.new_socket("In", in_out="INPUT", socket_type="BackgroundNodeSocketInt")
    holder = tree.nodes.new("BackgroundNodeGroup")
    holder.node_tree = group
    node = script(tree, "Node", "def main(a: int = 1) -> int: ...")
    node.timeout = 1.0
    link(value(tree, "INT", 5, name="In"), node.inputs[0])
    data = json.loads(to_text(dump(tree)))
    forget_all()
    into = new_tree("Into")
    before = names()
    change, said = _BROKEN[fault]
    change(data)
    checked = from_text(json.dumps(data))
    for make in (build, lambda found: build_nodes(found, into)):
        if make is not build and fault == "tree setting":
            continue
        with pytest.raises(BuildError, match=said) as caught:
            make(copy.deepcopy(checked))
        assert all(problem.fix for problem in caught.value.problems)
        assert names() == before
        assert not into.nodes


def test_modules_of_texts_come_along_and_count():
    tree = new_tree()
    for number in (1, 2):  # two versions side by side
        node = script(tree, f"Node {number}", "import tools\ndef main() -> int: ...")
        text_modules.set_modules(node.script, {"tools.py": new_text("tools.py", f"NUMBER = {number}")})
    data = dump(tree)
    again = rebuilt(data)
    assert again == data
    assert digest(again) == digest(data)
    found = [
        text_modules.modules(node.script)["tools.py"].as_string()[-2:] for node in bpy.data.node_groups["Tree"].nodes
    ]
    assert sorted(found) == ["1\n", "2\n"]
    before = len(bpy.data.texts)
    build(data)
    assert len(bpy.data.texts) == before
    text_modules.modules(bpy.data.node_groups["Tree"].nodes[0].script)["tools.py"].from_string("NUMBER = 3")
    assert digest(dump(bpy.data.node_groups["Tree"])) != digest(data)


@pytest.mark.parametrize("idname", [cls.bl_idname for cls in list_nodes.classes])
def test_list_nodes_keep_the_types_that_were_linked_to_them(idname):
    tree = new_tree()
    for number, kind in enumerate(("FLOAT", "Mesh", None)):
        node = add(tree, idname, f"Node {number}")
        if kind is None:
            continue
        first = next(socket for socket in node.inputs if node.is_of_any_type(socket))
        link(value(tree, kind, None, is_list=True, name=f"In {number}"), first)
        list_nodes.follow_links(tree)
        if number:  # it keeps the type
            tree.links.remove(next(each for each in tree.links if each.to_node == node))
    tree.nodes["Node 0"].inputs[-1].hide = True
    data = dump(tree)
    again = rebuilt(data)
    assert again == data
    assert digest(again) == digest(data)


def test_switch_of_any_mode_comes_back():
    tree = new_tree()
    for mode in ("BOOLEAN", "INDEX", "MENU"):
        node = add(tree, "BackgroundNodeSwitch", mode)
        node.mode, node.num_inputs, node.names, node.data_type = mode, 4, "One, Two, Three", "STRING"
        node.inputs[0].default_value = {"BOOLEAN": True, "INDEX": 2, "MENU": "Two"}[mode]
        node.inputs[1].default_value = "text"
    data = dump(tree)
    assert rebuilt(data) == data
    assert [node.inputs[0].default_value for node in bpy.data.node_groups["Tree"].nodes] == [True, 2, "Two"]


def test_notes_of_frames_come_along():
    tree = new_tree()
    frame = tree.nodes.new("NodeFrame")
    frame.text = new_text("notes", "What this is for")
    frame.shrink = False
    frame.location, frame.width, frame.height, frame.label_size = (10.0, 20.0), 400.0, 300.0, 33
    data = dump(tree)
    assert rebuilt(data) == data
    assert "What this is for" in bpy.data.node_groups["Tree"].nodes["Frame"].text.as_string()


def test_of_several_group_outputs_the_same_one_counts():
    tree, group = new_tree(), new_tree("Group")
    group.interface.new_socket("Out", in_out="OUTPUT", socket_type="BackgroundNodeSocketInt")
    holder = tree.nodes.new("BackgroundNodeGroup")
    holder.node_tree = group
    ends = [group.nodes.new("NodeGroupOutput") for _ in range(3)]
    ends[2].is_active_output = True
    wanted, data = ends[2].name, dump(tree)
    assert rebuilt(data) == data
    assert [node.name for node in bpy.data.node_groups["Group"].nodes if node.is_active_output] == [wanted]


def test_grouping_again_gives_the_same_digest_of_the_group():
    first, second = new_tree("First"), new_tree("Second")
    for tree in (first, second):
        node = script(tree, "Node", "def main(a: int = 1) -> int: ...")
        grouping.make(tree, [node])
    assert digest(dump(first)) == digest(dump(second))


#: What somebody may put anywhere.
_ODD = (None, True, -1, 2**70, 1e308, "", "../../x", "\0", "x" * 300, [], {}, [[]], {"text": "x"}, {"kind": "Object"})


def _places(value, path=()):
    """Each place in JSON, as the keys that lead to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


@pytest.mark.any_blender
def test_text_that_was_changed_at_random_is_refused_or_makes_a_tree():
    whole, chance, into = json.loads(WRITTEN_BY_OLDEST.read_text(encoding="utf-8")), random.Random(5), new_tree("Into")
    places, num_made = list(_places(whole)), 0
    new_text("Kept", "")
    for _ in range(int(os.environ.get("BACKGROUND_NODES_TEXTS", "150"))):
        data = copy.deepcopy(whole)
        for *path, last in chance.sample(places, chance.randint(1, 3)):
            try:
                owner = data
                for key in path:
                    owner = owner[key]
                if chance.random() < 0.2:
                    del owner[last]
                else:
                    owner[last] = chance.choice((*_ODD, chance.choice(places)[-1]))
            except (KeyError, IndexError, TypeError):  # it is in what was replaced
                continue
        before, refused = names(), None
        try:
            checked = from_text(json.dumps(data))
            build(checked) if chance.random() < 0.5 else build_nodes(checked, into)
        except BuildError as error:
            refused = error
        if refused is not None:
            assert all(problem.message and problem.fix for problem in refused.problems), data
            assert names() == before, data
            continue
        num_made += 1
        into.nodes.clear()
        bpy.data.batch_remove([tree for tree in bpy.data.node_groups if tree != into])
        bpy.data.batch_remove([text for text in bpy.data.texts if text.name != "Kept"])
    assert num_made
